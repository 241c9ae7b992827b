import type { RebuildScope } from '#domain';
import { quote } from './chdb-parameters.ts';
import type { FactGenerations, RowDifference, Tally } from './fact-generations.ts';
import { shownBy, viewStatements } from './fact-views.ts';
import { DATABASE, FACT_COLUMNS, tablesOf } from './facts-schema.ts';
import type { GenerationOf } from './read-model.ts';
import { SLICE_TABLE_LIST, beforeVector, sliceTableOf } from './slice-tables.ts';
import type { SliceTable } from './slice-tables.ts';
import { sliceViewStatements } from './slice-views.ts';

const DAY = 'toInt32(floor(toUnixTimestamp64Milli(ts) / 86400000))';
/** Every column, so that no difference is overlooked; as a tuple, because NULL beside it would make it NULL. */
const ROW = `cityHash64(tuple(${FACT_COLUMNS.join(', ')}))`;
/** Rows that are copied at a time, as offsets of one partition. */
const COPIED_OFFSETS = 65_536n;

/** Whole generations of facts in chdb, by way of whoever runs statements there. */
export function createChdbFactGenerations(engine: {
  readonly run: (sql: string) => Promise<void>;
  /** Rows as JSON objects, 64-bit integers as text. */
  readonly rows: <Row>(sql: string) => Promise<readonly Row[]>;
  /** The tables of a generation are gone. */
  readonly removed: (generation: number) => void;
}): FactGenerations {
  const { run, rows } = engine;

  return {
    async months(of) {
      const found = await rows<{ month: number }>(
        `SELECT DISTINCT toUInt32(toYYYYMM(ts)) AS month FROM ${factsOf(of)} WHERE ${isOwn(of)} ORDER BY month`,
      );
      return found.map(({ month }) => month);
    },

    async tallyMonth(of, month, vector) {
      const found = await rows<TallyRow>(`SELECT ${DAY} AS day, toString(count()) AS counted,
          toString(sum(${ROW})) AS checksum
        FROM ${factsOf(of)} FINAL
        WHERE ${isOwn(of)} AND toYYYYMM(ts) = ${month} AND ${beforeVector(vector)} GROUP BY day`);
      return talliesOf(found);
    },

    async tallySlices(of, sealed) {
      if (sealed.length === 0) return new Map();
      const seals = sealed.map(({ seal }) => seal).join(', ');
      const selects = SLICE_TABLE_LIST.map(
        (table) => `SELECT toInt32(date) AS day, events, ${sliceRow(table)} AS row
          FROM ${sliceTableOf(of.generation, table)} WHERE ${isOwn(of)} AND seal IN (${seals})`,
      );
      return talliesOf(
        await rows<TallyRow>(`SELECT day, toString(sum(events)) AS counted, toString(sum(row)) AS checksum
          FROM (${selects.join(' UNION ALL ')}) GROUP BY day`),
      );
    },

    async differingRows(active, candidate, { days, vector, limit }) {
      const [first, last] = [Math.min(...days), Math.max(...days)];
      const select = (of: GenerationOf, which: 0 | 1): string =>
        `SELECT ${which} AS which, log_partition AS p, log_offset AS o, ${DAY} AS on_day, ${ROW} AS row
          FROM ${factsOf(of)} FINAL WHERE ${isOwn(of)} AND ${inDays(first, last)}
            AND ${DAY} IN (${days.join(', ')}) AND ${beforeVector(vector)}`;
      const found = await rows<DifferingRow>(`SELECT any(on_day) AS day, p, toString(o) AS offset,
          groupBitOr(toUInt8(bitShiftLeft(1, which))) AS has
        FROM (${select(active, 0)} UNION ALL ${select(candidate, 1)})
        GROUP BY p, o HAVING has != 3 OR uniqExact(row) > 1 ORDER BY day, p, o LIMIT ${limit} BY day`);
      return Promise.all(found.map((row) => describe(active, candidate, row)));
    },

    async copyRest(from, to, { scope, vector, signal }) {
      const columns = FACT_COLUMNS.join(', ');
      for (const [partition, end] of vector.entries()) {
        for (let at = 0n; at < end; at += COPIED_OFFSETS) {
          signal?.throwIfAborted();
          const next = at + COPIED_OFFSETS < end ? at + COPIED_OFFSETS : end;
          const here = `log_partition = ${partition} AND log_offset >= ${at} AND log_offset < ${next}`;
          await run(`INSERT INTO ${factsOf(to)} (${columns})
            SETTINGS max_partitions_per_insert_block = 0, optimize_on_insert = 0
            SELECT ${columns} FROM ${factsOf(from)} FINAL
            WHERE ${isOwn(from)} AND ${here} AND NOT (${inScope(scope)})
              AND log_offset NOT IN (SELECT log_offset FROM ${factsOf(to)} WHERE ${isOwn(to)} AND ${here})`);
        }
      }
    },

    async removeTenant(of) {
      const present = await tablesPresent(of.generation);
      for (const table of present) {
        await run(`ALTER TABLE ${table} DELETE WHERE ${isOwn(of)} SETTINGS mutations_sync = 1`);
      }
    },

    async removeGeneration(generation) {
      const { input } = tablesOf(generation);
      for (const table of [`${input}_to_facts`, input, ...keptTables(generation)]) {
        await run(`DROP TABLE IF EXISTS ${table} SYNC`);
      }
      engine.removed(generation);
    },

    async show(active) {
      const shown = shownBy(active, quote);
      for (const statement of [...viewStatements(shown), ...sliceViewStatements(shown)]) await run(statement);
    },
  };

  async function describe(
    active: GenerationOf,
    candidate: GenerationOf,
    { day, p, offset, has }: DifferingRow,
  ): Promise<RowDifference> {
    const position = { day, partition: p, offset: BigInt(offset) };
    if (has !== 3) return { ...position, columns: [], only: has === 1 ? 'active' : 'candidate' };
    const select = (of: GenerationOf): string =>
      `SELECT * FROM ${factsOf(of)} FINAL WHERE ${isOwn(of)} AND log_partition = ${p} AND log_offset = ${offset}`;
    const [one] = await rows<Readonly<Record<string, unknown>>>(select(active));
    const [other] = await rows<Readonly<Record<string, unknown>>>(select(candidate));
    const columns = FACT_COLUMNS.flatMap((name) => {
      const values = { active: JSON.stringify(one?.[name]), candidate: JSON.stringify(other?.[name]) };
      return values.active === values.candidate ? [] : [{ name, ...values }];
    });
    return { ...position, columns, only: undefined };
  }

  async function tablesPresent(generation: number): Promise<readonly string[]> {
    const found = await rows<{ name: string }>(
      `SELECT name FROM system.tables WHERE database = ${quote(DATABASE)}`,
    );
    const names = new Set(found.map(({ name }) => `${DATABASE}.${name}`));
    return keptTables(generation).filter((table) => names.has(table));
  }
}

type TallyRow = { readonly day: number; readonly counted: string; readonly checksum: string };

type DifferingRow = {
  readonly day: number;
  readonly p: number;
  readonly offset: string;
  /** 1: only the active one has it, 2: only the candidate, 3: both. */
  readonly has: number;
};

function talliesOf(found: readonly TallyRow[]): ReadonlyMap<number, Tally> {
  return new Map(
    found.map(({ day, counted, checksum }) => [day, { rows: BigInt(counted), checksum: BigInt(checksum) }]),
  );
}

function factsOf({ generation }: GenerationOf): string {
  return tablesOf(generation).facts;
}

/** The tables of a generation that keep something. */
function keptTables(generation: number): readonly string[] {
  const { facts, firstSeen } = tablesOf(generation);
  return [facts, firstSeen, ...SLICE_TABLE_LIST.map((table) => sliceTableOf(generation, table))];
}

function isOwn({ tenant }: GenerationOf): string {
  return `tenant_id = ${quote(tenant)}`;
}

function inDays(first: number, last: number): string {
  const instant = (day: number) => `fromUnixTimestamp64Milli(toInt64(${day * 86_400_000}), 'UTC')`;
  return `ts >= ${instant(first)} AND ts < ${instant(last + 1)}`;
}

function inScope(scope: RebuildScope): string {
  const instant = (ms: number) => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
  switch (scope.kind) {
    case 'all':
      return '1';
    case 'event':
      return `event_name = ${quote(scope.event)}`;
    case 'offsets':
      return `log_partition = ${scope.partition} AND log_offset >= ${scope.from} AND log_offset < ${scope.to}`;
    case 'time':
      return `ts >= ${instant(scope.fromMs)} AND ts < ${instant(scope.toMs)}`;
  }
}

/** A row of a slice without its seal, its map sorted, and of sets how many they hold. */
function sliceRow({ name, keys, measures, mapped }: SliceTable): string {
  const values = measures.map((measure) =>
    measure.together === 'sum' ? measure.name : `finalizeAggregation(${measure.name})`,
  );
  const columns = [...keys.map(([key]) => key), ...(mapped ? ['mapSort(actions)'] : []), ...values];
  return `cityHash64(tuple(${quote(name)}, date, ${columns.join(', ')}))`;
}
