import type { PositionVector, TenantId } from '#domain';

/** Consecutive records of one partition, as bytes the engine parses itself. */
export type FactBatch = {
  readonly tenant: TenantId;
  readonly partition: number;
  /** Offsets of the lines, ascending, one per line. */
  readonly offsets: readonly bigint[];
  /**
   * One JSON line per record: the record's value with `log_partition`, `log_offset` spliced in front.
   * A line per entry, so that a poison one can be isolated by bisection.
   */
  readonly lines: readonly Uint8Array[];
};

/** Records of one month and partition of which more than one copy stands in the table. */
export type FactCopies = {
  /** Year and month of the records' own time, 202403. */
  readonly month: number;
  readonly partition: number;
  readonly rows: bigint;
  readonly distinct: bigint;
};

/** A statement over the views of one tenant; values only as bound parameters. */
export type FactQuery = {
  readonly sql: string;
  /** Bound as `{name:Type}`. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly limits?: { readonly maxSeconds?: number; readonly maxRows?: number; readonly maxBytes?: number };
  readonly signal?: AbortSignal;
};

export type FactAnswer<Row> = {
  readonly rows: readonly Row[];
  readonly rowsRead: number;
  readonly elapsedMs: number;
};

/**
 * Holds the facts, one table per generation, and answers SQL over them.
 *
 * Implement it for a new engine: `fact-store.contract.ts` is the definition of correct. Inserts need not be
 * atomic; whoever inserts resumes by set difference of the offsets present.
 */
export interface FactStore extends AsyncDisposable {
  /** Creates the tables and documented views of a generation where they do not exist. */
  prepare(generation: number): Promise<void>;

  /**
   * Inserts every line of every batch, as one insert. Throws `FACTS_ROWS_MISSING` when fewer rows were written than given, and
   * `FACTS_ENGINE_FAILED` when the engine refused, with `details.unreadable` true when it was because of a
   * line; any part of the batches may then stand in the table.
   */
  insert(generation: number, batches: readonly FactBatch[]): Promise<void>;

  /** Which offsets of `[from, to)` are present, ascending; duplicates once. */
  present(
    generation: number,
    range: {
      readonly tenant: TenantId;
      readonly partition: number;
      readonly from: bigint;
      readonly to: bigint;
    },
  ): Promise<readonly bigint[]>;

  /** Where the table holds copies of a record, as an insert that was taken for dead can leave behind. */
  copies(generation: number, tenant: TenantId): Promise<readonly FactCopies[]>;

  /** Removes the copies of a month; dear, because it rewrites the month. */
  removeCopies(generation: number, month: number): Promise<void>;

  /**
   * Drops the facts of every month that ends at or before the instant, of all tenants, and answers which months
   * that were (202403). What is kept beside the facts, as `first_seen`, stays.
   */
  dropBefore(generation: number, beforeMs: number): Promise<readonly number[]>;

  /** Extends the kept `first_seen` fold from the facts of `[from, to)`; repeating it changes nothing. */
  foldFirstSeen(
    generation: number,
    range: { readonly tenant: TenantId; readonly from: PositionVector; readonly to: PositionVector },
  ): Promise<void>;

  /**
   * Answers one SELECT, which carries no settings of its own. Throws `QUERY_TOO_DEAR` beyond a limit,
   * `QUERY_OVERLOADED` when too many questions wait, `FACTS_ENGINE_FAILED` with `details.engine_code` when
   * the engine refuses it, and the signal's reason when it aborts, which also stops the engine. Never shows rows or settings of another statement. Rows as JSON objects; 64-bit
   * integers as strings.
   */
  query<Row>(query: FactQuery): Promise<FactAnswer<Row>>;
}
