import { comparePositions, formatPosition, isBefore } from '#domain';
import type { Position } from '#domain';
import type { EventLog, LogName, LogRecord, OffsetRange } from '#log';

/** Offsets `[from, to)` of one partition, of which perhaps only some are meant. */
export type RecordRange = Required<OffsetRange> & { readonly only?: ReadonlySet<bigint> };

/** Offsets so near to each other are read in one go. */
const NEAR = 256n;

/** The fewest ranges that hold the positions without much between them, in the order of the log. */
export function rangesOf(positions: readonly Position[]): readonly RecordRange[] {
  const ranges: { partition: number; from: bigint; to: bigint; only: Set<bigint> }[] = [];
  for (const { partition, offset } of [...positions].sort(comparePositions)) {
    const last = ranges.at(-1);
    if (last?.partition === partition && offset - last.to < NEAR) {
      last.to = offset + 1n;
      last.only.add(offset);
    } else {
      ranges.push({ partition, from: offset, to: offset + 1n, only: new Set([offset]) });
    }
  }
  return ranges;
}

/** Reads the records that ranges mean, in their order. Throws `LOG_GAP` where one begins before the log does. */
export async function* readRanges(
  log: Pick<EventLog, 'read'>,
  { name, ranges }: { readonly name: LogName; readonly ranges: readonly RecordRange[] },
  signal?: AbortSignal,
): AsyncIterable<readonly LogRecord[]> {
  for (const { only, ...range } of ranges) {
    for await (const { records } of log.read(name, range, signal)) {
      yield only ? records.filter(({ offset }) => only.has(offset)) : records;
    }
    // A reading that is stopped ends early: what it gave is not all.
    signal?.throwIfAborted();
  }
}

/** The records at some positions, in the order asked for; those that are not in the log are left out. */
export async function readAt(
  log: Pick<EventLog, 'read' | 'bounds'>,
  { name, positions }: { readonly name: LogName; readonly positions: readonly Position[] },
  signal?: AbortSignal,
): Promise<readonly LogRecord[]> {
  const { next } = await log.bounds(name);
  const ranges = rangesOf(positions.filter((position) => isBefore(position, next)));
  const found = new Map<string, LogRecord>();
  for await (const records of readRanges(log, { name, ranges }, signal)) {
    for (const record of records) found.set(formatPosition(record), record);
  }
  return positions.flatMap((position) => found.get(formatPosition(position)) ?? []);
}
