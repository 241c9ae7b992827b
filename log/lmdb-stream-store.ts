import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { Fault } from '#domain';
import { announcedWrites } from './announced-writes.ts';
import { commitAll } from './commit.ts';
import type {
  ExpectedRevision,
  NewStreamEvent,
  StreamAppendResult,
  StreamEvent,
  StreamStore,
} from './stream-store.ts';

export type LmdbStreamStoreOptions = {
  readonly dataDir: string;
  /** Gives `recordedAtMs`. @default the system clock */
  readonly clock?: () => number;
  /** Its directory in `dataDir`; what many streams are kept in that nobody follows has one of its own. @default 'streams' */
  readonly name?: string;
};

/** An event as it is kept; bigints as decimal text. */
type StoredEvent = Omit<StreamEvent, 'revision' | 'position'> & {
  readonly revision: number;
  readonly position: number;
};

type Answer = { readonly revision: number; readonly position: number };

const PAGE_EVENTS = 256;

const announced = announcedWrites('log');

/** Opens the embedded control plane in `dataDir`, in an LMDB environment of its own. */
export async function openLmdbStreamStore(options: LmdbStreamStoreOptions): Promise<StreamStore> {
  return new LmdbStreamStore(join(options.dataDir, options.name ?? 'streams'), options.clock ?? Date.now);
}

class LmdbStreamStore implements StreamStore {
  readonly #clock: () => number;
  readonly #env: RootDatabase;
  /** Position → event. Positions begin at 1, so that 0 can mean "before the first". */
  readonly #events: Database<StoredEvent, number>;
  /** [stream, revision] → position. */
  readonly #streams: Database<number, [string, number]>;
  /** [stream, id of the first event of an append] → what was answered. */
  readonly #answers: Database<Answer, [string, string]>;
  #last: number;
  #appending: Promise<unknown> = Promise.resolve();
  #grown = Promise.withResolvers<undefined>();
  #closed = false;

  constructor(path: string, clock: () => number) {
    mkdirSync(path, { recursive: true });
    this.#clock = clock;
    this.#env = open(path, { noSubdir: false, overlappingSync: false, maxDbs: 4 });
    this.#events = this.#env.openDB({ name: 'events', encoding: 'json' });
    this.#streams = this.#env.openDB({ name: 'streams', encoding: 'json' });
    this.#answers = this.#env.openDB({ name: 'answers', encoding: 'json' });
    this.#last = lastKey(this.#events) ?? 0;
  }

  async append(
    stream: string,
    events: readonly NewStreamEvent[],
    expected: ExpectedRevision,
  ): Promise<StreamAppendResult> {
    this.#checkOpen();
    const appending = this.#appending.then(() => this.#append(stream, events, expected));
    this.#appending = appending.catch(() => undefined);
    return appending;
  }

  async *read(stream: string, from = 0n, signal?: AbortSignal): AsyncIterable<StreamEvent> {
    let next = Number(from);
    for (;;) {
      this.#checkOpen();
      const range = this.#streams.getRange({
        start: [stream, next],
        end: [stream, Infinity],
        limit: PAGE_EVENTS,
      });
      const page = [...range].map(({ value }) => this.#eventAt(value));
      for (const event of page) {
        if (signal?.aborted) return;
        yield event;
      }
      if (page.length < PAGE_EVENTS) return;
      next += page.length;
    }
  }

  async last(stream: string): Promise<bigint | 'no_stream'> {
    this.#checkOpen();
    const last = this.#lastRevision(stream);
    return last < 0 ? 'no_stream' : BigInt(last);
  }

  async *follow(after: bigint | undefined, signal: AbortSignal): AsyncIterable<StreamEvent | 'caught_up'> {
    let at = Number(after ?? 0n);
    let told = -1;
    const aborted = Promise.withResolvers<undefined>();
    const stop = (): void => {
      aborted.resolve(undefined);
    };
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted && !this.#closed) {
        const grown = this.#grown.promise;
        const upTo = Math.min(this.#last, at + PAGE_EVENTS);
        while (at < upTo && !isAborted(signal)) {
          yield this.#eventAt(at + 1);
          at += 1;
        }
        if (at < this.#last || isAborted(signal)) continue;
        if (told !== at) {
          told = at;
          yield 'caught_up';
        } else {
          await Promise.race([grown, aborted.promise]);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#appending;
    this.#grown.resolve(undefined);
    await this.#env.close();
  }

  async #append(
    stream: string,
    events: readonly NewStreamEvent[],
    expected: ExpectedRevision,
  ): Promise<StreamAppendResult> {
    const first = events[0];
    const before = first && this.#answers.get([stream, first.id]);
    if (before) return { ok: true, revision: BigInt(before.revision), position: BigInt(before.position) };
    const actual = this.#lastRevision(stream);
    if (!isExpected(expected, actual)) {
      return { ok: false, reason: 'revision_conflict', actual: actual < 0 ? 'no_stream' : BigInt(actual) };
    }
    const recordedAtMs = this.#clock();
    const answer = { revision: actual + events.length, position: this.#last + events.length };
    await announced({ what: 'stream', stream, type: first?.type }, () =>
      commitAll(this.#env, () => {
        events.forEach((event, i) => {
          const revision = actual + 1 + i;
          const position = this.#last + 1 + i;
          void this.#events.put(position, { ...event, stream, revision, position, recordedAtMs });
          void this.#streams.put([stream, revision], position);
        });
        if (first) void this.#answers.put([stream, first.id], answer);
      }),
    );
    this.#last = answer.position;
    const { resolve } = this.#grown;
    this.#grown = Promise.withResolvers();
    resolve(undefined);
    return { ok: true, revision: BigInt(answer.revision), position: BigInt(answer.position) };
  }

  /** -1 when there is no such stream. */
  #lastRevision(stream: string): number {
    const range = { start: [stream, Infinity], end: [stream, -1], reverse: true, limit: 1 } as const;
    for (const key of this.#streams.getKeys({ ...range, start: [stream, Infinity], end: [stream, -1] })) {
      return key[1];
    }
    return -1;
  }

  #eventAt(position: number): StreamEvent {
    this.#checkOpen();
    const stored = this.#events.get(position);
    if (!stored) throw new Fault('LOG_CORRUPT', `No event stands at position ${position}.`);
    return { ...stored, revision: BigInt(stored.revision), position: BigInt(stored.position) };
  }

  #checkOpen(): void {
    if (this.#closed) throw new Fault('LOG_CLOSED');
  }
}

function lastKey(database: Database<unknown, number>): number | undefined {
  for (const key of database.getKeys({ reverse: true, limit: 1 })) return key;
  return undefined;
}

function isExpected(expected: ExpectedRevision, actual: number): boolean {
  if (expected === 'any') return true;
  if (expected === 'no_stream') return actual < 0;
  return BigInt(actual) === expected;
}

/** Read afresh: the signal may have changed across a yield, which the type checker does not expect. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
