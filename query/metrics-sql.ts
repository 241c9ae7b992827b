import { COMPLETION_ACTIONS, CONVERSION_ACTIONS, DEFAULT_CONVERSION_ACTION, SCENARIO_TYPES } from '#domain';
import type { MetricCounts } from '#domain';
import { COMPLETIONS, COMPLETION_MILLIONTHS, WATCH_MS } from '#projections';

/**
 * The columns that count what `foldMetrics` of the domain counts. Sums are of whole numbers, so that the
 * order in which the engine adds cannot change them. No value of a question stands in here.
 */
const COUNTS: Readonly<Record<keyof MetricCounts, string>> = {
  impressions: `countIf(action_type = 'impression')`,
  clicks: `countIf(action_type = 'click')`,
  conversions: `countIf(${isConversion()})`,
  orders: `countIf(action_type = 'order')`,
  payments: `countIf(action_type = 'payment')`,
  purchases: `countIf(action_type = 'purchase')`,
  active_users: `uniqExactIf(actor_id, actor_id != '' AND kind != 'catalog')`,
  active_items: `uniqExactIf(item_id, item_id != '' AND kind = 'behaviour')`,
  watch_ms: WATCH_MS,
  completion_millionths: COMPLETION_MILLIONTHS,
  completions: COMPLETIONS,
};

/** The actions each count is about; `undefined` where it is about all events. */
const ACTIONS_OF: Readonly<Partial<Record<keyof MetricCounts, readonly string[]>>> = {
  impressions: ['impression'],
  clicks: ['click'],
  conversions: [...new Set([DEFAULT_CONVERSION_ACTION, ...Object.values(CONVERSION_ACTIONS)])],
  orders: ['order'],
  payments: ['payment'],
  purchases: ['purchase'],
  completion_millionths: COMPLETION_ACTIONS,
  completions: COMPLETION_ACTIONS,
};

export const COUNT_NAMES = Object.keys(COUNTS) as readonly (keyof MetricCounts)[];

export function countSql(name: keyof MetricCounts): string {
  return COUNTS[name];
}

/** Keeps the engine from reading events that none of the counts is about. */
export function onlyActionsOf(names: readonly (keyof MetricCounts)[]): string {
  const actions = names.map((name) => ACTIONS_OF[name]);
  if (actions.some((each) => each === undefined)) return '1';
  const known = [...new Set(actions.flatMap((each) => each ?? []))];
  return `event_name IN (${known.map((action) => `'${action}'`).join(', ')})`;
}

/** Counts of a row whose 64-bit integers are texts; what is not there is 0. */
export function readCounts(row: Readonly<Record<string, unknown>> | undefined): MetricCounts {
  return Object.fromEntries(COUNT_NAMES.map((name) => [name, Number(row?.[name] ?? 0)])) as Record<
    keyof MetricCounts,
    number
  >;
}

/** Whether a row is a conversion by the action of its scenario type. */
export function isConversion(): string {
  const special = SCENARIO_TYPES.filter((type) => CONVERSION_ACTIONS[type] !== DEFAULT_CONVERSION_ACTION);
  const own = special.map(
    (type) => `(scenario_type = '${type}' AND action_type = '${CONVERSION_ACTIONS[type]}')`,
  );
  const others = special.map((type) => `'${type}'`).join(', ');
  const rest = `action_type = '${DEFAULT_CONVERSION_ACTION}'`;
  return [others === '' ? rest : `(${rest} AND scenario_type NOT IN (${others}))`, ...own].join(' OR ');
}
