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
   * Inserts every line. Throws `FACTS_ROWS_MISSING` when fewer rows were written than given, and
   * `FACTS_ENGINE_FAILED` when the engine refused; part of the batch may then stand in the table.
   */
  insert(generation: number, batch: FactBatch): Promise<void>;

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

  /** Extends the kept `first_seen` fold from the facts of `[from, to)`; repeating it changes nothing. */
  foldFirstSeen(
    generation: number,
    range: { readonly tenant: TenantId; readonly from: PositionVector; readonly to: PositionVector },
  ): Promise<void>;

  /**
   * Answers one SELECT. Never shows rows or settings of another statement. Rows as JSON objects; 64-bit
   * integers as strings.
   */
  query<Row>(query: FactQuery): Promise<FactAnswer<Row>>;
}
