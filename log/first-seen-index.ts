import { Worker } from 'node:worker_threads';
import { Fault } from '#domain';
import type { FilterState, IndexReply, IndexRequest, IndexWorkerOptions } from './first-seen-messages.ts';
import { IdFilter } from './id-filter.ts';
import { entryBytes, parseSeen, TailSegment } from './tail-segment.ts';
import type { Seen } from './tail-segment.ts';

export type { Seen } from './tail-segment.ts';

/** An id and where it stands, as the log tells it when the index catches up. */
export type ReplayedId = { readonly id: string; readonly seen: Seen };

export type FirstSeenOptions = IndexWorkerOptions & {
  /** Bytes of ids that may wait to be written to disk. */
  readonly maxTailBytes: number;
  /** The ids of one partition from an offset on, in offset order, in batches. */
  readonly replay: (log: number, partition: number, from: number) => Iterable<readonly ReplayedId[]>;
};

type Waiting = {
  readonly resolve: (values: readonly (Uint8Array | undefined)[]) => void;
  readonly reject: (error: Error) => void;
};

/**
 * Knows for every event id of every log where it first stood. A cache of the log: what is not on disk yet is
 * held in memory and replayed from the log after a crash, so an answer is exact at any time.
 *
 * A filter answers "never seen" for almost every new id without touching anything else. Ids that are added
 * gather in segments of a few thousand; a worker writes each segment with its own checkpoint in one batch, after
 * the commit that holds them is durable.
 */
export class FirstSeenIndex implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #maxTailBytes: number;
  readonly #fetches = new Map<number, Waiting>();
  #filter = new IdFilter();
  #open = new TailSegment();
  /** Full segments, and how many ids had been added in all when each became full. */
  #sealed: { readonly segment: TailSegment; readonly addedUpTo: number }[] = [];
  #writing: TailSegment[] = [];
  #added = 0;
  #durableUpTo = 0;
  #lastRequest = 0;
  #tailBytes = 0;
  #room: PromiseWithResolvers<undefined> | undefined;
  #failure: Fault | undefined;
  readonly #opened = Promise.withResolvers<Extract<IndexReply, { type: 'opened' }>>();
  readonly #closed = Promise.withResolvers<undefined>();

  private constructor(options: FirstSeenOptions) {
    this.#maxTailBytes = options.maxTailBytes;
    const { directory, identity, heads, snapshotEveryIds } = options;
    const workerData: IndexWorkerOptions = { directory, identity, heads, snapshotEveryIds };
    this.#worker = new Worker(new URL('./first-seen-worker.ts', import.meta.url), { workerData });
    this.#worker.on('message', (reply: IndexReply) => {
      this.#take(reply);
    });
    this.#worker.on('error', (error: Error) => {
      this.#fail(error);
    });
    // A failure is told to whoever asks next; nobody may be waiting for these when it comes.
    this.#opened.promise.catch(() => undefined);
    this.#closed.promise.catch(() => undefined);
  }

  /** Resolves when every id of the logs is known. */
  static async open(options: FirstSeenOptions): Promise<FirstSeenIndex> {
    const index = new FirstSeenIndex(options);
    try {
      const opened = await index.#opened.promise;
      index.#filter = new IdFilter(opened.filter);
      await index.#catchUp(options, opened);
      return index;
    } catch (error) {
      await index.#worker.terminate();
      throw error;
    }
  }

  /** How many ids have been added since it was opened; a mark for {@link durable}. */
  get added(): number {
    return this.#added;
  }

  /** False when the id has certainly never been added. */
  mayKnow(log: number, id: string): boolean {
    return this.#filter.has(log, id);
  }

  /** The answer from memory, if the id is among those not yet written to disk. */
  recall(log: number, id: string): Seen | undefined {
    const inOpen = this.#open.get(log, id);
    if (inOpen) return inOpen;
    for (const { segment } of this.#sealed) {
      const seen = segment.get(log, id);
      if (seen) return seen;
    }
    for (const segment of this.#writing) {
      const seen = segment.get(log, id);
      if (seen) return seen;
    }
    return undefined;
  }

  /** The answers from disk, one per id, for ids that are not in memory. */
  async fetch(ids: readonly (readonly [log: number, id: string])[]): Promise<readonly (Seen | undefined)[]> {
    if (this.#failure) throw this.#failure;
    const request = ++this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<readonly (Uint8Array | undefined)[]>();
    this.#fetches.set(request, { resolve, reject });
    this.#send({ type: 'fetch', request, ids });
    const values = await promise;
    return values.map(
      (value) => value && parseSeen(Buffer.from(value.buffer, value.byteOffset, value.byteLength)),
    );
  }

  /**
   * Takes an id, unless it is among those in memory: then it answers where that stands. Ask {@link fetch}
   * before, for ids of which {@link mayKnow} is true.
   */
  addOrRecall(log: number, id: string, seen: Seen): Seen | undefined {
    if (this.#filter.add(log, id)) {
      const known = this.recall(log, id);
      if (known) return known;
    }
    this.#keep(log, id, seen);
    return undefined;
  }

  #keep(log: number, id: string, seen: Seen): void {
    const before = this.#open.length;
    if (!this.#open.add(log, id, seen)) {
      if (before > 0) this.#seal();
      this.#open = new TailSegment(entryBytes(id, seen));
      this.#open.add(log, id, seen);
      this.#tailBytes += this.#open.length;
    } else {
      this.#tailBytes += this.#open.length - before;
    }
    this.#added += 1;
  }

  /** Says that the first `added` ids stand on disk in the log, so that they may be written to the index. */
  durable(added: number): void {
    this.#durableUpTo = added;
    while (this.#sealed[0] && this.#sealed[0].addedUpTo <= added) {
      const { segment } = this.#sealed[0];
      this.#sealed.shift();
      this.#writing.push(segment);
      this.#send({
        type: 'write',
        entries: segment.shared,
        bytes: segment.length,
        filter: this.#filterState(),
      });
    }
  }

  /** Takes back ids of commits that failed. */
  forget(isGone: (log: number, seen: Seen) => boolean): void {
    for (const { segment } of this.#sealed) segment.forget(isGone);
    this.#open.forget(isGone);
  }

  /** Resolves when the ids waiting for the disk are few enough to take more. */
  async room(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#tailBytes < this.#maxTailBytes) return;
    // Also what is only gathering must be on its way, or nothing would ever make room.
    this.#seal();
    this.durable(this.#durableUpTo);
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure) {
      await this.#worker.terminate();
      return;
    }
    this.#seal();
    this.durable(this.#added);
    this.#send({ type: 'close', filter: this.#filterState() });
    await this.#closed.promise.catch(() => undefined);
    await this.#worker.terminate();
  }

  async #catchUp(options: FirstSeenOptions, opened: Extract<IndexReply, { type: 'opened' }>): Promise<void> {
    const indexed = new Map(
      opened.checkpoints.map(([log, partition, next]) => [`${log}/${partition}`, next]),
    );
    const filtered = new Map(
      opened.filterCheckpoints.map(([log, partition, next]) => [`${log}/${partition}`, next]),
    );
    for (const [log, partition] of options.heads) {
      const name = `${log}/${partition}`;
      const onDisk = indexed.get(name) ?? 0;
      for (const batch of options.replay(log, partition, filtered.get(name) ?? 0)) {
        for (const { id, seen } of batch) {
          if (seen.offset >= onDisk) this.addOrRecall(log, id, seen);
          else this.#filter.add(log, id);
        }
        this.durable(this.#added);
        await this.room();
      }
    }
  }

  #seal(): void {
    if (this.#open.length === 0) return;
    this.#sealed.push({ segment: this.#open, addedUpTo: this.#added });
    this.#open = new TailSegment();
  }

  #filterState(): FilterState {
    return { layers: this.#filter.layers, ids: this.#filter.ids };
  }

  #send(request: IndexRequest): void {
    this.#worker.postMessage(request);
  }

  #take(reply: IndexReply): void {
    switch (reply.type) {
      case 'opened':
        this.#opened.resolve(reply);
        return;
      case 'written':
        this.#written();
        return;
      case 'fetched':
        this.#fetches.get(reply.request)?.resolve(reply.values);
        this.#fetches.delete(reply.request);
        return;
      case 'closed':
        this.#closed.resolve(undefined);
        return;
      case 'failed':
        this.#fail(new Error(reply.message));
    }
  }

  #written(): void {
    this.#tailBytes -= this.#writing.shift()?.length ?? 0;
    if (this.#room && this.#tailBytes < this.#maxTailBytes) {
      this.#room.resolve(undefined);
      this.#room = undefined;
    }
  }

  #fail(cause: Error): void {
    this.#failure ??= new Fault('INTERNAL', 'The first-seen index has failed; reopen the log.', { cause });
    const failure = this.#failure;
    this.#opened.reject(failure);
    this.#closed.reject(failure);
    this.#room?.reject(failure);
    this.#room = undefined;
    for (const { reject } of this.#fetches.values()) reject(failure);
    this.#fetches.clear();
  }
}
