import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Event, LoggedEvent } from '#domain';
import type { AnalysisName } from './analysis.ts';
import { AROUND_MS, before, vectorArbitrary } from './asking.contract.ts';
import { behavioursArbitrary, rangeArbitrary } from './behaviours.contract.ts';
import { checkExplained, openExplaining } from './explaining.contract.ts';
import type { Expected, Explaining } from './explaining.contract.ts';

type Holds = (event: Event) => boolean;
type Range = { readonly fromMs: number; readonly toMs: number };

/** A number of an answer, and by plain words on events which of them make it. */
type Case = {
  readonly cell: object;
  readonly value: unknown;
  readonly holds: Holds;
  readonly by?: 'user' | 'item';
  /** Only somebody with both is in it. */
  readonly both?: readonly [Holds, Holds];
  /** Nobody's events do not count. */
  readonly members?: boolean;
  readonly part?: string;
};

type Answer = Readonly<Record<string, unknown>>;
type Rows = readonly Readonly<Record<string, unknown>>[];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ENDING = ['play_end', 'read_end', 'learn', 'complete'];

const did =
  (...names: readonly string[]): Holds =>
  ({ kind, event_name: name }) =>
    kind === 'behaviour' && names.includes(name);
const converted: Holds = (event) => did(event.scenario_type === 'education' ? 'purchase' : 'order')(event);
const watched: Holds = ({ kind, watch_duration: seconds }) => kind === 'behaviour' && seconds !== undefined;
const rated: Holds = (event) => did(...ENDING)(event) && event.completion_rate !== undefined;
const done: Holds = ({ kind }) => kind !== 'catalog';
const inItem: Holds = ({ kind, item_id: item }) => kind === 'behaviour' && item !== undefined;

/** The metrics by name: what makes the first part of each. */
const METRICS: Readonly<Record<string, Pick<Case, 'holds' | 'by' | 'members'>>> = {
  impressions: { holds: did('impression') },
  clicks: { holds: did('click') },
  ctr: { holds: did('click') },
  conversions: { holds: converted },
  conversion_rate: { holds: converted },
  active_users: { holds: done, members: true },
  active_items: { holds: inItem, by: 'item', members: true },
  orders: { holds: did('order') },
  order_rate: { holds: did('order') },
  payments: { holds: did('payment') },
  payment_rate: { holds: did('payment') },
  purchases: { holds: did('purchase') },
  purchase_rate: { holds: did('purchase') },
  total_watch_duration: { holds: watched },
  avg_completion_rate: { holds: rated },
};
const metric = (name: string, also: Holds = () => true): Pick<Case, 'holds' | 'by' | 'members'> => {
  const { holds, ...rest } = METRICS[name]!;
  return { ...rest, holds: (event) => holds(event) && also(event) };
};

const iso = (ms: number): string => new Date(ms).toISOString();
const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);

/** All that is generated. */
const WIDE = { from: AROUND_MS - 40 * HOUR_MS, to: AROUND_MS + 40 * HOUR_MS };

type Drawn = { readonly question: object; cases(answer: Answer): readonly Case[] };

const QUESTIONS: Readonly<Partial<Record<AnalysisName, Drawn>>> = {
  dashboard: {
    question: { scenario_id: 'feed' },
    cases: ({ overview, rates, consumption }) => {
      const figures = { ...(overview as object), ...(rates as object), ...(consumption as object) };
      const names: Readonly<Record<string, string>> = {
        total_recommendations: 'impressions',
        total_clicks: 'clicks',
        total_conversions: 'conversions',
      };
      return Object.entries(figures)
        .filter(([figure]) => figure !== 'total_items' && figure !== 'active_scenarios')
        .map(([figure, value]) => ({
          cell: { figure },
          value,
          ...metric(names[figure] ?? figure, (event) => event.scenario_id === 'feed'),
        }));
    },
  },
  trend: {
    question: { interval: 'day', metrics: Object.keys(METRICS) },
    cases: ({ trends }) =>
      (
        trends as { metric_name: string; points: { timestamp: { seconds: number }; value: number }[] }[]
      ).flatMap(({ metric_name: figure, points }) =>
        points.map(({ timestamp: { seconds }, value }) => ({
          cell: { figure, time: seconds * 1000 },
          value,
          ...metric(figure, ({ timestamp }) => dayOf(timestamp) === dayOf(seconds * 1000)),
        })),
      ),
  },
  'daily-stats': {
    question: { date: '2024-03-31' },
    cases: ({ stats, scenarios }) => {
      const inDay: Holds = ({ timestamp }) => iso(timestamp).startsWith('2024-03-31');
      return [
        ...Object.entries(stats as object).map(([figure, value]) => ({
          cell: { figure },
          value: value as unknown,
          ...metric(figure, inDay),
        })),
        ...(scenarios as Rows).flatMap(({ scenario_id: id, ...figures }) =>
          Object.entries(figures).map(([figure, value]) => ({
            cell: { figure, scenario_id: id },
            value,
            ...metric(figure, (event) => inDay(event) && event.scenario_id === id),
          })),
        ),
      ];
    },
  },
  range: {
    question: {},
    cases: ({ days, total }) => [
      ...Object.entries(total as object).map(([figure, value]) => ({
        cell: { figure },
        value: value as unknown,
        ...metric(figure),
      })),
      ...(days as Rows).flatMap(({ date, ...figures }) =>
        Object.entries(figures).map(([figure, value]) => ({
          cell: { figure, date },
          value,
          ...metric(figure, ({ timestamp }) => iso(timestamp).startsWith(String(date))),
        })),
      ),
    ],
  },
  distribution: {
    question: { by: 'event_name', metric: 'active_users', ...WIDE },
    cases: ({ distribution }) =>
      (distribution as Rows).map(({ label, count }) => ({
        cell: { label },
        value: count,
        members: true,
        holds: (event) => done(event) && event.event_name === label,
      })),
  },
  events: {
    question: {
      event: 'click',
      kind: 'behaviour',
      measure: 'users',
      breakdown: 'scenario_type',
      limit: 2,
      ...WIDE,
    },
    cases: ({ series }) => {
      const list = series as {
        breakdown: string | null;
        other?: boolean;
        points: { time: string; value: number }[];
      }[];
      const shown = list.filter(({ other }) => !other).map(({ breakdown }) => breakdown);
      return list.flatMap(({ breakdown, other, points }) =>
        points.map(({ time, value }) => ({
          cell: other ? { time, other } : { time, breakdown },
          value,
          members: true,
          holds: (event) => {
            const type = event.scenario_type ?? null;
            const inSeries = other ? !shown.includes(type) : type === breakdown;
            return did('click')(event) && inSeries && iso(event.timestamp).slice(0, 10) === time.slice(0, 10);
          },
        })),
      );
    },
  },
  'hot-items': {
    question: { filters: [{ property: 'os', op: '=', value: 'ios' }], ...WIDE },
    cases: ({ items }) =>
      (items as Rows).flatMap(({ item_id: id, ...figures }) =>
        Object.entries(figures).map(([figure, value]) => ({
          cell: { item_id: id, figure },
          value,
          ...metric(
            figure.replace('total_', ''),
            ({ item_id, context }) => item_id === id && context?.os === 'ios',
          ),
        })),
      ),
  },
  'item-stats': {
    question: { item_id: "i'3" },
    cases: ({ total, days }) => {
      const of = (shown: Answer, also: Holds, named: object): Case[] => {
        const own: Holds = (event) => event.item_id === "i'3" && also(event);
        const { actions, avg_watch_duration: average, date: _, ...figures } = shown;
        return [
          ...Object.entries(figures).map(([figure, value]) => ({
            cell: { figure, ...named },
            value,
            ...metric(figure, own),
          })),
          {
            cell: { figure: 'avg_watch_duration', ...named },
            value: average,
            holds: (event) => watched(event) && own(event),
          },
          ...(actions as Rows).map(({ action, events }) => ({
            cell: { figure: 'events', action, ...named },
            value: events,
            holds: (event: Event) => did(String(action))(event) && own(event),
          })),
        ];
      };
      return [
        ...of(total as Answer, () => true, {}),
        ...(days as Rows).flatMap((day) =>
          of(day, ({ timestamp }) => iso(timestamp).startsWith(String(day['date'])), { date: day['date'] }),
        ),
      ];
    },
  },
  'user-activity': {
    question: { user_id: 'u3' },
    cases: ({ total, days }) => {
      const of = (shown: Answer, also: Holds, named: object): Case[] => {
        const own: Holds = (event) => {
          const who = event.user_id ?? event.device_id ?? event.session_id;
          return who === 'u3' && done(event) && also(event);
        };
        return [
          { cell: { figure: 'events', ...named }, value: shown['events'], holds: own },
          ...(shown['by_event'] as Rows).map(({ kind, event: name, count }) => ({
            cell: { figure: 'count', kind, event: name, ...named },
            value: count,
            holds: (event: Event) => own(event) && event.kind === kind && event.event_name === name,
          })),
        ];
      };
      return [
        ...of(total as Answer, () => true, {}),
        ...(days as Rows).flatMap((day) =>
          of(day, ({ timestamp }) => iso(timestamp).startsWith(String(day['date'])), { date: day['date'] }),
        ),
      ];
    },
  },
  'behavior-analysis': {
    question: { actions: ['impression', 'click', 'play_end'], conversion_actions: ['payment', 'order'] },
    cases: ({ actions, conversions, impressions }) => {
      const list = actions as (Answer & { action: string })[];
      return [
        { cell: { figure: 'impressions' }, value: impressions, holds: did('impression') },
        ...list.flatMap(({ action, ...figures }, index): Case[] => {
          const first = list[0]!.action;
          const previous = list[index - 1]?.action ?? action;
          const with_ = (to: string) => ({
            holds: did(action, to),
            both: [did(action), did(to)] as const,
            members: true,
          });
          const made: Readonly<Record<string, Pick<Case, 'holds' | 'both' | 'members'>>> = {
            events: { holds: did(action) },
            users: { holds: did(action), members: true },
            users_of_first: with_(first),
            rate_to_first: with_(first),
            users_of_previous: with_(previous),
            rate_to_previous: with_(previous),
            watch_events: { holds: (event) => did(action)(event) && watched(event) },
            avg_watch_duration: { holds: (event) => did(action)(event) && watched(event) },
          };
          return Object.entries(figures).map(([figure, value]) => ({
            cell: { action, figure },
            value,
            ...made[figure]!,
          }));
        }),
        ...(conversions as Rows).flatMap(({ name, ...figures }) => {
          const holds = name === 'conversion' ? did('payment', 'order') : did(String(name));
          return Object.entries(figures).map(([figure, value]) => ({
            cell: { conversion: name, figure },
            value,
            holds,
            members: figure === 'users',
          }));
        }),
      ];
    },
  },
  'scenario-metrics': {
    question: { interval: 'day' },
    cases: ({ scenarios }) =>
      (scenarios as { scenario_type: string; metrics: Rows; money: Rows }[]).flatMap(
        ({ scenario_type: type, metrics, money }) =>
          [...metrics, ...money].flatMap((shown) => scenarioCases(type, shown)),
      ),
  },
};

/** What makes the numerator of some metrics, and where it is stated the denominator. */
const OF_TYPE: Readonly<Record<string, Readonly<Record<string, readonly [Holds, Holds?]>>>> = {
  ecommerce: {
    add_cart_rate: [did('add_cart'), did('impression')],
    order_rate: [did('order'), did('impression')],
    gmv: [did('payment')],
    aov: [did('payment'), did('order')],
    purchase_value: [did('purchase')],
  },
  education: {
    study_completion_rate: [
      ({ completion_rate: rate, ...event }) => did('learn', 'complete')(event) && rate !== undefined,
    ],
    avg_study_duration: [
      (event) => did('learn')(event) && watched(event),
      (event) => did('learn')(event) && watched(event),
    ],
    interaction_rate: [did('note', 'ask', 'review')],
  },
  video: { plays: [did('play')], completion_rate: [(event) => did('play_end')(event) && rated(event)] },
};

function scenarioCases(type: string, shown: Rows[number]): readonly Case[] {
  const { name, currency, points, value, numerator, denominator } = shown;
  const [part, whole] = OF_TYPE[type]?.[String(name)] ?? [];
  if (!part) return [];
  const named = { scenario_type: type, metric: name, ...(currency === undefined ? {} : { currency }) };
  const own =
    (holds: Holds): Holds =>
    (event) =>
      holds(event) &&
      event.scenario_type === type &&
      (currency === undefined || (event.currency ?? null) === currency);
  return [
    { cell: named, value, holds: own(part) },
    { cell: { ...named, figure: 'numerator' }, value: numerator, holds: own(part) },
    ...(whole ? [{ cell: { ...named, figure: 'denominator' }, value: denominator, holds: own(whole) }] : []),
    ...(points as { time: string; value: unknown }[]).map((point) => ({
      cell: { ...named, time: point.time },
      value: point.value,
      holds: (event: Event) =>
        own(part)(event) && iso(event.timestamp).slice(0, 10) === point.time.slice(0, 10),
    })),
  ];
}

describe('every number that counts events is explained by just the events it counts', () => {
  let explaining: Explaining;
  beforeAll(async () => {
    explaining = await openExplaining();
  });
  after(() => explaining[Symbol.asyncDispose]());

  for (const [name, drawn] of Object.entries(QUESTIONS) as [AnalysisName, Drawn][]) {
    test(name, async () => {
      let runs = 0;
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(
          behavioursArbitrary('placeholder', 100),
          vectorArbitrary(100),
          rangeArbitrary,
          async (history, vector, range) => {
            const run = ++runs;
            const id = `counts-${name}-${run}`;
            const own = history.map((one) => ({ ...one, event: { ...one.event, tenant_id: id } }));
            const tenant = await explaining.put(own, vector);
            // The same ids in another tenant, all of them.
            await explaining.put(
              own.map((one) => ({ ...one, event: { ...one.event, tenant_id: `${id}-too` } })),
            );
            const isPlaced = name === 'daily-stats' || 'from' in drawn.question;
            const question = isPlaced ? drawn.question : { ...drawn.question, ...span(range) };
            const answer = await explaining.asking.data(name, tenant, question);
            const seen = before(own, vector).filter(
              ({ event }) => isPlaced || (event.timestamp >= range.fromMs && event.timestamp < range.toMs),
            );
            const cases = drawn.cases(answer as Answer);
            // Some of them every time, others the next time.
            const stride = Math.ceil(cases.length / 4);
            for (const one of cases.filter((_, index) => index % stride === run % stride)) {
              await checkExplained(explaining, expectedOf(one, seen), { name, tenant, question });
              compared++;
            }
          },
        ),
        // Small histories first would be hardly any numbers at all.
        { numRuns: 4, unbiased: true },
      );
      assert.ok(compared > 3, `${compared} numbers`);
    });
  }
});

function span({ fromMs, toMs }: Range): object {
  return { from: fromMs, to: toMs };
}

/** The events of each member, by the plain words of the case. */
function expectedOf(one: Case, seen: readonly LoggedEvent[]): Expected {
  const { cell, value, holds, by = 'user', members = false, both } = one;
  const found = new Map<string, string[]>();
  const groups = Map.groupBy(
    seen.filter(({ event }) => holds(event)),
    ({ event }) =>
      by === 'item' ? (event.item_id ?? '') : (event.user_id ?? event.device_id ?? event.session_id ?? ''),
  );
  for (const [member, own] of groups) {
    if (members && member === '') continue;
    if (both && !both.every((half) => own.some(({ event }) => half(event)))) continue;
    found.set(
      member,
      own.map(({ partition, offset }) => `${partition}:${offset}`),
    );
  }
  return { cell, value, by, found };
}
