import { COMPLETION_ACTIONS } from '#domain';
import { DATABASE, tablesOf } from './facts-schema.ts';

const WORD = 'LowCardinality(String)';
const DIFFERENT = 'AggregateFunction(uniqExact, String)';

/** A sum kept in a slice: its type, how rows of the facts give it, what puts several of one key together. */
type Measure = {
  readonly name: string;
  readonly type: string;
  readonly ofFacts: string;
  readonly together: 'sum' | 'uniqExactMergeState';
};

const COMPLETION = `action_type IN (${COMPLETION_ACTIONS.map((action) => `'${action}'`).join(', ')})`;

/** Watched time of one event in whole milliseconds, 0 without one. */
export const EVENT_WATCH_MS = 'toInt64(floor(ifNull(watch_duration, 0) * 1000 + 0.5))';
/** Completion rate of one event in whole millionths, 0 without one. */
export const EVENT_COMPLETION_MILLIONTHS = 'toInt64(floor(ifNull(completion_rate, 0) * 1000000 + 0.5))';

/**
 * Watched time of behaviours in ms. Sums are of whole numbers, each event rounded half up by itself, so that
 * the order of adding cannot change them.
 */
export const WATCH_MS = `sumIf(${EVENT_WATCH_MS}, kind = 'behaviour')`;
/** Completion rates of ended consumptions in millionths (MF-05). */
export const COMPLETION_MILLIONTHS = `sumIf(${EVENT_COMPLETION_MILLIONTHS}, ${COMPLETION})`;
/** How many ended consumptions have a completion rate. */
export const COMPLETIONS = `countIf(isNotNull(completion_rate) AND ${COMPLETION})`;

const SUMS: readonly Measure[] = [
  { name: 'events', type: 'UInt64', ofFacts: 'count()', together: 'sum' },
  { name: 'watch_ms', type: 'Int64', ofFacts: WATCH_MS, together: 'sum' },
  {
    name: 'completion_millionths',
    type: 'Int64',
    ofFacts: COMPLETION_MILLIONTHS,
    together: 'sum',
  },
  { name: 'completions', type: 'UInt64', ofFacts: COMPLETIONS, together: 'sum' },
];

const USERS: Measure = {
  name: 'users',
  type: DIFFERENT,
  ofFacts: `uniqExactStateIf(actor_id, actor_id != '')`,
  together: 'uniqExactMergeState',
};
const ITEMS: Measure = {
  name: 'items',
  type: DIFFERENT,
  ofFacts: `uniqExactStateIf(item_id, item_id != '' AND kind = 'behaviour')`,
  together: 'uniqExactMergeState',
};

/** How many events of each action; which of them are conversions is decided on reading (X16). */
const ACTIONS = { name: 'actions', type: `Map(${WORD}, UInt64)` };

export type SliceTable = {
  /** The documented name, without the generation. */
  readonly name: string;
  /** What a row is about besides tenant and day: name, type, how it follows from the facts. */
  readonly keys: readonly (readonly [name: string, type: string, from: string])[];
  readonly measures: readonly Measure[];
  /** Whether a row holds a count per action; otherwise the action is one of the keys. */
  readonly mapped: boolean;
  /** Which facts it is about. */
  readonly where: string;
};

const SCENARIO = [
  ['scenario_id', WORD, 'scenario_id'],
  ['scenario_type', WORD, 'scenario_type'],
] as const;

/** The tables of slices. Their order is that of {@link SliceCounts}. */
export const SLICE_TABLES = {
  hours: {
    name: 'metrics_hourly',
    keys: [...SCENARIO, ['hour_ts', `DateTime('UTC')`, `toStartOfHour(toDateTime(ts, 'UTC'))`]],
    measures: [...SUMS, USERS, ITEMS],
    mapped: true,
    where: `kind != 'catalog'`,
  },
  items: {
    name: 'item_stats_daily',
    keys: [...SCENARIO, ['item_id', 'String', 'item_id']],
    measures: SUMS,
    mapped: true,
    where: `kind = 'behaviour' AND item_id != ''`,
  },
  experiments: {
    name: 'experiment_metrics',
    keys: [
      ['experiment_id', WORD, 'experiment_id'],
      ['experiment_group', WORD, 'experiment_group'],
      ...SCENARIO,
      // By action, because who did it is counted per action too.
      ['action_type', WORD, 'action_type'],
    ],
    measures: [...SUMS, USERS],
    mapped: false,
    where: `kind != 'catalog' AND experiment_id != ''`,
  },
  days: {
    name: 'analytics_daily_stats',
    keys: SCENARIO,
    measures: [...SUMS, USERS, ITEMS],
    mapped: true,
    where: `kind != 'catalog'`,
  },
} as const satisfies Record<string, SliceTable>;

export const SLICE_TABLE_LIST: readonly SliceTable[] = Object.values(SLICE_TABLES);

/** Where the slices of a generation stand. */
export function sliceTableOf(generation: number, { name }: SliceTable): string {
  return `${DATABASE}.${name}_g${generation}`;
}

/** Columns of a slice in the order in which {@link aggregateSelect} gives them, without tenant, day and seal. */
export function sliceColumns({ keys, measures, mapped }: SliceTable): readonly (readonly [string, string])[] {
  return [
    ...keys.map(([name, type]) => [name, type] as const),
    ...(mapped ? [[ACTIONS.name, ACTIONS.type] as const] : []),
    ...measures.map(({ name, type }) => [name, type] as const),
  ];
}

/** Statements that make the tables of a generation where they do not exist. Safe to repeat. */
export function sliceTableStatements(generation: number): readonly string[] {
  return SLICE_TABLE_LIST.map((table) => {
    const columns = sliceColumns(table).map(([name, type]) => `${name} ${type}`);
    return `CREATE TABLE IF NOT EXISTS ${sliceTableOf(generation, table)} (
      tenant_id ${WORD}, date Date, seal UInt64, ${columns.join(', ')}
    ) ENGINE = MergeTree
    PARTITION BY toYYYYMM(date)
    ORDER BY (tenant_id, date, seal, ${table.keys.map(([name]) => name).join(', ')})
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;
  });
}

/** Which facts are aggregated: the table with its modifiers, and a condition. */
export type FactsSource = { readonly from: string; readonly where: string };

/**
 * The rows of a slice table for some facts: `tenant_id`, `date`, then {@link sliceColumns}. One statement
 * makes the slices and shows the days that have none, so the two cannot differ.
 *
 * In two steps, by action and then together, because a map per event costs ten times as much.
 */
export function aggregateSelect(table: SliceTable, source: FactsSource): string {
  const keys = table.keys.map(([name, , from]) => (name === from ? name : `${from} AS ${name}`));
  const day = ['tenant_id', `toDate(ts, 'UTC') AS date`];
  const names = ['tenant_id', 'date', ...table.keys.map(([name]) => name)];
  const select = (measures: readonly string[], more: readonly string[]) =>
    `SELECT ${[...day, ...keys, ...more, ...measures].join(', ')} FROM ${source.from}
      WHERE ${source.where} AND ${table.where} GROUP BY ${[...names, ...more].join(', ')}`;
  const ofFacts = table.measures.map(({ name, ofFacts }) => `${ofFacts} AS ${name}`);
  if (!table.mapped) return select(ofFacts, []);
  const counted = (what: string) => `groupArrayIf(${what}, action_type != '')`;
  const actions = `CAST((${counted('action_type')}, ${counted('by_action.events')}), '${ACTIONS.type}') AS ${ACTIONS.name}`;
  const together = table.measures.map(
    (measure) => `${measure.together}(by_action.${measure.name}) AS ${measure.name}`,
  );
  return `SELECT ${[...names, actions, ...together].join(', ')}
    FROM (${select(ofFacts, ['action_type'])}) AS by_action GROUP BY ${names.join(', ')}`;
}

/** Where one day of one tenant stands before a vector, as far as the facts go. */
export type DayOfFacts = {
  readonly generation: number;
  /** As a literal of the engine. */
  readonly tenant: string;
  readonly day: number;
  readonly vector: readonly bigint[];
};

const DAY_MS = 86_400_000;

export function factsOfDay({ generation, tenant, day, vector }: DayOfFacts): FactsSource {
  const instant = (ms: number) => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
  return {
    // FINAL: a copy of a record must not be frozen into a slice.
    from: `${tablesOf(generation).facts} FINAL`,
    where: `tenant_id = ${tenant} AND ts >= ${instant(day * DAY_MS)} AND ts < ${instant((day + 1) * DAY_MS)}
      AND ${beforeVector(vector)}`,
  };
}

export function beforeVector(vector: readonly bigint[]): string {
  return `log_offset < CAST('[${vector.join(',')}]', 'Array(UInt64)')[log_partition + 1]`;
}
