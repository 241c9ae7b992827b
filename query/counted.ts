import type { MetricCounts } from '#domain';
import { SLICE_TABLES, countedAction, countedConversions, sliceTableOf } from '#projections';
import { countSql, onlyActionsOf } from './metrics-sql.ts';
import { sourcesOf } from './slices.ts';
import type { Piece, Sources } from './slices.ts';
import { bucketSql, createBinder, factsOf, inRange, visible } from './sql.ts';
import type { Binder, Scope, Statement } from './sql.ts';

type CountName = keyof MetricCounts;

/** What is counted: which counts, of which range and scenario, in which buckets. */
export type Counted = Piece & {
  readonly names: readonly CountName[];
  readonly edges: readonly number[];
  readonly scenarioId: string | undefined;
  /** Counts every scenario by itself. */
  readonly byScenario?: boolean;
};

/** Different ones of several sources are put together as sets, all else as sums. */
const SETS_OF_FACTS: Readonly<Partial<Record<CountName, string>>> = {
  active_users: `uniqExactStateIf(actor_id, actor_id != '' AND kind != 'catalog')`,
  active_items: `uniqExactStateIf(item_id, item_id != '' AND kind = 'behaviour')`,
};

const FROM_SLICES: Readonly<Record<CountName, string>> = {
  active_users: 'uniqExactMergeState(users)',
  active_items: 'uniqExactMergeState(items)',
  impressions: `sum(${countedAction('impression')})`,
  clicks: `sum(${countedAction('click')})`,
  conversions: `sum(${countedConversions()})`,
  orders: `sum(${countedAction('order')})`,
  payments: `sum(${countedAction('payment')})`,
  purchases: `sum(${countedAction('purchase')})`,
  watch_ms: 'sum(slices.watch_ms)',
  completion_millionths: 'sum(slices.completion_millionths)',
  completions: 'sum(slices.completions)',
};

/**
 * The statement that answers counts per `bucket` (and `scenario_id`), from slices where they hold just what
 * the facts do. A bucket without events has no row.
 */
export function compileCounts(counted: Counted, scope: Scope): Statement {
  const binder = createBinder();
  const sources = sourcesOf(counted, counted.edges, scope);
  const { names } = counted;
  const keys = ['bucket', ...(counted.byScenario ? ['scenario_id'] : [])].join(', ');
  if (!sources.slices) {
    const columns = columnsOf(names, countSql);
    const from = factsPart(binder, counted, scope, sources);
    const sql = `SELECT ${keyColumns(binder, counted)}, ${columns} ${from} GROUP BY ${keys} ORDER BY ${keys}`;
    return { sql, params: binder.params };
  }
  const parts = [
    ...(sources.facts.length > 0
      ? [
          `SELECT ${keyColumns(binder, counted)}, ${columnsOf(names, (name) => SETS_OF_FACTS[name] ?? countSql(name))} ${factsPart(binder, counted, scope, sources)} GROUP BY ${keys}`,
        ]
      : []),
    `SELECT ${keyColumns(binder, counted)}, ${columnsOf(names, (name) => FROM_SLICES[name])} ${slicesPart(binder, counted, scope, sources.slices)} GROUP BY ${keys}`,
  ];
  const together = columnsOf(
    names,
    (name) => `${SETS_OF_FACTS[name] ? 'uniqExactMerge' : 'sum'}(parts.${name})`,
  );
  const sql = `SELECT ${keys}, ${together} FROM (${parts.join(' UNION ALL ')}) AS parts GROUP BY ${keys} ORDER BY ${keys}`;
  return { sql, params: binder.params };
}

function columnsOf(names: Counted['names'], column: (name: CountName) => string): string {
  return names.map((name) => `${column(name)} AS ${name}`).join(', ');
}

function keyColumns(binder: Binder, { edges, byScenario }: Counted): string {
  return [`${bucketSql(binder, edges)} AS bucket`, ...(byScenario ? ['scenario_id'] : [])].join(', ');
}

function factsPart(binder: Binder, counted: Counted, scope: Scope, { facts }: Sources): string {
  const pieces = facts.map((piece) => `(${inRange(binder, piece)})`).join(' OR ');
  const conditions = [visible(binder, scope), `(${pieces})`, onlyActionsOf(counted.names)];
  return `FROM ${factsOf(scope)} WHERE ${[...conditions, ...ofScenario(binder, counted)].join(' AND ')}`;
}

/** Rows of slices with the start of what they count as `ts`. */
function slicesPart(
  binder: Binder,
  counted: Counted,
  scope: Scope,
  { grain, seals, pieces }: NonNullable<Sources['slices']>,
): string {
  const table = grain === 'day' ? SLICE_TABLES.days : SLICE_TABLES.hours;
  const start = grain === 'day' ? 'date' : 'hour_ts';
  const within = pieces.map((piece) => `(${inRange(binder, piece)})`).join(' OR ');
  const first = pieces[0]?.fromMs ?? 0;
  const last = pieces.at(-1)?.toMs ?? 0;
  const date = (ms: number) => `toDate(${binder.bind('UInt16', Math.floor(ms / DAY_MS))})`;
  const conditions = [
    `tenant_id = ${binder.bind('String', scope.tenant)}`,
    `date >= ${date(first)} AND date <= ${date(last - 1)}`,
    `seal IN ${binder.bind('Array(UInt64)', seals)}`,
    ...ofScenario(binder, counted),
  ];
  return `FROM (SELECT *, toDateTime64(${start}, 3, 'UTC') AS ts
    FROM ${sliceTableOf(scope.generation, table)} WHERE ${conditions.join(' AND ')}) AS slices WHERE ${within}`;
}

const DAY_MS = 86_400_000;

function ofScenario(binder: Binder, { scenarioId }: Counted): string[] {
  return scenarioId === undefined ? [] : [`scenario_id = ${binder.bind('String', scenarioId)}`];
}
