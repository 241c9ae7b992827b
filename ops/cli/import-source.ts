import type { JsonObject } from '#domain';

/** What is wrong with a row before it can be an event. */
export type RowProblem = {
  /** The column or member; empty means the row as a whole. */
  readonly field: string;
  readonly code: 'format' | 'too_large';
  readonly message: string;
};

/** One row of a file, as far as it could be read. */
export type SourceRow = {
  /** Where it stands in the file, from 1: its line, or in Parquet its number. */
  readonly at: number;
  /** The row as it stands in the file; of Parquet as JSON. */
  readonly text: () => string;
  /** Undefined when it cannot be read; then `problem` says why, or the platform will, of `line`. */
  readonly columns: JsonObject | undefined;
  readonly problem?: RowProblem;
  /** Of NDJSON: the bytes of the row, which may be sent as they are. */
  readonly line?: () => Buffer;
};

/** Some rows in their order, and how much of the file has been read with them, from 0 to 1. */
export type SourceRows = { readonly rows: readonly SourceRow[]; readonly share: number };

export type ImportFormat = 'ndjson' | 'csv' | 'parquet';

/** The format a file's name tells, `.gz` left aside; undefined when it tells none. */
export function formatOf(path: string): ImportFormat | undefined {
  const [, ending] = /\.(\w+)(?:\.gz)?$/.exec(path.toLowerCase()) ?? [];
  if (ending === 'ndjson' || ending === 'jsonl' || ending === 'json') return 'ndjson';
  if (ending === 'csv' || ending === 'tsv' || ending === 'txt') return 'csv';
  return ending === 'parquet' ? 'parquet' : undefined;
}
