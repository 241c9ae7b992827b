import { Fault } from '#domain';
import type { StreamEvent, StreamStore } from './stream-store.ts';

/** Hands every event of the control plane to a fold, in their order, and knows how far it is. */
export class StreamFollower implements AsyncDisposable {
  readonly #streams: StreamStore;
  readonly #fold: (event: StreamEvent) => Promise<void> | void;
  readonly #stop = new AbortController();
  readonly #caughtUp = Promise.withResolvers<undefined>();
  readonly #following: Promise<void>;
  #moved = Promise.withResolvers<undefined>();
  #position = 0n;

  constructor(streams: StreamStore, fold: (event: StreamEvent) => Promise<void> | void) {
    this.#streams = streams;
    this.#fold = fold;
    this.#following = this.#follow();
    this.#following.catch((error: unknown) => {
      this.#end(error);
    });
    this.#moved.promise.catch(() => undefined);
  }

  /** Position of the newest event folded. */
  get position(): bigint {
    return this.#position;
  }

  /** Resolves when what stood in the streams at the beginning has been folded; disposes itself when that fails. */
  async untilCaughtUp(): Promise<void> {
    try {
      await this.#caughtUp.promise;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What `look` finds, now or after some further event; throws when no further event will be folded. */
  async until<Found>(look: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await this.#moved.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following.catch(() => undefined);
  }

  async #follow(): Promise<void> {
    for await (const event of this.#streams.follow(undefined, this.#stop.signal)) {
      if (event === 'caught_up') {
        this.#caughtUp.resolve(undefined);
        continue;
      }
      await this.#fold(event);
      this.#position = event.position;
      const { resolve } = this.#moved;
      this.#moved = Promise.withResolvers();
      this.#moved.promise.catch(() => undefined);
      resolve(undefined);
    }
    this.#end(new Fault('LOG_CLOSED'));
  }

  #end(error: unknown): void {
    this.#caughtUp.reject(error);
    this.#moved.reject(error);
  }
}
