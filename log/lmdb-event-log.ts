import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Fault } from '#domain';
import type { Position, TenantId } from '#domain';
import { announcedWrites } from './announced-writes.ts';
import { readBlockHeader } from './block.ts';
import { lockDataDir } from './data-dir-lock.ts';
import type {
  AppendOutcome,
  EventLog,
  LogBounds,
  LogName,
  NewRecord,
  OffsetRange,
  RecordBatch,
  TurnedAway,
} from './event-log.ts';
import { FirstSeenIndex } from './first-seen-index.ts';
import { GroupCommit } from './group-commit.ts';
import { LmdbAppender } from './lmdb-appender.ts';
import type { AppendCall, LogState } from './lmdb-appender.ts';
import { LmdbBlocks } from './lmdb-blocks.ts';
import type { StoredLog } from './lmdb-blocks.ts';
import { readIds, readPages, readStored, readTimePages } from './lmdb-pages.ts';
import type { PagesRange } from './lmdb-pages.ts';
import type { RecordTimes, TimesBatch } from './record-times.ts';
import { HOUR_MS, hourOf } from './turned-away-counts.ts';
import type { BlockAbout, BlockChain, BlockSource } from './verify.ts';

export type LmdbEventLogOptions = {
  readonly dataDir: string;
  /** Makes log identities. @default a random UUID */
  readonly newId?: () => string;
  /** Bytes of entries that may wait for the disk before `LOG_OVERLOADED`. @default 64 MiB */
  readonly maxWaitingBytes?: number;
  /** Entries that may wait for the disk before `LOG_OVERLOADED`. @default 200,000 */
  readonly maxWaitingEntries?: number;
  /** Entries after which a commit takes no further call. @default 2,048 */
  readonly maxGroupEntries?: number;
  /** Bytes of ids that may wait for the index; appends wait beyond them. @default 64 MiB */
  readonly maxIndexTailBytes?: number;
  /** New ids between two snapshots of the filter, at least. @default 2,000,000 */
  readonly snapshotEveryIds?: number;
  /** Address space set aside at first; it grows by itself. @default 64 GiB */
  readonly mapBytes?: number;
};

const MIB = 1024 * 1024;
const DEFAULTS = {
  newId: randomUUID as () => string,
  maxWaitingBytes: 64 * MIB,
  maxWaitingEntries: 200_000,
  maxGroupEntries: 2048,
  maxIndexTailBytes: 64 * MIB,
  snapshotEveryIds: 2_000_000,
  mapBytes: 64 * 1024 * MIB,
};
const OVERLAP_FROM_ENTRIES = 512;
const CONTENT_HASH_BYTES = 16;
/** What an entry costs in memory beside its bytes. */
const ENTRY_OVERHEAD_BYTES = 256;

const announced = announcedWrites('log');

/**
 * Opens the embedded log in `dataDir`, which it holds for itself (`DATA_DIR_LOCKED`). Resolves when the
 * first-seen index has caught up, so that every answer is exact from the first call on.
 */
export async function openLmdbEventLog(
  options: LmdbEventLogOptions,
): Promise<EventLog & RecordTimes & BlockSource> {
  const settings = { ...DEFAULTS, ...options };
  const lock = await lockDataDir(settings.dataDir);
  let blocks: LmdbBlocks | undefined;
  try {
    const opened = new LmdbBlocks(settings.dataDir, settings.mapBytes);
    blocks = opened;
    const states = opened.logs().map((stored) => stateOf(opened, stored));
    const index = await openIndex(opened, states, settings);
    return new LmdbEventLog({ lock, blocks: opened, states, index, settings });
  } catch (error) {
    await blocks?.close();
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

class LmdbEventLog implements EventLog, RecordTimes, BlockSource {
  readonly #lock: AsyncDisposable;
  readonly #blocks: LmdbBlocks;
  readonly #index: FirstSeenIndex;
  readonly #settings: typeof DEFAULTS;
  readonly #logs = new Map<string, LogState>();
  readonly #listeners = new Set<(log: LogName) => void>();
  readonly #commits: GroupCommit<AppendCall>;
  #creating: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(parts: {
    readonly lock: AsyncDisposable;
    readonly blocks: LmdbBlocks;
    readonly states: readonly LogState[];
    readonly index: FirstSeenIndex;
    readonly settings: typeof DEFAULTS;
  }) {
    this.#lock = parts.lock;
    this.#blocks = parts.blocks;
    this.#index = parts.index;
    this.#settings = parts.settings;
    for (const state of parts.states) this.#logs.set(keyOf(state.name), state);
    const appender = new LmdbAppender({
      blocks: parts.blocks,
      index: parts.index,
      logs: () => this.#logs.values(),
      onCommit: (log) => {
        this.#committed(log);
      },
    });
    this.#commits = new GroupCommit({
      ...parts.settings,
      overlapFromEntries: OVERLAP_FROM_ENTRIES,
      prepare: (calls) => appender.prepare(calls),
    });
  }

  async create(tenant: TenantId, options: { readonly partitions: number }): Promise<LogBounds> {
    this.#checkOpen();
    const creating = this.#creating.then(async () => {
      const events = { tenant, channel: 'events' } as const;
      if (!this.#logs.has(keyOf(events))) await this.#createBoth(tenant, options.partitions);
      return this.bounds(events);
    });
    this.#creating = creating.catch(() => undefined);
    return creating;
  }

  async append(log: LogName, entries: readonly NewRecord[]): Promise<readonly AppendOutcome[]> {
    this.#checkOpen();
    const state = this.#stateOf(log);
    if (entries.length === 0) return [];
    let bytes = 0;
    for (const { key, value, sent, headers } of entries) {
      if (headers.contentHash.length !== CONTENT_HASH_BYTES) {
        throw new Fault('INTERNAL', `A content hash must have ${CONTENT_HASH_BYTES} bytes.`);
      }
      bytes += key.length + value.length + (sent?.length ?? 0) + ENTRY_OVERHEAD_BYTES;
    }
    return new Promise((resolve, reject) => {
      this.#commits.submit({ log: state, records: entries, entries: entries.length, bytes, resolve, reject });
    });
  }

  read(log: LogName, range: OffsetRange, signal?: AbortSignal): AsyncIterable<RecordBatch> {
    return readPages(this.#blocks, ...this.#pagesOf(log, range, signal));
  }

  readTimes(log: LogName, range: OffsetRange, signal?: AbortSignal): AsyncIterable<TimesBatch> {
    return readTimePages(this.#blocks, ...this.#pagesOf(log, range, signal));
  }

  async bounds(log: LogName): Promise<LogBounds> {
    this.#checkOpen();
    const { stored, partitions } = this.#stateOf(log);
    return {
      identity: stored.identity,
      first: partitions.map(() => 0n),
      next: partitions.map(({ durable }) => BigInt(durable.next)),
    };
  }

  async find(tenant: TenantId, eventId: string): Promise<Position | undefined> {
    this.#checkOpen();
    const state = this.#logs.get(keyOf({ tenant, channel: 'events' }));
    if (!state) return undefined;
    const { no } = state.stored;
    const id = eventId.toWellFormed();
    if (!this.#index.mayKnow(no, id)) return undefined;
    const seen = this.#index.recall(no, id) ?? (await this.#index.fetch([[no, id]]))[0];
    if (!seen) return undefined;
    const durable = state.partitions[seen.partition]?.durable.next ?? 0;
    return seen.offset < durable ? { partition: seen.partition, offset: BigInt(seen.offset) } : undefined;
  }

  async turnedAway(
    tenant: TenantId,
    range: { readonly fromMs: number; readonly toMs: number },
  ): Promise<TurnedAway[]> {
    this.#checkOpen();
    const state = this.#logs.get(keyOf({ tenant, channel: 'events' }));
    if (!state) return [];
    const [from, to] = [Math.ceil(range.fromMs / HOUR_MS), hourOf(range.toMs - 1) + 1];
    return this.#blocks.turnedAway(state.stored.no, from, to).map(({ hour, duplicates, conflicts }) => ({
      hourMs: hour * HOUR_MS,
      duplicates,
      conflicts,
    }));
  }

  onCommit(listener: (log: LogName) => void): Disposable {
    // A wrapper, so that one function given twice is called and disposed twice.
    const own = (log: LogName): void => {
      listener(log);
    };
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  chain(log: LogName, partition: number): BlockChain {
    this.#checkOpen();
    const { stored, partitions } = this.#stateOf(log);
    // Read in one turn, and so of one commit. What the writer remembers must not be more than what is stored.
    this.#blocks.renew();
    const { next, digest } = this.#blocks.head(stored, partition);
    const beyond = this.#blocks.storedAfter(stored.no, partition, next);
    const end = Math.max(next, partitions[partition]?.durable.next ?? 0);
    return {
      identity: stored.identity,
      end,
      next,
      digest,
      beyond: beyond?.firstOffset,
      blocks: readStored(this.#blocks, stored.no, partition, end),
    };
  }

  block(log: LogName, { partition, offset }: Position): BlockAbout | undefined {
    this.#checkOpen();
    const { stored, partitions } = this.#stateOf(log);
    if (offset >= BigInt(partitions[partition]?.durable.next ?? 0)) return undefined;
    const bytes = this.#blocks.blockBefore(stored.no, partition, Number(offset));
    if (!bytes) return undefined;
    const { firstOffset, count, digest, previous } = readBlockHeader(bytes);
    return { firstOffset: BigInt(firstOffset), records: count, digest, previous };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#creating;
    await this.#commits.idle();
    await this.#index[Symbol.asyncDispose]();
    await this.#blocks.close();
    await this.#lock[Symbol.asyncDispose]();
  }

  #pagesOf(log: LogName, range: OffsetRange, signal: AbortSignal | undefined): [StoredLog, PagesRange] {
    this.#checkOpen();
    const state = this.#stateOf(log);
    const head = state.partitions[range.partition]?.durable.next ?? 0;
    if (range.from < 0n) {
      throw new Fault('LOG_GAP', undefined, { details: { from: range.from, first: 0n } });
    }
    const { partition, from } = range;
    const to = range.to === undefined ? head : Math.min(head, Number(range.to));
    const check = (): void => {
      this.#checkOpen();
    };
    return [state.stored, { partition, from: Number(from), to, check, signal }];
  }

  async #createBoth(tenant: TenantId, partitions: number): Promise<void> {
    const logs = this.#blocks.logs();
    const made: StoredLog[] = (['events', 'dead_letters'] as const).map((channel, i) => ({
      no: logs.length + i,
      tenant,
      channel,
      identity: this.#settings.newId(),
      partitions: channel === 'events' ? partitions : 1,
    }));
    await announced({ what: 'logs', tenant }, () => this.#blocks.saveLogs([...logs, ...made]));
    for (const stored of made) {
      const state = stateOf(this.#blocks, stored);
      this.#logs.set(keyOf(state.name), state);
    }
  }

  #committed(log: LogName): void {
    for (const listener of this.#listeners) {
      // On a turn of its own: whoever listens must not be able to break the commit.
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(log);
      });
    }
  }

  #stateOf(log: LogName): LogState {
    const state = this.#logs.get(keyOf(log));
    if (!state) throw new Fault('TENANT_UNKNOWN', undefined, { details: { tenant: log.tenant } });
    return state;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Fault('LOG_CLOSED');
  }
}

function stateOf(blocks: LmdbBlocks, stored: StoredLog): LogState {
  const partitions = Array.from({ length: stored.partitions }, (_, partition) => {
    const head = blocks.head(stored, partition);
    return { planned: head, durable: head, open: undefined };
  });
  return { stored, name: { tenant: stored.tenant, channel: stored.channel }, partitions };
}

async function openIndex(
  blocks: LmdbBlocks,
  states: readonly LogState[],
  settings: typeof DEFAULTS & { readonly dataDir: string },
): Promise<FirstSeenIndex> {
  const events = states.filter(({ stored }) => stored.channel === 'events');
  const byNo = new Map(events.map((state) => [state.stored.no, state]));
  return FirstSeenIndex.open({
    directory: join(settings.dataDir, 'first-seen'),
    identity: await blocks.identity(settings.newId),
    heads: events.flatMap(({ stored, partitions }) =>
      partitions.map(({ durable }, partition) => [stored.no, partition, durable.next] as const),
    ),
    snapshotEveryIds: settings.snapshotEveryIds,
    maxTailBytes: settings.maxIndexTailBytes,
    replay: (log, partition, from) => {
      const state = byNo.get(log);
      const to = state?.partitions[partition]?.durable.next ?? 0;
      return state ? readIds(blocks, state.stored, { partition, from, to }) : [];
    },
  });
}

function keyOf({ tenant, channel }: LogName): string {
  return `${channel}/${tenant}`;
}
