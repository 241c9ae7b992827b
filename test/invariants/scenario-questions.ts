import assert from 'node:assert/strict';
import type { Event } from '#domain';
import type { Platform } from '../platform.ts';
import { MIXED } from './scenario-history.ts';
import { scenarioMetricsOf } from './scenario-metric-oracles.ts';
import {
  actor,
  attributeOf,
  behaviorAnalysisOf,
  bucketsOf,
  byBytes,
  dashboardOf,
  hotItemsOf,
  itemFigures,
  largest,
  statsOf,
  userActivityOf,
  usersOf,
  within,
} from './scenario-oracles.ts';
import type { Bucket, Range, Where } from './scenario-oracles.ts';
import { STORIES } from './stories.ts';

/** A question by GET, and what its answer must be: instants as epoch ms, lists without a promised order sorted. */
export type ScenarioQuestion = {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly expected: (events: readonly Event[]) => unknown;
  /** What of the answer is compared. @default all but `meta` */
  readonly figures?: (answer: Readonly<Record<string, unknown>>) => unknown;
};

/** Asks and answers what is compared of the answer, with instants as epoch ms. */
export async function askPath(
  platform: Platform,
  { path, figures: compared = (answer) => answer }: Pick<ScenarioQuestion, 'path' | 'figures'>,
  parameters: Readonly<Record<string, string | number>>,
): Promise<unknown> {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) words.set(name, String(value));
  const reply = await platform.get(`${path}?${words.toString()}`);
  assert.equal(reply.status, 200, `${path} ${words.toString()}: ${reply.text.slice(0, 1000)}`);
  const { meta, ...figures } = reply.body as Record<string, unknown>;
  assert.ok(meta, path);
  return comparable(compared(figures));
}

export function comparable(value: unknown): unknown {
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value) ? Date.parse(value) : value;
  if (Array.isArray(value)) return value.map(comparable);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).map(([name, member]): [string, unknown] => {
    // These two lists have an order that is shown, not promised.
    if (name === 'actions' && Array.isArray(member) && isCounts(member)) {
      return [name, Object.fromEntries(member.map(({ action, events }) => [action, events]))];
    }
    if (name === 'scenarios' && Array.isArray(member)) {
      return [name, comparable(member.toSorted((a, b) => byBytes(scenarioOf(a), scenarioOf(b))))];
    }
    return [name, comparable(member)];
  });
  return Object.fromEntries(members);
}

function isCounts(list: readonly unknown[]): list is readonly { action: string; events: number }[] {
  return list.every((one) => Object.keys(one as object).length === 2);
}

function scenarioOf(of: unknown): string {
  const { scenario_id: id, scenario_type: type } = of as Readonly<Record<string, string | undefined>>;
  return id ?? type ?? '';
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const ROUTE = '/api/analytics';
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata'] as const;

/** Whole days up to tomorrow, parts of days amid, whole closed days, the last hours. */
function rangesAt(nowMs: number) {
  const todayMs = nowMs - (nowMs % DAY_MS);
  return {
    all: { fromMs: todayMs - 46 * DAY_MS, toMs: todayMs + DAY_MS },
    amid: { fromMs: nowMs - 21 * DAY_MS - 11_833_123, toMs: nowMs - 4 * DAY_MS + 5_000_777 },
    closed: { fromMs: todayMs - 31 * DAY_MS, toMs: todayMs - 2 * DAY_MS },
    recent: { fromMs: nowMs - 3 * HOUR_MS - 1, toMs: nowMs + HOUR_MS / 4 },
    hours: { fromMs: todayMs - 9 * DAY_MS + 5 * HOUR_MS, toMs: todayMs - 6 * DAY_MS + 19 * HOUR_MS },
  };
}

const asParameters = ({ fromMs, toMs, scenarioId }: Where): Record<string, string | number> => ({
  from: new Date(fromMs).toISOString(),
  to: toMs,
  ...(scenarioId === undefined ? {} : { scenario_id: scenarioId }),
});

/** Every question that the facts and the sealed slices answer by GET, each with several sets of parameters. */
export function scenarioQuestions(options: {
  readonly nowMs: number;
  readonly users: readonly string[];
  readonly items: readonly string[];
}): readonly ScenarioQuestion[] {
  const { nowMs, users, items } = options;
  const ranges = rangesAt(nowMs);
  const wheres: readonly Where[] = [
    ranges.all,
    ranges.amid,
    ranges.closed,
    ranges.recent,
    { ...ranges.amid, scenarioId: MIXED },
    { ...ranges.hours, scenarioId: 'education_feed' },
  ];
  return [
    ...wheres.map((where) => ({
      path: `${ROUTE}/dashboard`,
      parameters: asParameters(where),
      expected: (events: readonly Event[]) => dashboardOf(events, where),
    })),
    ...series(wheres, ranges),
    ...days(nowMs),
    ...distributions(ranges),
    ...namedEvents(ranges),
    ...itemsAndBehaviours(wheres, ranges),
    ...metrics(ranges),
    ...minutes(nowMs),
    ...oneUserOrItem({ users, items, ranges }),
  ];
}

const METRICS = Object.keys(statsOf([])) as (keyof ReturnType<typeof statsOf>)[];

function series(wheres: readonly Where[], { hours, closed }: Ranges): ScenarioQuestion[] {
  const ofDays = wheres.flatMap((where, index) => {
    const tz = ZONES[index % ZONES.length]!;
    return [trend(where, 'day', tz), rangeStats(where, tz)];
  });
  return [
    ...ofDays,
    trend(hours, 'hour', 'UTC'),
    trend({ ...hours, fromMs: hours.fromMs + 1_234_567 }, 'hour', 'Asia/Kolkata'),
    trend({ ...hours, scenarioId: MIXED }, 'hour', 'America/New_York'),
    trend({ ...closed, scenarioId: 'news_feed' }, 'day', 'UTC'),
    rangeStats(closed, 'UTC'),
  ];
}

type Ranges = ReturnType<typeof rangesAt>;
type Zone = (typeof ZONES)[number];

function trend(where: Where, interval: 'hour' | 'day', tz: Zone): ScenarioQuestion {
  return {
    path: `${ROUTE}/trend`,
    parameters: { ...asParameters(where), interval, tz, metrics: METRICS.join(',') },
    expected: (all) => {
      const events = within(all, where);
      const points = bucketsOf(where, interval, tz).map((bucket) => ({
        bucket,
        stats: statsOf(within(events, partOf(bucket))),
      }));
      return {
        trends: METRICS.map((metric) => ({
          metric_name: metric,
          points: points.map(({ bucket, stats }) => ({
            timestamp: { seconds: Math.floor(bucket.startMs / 1000) },
            value: stats[metric],
          })),
        })),
      };
    },
  };
}

const partOf = ({ fromMs, toMs }: Bucket): Range => ({ fromMs, toMs });

function rangeStats(where: Where, tz: Zone): ScenarioQuestion {
  return {
    path: `${ROUTE}/range`,
    parameters: { ...asParameters(where), tz },
    expected: (all) => {
      const events = within(all, where);
      return {
        days: bucketsOf(where, 'day', tz).map((bucket) => ({
          date: bucket.date,
          ...statsOf(within(events, partOf(bucket))),
        })),
        total: statsOf(events),
      };
    },
  };
}

function days(nowMs: number): ScenarioQuestion[] {
  return [0, 2, 9, 20].flatMap((ago, index) => {
    const tz = ZONES[index % ZONES.length]!;
    const atMs = nowMs - ago * DAY_MS;
    const [day] = bucketsOf({ fromMs: atMs, toMs: atMs + 1 }, 'day', tz);
    const whole = bucketsOf({ fromMs: day!.startMs, toMs: day!.startMs + 3 * DAY_MS }, 'day', tz)[0]!;
    return [undefined, 'ecommerce_feed'].map((scenarioId) => ({
      path: `${ROUTE}/daily-stats`,
      parameters: { date: whole.date, tz, ...(scenarioId === undefined ? {} : { scenario_id: scenarioId }) },
      expected: (all: readonly Event[]) => {
        const events = within(all, { ...partOf(whole), scenarioId }).filter(({ kind }) => kind !== 'catalog');
        const named = events.filter(({ scenario_id: id }) => id !== undefined);
        return {
          date: whole.date,
          stats: statsOf(events),
          scenarios: [...Map.groupBy(named, ({ scenario_id: id }) => id ?? '')]
            .map(([scenario_id, own]) => ({ scenario_id, ...statsOf(own) }))
            .sort((a, b) => byBytes(a.scenario_id, b.scenario_id)),
        };
      },
    }));
  });
}

function distributions({ all, amid, closed }: Ranges): ScenarioQuestion[] {
  const member = (name: 'item_id' | 'scenario_id' | 'currency' | 'experiment_group') => (event: Event) =>
    event[name];
  const custom = (name: string) => (event: Event) => attributeOf(event, name);
  const cases: readonly (readonly [
    string,
    (event: Event) => string | undefined,
    keyof ReturnType<typeof statsOf>,
    Where,
  ])[] = [
    ['item_id', member('item_id'), 'clicks', all],
    ['item_id', member('item_id'), 'conversions', { ...amid, scenarioId: MIXED }],
    ['scenario_id', member('scenario_id'), 'impressions', closed],
    ['currency', member('currency'), 'payments', all],
    ['experiment_group', member('experiment_group'), 'conversions', amid],
    ['device_type', ({ context }) => context?.device_type, 'purchases', { ...all, scenarioId: MIXED }],
    ['audio_quality', custom('audio_quality'), 'impressions', all],
    ['category_path', custom('category_path'), 'orders', all],
    ['is_muted', custom('is_muted'), 'impressions', all],
    ['difficulty_level', custom('difficulty_level'), 'impressions', amid],
    ['publish_time', custom('publish_time'), 'clicks', all],
  ];
  return cases.map(([by, label, metric, where], index) => {
    const limit = index % 2 === 0 ? 10 : 3;
    return {
      path: `${ROUTE}/distribution`,
      parameters: { ...asParameters(where), by, metric, limit },
      expected: (events) => ({
        distribution: largest(within(events, where), { label, count: (own) => statsOf(own)[metric], limit }),
      }),
    };
  });
}

function namedEvents({ all, amid, recent }: Ranges): ScenarioQuestion[] {
  const cases: readonly {
    readonly event: string;
    readonly where: Where;
    readonly filter: object;
    readonly matches: (event: Event) => boolean;
  }[] = [
    {
      event: 'payment',
      where: all,
      filter: { property: 'amount', op: '=', value: 0.1 },
      matches: ({ amount }) => amount === 0.1,
    },
    {
      event: 'play_end',
      where: amid,
      filter: { property: 'watch_duration', op: '>', value: 450 },
      matches: ({ watch_duration: seconds = 0 }) => seconds > 450,
    },
    {
      event: 'order',
      where: amid,
      filter: { property: 'currency', op: 'not_exists' },
      matches: ({ currency }) => currency === undefined,
    },
    {
      event: 'any',
      where: recent,
      filter: { property: 'user_id', op: '=', value: 'o\'x"y\\' },
      matches: ({ user_id: user }) => user === 'o\'x"y\\',
    },
  ];
  return cases.flatMap(({ event, where, filter, matches }) =>
    (['count', 'users'] as const).map((measure, index): ScenarioQuestion => {
      const tz = ZONES[index]!;
      const parameters = { ...asParameters(where), event, measure, interval: 'day', tz };
      return {
        path: `${ROUTE}/events`,
        parameters: { ...parameters, filters: JSON.stringify([filter]) },
        expected: (events) => {
          const own = within(events, where).filter(
            (one) => one.kind !== 'catalog' && (event === 'any' || one.event_name === event) && matches(one),
          );
          const points = bucketsOf(where, 'day', tz).map((bucket) => {
            const inBucket = within(own, partOf(bucket));
            return { time: bucket.startMs, value: measure === 'count' ? inBucket.length : usersOf(inBucket) };
          });
          return { series: [{ breakdown: null, points }] };
        },
      };
    }),
  );
}

function itemsAndBehaviours(wheres: readonly Where[], { all, amid }: Ranges): ScenarioQuestion[] {
  const hot = (['clicks', 'ctr', 'conversions'] as const).flatMap((order, index) =>
    wheres.map((where): ScenarioQuestion => {
      const limit = index === 1 ? 500 : 10;
      return {
        path: `${ROUTE}/hot-items`,
        parameters: { ...asParameters(where), order, limit },
        expected: (events) =>
          hotItemsOf(within(events, where), { order, least: order === 'ctr' ? 10 : 0, limit }),
      };
    }),
  );
  const behaviour = STORIES.map(({ type, path, aside }, index): ScenarioQuestion => {
    const actions = [...new Set([...path, ...aside])];
    const converting = index % 2 === 0 ? undefined : ['payment', 'like'];
    const where = index % 3 === 0 ? all : amid;
    const chosen = converting ? { conversion_actions: converting.join(',') } : {};
    return {
      path: `${ROUTE}/behavior-analysis`,
      parameters: { ...asParameters(where), scenario_type: type, actions: actions.join(','), ...chosen },
      expected: (events) =>
        behaviorAnalysisOf(
          within(events, where).filter(({ scenario_type: of }) => of === type),
          actions,
          converting,
        ),
    };
  });
  const untyped = ['impression', 'click', 'order', 'payment'];
  const whole = [all, { ...amid, scenarioId: MIXED }].map((where): ScenarioQuestion => ({
    path: `${ROUTE}/behavior-analysis`,
    parameters: asParameters(where),
    expected: (events) => behaviorAnalysisOf(within(events, where), untyped),
  }));
  return [...hot, ...behaviour, ...whole];
}

function metrics({ all, amid, recent, hours }: Ranges): ScenarioQuestion[] {
  const of = (
    where: Where,
    more: { type?: string; interval?: 'hour' | 'day'; tz?: Zone },
  ): ScenarioQuestion => {
    const { type, interval, tz = 'UTC' } = more;
    return {
      path: `${ROUTE}/scenario-metrics`,
      parameters: {
        ...asParameters(where),
        tz,
        ...(type === undefined ? {} : { scenario_type: type }),
        ...(interval === undefined ? {} : { interval }),
      },
      expected: (events) =>
        comparable(
          scenarioMetricsOf(within(events, where), {
            type,
            buckets: interval && bucketsOf(where, interval, tz),
          }),
        ),
    };
  };
  return [
    of(all, {}),
    of({ ...amid, scenarioId: MIXED }, { interval: 'day', tz: 'America/New_York' }),
    of(recent, { interval: 'hour', tz: 'Asia/Kolkata' }),
    ...STORIES.map(({ type }, index) => of(index % 2 === 0 ? amid : hours, { type, interval: 'day' })),
    of({ ...all, scenarioId: 'video_feed' }, { type: 'ecommerce' }),
  ];
}

function minutes(nowMs: number): ScenarioQuestion[] {
  const cases: readonly (readonly [Where, string])[] = [
    [{ fromMs: nowMs - 2 * HOUR_MS + 12_345, toMs: nowMs + 10 * 60_000 }, 'any'],
    [{ fromMs: nowMs - HOUR_MS, toMs: nowMs, scenarioId: MIXED }, 'click'],
    [{ fromMs: nowMs - 20 * HOUR_MS, toMs: nowMs }, '$pageview'],
    [{ fromMs: nowMs - 9 * DAY_MS, toMs: nowMs - 8 * DAY_MS - 1 }, 'any'],
  ];
  return cases.map(([where, event]) => ({
    path: `${ROUTE}/minutes`,
    parameters: { ...asParameters(where), event },
    expected: (events) => {
      const own = within(events, where).filter(
        ({ kind, event_name: name }) => kind !== 'catalog' && (event === 'any' || name === event),
      );
      const points = [];
      for (let time = where.fromMs - (where.fromMs % 60_000); time < where.toMs; time += 60_000) {
        const inMinute = within(own, { fromMs: time, toMs: time + 60_000 });
        points.push({ time, pv: inMinute.length, uv: new Set(inMinute.map(actor)).size });
      }
      return { points };
    },
  }));
}

function oneUserOrItem(of: {
  users: readonly string[];
  items: readonly string[];
  ranges: Ranges;
}): ScenarioQuestion[] {
  const { users, items, ranges } = of;
  const actors = [
    ...[0, 1, 3, 14, 25, 36, 47, 80, 91, 102].map((number) => users[number]!),
    'd7',
    's11',
    'nobody',
  ];
  const ofUsers = actors.map((user, index): ScenarioQuestion => {
    const tz = ZONES[index % ZONES.length]!;
    const where = index % 2 === 0 ? ranges.all : ranges.amid;
    return {
      path: `${ROUTE}/user-activity`,
      parameters: { ...asParameters(where), user_id: user, tz },
      expected: (events) => userActivityOf(events, user, bucketsOf(where, 'day', tz)),
    };
  });
  const ofItems = [0, 3, 14, 25, 36, 47, 69, 80, 102].map((number, index): ScenarioQuestion => {
    const item = items[number]!;
    const tz = ZONES[index % ZONES.length]!;
    const where = [ranges.all, ranges.amid, { ...ranges.all, scenarioId: 'video_feed' }][index % 3]!;
    return {
      path: `${ROUTE}/item-stats`,
      parameters: { ...asParameters(where), item_id: item, tz },
      expected: (events) => {
        const own = within(events, where).filter(({ item_id: id }) => id === item);
        const ofDays = bucketsOf(where, 'day', tz).map((bucket) => ({
          date: bucket.date,
          ...itemFigures(within(own, partOf(bucket))),
        }));
        return { total: itemFigures(own), days: ofDays };
      },
    };
  });
  return [...ofUsers, ...ofItems];
}
