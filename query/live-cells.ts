import { Type } from 'typebox';
import type { TProperties } from 'typebox';
import { ACTIONS, EVENT_KINDS, UTC, parseInstant } from '#domain';
import { MEASURES, joinIds, splitIds } from '#projections';
import type { ViewName, ViewPart } from '#projections';
import { conversionOf } from './live-figures.ts';
import { wantedSessions } from './live-sessions.ts';
import { sinceExpiry } from './live-members.ts';
import { lastMinutes } from './live-question.ts';
import type { Window } from './live-question.ts';
import type { Report } from './question.ts';

/** What all events behind a figure have in common, as far as the facts can tell. */
export type Narrowed = {
  readonly range?: Window;
  readonly scenarioId?: string | undefined;
  readonly userId?: string;
  readonly itemId?: string;
};

/** One figure of an answer from the live views, and what it is made of. */
export type LiveCell = {
  /** The figure; null where the answer does not list it. */
  valueIn(answer: Answer): unknown;
  readonly parts: readonly ViewPart[];
  /** Holds for every event the figure depends on, also for those that only hide others. */
  readonly narrowed: Narrowed;
};

/** How the figures of one live question are named, and what each is made of. */
export type LiveCells = {
  /** Members of the question that name the figure. */
  readonly members: TProperties;
  cellOf(question: Asked, atMs: number, report: Report): LiveCell | undefined;
};

type Answer = Readonly<Record<string, unknown>>;
type Asked = Readonly<Record<string, string | number | undefined>>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const text = (description: string) => Type.String({ minLength: 1, maxLength: 255, description });
const instant = (description: string) =>
  Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 64, description }));
const ITEM = { item_id: text('The item whose figure is explained.') };

const hotItems: LiveCells = {
  members: ITEM,
  cellOf({ scenario_id, item_id }, atMs) {
    const range = lastMinutes(atMs, 60);
    return {
      valueIn: (answer) => rowOf(answer['items'], 'item_id', item_id)?.['score'] ?? 0,
      parts: [partOf('hot:items', String(scenario_id), range, only(String(item_id), 'weight'))],
      narrowed: { range, scenarioId: String(scenario_id), itemId: String(item_id) },
    };
  },
};

const FIGURE = text(
  'The figure: `events`, `pv`, `ctr`, `conversions`, `avg_watch_duration`, `actions.click`, …',
);

const realtimeMetrics: LiveCells = {
  members: {
    cell: FIGURE,
    experiment_id: Type.Optional(text('The experiment; by default the total is explained.')),
    group: Type.Optional(Type.String({ maxLength: 255, description: 'The group of the experiment.' })),
  },
  cellOf({ cell, scenario_id, experiment_id: experiment, group = '', minutes = 60 }, atMs, report) {
    const range = lastMinutes(atMs, Number(minutes));
    const measures = measuresOf(String(cell), report);
    const under = experiment === undefined ? undefined : joinIds(String(experiment), String(group));
    return {
      valueIn(answer) {
        if (experiment === undefined) return at(answer['total'], String(cell));
        const rows = (answer['experiments'] ?? []) as readonly Answer[];
        const own = rows.find((row) => row['experiment_id'] === experiment && row['group'] === group);
        return at(own, String(cell));
      },
      parts: [measuredPart(String(scenario_id ?? ''), { range, measures, under })],
      narrowed: { range, scenarioId: textOf(scenario_id) },
    };
  },
};

const realtimeMinutes: LiveCells = {
  members: {
    cell: text('The figure: `events`, `pv`, `uv`, `impressions`, `clicks`, `ctr` or `conversions`.'),
    minute: Type.Unsafe<string | number>({
      type: ['string', 'number'],
      maxLength: 64,
      description: 'The minute, by any instant in it: ISO 8601 or epoch ms.',
    }),
  },
  cellOf({ cell, scenario_id, minute }, _atMs, report) {
    const startMs = floorOf(minute, MINUTE, { field: 'minute', report });
    if (startMs === undefined) return undefined;
    const range = { fromMs: startMs, toMs: startMs + MINUTE };
    const id = String(scenario_id ?? '');
    const isKnown = ['events', 'pv', 'uv', 'impressions', 'clicks', 'ctr', 'conversions'].includes(
      String(cell),
    );
    if (!isKnown) report('cell', 'enum', 'must be events, pv, uv, impressions, clicks, ctr or conversions');
    return {
      valueIn: (answer) =>
        rowOf(answer['minutes'], 'minute', new Date(startMs).toISOString())?.[String(cell)] ?? null,
      parts: [
        cell === 'uv'
          ? partOf('visitors:minute', id, range, () => 'events')
          : measuredPart(id, { range, measures: isKnown ? measuresOf(String(cell), report) : NONE }),
      ],
      narrowed: { range, scenarioId: textOf(scenario_id) },
    };
  },
};

const activeSessions: LiveCells = {
  members: {
    session_id: Type.Optional(
      text('The session whose last sighting is explained; by default how many are active.'),
    ),
  },
  cellOf({ session_id: session }, atMs) {
    const { range } = wantedSessions(atMs);
    const isWanted = (id: string) => (session === undefined || id === session ? 'seen_at' : undefined);
    return {
      valueIn: (answer) =>
        session === undefined
          ? answer['active']
          : (rowOf(answer['sessions'], 'session_id', session)?.['last_seen'] ?? null),
      parts: [{ view: 'analytics:active_sessions', id: '', ...(range && { range }), nameOf: isWanted }],
      narrowed: range ? { range } : {},
    };
  },
};

const realtimeStats: LiveCells = {
  members: {
    cell: text(
      'The figure: `active_sessions`, `last_hour.ctr`, `today.events`, `this_hour.actions.click`, or with `start` `daily.kinds.generic`, `hourly.events`, ….',
    ),
    start: instant('Of `daily` and `hourly`: the day or hour, by any instant in it.'),
  },
  cellOf({ cell, start }, atMs, report) {
    const [of = '', ...rest] = String(cell).split('.');
    const figure = rest.join('.');
    if (of === 'active_sessions' && figure === '') {
      const sessions = activeSessions.cellOf({}, atMs, report);
      return sessions && { ...sessions, valueIn: (answer) => answer['active_sessions'] };
    }
    if (of === 'last_hour') {
      const range = lastMinutes(atMs, 60);
      return {
        valueIn: (answer) => at(answer['last_hour'], figure),
        parts: [measuredPart('', { range, measures: measuresOf(figure, report) })],
        narrowed: { range },
      };
    }
    const counter = COUNTERS.get(of);
    const member = counter && counterMember(figure);
    if (!counter || member === undefined) {
      report('cell', 'unknown', 'is no figure of this answer that can be explained');
      return undefined;
    }
    const { view, lengthMs, listed } = counter;
    const startMs = floorOf(listed ? start : atMs, lengthMs, { field: 'start', report });
    if (startMs === undefined) return undefined;
    const range = { fromMs: startMs, toMs: startMs + lengthMs };
    return {
      valueIn: (answer) => {
        const row = listed ? rowOf(answer[of], 'start', new Date(startMs).toISOString()) : answer[of];
        return at(row, figure) ?? (row === undefined ? null : 0);
      },
      parts: [partOf(view, '', range, only(member))],
      narrowed: { range },
    };
  },
};

type Counter = { readonly view: ViewName; readonly lengthMs: number; readonly listed: boolean };

const COUNTERS: ReadonlyMap<string, Counter> = new Map([
  ['today', { view: 'analytics:daily', lengthMs: DAY, listed: false }],
  ['this_hour', { view: 'analytics:hourly', lengthMs: HOUR, listed: false }],
  ['daily', { view: 'analytics:daily', lengthMs: DAY, listed: true }],
  ['hourly', { view: 'analytics:hourly', lengthMs: HOUR, listed: true }],
]);

/** Under which member the counters keep `events`, `kinds.generic`, `actions.click`. */
function counterMember(figure: string): string | undefined {
  if (figure === 'events') return MEASURES.events;
  const [of, name = ''] = figure.split('.', 2);
  const names: readonly string[] = of === 'kinds' ? EVENT_KINDS : of === 'actions' ? ACTIONS : [];
  return names.includes(name) ? name : undefined;
}

const recentViews: LiveCells = {
  members: ITEM,
  cellOf({ user_id, item_id }, atMs) {
    const { range } = sinceExpiry('user:recent', String(user_id), atMs);
    return {
      valueIn: (answer) => rowOf(answer['items'], 'item_id', item_id)?.['viewed_at'] ?? null,
      parts: [partOf('user:recent', String(user_id), range, only(String(item_id), 'viewed_at'))],
      // Later views and those of other items push an item out of the newest hundred.
      narrowed: { userId: String(user_id), range: { ...range, toMs: Infinity } },
    };
  },
};

const exposures: LiveCells = {
  members: { item_id: Type.Optional(text('The item; by default the number of items is explained.')) },
  cellOf({ user_id, scenario_id, item_id: item }, atMs) {
    const id = joinIds(String(user_id), String(scenario_id));
    const { range } = sinceExpiry('exposed', id, atMs);
    return {
      valueIn: (answer) =>
        item === undefined
          ? answer['exposed']
          : (rowOf(answer['items'], 'item_id', item)?.['exposed_at'] ?? null),
      parts: [
        partOf('exposed', id, range, (member) =>
          item === undefined || member === item ? 'exposed_at' : undefined,
        ),
      ],
      narrowed: {
        userId: String(user_id),
        scenarioId: String(scenario_id),
        range: { ...range, toMs: Infinity },
      },
    };
  },
};

const itemStats: LiveCells = {
  members: { cell: text('The counter, such as `click_count`.') },
  cellOf({ cell, item_id }, _atMs, report) {
    const action = ACTIONS.find((name) => `${name}_count` === cell);
    if (action === undefined) report('cell', 'enum', 'must be an action and _count, such as click_count');
    return {
      valueIn: (answer) => at(answer['stats'], String(cell)),
      parts: [partOf('item:stats', String(item_id), undefined, only(String(action)))],
      narrowed: { itemId: String(item_id) },
    };
  },
};

/** The figures that can be explained, by the name of their question. */
export const LIVE_CELLS: Readonly<Record<string, LiveCells>> = {
  hotItems,
  realtimeMetrics,
  realtimeMinutes,
  realtimeStats,
  activeSessions,
  recentViews,
  exposures,
  itemStats,
};

function partOf(view: ViewName, id: string, range: Window | undefined, nameOf: ViewPart['nameOf']): ViewPart {
  return { view, id, nameOf, ...(range && { range }) };
}

function only(member: string, name = member): ViewPart['nameOf'] {
  return (each) => (each === member ? name : undefined);
}

/** Whether a figure needs a measure that was taken under a scenario type. */
type IsNeeded = (measure: string, scenarioType: string) => boolean;

const NONE: IsNeeded = () => false;

function measuredPart(
  scenario: string,
  made: { readonly range: Window; readonly measures: IsNeeded; readonly under?: string | undefined },
): ViewPart {
  const { range, measures, under = joinIds('', '') } = made;
  return partOf('metrics:realtime', scenario, range, (member) => {
    const [experiment = '', group = '', type = '', measure = ''] = splitIds(member);
    return joinIds(experiment, group) === under && measures(measure, type) ? measure : undefined;
  });
}

const isOne =
  (...names: readonly string[]): IsNeeded =>
  (measure) =>
    names.includes(measure);
const isConversion: IsNeeded = (measure, type) => measure === conversionOf(type);

/** What the figures of `live-figures.ts` are made of; a rate of what is divided and what it is divided by. */
const FIGURES: Readonly<Record<string, IsNeeded>> = {
  events: isOne(MEASURES.events),
  pv: isOne(MEASURES.pageViews),
  impressions: isOne('impression'),
  clicks: isOne('click'),
  ctr: isOne('click', 'impression'),
  conversions: isConversion,
  conversion_rate: (measure, type) => measure === 'impression' || isConversion(measure, type),
  order_rate: isOne('order', 'impression'),
  payment_rate: isOne('payment', 'impression'),
  purchase_rate: isOne('purchase', 'impression'),
  watches: isOne(MEASURES.watches),
  avg_watch_duration: isOne(MEASURES.watches, MEASURES.watchMs),
  completions: isOne(MEASURES.completions),
  avg_completion_rate: isOne(MEASURES.completions, MEASURES.completionMillionths),
  ...Object.fromEntries(ACTIONS.map((action) => [`actions.${action}`, isOne(action)])),
};

function measuresOf(figure: string, report: Report): IsNeeded {
  const known = Object.hasOwn(FIGURES, figure) ? FIGURES[figure] : undefined;
  if (!known) report('cell', 'unknown', 'is no figure of this answer that can be explained');
  return known ?? NONE;
}

/** A member of an answer; a count that is left out where it is zero, is zero. */
function at(value: unknown, path: string): unknown {
  if (value === undefined) return null;
  const [first = '', ...rest] = path.split('.');
  const inner = (value as Answer)[first];
  return rest.length === 0 ? (inner ?? 0) : at(inner ?? {}, rest.join('.'));
}

function rowOf(list: unknown, member: string, value: string | number | undefined): Answer | undefined {
  return ((list ?? []) as readonly Answer[]).find((row) => row[member] === value);
}

function textOf(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function floorOf(
  value: string | number | undefined,
  lengthMs: number,
  { field, report }: { readonly field: string; readonly report: Report },
): number | undefined {
  const ms = value === undefined ? undefined : parseInstant(value, UTC);
  if (ms === undefined || ms < 0) {
    report(field, 'time', 'must be ISO 8601 or epoch milliseconds, from 1970 on');
    return undefined;
  }
  return Math.floor(ms / lengthMs) * lengthMs;
}
