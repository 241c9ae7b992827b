import { pipeline } from 'node:stream';
import { CsvError, Parser } from 'csv-parse';
import type { Json } from '#domain';
import { readFileBytes } from './import-bytes.ts';
import { UnreadText } from './import-csv-text.ts';
import type { SourceRow, SourceRows } from './import-source.ts';
import { CommandFailed } from './output.ts';

export type CsvOptions = {
  /** One character or more. @default a comma; in a file named .tsv a tab */
  readonly delimiter?: string;
  /** Names of the columns of a file without a header row. @default the first row */
  readonly columns?: readonly string[];
};

/** `bytes` of the file up to the end of the row. */
type Parsed = { readonly record: string[]; readonly info: { readonly bytes: number } };

const ROWS = 1_000;
const MAX_ROW_BYTES = 1024 * 1024;

/**
 * Reads a file of comma-separated values (RFC 4180), `.gz` too, with or without a byte order mark. An empty
 * cell is no value; a quote inside a cell that does not begin with one is a character like any other. A row
 * with too few or too many cells is a problem of that row alone; after a quote that is never closed nothing
 * can be told, so it ends the reading with {@link CommandFailed}.
 */
export async function* readCsv(path: string, options: CsvOptions = {}): AsyncGenerator<SourceRows> {
  const { stream, share } = await readFileBytes(path);
  const unread = new UnreadText();
  const parser = new Parser({
    bom: true,
    delimiter: options.delimiter ?? (/\.tsv(\.gz)?$/i.test(path) ? '\t' : ','),
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    relax_quotes: true,
    max_record_size: MAX_ROW_BYTES,
  });
  const noted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      unread.add(chunk);
      yield chunk;
    }
  };
  // What fails on the way is thrown to who reads the rows.
  pipeline(stream, noted, parser, () => undefined);
  let names = options.columns && checkedNames(options.columns, path);
  let rows: SourceRow[] = [];
  let failure: Error | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const row = unread.cut(info.bytes);
      if (names) rows.push(rowOf(record, names, row));
      else names = checkedNames(record, path);
      if (rows.length >= ROWS) {
        yield { rows, share: share() };
        rows = [];
      }
    }
  } catch (error) {
    failure = broken(error, path, unread.lines);
  }
  yield { rows, share: failure ? share() : 1 };
  if (failure) throw failure;
}

function checkedNames(names: readonly string[], path: string): readonly string[] {
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, index) => trimmed.indexOf(name) !== index);
  if (trimmed.includes('')) throw new CommandFailed(`${path}: a column of its header has no name.`);
  if (twice !== undefined)
    throw new CommandFailed(`${path}: the column "${twice}" stands twice in its header.`);
  return trimmed;
}

function rowOf(
  cells: readonly string[],
  names: readonly string[],
  { text, line }: { readonly text: Buffer; readonly line: number },
): SourceRow {
  const row = { at: line, text: () => text.toString() };
  if (cells.length !== names.length) {
    const message = `has ${cells.length} cells, but the header has ${names.length}`;
    return { ...row, columns: undefined, problem: { field: '', code: 'format', message } };
  }
  const columns: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const [index, name] of names.entries()) {
    const cell = cells[index];
    if (cell !== undefined && cell !== '') columns[name] = cell;
  }
  return { ...row, columns };
}

function broken(error: unknown, path: string, lastLine: number): Error {
  if (!(error instanceof CsvError)) return error instanceof Error ? error : new Error(String(error));
  const unclosed = error.code === 'CSV_MAX_RECORD_SIZE' || error.code === 'CSV_QUOTE_NOT_CLOSED';
  const why = unclosed ? 'a quote is opened and not closed' : error.message;
  return new CommandFailed(`${path}: the row after line ${lastLine} cannot be read: ${why}.`);
}
