import { CONVERSION_ACTIONS, DEFAULT_CONVERSION_ACTION, SCENARIO_TYPES } from '#domain';
import type { Shown } from './fact-views.ts';
import { DATABASE, tablesOf } from './facts-schema.ts';
import { SLICE_TABLES, aggregateSelect, sliceColumns, sliceTableOf } from './slice-tables.ts';
import type { FactsSource, SliceTable } from './slice-tables.ts';

/** How often an action is counted in a column `actions` of slices. */
export function countedAction(action: string): string {
  return `actions['${action}']`;
}

/** How many conversions a row of slices counts: by the action of its scenario type (X16). */
export function countedConversions(): string {
  const special = SCENARIO_TYPES.filter((type) => CONVERSION_ACTIONS[type] !== DEFAULT_CONVERSION_ACTION);
  const own = special.map((type) => `scenario_type = '${type}', ${countedAction(CONVERSION_ACTIONS[type])}`);
  const rest = countedAction(DEFAULT_CONVERSION_ACTION);
  return own.length === 0 ? rest : `multiIf(${own.join(', ')}, ${rest})`;
}

/** Whether a row that is of one action is of conversions. */
function isConversion(): string {
  const special = SCENARIO_TYPES.filter((type) => CONVERSION_ACTIONS[type] !== DEFAULT_CONVERSION_ACTION);
  const own = special.map((type) => `scenario_type = '${type}', '${CONVERSION_ACTIONS[type]}'`);
  return `action_type = multiIf(${[...own, `'${DEFAULT_CONVERSION_ACTION}'`].join(', ')})`;
}

type Column = readonly [name: string, sql: string];

const FROM_MAP: readonly Column[] = [
  ['impressions', `sum(${countedAction('impression')})`],
  ['clicks', `sum(${countedAction('click')})`],
  ['conversions', `sum(${countedConversions()})`],
  ['orders', `sum(${countedAction('order')})`],
  ['payments', `sum(${countedAction('payment')})`],
  ['purchases', `sum(${countedAction('purchase')})`],
  ['by_action', 'sumMap(actions)'],
];
const FROM_ACTION: readonly Column[] = [
  ['impressions', `sumIf(rows.events, action_type = 'impression')`],
  ['clicks', `sumIf(rows.events, action_type = 'click')`],
  ['conversions', `sumIf(rows.events, ${isConversion()})`],
  ['orders', `sumIf(rows.events, action_type = 'order')`],
  ['payments', `sumIf(rows.events, action_type = 'payment')`],
  ['purchases', `sumIf(rows.events, action_type = 'purchase')`],
  ['converted_users', `uniqExactMergeIf(users, ${isConversion()})`],
];
const SUMS: readonly Column[] = [
  ['all_events', 'sum(rows.events)'],
  ['all_watch_ms', 'sum(watch_ms)'],
  ['all_millionths', 'sum(completion_millionths)'],
  ['all_completions', 'sum(completions)'],
];
const USERS: Column = ['active_users', 'uniqExactMerge(users)'];
const ITEMS: Column = ['active_items', 'uniqExactMerge(items)'];

/** MF-01, MF-02: two decimals, rounded half up in whole numbers; 0 without a whole. */
const percent = (part: string, whole: string) =>
  `if(${whole} = 0, 0, intDiv(${part} * 20000 + ${whole}, 2 * ${whole}) / 100)`;

/** MF-05: seconds, and a fraction with four decimals. */
const SHOWN: readonly Column[] = [
  ['events', 'all_events'],
  ['ctr', percent('clicks', 'impressions')],
  ['conversion_rate', percent('conversions', 'impressions')],
  ['total_watch_duration', 'all_watch_ms / 1000'],
  [
    'avg_completion_rate',
    'if(all_completions = 0, 0, floor(all_millionths / all_completions / 100 + 0.5) / 10000)',
  ],
];

type View = {
  readonly name: string;
  readonly table: SliceTable;
  /** What a row is about besides tenant and day. */
  readonly keys: readonly string[];
  readonly gathered: readonly Column[];
  /** Columns shown beside the keys, in order. */
  readonly shown: readonly (string | Column)[];
};

const COUNTS = ['impressions', 'clicks', 'conversions', 'orders', 'payments', 'purchases'];
const ACTIONS: Column = ['actions', 'by_action'];

const VIEWS: readonly View[] = [
  {
    name: 'metrics_hourly',
    table: SLICE_TABLES.hours,
    keys: ['scenario_id', 'hour_ts'],
    gathered: [...FROM_MAP, ...SUMS, USERS, ITEMS],
    shown: [['hour', 'toHour(hour_ts)'], ...COUNTS, 'active_users', 'active_items', ...SHOWN, ACTIONS],
  },
  {
    name: 'item_stats_daily',
    table: SLICE_TABLES.items,
    keys: ['scenario_id', 'item_id'],
    gathered: [...FROM_MAP, ...SUMS],
    shown: [...COUNTS, ...SHOWN, ACTIONS],
  },
  {
    name: 'experiment_metrics',
    table: SLICE_TABLES.experiments,
    keys: ['experiment_id', 'experiment_group', 'scenario_id'],
    gathered: [...FROM_ACTION, ...SUMS, USERS],
    shown: [
      ...COUNTS,
      'active_users',
      'converted_users',
      ['user_conversion_rate', percent('converted_users', 'active_users')],
      ...SHOWN,
    ],
  },
  {
    name: 'analytics_daily_stats',
    table: SLICE_TABLES.days,
    keys: ['scenario_id'],
    gathered: [...FROM_MAP, ...SUMS, USERS, ITEMS],
    shown: [...COUNTS, 'active_users', 'active_items', ...SHOWN, ACTIONS],
  },
];

/** Names of the documented views over aggregates. */
export const SLICE_VIEWS: readonly string[] = VIEWS.map(({ name }) => name);

/** What a view over aggregates is to show: open days from facts, sealed ones from slices. */
export type SliceViewSource = {
  readonly generation: number;
  readonly facts: FactsSource;
  /** Conditions over slices: the first by itself, so that it can be evaluated before any other. */
  readonly slices: { readonly first: string; readonly where: string } | undefined;
};

/** The SELECT of a view: a row for every tenant, day and key. Throws on a name that is none of {@link SLICE_VIEWS}. */
export function sliceViewSelect(name: string, { generation, facts, slices }: SliceViewSource): string {
  const view = VIEWS.find((one) => one.name === name);
  if (!view) throw new Error(`${name} is no view over aggregates.`);
  const { table, keys, gathered, shown } = view;
  const columns = ['tenant_id', 'date', ...sliceColumns(table).map(([column]) => column)].join(', ');
  const sealed = slices
    ? ` UNION ALL SELECT ${columns} FROM ${sliceTableOf(generation, table)} PREWHERE ${slices.first} WHERE ${slices.where}`
    : '';
  const all = ['tenant_id', 'date', ...keys];
  const named = (list: readonly (string | Column)[]) =>
    list.map((column) => (typeof column === 'string' ? column : `${column[1]} AS ${column[0]}`)).join(', ');
  return `SELECT ${all.join(', ')}, ${named(shown)}
    FROM (
      SELECT ${all.join(', ')}, ${named(gathered)}
      FROM (SELECT ${columns} FROM (${aggregateSelect(table, facts)})${sealed}) AS rows
      GROUP BY ${all.join(', ')}
    )`;
}

/** Statements that let the views show the facts of generations, all days. Safe to repeat. */
export function sliceViewStatements(shown: readonly Shown[]): readonly string[] {
  return VIEWS.map(({ name }) => {
    const selects = shown.map(({ generation, condition }) => {
      const facts = { from: tablesOf(generation).facts, where: condition };
      return sliceViewSelect(name, { generation, facts, slices: undefined });
    });
    return `CREATE OR REPLACE VIEW ${DATABASE}.${name} AS ${selects.join(' UNION ALL ')}`;
  });
}
