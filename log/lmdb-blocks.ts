import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import type { TenantId } from '#domain';
import type { LogChannel } from './event-log.ts';
import { genesisDigest } from './block.ts';
import { commitAll, hearingFailure } from './commit.ts';
import type { TurnedAwayRow } from './turned-away-counts.ts';

/** What is fixed when a log is created. `no` is its short name in keys. */
export type StoredLog = {
  readonly no: number;
  readonly tenant: TenantId;
  readonly channel: LogChannel;
  readonly identity: string;
  readonly partitions: number;
};

/** Where a partition ends: its next offset and the digest of its last block. */
export type PartitionHead = { readonly next: number; readonly digest: Buffer };

/** A block as it is stored, and the offset under which it is. */
export type StoredBlock = { readonly firstOffset: number; readonly bytes: Buffer };

/** Everything one commit writes. */
export type BlockCommit = {
  readonly blocks: readonly { readonly log: number; readonly partition: number; readonly bytes: Buffer }[];
  readonly heads: readonly {
    readonly log: number;
    readonly partition: number;
    readonly head: PartitionHead;
  }[];
  readonly turnedAway: readonly TurnedAwayRow[];
};

/** Reads the first offset of a block without depending on its other members. */
const FIRST_OFFSET_AT = 72;
/** Hours before 1970 sort before those after it. */
const HOUR_SHIFT = 2 ** 31;

/**
 * The rows of the embedded log in their LMDB environment. Keys are sequential per partition, and nothing with
 * random keys lives here: that costs a factor of 7 to 17.
 *
 * `overlappingSync` is off: a commit's promise then resolves after its pages and its meta page have been
 * synchronised, and what readers see is durable. Reads are synchronous, so no read transaction outlives them.
 */
export class LmdbBlocks {
  readonly #env: RootDatabase<unknown, Buffer>;
  readonly #meta: Database<unknown, string>;
  readonly #blocks: Database<Buffer, Buffer>;
  readonly #heads: Database<Buffer, Buffer>;
  readonly #turned: Database<Buffer, Buffer>;

  /** `readOnly` is for another thread, in which the log has been opened already. */
  constructor(dataDir: string, mapBytes: number, { readOnly = false } = {}) {
    const path = join(dataDir, 'log');
    if (!readOnly) mkdirSync(path, { recursive: true });
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const shape = { noSubdir: false, overlappingSync: false, maxDbs: 8, mapSize: mapBytes };
    this.#env = open(path, { ...shape, readOnly });
    this.#meta = this.#env.openDB({ name: 'meta', encoding: 'json' });
    this.#blocks = this.#env.openDB({ name: 'blocks', ...binary });
    this.#heads = this.#env.openDB({ name: 'heads', ...binary });
    this.#turned = this.#env.openDB({ name: 'turned_away', ...binary });
  }

  /** The identity of this directory's logs as a whole, made at the first call. */
  async identity(newId: () => string): Promise<string> {
    const known = this.#meta.get('identity');
    if (typeof known === 'string') return known;
    const made = newId();
    await hearingFailure(this.#env, () => this.#meta.put('identity', made));
    return made;
  }

  logs(): StoredLog[] {
    return (this.#meta.get('logs') as StoredLog[] | undefined) ?? [];
  }

  /** Keeps the list of logs; durable when resolved. */
  async saveLogs(logs: readonly StoredLog[]): Promise<void> {
    await hearingFailure(this.#env, () => this.#meta.put('logs', logs));
  }

  /** Lets the next reading see what other threads have committed meanwhile. */
  renew(): void {
    this.#env.resetReadTxn();
  }

  head(log: StoredLog, partition: number): PartitionHead {
    const row = this.#heads.getBinary(partitionKey(log.no, partition));
    if (!row) return { next: 0, digest: genesisDigest(log.identity, partition) };
    return { next: Number(row.readBigUInt64BE(0)), digest: Buffer.from(row.subarray(8, 40)) };
  }

  /** The block that begins at exactly this offset. */
  blockFrom(log: number, partition: number, firstOffset: number): Buffer | undefined {
    return this.#blocks.getBinary(blockKey(log, partition, firstOffset));
  }

  /** The last block that begins at or before this offset. */
  blockBefore(log: number, partition: number, offset: number): Buffer | undefined {
    return this.#first({
      start: blockKey(log, partition, offset),
      end: partitionKey(log, partition),
      reverse: true,
    });
  }

  /** The first block stored at or after this offset, with the offset under which it is stored. */
  storedAfter(log: number, partition: number, offset: number): StoredBlock | undefined {
    return this.#stored({
      start: blockKey(log, partition, offset),
      end: blockKey(log, partition, Number.MAX_SAFE_INTEGER),
    });
  }

  turnedAway(log: number, fromHour: number, toHour: number): TurnedAwayRow[] {
    const range = this.#turned.getRange({ start: hourKey(log, fromHour), end: hourKey(log, toHour) });
    return [...range].map(({ key, value }) => ({
      log,
      hour: key.readUInt32BE(4) - HOUR_SHIFT,
      duplicates: value.readDoubleLE(0),
      conflicts: value.readDoubleLE(8),
    }));
  }

  /** All of it in one transaction, on disk when resolved. */
  async write(commit: BlockCommit): Promise<void> {
    await commitAll(this.#env, () => {
      for (const { log, partition, bytes } of commit.blocks) {
        const firstOffset = Number(bytes.readBigUInt64LE(FIRST_OFFSET_AT));
        void this.#blocks.put(blockKey(log, partition, firstOffset), bytes);
      }
      for (const { log, partition, head } of commit.heads) {
        const row = Buffer.alloc(40);
        row.writeBigUInt64BE(BigInt(head.next), 0);
        row.set(head.digest, 8);
        void this.#heads.put(partitionKey(log, partition), row);
      }
      for (const { log, hour, duplicates, conflicts } of commit.turnedAway) {
        const row = Buffer.alloc(16);
        row.writeDoubleLE(duplicates, 0);
        row.writeDoubleLE(conflicts, 8);
        void this.#turned.put(hourKey(log, hour), row);
      }
    });
  }

  close(): Promise<void> {
    return this.#env.close();
  }

  #first(range: { start: Buffer; end: Buffer; reverse?: boolean }): Buffer | undefined {
    return this.#stored(range)?.bytes;
  }

  #stored(range: { start: Buffer; end: Buffer; reverse?: boolean }): StoredBlock | undefined {
    for (const { key, value } of this.#blocks.getRange({ ...range, limit: 1 })) {
      return { firstOffset: key.readUInt32BE(6) * 2 ** 32 + key.readUInt32BE(10), bytes: value };
    }
    return undefined;
  }
}

function partitionKey(log: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  key.writeUInt32BE(log, 0);
  key.writeUInt16BE(partition, 4);
  return key;
}

function blockKey(log: number, partition: number, firstOffset: number): Buffer {
  const key = Buffer.allocUnsafe(14);
  key.writeUInt32BE(log, 0);
  key.writeUInt16BE(partition, 4);
  key.writeUInt32BE(Math.floor(firstOffset / 2 ** 32), 6);
  key.writeUInt32BE(firstOffset % 2 ** 32, 10);
  return key;
}

function hourKey(log: number, hour: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(log, 0);
  key.writeUInt32BE(Math.min(Math.max(hour + HOUR_SHIFT, 0), 2 ** 32 - 1), 4);
  return key;
}
