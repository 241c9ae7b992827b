import { CsvError, Parser } from 'csv-parse';
import { pipeline } from 'node:stream';
import type { Json } from '#domain';
import { readFileBytes } from './import-bytes.ts';
import { CommandFailed } from './output.ts';
import type { SourceRow, SourceRows } from './import-source.ts';

export type CsvOptions = {
  /** One character or more. @default a comma; in a file named .tsv a tab */
  readonly delimiter?: string;
  /** Names of the columns of a file without a header row. @default the first row */
  readonly columns?: readonly string[];
};

type Parsed = { readonly record: string[]; readonly raw: string; readonly info: { readonly lines: number } };

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
  const parser = new Parser({
    bom: true,
    delimiter: options.delimiter ?? (/\.tsv(\.gz)?$/i.test(path) ? '\t' : ','),
    info: true,
    raw: true,
    relax_column_count: true,
    skip_empty_lines: true,
    relax_quotes: true,
    max_record_size: MAX_ROW_BYTES,
  });
  pipeline(stream, parser, () => undefined);
  let names = options.columns && checkedNames(options.columns, path);
  let rows: SourceRow[] = [];
  let lastLine = 0;
  try {
    for await (const parsed of parser as AsyncIterable<Parsed>) {
      lastLine = parsed.info.lines;
      if (names) rows.push(rowOf(parsed, names));
      else names = checkedNames(parsed.record, path);
      if (rows.length >= ROWS) {
        yield { rows, share: share() };
        rows = [];
      }
    }
  } catch (error) {
    throw broken(error, path, lastLine);
  }
  yield { rows, share: 1 };
}

function checkedNames(names: readonly string[], path: string): readonly string[] {
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, index) => trimmed.indexOf(name) !== index);
  if (twice !== undefined) throw new CommandFailed(`${path}: the column "${twice}" stands twice in its header.`);
  if (trimmed.includes('')) throw new CommandFailed(`${path}: a column of its header has no name.`);
  return trimmed;
}

function rowOf({ record, raw, info }: Parsed, names: readonly string[]): SourceRow {
  const text = withoutLineEnd(raw);
  // The counter stands behind the row, which may span lines.
  const at = info.lines - text.split('\n').length + 1;
  if (record.length !== names.length) {
    const message = `has ${record.length} cells, but the header has ${names.length}`;
    return { at, text: () => text, columns: undefined, problem: { field: '', code: 'format', message } };
  }
  const columns: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const [index, name] of names.entries()) {
    const cell = record[index];
    if (cell !== undefined && cell !== '') columns[name] = cell;
  }
  return { at, text: () => text, columns };
}

function broken(error: unknown, path: string, lastLine: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const why =
    error.code === 'CSV_MAX_RECORD_SIZE' || error.code === 'CSV_QUOTE_NOT_CLOSED'
      ? 'a quote is opened and not closed'
      : error.message;
  return new CommandFailed(`${path}: the row after line ${lastLine} cannot be read: ${why}.`);
}

function withoutLineEnd(raw: string): string {
  return raw.replace(/^\uFEFF?[\r\n]*/, '').replace(/[\r\n]+$/, '');
}
