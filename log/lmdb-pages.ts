import { setImmediate } from 'node:timers/promises';
import { Fault } from '#domain';
import { openBlock } from './block.ts';
import type { LogRecord, RecordBatch } from './event-log.ts';
import type { ReplayedId } from './first-seen-index.ts';
import { FrameReader } from './frame.ts';
import type { LmdbBlocks, StoredBlock, StoredLog } from './lmdb-blocks.ts';
import type { TimesBatch } from './record-times.ts';

/** Small blocks are handed out together until there are this many records. */
const PAGE_RECORDS = 1024;
const PAGE_BYTES = 2 * 1024 * 1024;

/** One page of records, read and decoded without a pause, so no read transaction outlives it. */
export function readPage(
  blocks: LmdbBlocks,
  log: StoredLog,
  range: { readonly partition: number; readonly from: number; readonly to: number },
): LogRecord[] {
  return readFrames(blocks, log, range, (frames, offset) => frames.record(range.partition, BigInt(offset)));
}

/** What is taken of each record of one page. */
function readFrames<Taken>(
  blocks: LmdbBlocks,
  log: StoredLog,
  range: { readonly partition: number; readonly from: number; readonly to: number },
  take: (frames: FrameReader, offset: number) => Taken,
): Taken[] {
  const { partition, to } = range;
  const taken: Taken[] = [];
  let bytesRead = 0;
  for (let at = range.from; at < to && taken.length < PAGE_RECORDS && bytesRead < PAGE_BYTES;) {
    const bytes = blocks.blockFrom(log.no, partition, at) ?? blocks.blockBefore(log.no, partition, at);
    const details = { tenant: log.tenant, channel: log.channel, partition, offset: BigInt(at) };
    if (!bytes) throw new Fault('LOG_CORRUPT', `No block holds offset ${at}.`, { details });
    try {
      const { header, body } = openBlock(bytes);
      const end = header.firstOffset + header.count;
      if (end <= at) throw new Fault('LOG_CORRUPT', `No block holds offset ${at}.`);
      const frames = new FrameReader(body);
      for (let offset = header.firstOffset; offset < at; offset++) frames.skip();
      for (; at < end && at < to; at++) taken.push(take(frames, at));
      bytesRead += body.length;
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      throw new Fault(cause.code, cause.message, { details: { ...cause.details, ...details }, cause });
    }
  }
  return taken;
}

/** A range, and how reading it is broken off. */
export type PagesRange = {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly check: () => void;
  readonly signal: AbortSignal | undefined;
};

/** A range page by page. Calls `check` before each, so that a log that has been closed is not read on. */
export async function* readPages(
  blocks: LmdbBlocks,
  log: StoredLog,
  range: PagesRange,
): AsyncIterable<RecordBatch> {
  let at = range.from;
  while (at < range.to && !range.signal?.aborted) {
    range.check();
    const records = readPage(blocks, log, { ...range, from: at });
    at += records.length;
    yield { partition: range.partition, records };
    // The page was read without waiting; without this turn a fast reader would stop everybody else.
    await setImmediate();
  }
}

/** The blocks of a partition up to an offset as they are stored, whatever they hold. */
export async function* readStored(
  blocks: LmdbBlocks,
  log: number,
  partition: number,
  end: number,
): AsyncIterable<StoredBlock> {
  for (let at = 0; at < end;) {
    const stored = blocks.storedAfter(log, partition, at);
    if (!stored || stored.firstOffset >= end) return;
    yield stored;
    at = stored.firstOffset + 1;
    await setImmediate();
  }
}

/** The event times of a range, in the way of {@link readPages}. */
export async function* readTimePages(
  blocks: LmdbBlocks,
  log: StoredLog,
  range: PagesRange,
): AsyncIterable<TimesBatch> {
  const { partition, to, check, signal } = range;
  let at = range.from;
  while (at < to && !signal?.aborted) {
    check();
    const timesMs = readFrames(blocks, log, { partition, from: at, to }, (frames) => frames.time());
    yield { partition, from: BigInt(at), timesMs };
    at += timesMs.length;
    await setImmediate();
  }
}

/** The ids of a partition from an offset on, block by block. */
export function* readIds(
  blocks: LmdbBlocks,
  log: StoredLog,
  range: { readonly partition: number; readonly from: number; readonly to: number },
): Iterable<readonly ReplayedId[]> {
  const { partition, to } = range;
  for (let at = range.from; at < to;) {
    let ids: readonly ReplayedId[];
    try {
      ids = idsOfBlock(blocks.blockBefore(log.no, partition, at), partition, at);
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      // Whoever starts the process reads nothing else than this sentence.
      const where = `In partition ${partition} of the log of ${log.tenant}, offset ${at}: ${cause.message}`;
      const details = { tenant: log.tenant, channel: log.channel, partition, offset: BigInt(at) };
      throw new Fault(cause.code, where, { details: { ...cause.details, ...details }, cause });
    }
    at += ids.length;
    yield ids;
  }
}

/** The ids of a block from an offset on, which must lie in it. */
function idsOfBlock(bytes: Buffer | undefined, partition: number, at: number): readonly ReplayedId[] {
  if (!bytes) throw new Fault('LOG_CORRUPT', `No block holds offset ${at}.`);
  const { header, body } = openBlock(bytes);
  if (header.firstOffset + header.count <= at) throw new Fault('LOG_CORRUPT', `No block holds offset ${at}.`);
  const frames = new FrameReader(body);
  const ids: ReplayedId[] = [];
  for (let offset = header.firstOffset; !frames.done; offset++) {
    const { eventId, contentHash } = frames.identity();
    if (offset >= at) ids.push({ id: eventId, seen: { partition, offset, contentHash } });
  }
  return ids;
}
