import type { Event } from '#domain';
import { attributeText, selects } from '../../domain/event-filter.ts';
import type { EventFilter } from '../../domain/event-filter.ts';
import { foldMetrics, metricOf } from '../../domain/metrics.ts';
import type { MetricCounts } from '../../domain/metrics.ts';
import { bucketEdges, bucketOf, formatInstant } from '../../domain/time-buckets.ts';
import type { Interval } from '../../domain/time-buckets.ts';
import type { Kept } from './ledger.ts';
import { zoneOf } from './questions.ts';
import type { Compared } from './questions.ts';

type Range = { readonly fromMs: number; readonly toMs: number };

const MEASURES = ['count', 'users'] as const;

function within(kept: readonly Kept[], { fromMs, toMs }: Range, scenario?: string): Event[] {
  return kept
    .map(({ event }) => event)
    .filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs)
    .filter(({ scenario_id }) => scenario === undefined || scenario_id === scenario);
}

function rangeOf(from: string, to: string): Range {
  return { fromMs: Date.parse(from), toMs: Date.parse(to) };
}

const actorsOf = (events: readonly Event[]): number =>
  new Set(events.map(({ user_id, device_id, session_id }) => user_id ?? device_id ?? session_id ?? '')).size;

/** Dashboards of the whole two years, of a week, of one scenario, and of a time without any event. */
export function dashboardQuestions(): readonly Compared[] {
  const ranges = [
    ['2023-03-01T00:00:00Z', '2025-03-01T00:00:00Z', undefined],
    ['2024-06-03T00:00:00Z', '2024-06-10T00:00:00Z', undefined],
    ['2023-11-01T00:00:00Z', '2024-11-01T00:00:00Z', 'education_feed'],
    ['2023-11-01T00:00:00Z', '2024-11-01T00:00:00Z', 'ecommerce_feed'],
    ['2001-01-01T00:00:00Z', '2001-02-01T00:00:00Z', undefined],
  ] as const;
  return ranges.map(([from, to, scenario]) => ({
    name: `dashboard ${from} to ${to} ${scenario ?? ''}`,
    analysis: 'dashboard',
    question: { from, to, ...(scenario === undefined ? {} : { scenario_id: scenario }) },
    expected: (kept) => dashboardOf(kept, within(kept, rangeOf(from, to), scenario)),
  }));
}

function dashboardOf(kept: readonly Kept[], events: readonly Event[]): object {
  const counts = foldMetrics(events);
  const catalogue = kept.filter(({ event }) => event.kind === 'catalog').map(({ event }) => event.item_id);
  return {
    overview: {
      total_recommendations: counts.impressions,
      total_clicks: counts.clicks,
      ctr: metricOf('ctr', counts),
      total_conversions: counts.conversions,
      conversion_rate: metricOf('conversion_rate', counts),
      active_users: counts.active_users,
      total_items: new Set(catalogue).size,
      // No scenario is registered in these histories.
      active_scenarios: 0,
    },
    rates: {
      order_rate: metricOf('order_rate', counts),
      payment_rate: metricOf('payment_rate', counts),
      purchase_rate: metricOf('purchase_rate', counts),
    },
    consumption: {
      active_items: counts.active_items,
      total_watch_duration: metricOf('total_watch_duration', counts),
      avg_completion_rate: metricOf('avg_completion_rate', counts),
    },
    data_source: 'clickhouse',
  };
}

/** Trends by hour, day, week and month in zones that change their clocks. */
export function trendQuestions(): readonly Compared[] {
  const cases = [
    ['2024-03-09T05:00:00Z', '2024-03-11T17:20:00Z', 'hour', 'America/New_York', undefined],
    ['2024-10-20T00:00:00Z', '2024-11-05T00:00:00Z', 'day', 'Europe/Berlin', 'video_feed'],
    ['2023-03-01T00:00:00Z', '2025-03-01T00:00:00Z', 'week', 'Asia/Kolkata', undefined],
    ['2023-03-15T00:00:00Z', '2025-03-01T00:00:00Z', 'month', 'UTC', undefined],
  ] as const;
  const metrics = ['impressions', 'clicks', 'ctr', 'conversions', 'conversion_rate', 'active_users'] as const;
  return cases.map(([from, to, interval, tz, scenario]) => ({
    name: `trend by ${interval} in ${tz}`,
    analysis: 'trend',
    question: { from, to, interval, tz, ...(scenario === undefined ? {} : { scenario_id: scenario }) },
    expected: (kept) => {
      const { edges, buckets } = bucketed(
        within(kept, rangeOf(from, to), scenario),
        rangeOf(from, to),
        interval,
        tz,
      );
      const counts = buckets.map((events) => foldMetrics(events));
      return {
        trends: metrics.map((metric) => ({
          metric_name: metric,
          points: counts.map((each, index) => ({
            timestamp: { seconds: edges[index]! / 1000 },
            value: metricOf(metric, each),
          })),
        })),
      };
    },
  }));
}

function bucketed(
  events: readonly Event[],
  range: Range,
  interval: Interval,
  tz: string,
): { edges: readonly number[]; buckets: readonly (readonly Event[])[] } {
  const edges = bucketEdges({ ...range, interval, zone: zoneOf(tz), limit: 100_000 })!;
  const buckets = edges.slice(1).map((): Event[] => []);
  for (const event of events) buckets[bucketOf(event.timestamp, edges)]!.push(event);
  return { edges, buckets };
}

/** Top items, brands and places by what is counted. */
export function distributionQuestions(): readonly Compared[] {
  const cases = [
    ['item_id', 'clicks', 10],
    ['item_id', 'impressions', 25],
    ['brand', 'conversions', 10],
    ['location', 'active_users', 10],
    ['scenario_id', 'orders', 5],
    ['news_type', 'impressions', 3],
  ] as const satisfies readonly [string, keyof MetricCounts, number][];
  const [from, to] = ['2023-06-01T00:00:00Z', '2024-12-01T00:00:00Z'];
  return cases.map(([by, metric, limit]) => ({
    name: `distribution of ${metric} by ${by}`,
    analysis: 'distribution',
    question: { from, to, by, metric, limit },
    expected: (kept) => {
      const groups = Map.groupBy(within(kept, rangeOf(from, to)), (event) => attributeText(event, by));
      const counted = [...groups].flatMap(([label, events]) => {
        const count = foldMetrics(events)[metric];
        return label === undefined || count === 0 ? [] : [{ label, count }];
      });
      return {
        distribution: counted.sort((a, b) => b.count - a.count || byBytes(a.label, b.label)).slice(0, limit),
      };
    },
  }));
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const FILTERS: readonly (readonly EventFilter[])[] = [
  [],
  [{ property: 'os', op: '=', value: 'iOS' }],
  [{ property: 'os', op: 'not_in', value: ['iOS', 'mac OS'] }],
  [{ property: 'price', op: '>', value: 100 }],
  [
    { property: 'price', op: '<=', value: 250.5 },
    { property: 'brand', op: 'contains', value: "O'" },
  ],
  [{ property: 'experiment_group', op: 'exists' }],
  [{ property: 'price', op: 'not_exists' }],
  [
    { property: 'location', op: '!=', value: 'Zürich' },
    { property: 'position', op: '>=', value: 5 },
  ],
];
const BREAKDOWNS = [undefined, 'os', 'experiment_group', 'brand', 'location', 'item_id'] as const;
const EVENT_CASES = [
  ['click', '2024-03-09T00:00:00Z', '2024-03-12T00:00:00Z', 'hour', 'America/New_York'],
  ['impression', '2024-10-10T07:30:00Z', '2024-11-10T00:00:00Z', 'day', 'Europe/Berlin'],
  ['order', '2023-03-01T00:00:00Z', '2025-03-01T00:00:00Z', 'week', 'Asia/Kolkata'],
  ['pageview', '2023-03-01T00:00:00Z', '2025-03-01T00:00:00Z', 'month', 'UTC'],
  ['any', '2023-03-01T00:00:00Z', '2025-03-01T00:00:00Z', 'month', 'Asia/Shanghai'],
] as const;

/** Counts and users of events over every interval, filtered and broken down in turn. */
export function eventsQuestions(): readonly Compared[] {
  const compared: Compared[] = [];
  for (const [event, from, to, interval, tz] of EVENT_CASES) {
    for (const [index, filters] of FILTERS.entries()) {
      const breakdown = BREAKDOWNS[(index + compared.length) % BREAKDOWNS.length];
      const measure = MEASURES[index % 2]!;
      compared.push({
        name: `${measure} of ${event} by ${interval} in ${tz}, ${JSON.stringify(filters)}, by ${breakdown ?? 'nothing'}`,
        analysis: 'events',
        question: {
          event,
          measure,
          interval,
          from,
          to,
          tz,
          filters,
          ...(breakdown === undefined ? {} : { breakdown }),
        },
        expected: (kept) => {
          const chosen = within(kept, rangeOf(from, to)).filter((each) => selects({ event, filters }, each));
          return { series: seriesOf(chosen, { ...rangeOf(from, to), interval, tz, measure, breakdown }) };
        },
      });
    }
  }
  return compared;
}

const MAX_SERIES = 25;

function seriesOf(
  events: readonly Event[],
  how: Range & {
    readonly interval: Interval;
    readonly tz: string;
    readonly measure: (typeof MEASURES)[number];
    readonly breakdown: string | undefined;
  },
): object[] {
  const value = (list: readonly Event[]): number => (how.measure === 'count' ? list.length : actorsOf(list));
  const points = (list: readonly Event[]): object[] => {
    const { edges, buckets } = bucketed(list, how, how.interval, how.tz);
    return buckets.map((each, index) => ({
      time: formatInstant(edges[index]!, zoneOf(how.tz)),
      value: value(each),
    }));
  };
  const { breakdown } = how;
  if (breakdown === undefined) return [{ breakdown: null, points: points(events) }];
  const groups = [...Map.groupBy(events, (event) => attributeText(event, breakdown) ?? null)];
  // The largest first, equal ones by their bytes, those without the attribute last among equals.
  groups.sort(([a, left], [b, right]) => {
    if (value(left) !== value(right)) return value(right) - value(left);
    return a === null ? 1 : b === null ? -1 : byBytes(a, b);
  });
  const shown = groups
    .slice(0, MAX_SERIES)
    .map(([label, list]) => ({ breakdown: label, points: points(list) }));
  const rest = groups.slice(MAX_SERIES).flatMap(([, list]) => list);
  return rest.length === 0 ? shown : [...shown, { breakdown: 'other', other: true, points: points(rest) }];
}
