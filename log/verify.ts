import { Fault } from '#domain';
import { digestOf, genesisDigest, openBlock, readBlockHeader } from './block.ts';
import type { BlockHeader } from './block.ts';
import type { EventLog, LogName } from './event-log.ts';
import { FrameReader } from './frame.ts';

/** The blocks of one partition as they are stored, and where they should end. */
export type BlockChain = {
  readonly identity: string;
  /** The high-water mark and the digest of the last block, kept apart from the blocks. */
  readonly next: number;
  readonly digest: Uint8Array;
  /** In offset order, from the first. */
  readonly blocks: AsyncIterable<Buffer>;
};

/** A log that can show its stored blocks. */
export interface BlockSource {
  /** The chain of one partition up to the high-water mark at the time of the call. */
  chain(log: LogName, partition: number): BlockChain;
}

/** Why a block is not what was written: `missing` is a gap, `truncated` an end before the high-water mark. */
export type LogDifference = 'digest' | 'chain' | 'missing' | 'truncated' | 'records';

/** Whether every block is what was written, or the first that is not. */
export type LogVerdict =
  | { readonly ok: true; readonly blocks: number; readonly records: bigint }
  | {
      readonly ok: false;
      readonly reason: LogDifference;
      readonly partition: number;
      /** First offset of the first block that differs. */
      readonly firstOffset: bigint;
      readonly message: string;
    };

/**
 * Follows the digest chain of every partition and names the first block that differs from what was written.
 * Reads the whole log once.
 */
export async function verifyLog(log: EventLog & BlockSource, name: LogName): Promise<LogVerdict> {
  const { next } = await log.bounds(name);
  let blocks = 0;
  let records = 0n;
  for (let partition = 0; partition < next.length; partition++) {
    const verdict = await verifyChain(log.chain(name, partition), partition);
    if (!verdict.ok) return verdict;
    blocks += verdict.blocks;
    records += verdict.records;
  }
  return { ok: true, blocks, records };
}

/** Follows one partition's chain. */
export async function verifyChain(chain: BlockChain, partition: number): Promise<LogVerdict> {
  let previous: Uint8Array = genesisDigest(chain.identity, partition);
  let expected = 0;
  let blocks = 0;
  const differs = (reason: LogDifference, message: string): LogVerdict => {
    return { ok: false, reason, partition, firstOffset: BigInt(expected), message };
  };
  for await (const bytes of chain.blocks) {
    const found = blockDifference(bytes, expected, previous);
    if (found) return differs(found.reason, found.message);
    const header = readBlockHeader(bytes);
    previous = Buffer.from(header.digest);
    expected = header.firstOffset + header.count;
    blocks += 1;
  }
  if (expected !== chain.next) {
    return differs('truncated', `The blocks end at offset ${expected}, the log at ${chain.next}.`);
  }
  if (chain.next > 0 && Buffer.compare(previous, chain.digest) !== 0) {
    return differs('chain', 'The last block is not the one that was written last.');
  }
  return { ok: true, blocks, records: BigInt(expected) };
}

function blockDifference(
  bytes: Buffer,
  expected: number,
  previous: Uint8Array,
): { readonly reason: LogDifference; readonly message: string } | undefined {
  let header: BlockHeader;
  try {
    header = readBlockHeader(bytes);
  } catch (error) {
    return { reason: 'digest', message: error instanceof Error ? error.message : String(error) };
  }
  if (!digestOf(bytes).equals(header.digest)) {
    return { reason: 'digest', message: 'The block does not match its own digest.' };
  }
  if (header.firstOffset !== expected) {
    return { reason: 'missing', message: `The next block begins at offset ${header.firstOffset}.` };
  }
  if (Buffer.compare(header.previous, previous) !== 0) {
    return { reason: 'chain', message: 'The block does not follow the one before it.' };
  }
  return recordsDifference(bytes, header);
}

function recordsDifference(
  bytes: Buffer,
  header: BlockHeader,
): { readonly reason: LogDifference; readonly message: string } | undefined {
  try {
    const frames = new FrameReader(openBlock(bytes).body);
    let count = 0;
    for (; !frames.done; count++) frames.record(0, BigInt(header.firstOffset + count));
    if (count === header.count) return undefined;
    return { reason: 'records', message: `The block holds ${count} records instead of ${header.count}.` };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { reason: 'records', message: error.message };
  }
}
