import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import { engineFault, questionFault } from './chdb-fault.ts';
import { bindParameters, quote } from './chdb-parameters.ts';
import { ChdbPool } from './chdb-pool.ts';
import type { PooledConnection } from './chdb-pool.ts';
import { createChdbFactGenerations } from './chdb-fact-generations.ts';
import { createChdbSlices } from './chdb-slices.ts';
import type { FactAnswer, FactBatch, FactCopies, FactQuery, FactStore } from './fact-store.ts';
import type { FactGenerations } from './fact-generations.ts';
import { tableStatements, tablesOf } from './facts-schema.ts';
import { foldFirstSeenStatement } from './first-seen.ts';
import type { SliceStore } from './slice-store.ts';
import { sliceTableStatements } from './slice-tables.ts';

export type ChdbFactStoreOptions = {
  readonly dataDir: string;
  /** Questions that run at once. @default as many as there are cores */
  readonly connections?: number;
  /** Questions that may wait for a connection. @default 64 */
  readonly maxWaiting?: number;
  /** What a question may use where it does not say. @default 30 s, any number of rows, 2 GiB */
  readonly limits?: { readonly maxSeconds: number; readonly maxRows: number; readonly maxBytes: number };
};

const LIMITS = { maxSeconds: 30, maxRows: 0, maxBytes: 2 * 1024 ** 3 };

/**
 * Opens the facts of a data directory in the chdb engine, inside of this process. Throws `DATA_DIR_LOCKED`
 * when another process has them open.
 *
 * Keep it in the main thread: a worker thread that used the engine never ends. Set `UV_THREADPOOL_SIZE` well
 * above the number of connections, because every running statement holds one of libuv's threads.
 */
export async function openChdbFactStore(
  options: ChdbFactStoreOptions,
): Promise<FactStore & SliceStore & FactGenerations> {
  const cores = availableParallelism();
  const limits = options.limits ?? LIMITS;
  const pool = new ChdbPool({
    path: join(options.dataDir, 'facts'),
    atOnce: { question: options.connections ?? cores, insert: INSERTS_AT_ONCE, upkeep: 2, control: 1 },
    maxWaitingQuestions: options.maxWaiting ?? 64,
    newTag: randomUUID,
  });
  const prepared = new Map<number, Promise<void>>();

  const generations = createChdbFactGenerations({
    run: command,
    rows,
    removed: (generation) => prepared.delete(generation),
  });
  let viewsMade: Promise<void> | undefined;

  async function command(sql: string): Promise<void> {
    await upkeep((connection) => connection.chdb.queryAsync(sql));
  }

  async function upkeep<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    try {
      return await pool.use('upkeep', work);
    } catch (error) {
      throw engineFault(error);
    }
  }

  async function insertShare(generation: number, batches: readonly FactBatch[]): Promise<void> {
    const rows = rowsOf(batches);
    if (rows === 0) return;
    const { input } = tablesOf(generation);
    const values = joinLines(batches);
    let written: number;
    try {
      const summary = await pool.use('insert', (connection) =>
        connection.chdb.rawInsert({ table: input, values, format: 'JSONEachRow', settings: INSERT_SETTINGS }),
      );
      written = summary.rowsWritten;
    } catch (error) {
      throw engineFault(error);
    }
    // Every line is counted twice: once into the input table, once from there into the facts.
    if (written !== rows * 2) {
      throw new Fault('FACTS_ROWS_MISSING', undefined, { details: { given: rows, counted: written } });
    }
  }

  async function prepare(generation: number): Promise<void> {
    for (const statement of tableStatements(generation)) await command(statement);
    for (const statement of sliceTableStatements(generation)) await command(statement);
    // Until somebody says what else they are to show, the views show what was prepared first.
    viewsMade ??= generations.show({ rest: generation, others: new Map() }).catch((error: unknown) => {
      viewsMade = undefined;
      throw error;
    });
    await viewsMade;
  }

  async function rows<Row>(sql: string): Promise<readonly Row[]> {
    const text = await upkeep(async (connection) =>
      (await connection.chdb.queryAsync(`${sql} FORMAT JSONEachRow`)).text(),
    );
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
  }

  return {
    ...createChdbSlices({ run: command, rows }),
    ...generations,

    async prepare(generation) {
      const running = prepared.get(generation) ?? prepare(generation);
      prepared.set(generation, running);
      try {
        await running;
      } catch (error) {
        prepared.delete(generation);
        throw error;
      }
    },

    async insert(generation, batches) {
      const done = await Promise.allSettled(sharesOf(batches).map((share) => insertShare(generation, share)));
      for (const share of done) if (share.status === 'rejected') throw share.reason as Error;
    },

    async present(generation, { tenant, partition, from, to }) {
      const sql = `SELECT log_offset FROM ${tablesOf(generation).facts}
        WHERE tenant_id = ${quote(tenant)} AND log_partition = ${partition}
          AND log_offset >= ${from} AND log_offset < ${to}
        ORDER BY log_offset FORMAT RowBinary`;
      const bytes = await upkeep(async (connection) => (await connection.chdb.queryAsync(sql)).bytes());
      return distinctOffsets(bytes);
    },

    async copies(generation, tenant) {
      const sql = `SELECT toUInt32(toYYYYMM(ts)) AS month, log_partition AS partition,
          toString(count()) AS rows, toString(uniqExact(log_offset)) AS distinct
        FROM ${tablesOf(generation).facts} WHERE tenant_id = ${quote(tenant)}
        GROUP BY month, partition HAVING rows != distinct ORDER BY month, partition FORMAT JSONEachRow`;
      const text = await upkeep(async (connection) => (await connection.chdb.queryAsync(sql)).text());
      return text.split('\n').filter(Boolean).map(parseCopies);
    },

    async removeCopies(generation, month) {
      await command(
        `OPTIMIZE TABLE ${tablesOf(generation).facts} PARTITION ID ${quote(String(month))} FINAL`,
      );
    },

    async dropBefore(generation, beforeMs) {
      const [database, table] = tablesOf(generation).facts.split('.');
      const before = new Date(beforeMs);
      const sql = `SELECT DISTINCT toUInt32(partition_id) AS month FROM system.parts
        WHERE database = ${quote(database ?? '')} AND table = ${quote(table ?? '')} AND active
          AND month < ${before.getUTCFullYear() * 100 + before.getUTCMonth() + 1} ORDER BY month FORMAT TSV`;
      const text = await upkeep(async (connection) => (await connection.chdb.queryAsync(sql)).text());
      const months = text.split('\n').filter(Boolean).map(Number);
      for (const month of months) {
        await command(`ALTER TABLE ${tablesOf(generation).facts} DROP PARTITION ID ${quote(String(month))}`);
      }
      return months;
    },

    async foldFirstSeen(
      generation: number,
      range: { readonly tenant: TenantId; readonly from: PositionVector; readonly to: PositionVector },
    ) {
      const sql = foldFirstSeenStatement(generation, range);
      if (sql !== undefined) await command(bindParameters(sql, { tenant: range.tenant }));
    },

    async query<Row>(query: FactQuery): Promise<FactAnswer<Row>> {
      const sql = bindParameters(query.sql, query.params);
      try {
        return await pool.use(
          'question',
          (connection, tag) => ask<Row>(connection, sql, settings(tag)),
          query.signal,
        );
      } catch (error) {
        query.signal?.throwIfAborted();
        throw questionFault(error);
      }

      function settings(tag: string): string {
        const { maxSeconds, maxRows, maxBytes } = { ...limits, ...query.limits };
        // One question alone may have all cores; several share them, and leave the door its turn.
        const threads = Math.max(1, Math.floor(cores / pool.questions));
        return `max_execution_time = ${maxSeconds}, max_rows_to_read = ${maxRows}, max_memory_usage = ${maxBytes},
          max_threads = ${threads}, log_comment = ${quote(tag)}, output_format_json_quote_64bit_integers = 1`;
      }
    },

    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
    },
  };
}

/** The mapping of one insert runs in one thread, so large ones go side by side. */
const INSERTS_AT_ONCE = 2;
/** Below this an insert's own price is more than what a second thread gains. */
const SHARE_ROWS = 10_000;

/** The batches as one share or, when there are enough rows, as {@link INSERTS_AT_ONCE} of about the same size. */
function sharesOf(batches: readonly FactBatch[]): readonly (readonly FactBatch[])[] {
  const rows = rowsOf(batches);
  const count = Math.min(INSERTS_AT_ONCE, Math.floor(rows / SHARE_ROWS));
  if (count < 2) return [batches];
  const shares: FactBatch[][] = Array.from({ length: count }, () => []);
  let before = 0;
  for (const batch of batches) {
    shares[Math.floor((before * count) / rows)]?.push(batch);
    before += batch.lines.length;
  }
  return shares;
}

function rowsOf(batches: readonly FactBatch[]): number {
  return batches.reduce((sum, { lines }) => sum + lines.length, 0);
}

/**
 * Unknown members are loud; a batch may span any number of months; copies are not looked for in it. Parsing in
 * parallel was measured to cost a fifth more and to gain nothing, because the mapping behind it is one thread.
 */
const INSERT_SETTINGS = {
  input_format_parallel_parsing: 0,
  input_format_skip_unknown_fields: 0,
  input_format_json_ignore_unknown_keys_in_named_tuple: 0,
  max_partitions_per_insert_block: 0,
  optimize_on_insert: 0,
  async_insert: 0,
};

type EngineAnswer<Row> = {
  readonly data: readonly Row[];
  readonly statistics: { readonly elapsed: number; readonly rows_read: number };
};

async function ask<Row>(
  connection: PooledConnection,
  sql: string,
  settings: string,
): Promise<FactAnswer<Row>> {
  // Settings behind the format hold for the whole statement, and for no other: those that the client would
  // send stay on the connection.
  const { stream } = await connection.client.exec({ query: `${sql}\nFORMAT JSON SETTINGS ${settings}` });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as EngineAnswer<Row>;
  const { elapsed, rows_read } = answer.statistics;
  return { rows: answer.data, rowsRead: rows_read, elapsedMs: elapsed * 1000 };
}

const LINE_FEED = 10;

function joinLines(batches: readonly FactBatch[]): Buffer {
  let size = 0;
  for (const { lines } of batches) for (const line of lines) size += line.length + 1;
  const joined = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { lines } of batches) {
    for (const line of lines) {
      joined.set(line, at);
      at += line.length;
      joined[at++] = LINE_FEED;
    }
  }
  return joined;
}

function distinctOffsets(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets: bigint[] = [];
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const offset = view.getBigUint64(at, true);
    if (offsets.at(-1) !== offset) offsets.push(offset);
  }
  return offsets;
}

function parseCopies(line: string): FactCopies {
  const copy = JSON.parse(line) as { month: number; partition: number; rows: string; distinct: string };
  return { ...copy, rows: BigInt(copy.rows), distinct: BigInt(copy.distinct) };
}
