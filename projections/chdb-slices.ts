import { Fault } from '#domain';
import { quote } from './chdb-parameters.ts';
import { tablesOf } from './facts-schema.ts';
import type { SliceCounts, SliceStore, StoredSlice } from './slice-store.ts';
import {
  SLICE_TABLE_LIST,
  aggregateSelect,
  beforeVector,
  factsOfDay,
  sliceColumns,
  sliceTableOf,
} from './slice-tables.ts';
import type { DayOfFacts, SliceTable } from './slice-tables.ts';

/**
 * Slices in chdb, by way of whoever runs statements there. Settings: one block and so one part per table and
 * slice, and one thread, because nobody waits for a slice.
 */
export function createChdbSlices(engine: {
  readonly run: (sql: string) => Promise<void>;
  /** Rows as JSON objects, 64-bit integers as text. */
  readonly rows: <Row>(sql: string) => Promise<readonly Row[]>;
}): SliceStore {
  return {
    async writeSlice(generation, { tenant, day, seal, vector }) {
      const own: DayOfFacts = { generation, tenant: quote(tenant), day, vector };
      for (const table of SLICE_TABLE_LIST) await engine.run(insertStatement(own, table, seal));
      const wanted = await countFacts(own);
      const counts = countsOf(
        await engine.rows<CountRow>(countStatement(own, `seal = ${seal} AND date = toDate(${day})`)),
      ).get(seal)?.counts;
      const written = counts ?? NOTHING;
      if (wanted.some((count, index) => count !== written[index])) {
        throw new Fault('FACTS_ROWS_MISSING', 'A slice counts other events than stand in the facts.', {
          details: { day, seal, wanted: wanted.map(String), written: written.map(String) },
        });
      }
      return written;
    },

    async storedSlices(generation, tenant) {
      const rows = await engine.rows<CountRow>(countStatement({ generation, tenant: quote(tenant) }, '1'));
      return [...countsOf(rows).values()];
    },

    async removeSlices(generation, tenant, seals) {
      if (seals.length === 0) return;
      for (const table of SLICE_TABLE_LIST) {
        await engine.run(`ALTER TABLE ${sliceTableOf(generation, table)}
          DELETE WHERE tenant_id = ${quote(tenant)} AND seal IN (${seals.join(', ')}) SETTINGS mutations_sync = 1`);
      }
    },

    async daysOfFacts(generation, tenant, vector) {
      const rows = await engine.rows<{ day: number }>(`SELECT DISTINCT
          toInt32(floor(toUnixTimestamp64Milli(ts) / 86400000)) AS day FROM ${tablesOf(generation).facts}
        WHERE tenant_id = ${quote(tenant)} AND ${beforeVector(vector)} ORDER BY day`);
      return rows.map(({ day }) => day);
    },
  };

  async function countFacts(own: DayOfFacts): Promise<readonly bigint[]> {
    const { from, where } = factsOfDay(own);
    const counts = SLICE_TABLE_LIST.map((table, index) => `toString(countIf(${table.where})) AS c${index}`);
    const sql = `SELECT ${counts.join(', ')} FROM ${from} WHERE ${where}`;
    const [row] = await engine.rows<Record<string, string>>(sql);
    return SLICE_TABLE_LIST.map((_, index) => BigInt(row?.[`c${index}`] ?? 0));
  }
}

const ONE_BLOCK = 2 ** 40;

function insertStatement(own: DayOfFacts, table: SliceTable, seal: number): string {
  const columns = sliceColumns(table).map(([name]) => name);
  return `INSERT INTO ${sliceTableOf(own.generation, table)} (tenant_id, date, seal, ${columns.join(', ')})
    SETTINGS max_threads = 1, min_insert_block_size_rows = ${ONE_BLOCK}, min_insert_block_size_bytes = ${ONE_BLOCK}
    SELECT tenant_id, date, ${seal} AS seal, ${columns.join(', ')}
    FROM (${aggregateSelect(table, factsOfDay(own))})`;
}

type CountRow = {
  readonly day: number;
  /** The seal, as text: 64-bit integers are not read as numbers. */
  readonly named: string;
  readonly table: number;
  readonly counted: string;
};

function countStatement(own: Pick<DayOfFacts, 'generation' | 'tenant'>, condition: string): string {
  return SLICE_TABLE_LIST.map(
    (table, index) => `SELECT toUInt16(date) AS day, toString(seal) AS named, ${index} AS table,
        toString(sum(events)) AS counted
      FROM ${sliceTableOf(own.generation, table)}
      WHERE tenant_id = ${own.tenant} AND ${condition} GROUP BY day, named`,
  ).join(' UNION ALL ');
}

const NOTHING: SliceCounts = [0n, 0n, 0n, 0n];

function countsOf(rows: readonly CountRow[]): Map<number, StoredSlice> {
  const slices = new Map<number, StoredSlice>();
  for (const { day, named, table, counted } of rows) {
    const seal = Number(named);
    const counts: [bigint, bigint, bigint, bigint] = [...(slices.get(seal)?.counts ?? NOTHING)];
    counts[table] = BigInt(counted);
    slices.set(seal, { day, seal, counts });
  }
  return slices;
}
