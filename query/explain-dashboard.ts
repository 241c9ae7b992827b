import { Type } from 'typebox';
import { ITEM_DELETED_NAMES, ITEM_REPLACED_NAMES } from '#domain';
import type { Metric } from '#domain';
import type { Plan } from './dashboard.ts';
import { ofOneScenario, plainCell } from './explain-cell.ts';
import type { CellsOf } from './explain-cell.ts';
import { isCatalog, isNamed } from './explain-condition.ts';
import { metricCell } from './explain-metrics.ts';
import { rulePart } from './explain-part.ts';
import type { Part, Rule } from './explain-part.ts';
import { oneOf } from './question.ts';
import { ALWAYS } from './slice-view.ts';

/** The figures of the dashboard, and the metric that each of them is. */
const METRIC_OF = {
  total_recommendations: 'impressions',
  total_clicks: 'clicks',
  ctr: 'ctr',
  total_conversions: 'conversions',
  conversion_rate: 'conversion_rate',
  active_users: 'active_users',
  order_rate: 'order_rate',
  payment_rate: 'payment_rate',
  purchase_rate: 'purchase_rate',
  active_items: 'active_items',
  total_watch_duration: 'total_watch_duration',
  avg_completion_rate: 'avg_completion_rate',
} as const satisfies Record<string, Metric>;

const FIGURES = [
  ...(Object.keys(METRIC_OF) as readonly (keyof typeof METRIC_OF)[]),
  'total_items',
  'active_scenarios',
] as const;

const SCHEMA = Type.Object(
  { figure: oneOf(FIGURES, 'A number of the answer, by its name.') },
  { additionalProperties: false },
);

/** The numbers of the dashboard. */
export const dashboardCells: CellsOf<Type.Static<typeof SCHEMA>, Plan> = {
  schema: SCHEMA,
  example: { figure: 'ctr' },
  find({ figure }, { plan, answer }) {
    if (figure === 'active_scenarios') {
      return { unexplained: 'active_scenarios comes from the control plane, not from events' };
    }
    const { overview, rates, consumption } = answer as Record<string, Record<string, unknown>>;
    const value = { ...overview, ...rates, ...consumption }[figure];
    if (figure === 'total_items') return plainCell(value, itemsPart());
    const conditions = ofOneScenario(plan.scenarioId);
    return metricCell(METRIC_OF[figure], { ...plan, conditions }, value);
  },
};

const DELETED = 1;
const REPLACED = 2;

/** Items whose latest word is not that they are deleted, of whatever time and scenario. */
function itemsPart(): Part {
  return rulePart(
    { name: 'total_items', ...ALWAYS, conditions: [isCatalog] },
    {
      member: 'entry',
      marks: [isNamed(ITEM_DELETED_NAMES), isNamed(ITEM_REPLACED_NAMES)],
      needs: 0,
      count: isThere,
    },
  );
}

const isThere: Rule = (own) => {
  const lastWord = own.findLast(({ marks }) => marks !== 0);
  return lastWord?.marks === DELETED
    ? undefined
    : { amount: 1n, events: lastWord?.marks === REPLACED ? own.slice(own.indexOf(lastWord)) : own };
};
