import { setImmediate } from 'node:timers/promises';
import { Fault } from '#domain';

/** What waits for a commit. */
export type Waiting = { readonly entries: number; readonly bytes: number };

/** A group made ready while the one before it was still on its way to the disk. */
export type PreparedGroup = {
  /** Resolves when the group is on disk, or cannot be written; never rejects. */
  write(): Promise<void>;
  /** Tells the callers what came of it, once the write has ended. */
  answer(): void;
};

export type GroupCommitOptions<Call extends Waiting> = {
  /** More than this, waiting or being written, is refused. */
  readonly maxWaitingBytes: number;
  readonly maxWaitingEntries: number;
  /** A group takes no further call beyond this many entries. */
  readonly maxGroupEntries: number;
  /** A group this large is made ready during the write before it; a smaller one waits, to become larger. */
  readonly overlapFromEntries: number;
  /** Never rejects: a group that cannot be written says so to its callers when it answers them. */
  readonly prepare: (calls: readonly Call[]) => Promise<PreparedGroup>;
};

/** A group on its way to the disk. */
type Writing = { readonly written: Promise<void>; readonly answer: () => void };

/**
 * Brings calls to the disk in groups, in the order they came: whatever arrives while a write is running goes
 * together in the next one. At most one write runs at a time. A group is answered when the next one is on its
 * way, so that the disk does not wait while callers are told and send more.
 */
export class GroupCommit<Call extends Waiting> {
  readonly #options: GroupCommitOptions<Call>;
  #queue: Call[] = [];
  #queuedEntries = 0;
  #heldEntries = 0;
  #heldBytes = 0;
  #running: Promise<void> | undefined;

  constructor(options: GroupCommitOptions<Call>) {
    this.#options = options;
  }

  /** Throws `LOG_OVERLOADED` when too much waits; a call alone is always taken, whatever its size. */
  submit(call: Call): void {
    const { maxWaitingBytes, maxWaitingEntries } = this.#options;
    const entries = this.#heldEntries + call.entries;
    const bytes = this.#heldBytes + call.bytes;
    if (this.#heldEntries > 0 && (entries > maxWaitingEntries || bytes > maxWaitingBytes)) {
      throw new Fault('LOG_OVERLOADED', undefined, {
        details: { waitingEntries: this.#heldEntries, waitingBytes: this.#heldBytes },
      });
    }
    this.#heldEntries = entries;
    this.#heldBytes = bytes;
    this.#queuedEntries += call.entries;
    this.#queue.push(call);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    let writing: Writing | undefined;
    while (this.#queue.length > 0 || writing) {
      // One turn of the event loop, so that calls that came in together go together.
      if (this.#queue.length > 0) await setImmediate();
      if (this.#queuedEntries < this.#options.overlapFromEntries) await writing?.written;
      const next = this.#queue.length > 0 ? await this.#prepareNext() : undefined;
      await writing?.written;
      const started = next?.();
      writing?.answer();
      writing = started;
    }
    this.#running = undefined;
  }

  async #prepareNext(): Promise<() => Writing> {
    const calls = this.#take();
    const prepared = await this.#options.prepare(calls);
    const answer = (): void => {
      this.#release(calls);
      prepared.answer();
    };
    return () => ({ written: prepared.write(), answer });
  }

  #take(): readonly Call[] {
    let entries = 0;
    let count = 0;
    for (const call of this.#queue) {
      if (count > 0 && entries >= this.#options.maxGroupEntries) break;
      entries += call.entries;
      count += 1;
    }
    this.#queuedEntries -= entries;
    return this.#queue.splice(0, count);
  }

  #release(calls: readonly Call[]): void {
    for (const { entries, bytes } of calls) {
      this.#heldEntries -= entries;
      this.#heldBytes -= bytes;
    }
  }
}
