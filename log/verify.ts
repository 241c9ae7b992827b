import { Fault } from '#domain';
import type { Position } from '#domain';
import { digestApart, genesisDigest, readBlockHeader, unpackBody } from './block.ts';
import type { BlockHeader } from './block.ts';
import { findDamage } from './damage.ts';
import type { EventLog, LogName } from './event-log.ts';
import { FrameReader } from './frame.ts';

/** The blocks of one partition as they are stored, and where they should end. */
export type BlockChain = {
  readonly identity: string;
  /** Where the log ends by all that is known of it. */
  readonly end: number;
  /** The high-water mark and the digest of the last block, kept apart from the blocks. */
  readonly next: number;
  readonly digest: Uint8Array;
  /** Where a block is stored at or after `next`, if there is one. */
  readonly beyond: number | undefined;
  /** In the order in which they are stored, from the first, each with the offset under which it is. */
  readonly blocks: AsyncIterable<{ readonly firstOffset: number; readonly bytes: Buffer }>;
};

/** What a block says of itself. */
export type BlockAbout = {
  readonly firstOffset: bigint;
  readonly records: number;
  /** SHA-256 of the previous digest, the header and the stored body. */
  readonly digest: Uint8Array;
  readonly previous: Uint8Array;
};

/** A log that can show its stored blocks. */
export interface BlockSource {
  /** The chain of one partition up to the high-water mark at the time of the call. */
  chain(log: LogName, partition: number): BlockChain;
  /** The block that holds a record, as it says itself; undefined where there is no such record. */
  block(log: LogName, position: Position): BlockAbout | undefined;
}

/**
 * Why a block is not what was written: its bytes differ (`digest`), it does not follow the one before it
 * (`chain`), there is a gap (`missing`), it belongs elsewhere (`misplaced`), the blocks do not end where the log
 * does (`truncated`), or its records cannot be read although its bytes are right (`records`).
 */
export type LogDifference = 'digest' | 'chain' | 'missing' | 'misplaced' | 'truncated' | 'records';

/** Whether every block is what was written, or the first that is not. */
export type LogVerdict =
  | { readonly ok: true; readonly blocks: number; readonly records: bigint }
  | {
      readonly ok: false;
      readonly reason: LogDifference;
      readonly partition: number;
      /** First offset of the first block that differs. */
      readonly firstOffset: bigint;
      /** The first record that differs as far as it can be told, else the first of its block. */
      readonly offset: bigint;
      /** What `offset` names: this very record, or only the block that begins with it. */
      readonly names: 'record' | 'block';
      readonly message: string;
    };

/** How far a verification has come: everything before `offset` is what was written. */
export type ChainProgress = {
  readonly partition: number;
  readonly partitions: number;
  readonly offset: bigint;
  readonly next: bigint;
  readonly blocks: number;
  readonly records: bigint;
  /** Of the last block so far, in hex: kept elsewhere, it shows later that nothing before it was replaced. */
  readonly digest: string;
};

type Difference = Extract<LogVerdict, { ok: false }>;

/** Blocks between two words of progress. */
const PROGRESS_BLOCKS = 64;

/**
 * Follows the digest chain of every partition and names the first block that differs from what was written, and
 * the record in it where that can be told. Reads the whole log once, beside whoever writes to it.
 */
export async function verifyLog(log: EventLog & BlockSource, name: LogName): Promise<LogVerdict> {
  for await (const { verdict } of verification(log, name)) if (verdict) return verdict;
  throw new Fault('INTERNAL', 'A verification ended without a verdict.');
}

/** As {@link verifyLog}, telling how far it has come, at last the verdict. Ends early when the signal aborts. */
export async function* verification(
  log: EventLog & BlockSource,
  name: LogName,
  signal?: AbortSignal,
): AsyncIterable<
  | { readonly progress: ChainProgress; readonly verdict?: undefined }
  | { readonly progress?: undefined; readonly verdict: LogVerdict }
> {
  const { next } = await log.bounds(name);
  const partitions = next.length;
  let blocks = 0;
  let records = 0n;
  for (let partition = 0; partition < partitions; partition++) {
    const chain = log.chain(name, partition);
    const walk = new ChainWalk(chain, { name, partition, partitions });
    const told = (): ChainProgress => ({
      partition,
      partitions,
      offset: BigInt(walk.expected),
      next: BigInt(chain.next),
      blocks: blocks + walk.blocks,
      records: records + BigInt(walk.expected),
      digest: walk.previous.toString('hex'),
    });
    for await (const block of chain.blocks) {
      if (signal?.aborted) return;
      const difference = await walk.take(block);
      if (difference) {
        yield { verdict: difference };
        return;
      }
      if (walk.blocks % PROGRESS_BLOCKS === 0) yield { progress: told() };
    }
    const difference = await walk.end();
    if (difference) {
      yield { verdict: difference };
      return;
    }
    yield { progress: told() };
    blocks += walk.blocks;
    records += BigInt(walk.expected);
  }
  yield { verdict: { ok: true, blocks, records } };
}

type Stored = { readonly firstOffset: number; readonly bytes: Buffer };

/** One partition's chain, block after block. */
class ChainWalk {
  readonly #chain: BlockChain;
  readonly #about: { readonly name: LogName; readonly partition: number; readonly partitions: number };
  /** A block whose bytes do not match the digest they carry: the one after it says which of both was changed. */
  #doubtful: (Stored & { readonly digest: Buffer }) | undefined;
  previous: Buffer;
  expected = 0;
  blocks = 0;

  constructor(
    chain: BlockChain,
    about: { readonly name: LogName; readonly partition: number; readonly partitions: number },
  ) {
    this.#chain = chain;
    this.#about = about;
    this.previous = genesisDigest(chain.identity, about.partition);
  }

  /** The next block as it is stored; answers the first difference, perhaps one block late. */
  async take(stored: Stored): Promise<Difference | undefined> {
    if (this.#doubtful) return this.#judge(previousOf(stored.bytes));
    const { firstOffset, bytes } = stored;
    if (firstOffset > this.expected) {
      return this.#differs('missing', `The next block begins at offset ${firstOffset}.`);
    }
    const header = headerOf(bytes);
    const digest = await digestApart(bytes);
    if (!header?.digest.equals(digest)) {
      this.#doubtful = { firstOffset, bytes, digest };
      return undefined;
    }
    if (header.firstOffset !== this.expected) {
      return this.#differs(
        'misplaced',
        `A block stands there that was written for offset ${header.firstOffset}.`,
      );
    }
    if (!header.previous.equals(this.previous)) {
      return this.#differs('chain', 'The block does not follow the one before it.');
    }
    const unreadable = await whyUnreadable(bytes, header);
    if (unreadable) return this.#differs('records', unreadable);
    this.previous = Buffer.from(header.digest);
    this.expected = header.firstOffset + header.count;
    this.blocks += 1;
    return undefined;
  }

  /** After the last block. */
  async end(): Promise<Difference | undefined> {
    const { end, next, digest, beyond } = this.#chain;
    if (this.#doubtful) return this.#judge(Buffer.from(digest));
    if (this.expected !== next || end !== next) {
      const marks = end === next ? String(next) : `${next} by its mark and at ${end} by its writer`;
      return this.#differs('truncated', `The blocks end at offset ${this.expected}, the log at ${marks}.`);
    }
    if (beyond !== undefined) {
      return this.#differs('truncated', `A block stands at offset ${beyond}, beyond the end of the log.`);
    }
    if (next > 0 && !this.previous.equals(digest)) {
      return this.#differs('chain', 'The last block is not the one that was written last.');
    }
    return undefined;
  }

  /** The verdict on a block whose digest does not match, by what the next one says its digest was. */
  async #judge(followedBy: Buffer | undefined): Promise<Difference | undefined> {
    const block = this.#doubtful;
    if (!block) return undefined;
    if (followedBy?.equals(block.digest) === true) {
      return this.#differs(
        'digest',
        'The digest of the block was changed; its records are those that were written.',
      );
    }
    const damage = await findDamage(block.bytes, { ...this.#about, firstOffset: this.expected });
    if (!damage) return this.#differs('digest', 'The block does not match its own digest.');
    return { ...this.#differs('digest', damage.message), names: 'record', offset: BigInt(damage.offset) };
  }

  #differs(reason: LogDifference, message: string): Difference {
    const { partition } = this.#about;
    const firstOffset = BigInt(this.expected);
    return { ok: false, reason, partition, firstOffset, offset: firstOffset, names: 'block', message };
  }
}

function headerOf(bytes: Buffer): BlockHeader | undefined {
  try {
    return readBlockHeader(bytes);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return undefined;
  }
}

function previousOf(bytes: Buffer): Buffer | undefined {
  return headerOf(bytes)?.previous;
}

async function whyUnreadable(bytes: Buffer, header: BlockHeader): Promise<string | undefined> {
  try {
    const frames = new FrameReader(await unpackBody(bytes));
    let count = 0;
    for (; !frames.done; count++) frames.record(0, BigInt(header.firstOffset + count));
    return count === header.count
      ? undefined
      : `The block holds ${count} records instead of ${header.count}.`;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error.message;
  }
}
