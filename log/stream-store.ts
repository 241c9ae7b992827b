import type { JsonObject } from '#domain';

/** An event that asks to stand in a stream. `id` makes the append idempotent. */
export type NewStreamEvent = {
  /** UUID, given once by whoever decides; an append repeated with the same ids changes nothing. */
  readonly id: string;
  /** Past tense, e.g. `tenant_created`. */
  readonly type: string;
  readonly data: JsonObject;
  /** Who, when and why. */
  readonly metadata: JsonObject;
};

/** An event that stands in a stream. */
export type StreamEvent = NewStreamEvent & {
  readonly stream: string;
  /** 0 for the first event of its stream. */
  readonly revision: bigint;
  /** Place in the order over all streams; compare only for order. */
  readonly position: bigint;
  readonly recordedAtMs: number;
};

/** What the writer believes the stream's last revision to be. */
export type ExpectedRevision = bigint | 'no_stream' | 'any';

export type StreamAppendResult =
  | { readonly ok: true; readonly revision: bigint; readonly position: bigint }
  | { readonly ok: false; readonly reason: 'revision_conflict'; readonly actual: bigint | 'no_stream' };

/**
 * Keeps many small streams, each an ordered history with optimistic concurrency: the control plane.
 *
 * Implement it for a new storage: `stream-store.contract.ts` is the definition of correct.
 */
export interface StreamStore extends AsyncDisposable {
  /** Durable when resolved; all events or none. Repeated with the same first event id it answers as the first time. */
  append(
    stream: string,
    events: readonly NewStreamEvent[],
    expected: ExpectedRevision,
  ): Promise<StreamAppendResult>;

  /** One stream from a revision on, oldest first; a stream that does not exist is empty. */
  read(stream: string, from?: bigint, signal?: AbortSignal): AsyncIterable<StreamEvent>;

  /** The revision of the newest event of a stream. */
  last(stream: string): Promise<bigint | 'no_stream'>;

  /**
   * All streams in one order, from after a position (undefined: from the start): first what is there, then
   * what comes, until the signal aborts. Yields `'caught_up'` whenever it has reached the newest event.
   */
  follow(after: bigint | undefined, signal: AbortSignal): AsyncIterable<StreamEvent | 'caught_up'>;
}
