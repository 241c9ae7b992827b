import { Type } from 'typebox';
import type { Static } from 'typebox';
import { attributeOf } from '#domain';
import type { MetricCounts } from '#domain';
import type { Analysis } from './analysis.ts';
import { SCENARIO_ID } from './dashboard.ts';
import { countSql, onlyActionsOf } from './metrics-sql.ts';
import { COMMON, oneOf } from './question.ts';
import { attributeSql, createBinder, factsOf, inRange, visible } from './sql.ts';
import type { Scope, Statement } from './sql.ts';
import type { TimeRange } from './time-range.ts';

const COUNTED = [
  'impressions',
  'clicks',
  'conversions',
  'orders',
  'payments',
  'purchases',
  'active_users',
] as const satisfies readonly (keyof MetricCounts)[];

const SCHEMA = Type.Object(
  {
    ...COMMON,
    scenario_id: SCENARIO_ID,
    by: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'What the groups are: a documented text member of events, or a custom attribute.',
        default: 'item_id',
      }),
    ),
    metric: Type.Optional(oneOf(COUNTED, 'What is counted.', 'clicks')),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'How many groups at most.', default: 10 }),
    ),
  },
  { additionalProperties: false },
);

export type Plan = TimeRange & {
  readonly scenarioId: string | undefined;
  readonly by: string;
  readonly metric: (typeof COUNTED)[number];
  readonly limit: number;
};

/**
 * The groups with the most (Q-07, Q-08), by default the items with the most clicks. Groups without any, and
 * events without the attribute, are left out; equal counts are in the order of their labels' bytes.
 */
export const distribution: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'distribution',
  schema: SCHEMA,
  summary: 'Groups with the most, such as hot items',
  example: {
    question: { tenant_id: 'acme', range: '7d', metric: 'clicks', limit: 10 },
    answer: { distribution: [{ label: 'item_7', count: 31 }] },
  },

  plan(question, time, report) {
    const by = question.by ?? 'item_id';
    const attribute = attributeOf(by);
    if ('type' in attribute && attribute.type === 'number') {
      report('by', 'type', `must not be a number, as ${by} is one`);
    }
    const { scenario_id: scenarioId, metric = 'clicks', limit = 10 } = question;
    return { ...time, scenarioId, by, metric, limit };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const rows = await ask<{ label: string; count: string }>(compileDistribution(plan, scope));
    return { distribution: rows.map(({ label, count }) => ({ label, count: Number(count) })) };
  },
};

export function compileDistribution(plan: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const { value, present } = attributeSql(binder, attributeOf(plan.by));
  const conditions = [visible(binder, scope), inRange(binder, plan), onlyActionsOf([plan.metric]), present];
  if (plan.scenarioId !== undefined) {
    conditions.push(`scenario_id = ${binder.bind('String', plan.scenarioId)}`);
  }
  const sql = `SELECT toString(${value}) AS label, ${countSql(plan.metric)} AS count
    FROM ${factsOf(scope)} WHERE ${conditions.join(' AND ')}
    GROUP BY label HAVING count > 0 ORDER BY count DESC, label LIMIT ${plan.limit}`;
  return { sql, params: binder.params };
}
