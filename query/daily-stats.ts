import { Type } from 'typebox';
import type { Static } from 'typebox';
import { METRICS, bucketEdges, formatDate, metricOf, parseInstant, parseZone } from '#domain';
import type { Metric, MetricCounts, Zone } from '#domain';
import type { Analysis } from './analysis.ts';
import { compileCounts } from './counted.ts';
import { SCENARIO_ID } from './dashboard.ts';
import { COUNT_NAMES, readCounts } from './metrics-sql.ts';
import { COMMON } from './question.ts';
import type { TimeQuestion, TimeRange } from './time-range.ts';

const { tenant_id, tz, now, as_of, wait_for, timeout } = COMMON;

const SCHEMA = Type.Object(
  {
    tenant_id,
    date: Type.Optional(
      Type.String({ maxLength: 10, description: 'The day in `tz`, as 2024-03-04. By default that of now.' }),
    ),
    scenario_id: SCENARIO_ID,
    tz,
    now,
    as_of,
    wait_for,
    timeout,
  },
  { additionalProperties: false },
);

type Question = Static<typeof SCHEMA>;
export type Plan = TimeRange & { readonly date: string; readonly scenarioId: string | undefined };

/** The figures of one day, all of MF-01 to MF-05. */
export type DayStats = Readonly<Record<Metric, number>>;

export function statsOf(counts: MetricCounts): DayStats {
  return Object.fromEntries(METRICS.map((metric) => [metric, metricOf(metric, counts)])) as Record<
    Metric,
    number
  >;
}

export const EXAMPLE_STATS = {
  impressions: 1200,
  clicks: 90,
  ctr: 7.5,
  conversions: 6,
  conversion_rate: 0.5,
  active_users: 310,
  active_items: 87,
  orders: 6,
  order_rate: 0.5,
  payments: 5,
  payment_rate: 0.42,
  purchases: 0,
  purchase_rate: 0,
  total_watch_duration: 5120.5,
  avg_completion_rate: 0.6312,
} as const satisfies DayStats;

/** The figures of one day of a tenant and of each of its scenarios. */
export const dailyStats: Analysis<Question, Plan> = {
  name: 'daily-stats',
  schema: SCHEMA,
  summary: 'The figures of one day',
  example: {
    question: { tenant_id: 'acme', date: '2024-03-04' },
    answer: {
      date: '2024-03-04',
      stats: EXAMPLE_STATS,
      scenarios: [{ scenario_id: 'feed', ...EXAMPLE_STATS }],
    },
  },

  time({ date, tz = 'UTC', now }, clockMs): TimeQuestion {
    const zone = parseZone(tz);
    const nowMs = zone && now !== undefined ? parseInstant(now, zone) : clockMs;
    const asked = { tz, ...(now === undefined ? {} : { now }) };
    // What cannot be read is reported as what it is: the zone and now by the range, the date by the plan.
    if (!zone || nowMs === undefined) return asked;
    const range = dayOf(date ?? formatDate(nowMs, zone), zone);
    return range ? { ...asked, from: range.fromMs, to: range.toMs } : asked;
  },

  isUpToNow: ({ date }) => date === undefined,

  plan(question, time, report) {
    const { date = formatDate(time.fromMs, time.zone), scenario_id: scenarioId } = question;
    if (!dayOf(date, time.zone)) report('date', 'time', 'must be a day of the calendar, as 2024-03-04');
    return { ...time, date, scenarioId };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const counted = { ...plan, names: COUNT_NAMES, edges: [plan.fromMs, plan.toMs] };
    const [whole] = await ask<Record<string, unknown>>(compileCounts(counted, scope));
    const scenarios = await ask<Record<string, unknown>>(
      compileCounts({ ...counted, byScenario: true }, scope),
    );
    return {
      date: plan.date,
      stats: statsOf(readCounts(whole)),
      scenarios: scenarios
        .filter((row) => row['scenario_id'] !== '')
        .map((row) => ({ scenario_id: row['scenario_id'], ...statsOf(readCounts(row)) })),
    };
  },
};

const DAY_MS = 86_400_000;

/** A day of the calendar in a zone; undefined when the text is none. */
function dayOf(date: string, zone: Zone): { readonly fromMs: number; readonly toMs: number } | undefined {
  const fromMs = /^\d{4}-\d{2}-\d{2}$/.test(date) ? parseInstant(date, zone) : undefined;
  // A zone may have skipped a day altogether.
  if (fromMs === undefined || formatDate(fromMs, zone) !== date) return undefined;
  // Whoever looks 36 hours further looks into the day after, which begins where this one ends.
  const edges = bucketEdges({ fromMs, toMs: fromMs + 1.5 * DAY_MS, interval: 'day', zone, limit: 3 });
  const toMs = edges?.[1];
  return toMs === undefined ? undefined : { fromMs, toMs };
}
