import { Type } from 'typebox';
import type { Static } from 'typebox';
import { formatDate } from '#domain';
import type { Analysis } from './analysis.ts';
import { compileCounts } from './counted.ts';
import { EXAMPLE_STATS, statsOf } from './daily-stats.ts';
import { SCENARIO_ID } from './dashboard.ts';
import { COUNT_NAMES, readCounts } from './metrics-sql.ts';
import { COMMON } from './question.ts';
import { readBuckets } from './time-range.ts';
import type { TimeRange } from './time-range.ts';

const SCHEMA = Type.Object({ ...COMMON, scenario_id: SCENARIO_ID }, { additionalProperties: false });

export type Plan = TimeRange & { readonly scenarioId: string | undefined; readonly edges: readonly number[] };

/**
 * The figures of every day that a range touches, days without events with zeros, and of the whole range
 * . Only events of the range count, so give days to get whole days.
 */
export const range: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'range',
  schema: SCHEMA,
  summary: 'The figures of every day of a range',
  example: {
    question: { tenant_id: 'acme', from: '2024-03-04', to: '2024-03-05' },
    answer: { days: [{ date: '2024-03-04', ...EXAMPLE_STATS }], total: EXAMPLE_STATS },
  },

  plan: (question, time, report) => ({
    ...time,
    scenarioId: question.scenario_id,
    edges: readBuckets(time, 'day', report),
  }),

  selections: () => [],

  async answer(plan, scope, ask) {
    const counted = { ...plan, names: COUNT_NAMES };
    const rows = await ask<Record<string, unknown>>(compileCounts(counted, scope));
    // Different users of the range are not the sum of those of its days.
    const [total] = await ask<Record<string, unknown>>(
      compileCounts({ ...counted, edges: [plan.fromMs, plan.toMs] }, scope),
    );
    const counts = new Map(rows.map((row) => [Number(row['bucket']), readCounts(row)]));
    const none = readCounts(undefined);
    return {
      days: plan.edges.slice(0, -1).map((edge, index) => ({
        date: formatDate(edge, plan.zone),
        ...statsOf(counts.get(index) ?? none),
      })),
      total: statsOf(readCounts(total)),
    };
  },
};
