import { Type } from 'typebox';
import type { Static } from 'typebox';
import { INTERVALS, METRICS, metricOf } from '#domain';
import type { Interval, Metric, MetricCounts } from '#domain';
import type { Analysis } from './analysis.ts';
import { compileCounts } from './counted.ts';
import { SCENARIO_ID } from './dashboard.ts';
import { readCounts } from './metrics-sql.ts';
import { COMMON, oneOf } from './question.ts';
import type { Scope, Statement } from './sql.ts';
import { readBuckets } from './time-range.ts';
import type { TimeRange } from './time-range.ts';

const DEFAULT_METRICS: readonly Metric[] = [
  'impressions',
  'clicks',
  'ctr',
  'conversions',
  'conversion_rate',
  'active_users',
];

const SCHEMA = Type.Object(
  {
    ...COMMON,
    scenario_id: SCENARIO_ID,
    interval: Type.Optional(
      oneOf(INTERVALS, 'Width of a point. By default hours up to a range of eight days, else days.'),
    ),
    metrics: Type.Optional(
      Type.Array(oneOf(METRICS, 'A metric.'), {
        minItems: 1,
        maxItems: METRICS.length,
        description: 'Which metrics, in the order wanted.',
        default: DEFAULT_METRICS,
      }),
    ),
  },
  { additionalProperties: false },
);

export type Plan = TimeRange & {
  readonly scenarioId: string | undefined;
  readonly interval: Interval;
  readonly metrics: readonly Metric[];
  readonly edges: readonly number[];
};

const HOURLY_UP_TO_MS = 8 * 86_400_000;

/**
 * Metrics over time: a point for every bucket the range touches, empty ones with 0. A point's
 * time is the start of its bucket, which for the first may lie before the range; only events of the range
 * count.
 */
export const trend: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'trend',
  schema: SCHEMA,
  summary: 'Metrics over time',
  example: {
    question: {
      tenant_id: 'acme',
      from: '2024-03-04',
      to: '2024-03-06',
      interval: 'day',
      metrics: ['ctr'],
    },
    answer: {
      trends: [
        {
          metric_name: 'ctr',
          points: [
            { timestamp: { seconds: 1709510400 }, value: 7.5 },
            { timestamp: { seconds: 1709596800 }, value: 0 },
          ],
        },
      ],
    },
  },

  plan(question, time, report) {
    const interval = question.interval ?? (time.toMs - time.fromMs <= HOURLY_UP_TO_MS ? 'hour' : 'day');
    return {
      ...time,
      scenarioId: question.scenario_id,
      interval,
      metrics: [...new Set(question.metrics ?? DEFAULT_METRICS)],
      edges: readBuckets(time, interval, report),
    };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const rows = await ask<Record<string, unknown>>(compileTrend(plan, scope));
    const counts = new Map(rows.map((row) => [Number(row['bucket']), readCounts(row)]));
    const none = readCounts(undefined);
    return {
      trends: plan.metrics.map((metric) => ({
        metric_name: metric,
        points: plan.edges.slice(0, -1).map((edge, index) => ({
          timestamp: { seconds: Math.floor(edge / 1000) },
          value: metricOf(metric, counts.get(index) ?? none),
        })),
      })),
    };
  },
};

/** What has to be counted for a metric. */
const NEEDS: Readonly<Partial<Record<Metric, readonly (keyof MetricCounts)[]>>> = {
  ctr: ['impressions', 'clicks'],
  conversion_rate: ['impressions', 'conversions'],
  order_rate: ['impressions', 'orders'],
  payment_rate: ['impressions', 'payments'],
  purchase_rate: ['impressions', 'purchases'],
  total_watch_duration: ['watch_ms'],
  avg_completion_rate: ['completion_millionths', 'completions'],
};

export function compileTrend(plan: Plan, scope: Scope): Statement {
  const names = [
    ...new Set(plan.metrics.flatMap((metric) => NEEDS[metric] ?? [metric as keyof MetricCounts])),
  ];
  return compileCounts({ ...plan, names }, scope);
}
