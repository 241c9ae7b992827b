import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ITEM_DELETED_NAMES, ITEM_REPLACED_NAMES, metricOf } from '#domain';
import type { Analysis } from './analysis.ts';
import { compileCounts } from './counted.ts';
import { COUNT_NAMES, readCounts } from './metrics-sql.ts';
import { COMMON } from './question.ts';
import { createBinder, factsOf, visible } from './sql.ts';
import type { Scope, Statement } from './sql.ts';
import type { TimeRange } from './time-range.ts';

/** the filter that all three GET questions have. */
export const SCENARIO_ID = Type.Optional(
  Type.String({ minLength: 1, maxLength: 255, description: 'Only events of this scenario.' }),
);

const SCHEMA = Type.Object({ ...COMMON, scenario_id: SCENARIO_ID }, { additionalProperties: false });

export type Plan = TimeRange & { readonly scenarioId: string | undefined };

/**
 * The figures of a range at a glance, by the formulas MF-01 to MF-05.
 *
 * `total_items` counts the items of the catalogue that are not deleted as of the vector, `active_scenarios`
 * the scenarios that the control plane had active at the position in the token; both whatever the range and
 * the scenario.
 */
export const dashboard: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'dashboard',
  schema: SCHEMA,
  summary: 'Figures of a range at a glance',
  example: {
    question: { tenant_id: 'acme', range: '7d' },
    answer: {
      overview: {
        total_recommendations: 1200,
        total_clicks: 90,
        ctr: 7.5,
        total_conversions: 6,
        conversion_rate: 0.5,
        active_users: 310,
        total_items: 0,
        active_scenarios: 2,
      },
      rates: { order_rate: 0.5, payment_rate: 0.42, purchase_rate: 0 },
      consumption: { active_items: 87, total_watch_duration: 5120.5, avg_completion_rate: 0.6312 },
      data_source: 'clickhouse',
    },
  },

  plan: (question, time) => ({ ...time, scenarioId: question.scenario_id }),

  // The items are counted from all entries of the catalogue.
  readsAllFacts: () => true,

  selections: () => [],

  async answer(plan, scope, ask) {
    const [figures] = await ask<Record<string, unknown>>(compileDashboard(plan, scope));
    const [items] = await ask<{ readonly items: string }>(compileItems(scope));
    const counts = readCounts(figures);
    return {
      overview: {
        total_recommendations: counts.impressions,
        total_clicks: counts.clicks,
        ctr: metricOf('ctr', counts),
        total_conversions: counts.conversions,
        conversion_rate: metricOf('conversion_rate', counts),
        active_users: counts.active_users,
        total_items: Number(items?.items ?? 0),
        active_scenarios: scope.activeScenarios ?? 0,
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
  },
};

export function compileDashboard(plan: Plan, scope: Scope): Statement {
  return compileCounts({ ...plan, names: COUNT_NAMES, edges: [plan.fromMs, plan.toMs] }, scope);
}

/** Items whose latest word is not that they are deleted, as `domain/item.ts` folds them. */
function compileItems(scope: Scope): Statement {
  const binder = createBinder();
  const latest = (names: readonly string[]): string =>
    `maxIf((ts, log_partition, log_offset), event_name IN ${binder.bind('Array(String)', names)})`;
  // Where there is none of a name, its latest is the beginning of time.
  const sql = `SELECT count() AS items FROM (SELECT item_id FROM ${factsOf(scope)}
    WHERE ${visible(binder, scope)} AND kind = 'catalog' AND item_id != '' GROUP BY scenario_id, item_id
    HAVING ${latest(ITEM_DELETED_NAMES)} <= ${latest(ITEM_REPLACED_NAMES)})`;
  return { sql, params: binder.params };
}
