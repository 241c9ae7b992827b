import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, FileMetaData, ParquetParsers } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Json } from '#domain';
import { CommandFailed } from './output.ts';
import type { SourceRow, SourceRows } from './import-source.ts';
import { bytesText, keepDecimals, parquetJson } from './import-parquet-values.ts';
import type { ParquetColumn } from './import-parquet-values.ts';

/** Rows are made from columns that many at a time. */
const ROWS = 2_000;

/** The values of one column in a stretch of rows `[start, end)`. */
type Stretch = { readonly start: number; readonly end: number; readonly values: ArrayLike<unknown> };

/**
 * Reads a Parquet file, holding one row group at a time. Nested columns become objects and lists; timestamps
 * epoch ms, finer digits cut off; dates, decimals and integers beyond 2^53 texts.
 */
export async function* readParquet(path: string): AsyncGenerator<SourceRows> {
  const handle = await open(path);
  try {
    const file = await bufferOf(handle);
    const metadata = await metadataOf(file, path);
    const decimals = keepDecimals(metadata);
    const columns = parquetSchema(metadata).children.map((tree) => ({ tree, decimals }));
    const total = Number(metadata.num_rows);
    let groupStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const groupEnd = groupStart + Number(num_rows);
      const stretches = await readGroup({ file, metadata, path }, groupStart, groupEnd);
      for (let start = groupStart; start < groupEnd; start += ROWS) {
        const end = Math.min(start + ROWS, groupEnd);
        yield { rows: rowsOf({ columns, stretches }, start, end), share: end / total };
      }
      groupStart = groupEnd;
    }
  } finally {
    await handle.close();
  }
}

async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = new ArrayBuffer(end - start);
      await handle.read(new Uint8Array(bytes), 0, end - start, start);
      return bytes;
    },
  };
}

async function metadataOf(file: AsyncBuffer, path: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file, { geoparquet: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readGroup(
  { file, metadata, path }: { file: AsyncBuffer; metadata: FileMetaData; path: string },
  rowStart: number,
  rowEnd: number,
): Promise<ReadonlyMap<string, readonly Stretch[]>> {
  const stretches = new Map<string, Stretch[]>();
  try {
    await parquetRead({
      file,
      metadata,
      rowStart,
      rowEnd,
      compressors,
      parsers: PARSERS,
      utf8: false,
      geoparquet: false,
      onChunk: ({ columnName, columnData, rowStart: start, rowEnd: end }) => {
        const known = stretches.get(columnName);
        const stretch = { start, end, values: columnData };
        if (known) known.push(stretch);
        else stretches.set(columnName, [stretch]);
      },
    });
  } catch (error) {
    throw unreadable(path, error);
  }
  return stretches;
}

function unreadable(path: string, error: unknown): CommandFailed {
  const why = error instanceof Error ? error.message : String(error);
  return new CommandFailed(`${path} cannot be read as Parquet: ${why}`);
}

function rowsOf(
  group: {
    readonly columns: readonly ParquetColumn[];
    readonly stretches: ReadonlyMap<string, readonly Stretch[]>;
  },
  start: number,
  end: number,
): SourceRow[] {
  const drafts = Array.from({ length: end - start }, () => Object.create(null) as Record<string, Json>);
  for (const column of group.columns) {
    const { name } = column.tree.element;
    for (const stretch of group.stretches.get(name) ?? []) {
      const last = Math.min(end, stretch.end);
      for (let row = Math.max(start, stretch.start); row < last; row++) {
        const draft = drafts[row - start];
        const value = parquetJson(column, stretch.values[row - stretch.start]);
        if (draft && value !== null) draft[name] = value;
      }
    }
  }
  return drafts.map((columns, index) => ({
    at: start + index + 1,
    text: () => JSON.stringify(columns),
    columns,
  }));
}

const DAY_MS = 86_400_000;

const PARSERS: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis: bigint) => millis,
  timestampFromMicroseconds: (micros: bigint) => floored(micros, 1_000n),
  timestampFromNanoseconds: (nanos: bigint) => floored(nanos, 1_000_000n),
  dateFromDays: (days: number) => new Date(days * DAY_MS).toISOString().slice(0, 10),
  stringFromBytes: bytesText,
  jsonFromBytes: bytesText,
};

/** The millisecond it lies in, also before 1970. */
function floored(value: bigint, unit: bigint): bigint {
  const cut = value / unit;
  return value < 0n && cut * unit !== value ? cut - 1n : cut;
}
