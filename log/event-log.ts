import type { Position, PositionVector, TenantId } from '#domain';

/** The two logs of a tenant: its events, and the inputs kept out of it. */
export type LogChannel = 'events' | 'dead_letters';

/** Names one log. On Kafka `user-behaviors-{tenant}` and `user-behaviors-{tenant}-dlq`. */
export type LogName = { readonly tenant: TenantId; readonly channel: LogChannel };

/** What stands beside the value of a record, readable without parsing it. */
export type RecordHeaders = {
  /** The identity of the event; empty for a dead letter whose input had none. */
  readonly eventId: string;
  /** Hash of the sender's members in canonical form: 16 bytes. */
  readonly contentHash: Uint8Array;
  /** Who validated it and how it came: `http`, `import`, … */
  readonly source: string;
  readonly schema: string;
  readonly schemaVersion: number;
  /** Epoch ms at which the ingress received it. */
  readonly receivedAtMs: number;
  /** Epoch ms at which it happened; duplicates are counted per hour of it. */
  readonly timestampMs: number;
  readonly valid: boolean;
};

/** An event that asks to be kept. Its partition follows from `key`. */
export type NewRecord = {
  /** UTF-8 bytes of user, device or session id. */
  readonly key: Uint8Array;
  readonly headers: RecordHeaders;
  /** One JSON line without the line feed. */
  readonly value: Uint8Array;
  /** The bytes as sent, where normalisation changed more than the server's own stamps. */
  readonly sent?: Uint8Array;
};

/** An event that stands in the log. */
export type LogRecord = NewRecord & { readonly partition: number; readonly offset: bigint };

/** Consecutive records of one partition, in offset order, never empty. */
export type RecordBatch = { readonly partition: number; readonly records: readonly LogRecord[] };

/**
 * What became of one entry. `exact` says whether the answer is final for the life of the log (embedded) or
 * provisional, because the log itself may hold copies (Kafka).
 */
export type AppendOutcome =
  | { readonly outcome: 'accepted'; readonly position: Position }
  | { readonly outcome: 'duplicate'; readonly position: Position }
  | { readonly outcome: 'conflict'; readonly position: Position };

/** `[from, to)` of one partition; without `to` up to the high-water mark at the time of the call. */
export type OffsetRange = { readonly partition: number; readonly from: bigint; readonly to?: bigint };

export type LogBounds = {
  /** UUID fixed when the log was created; a checkpoint names it. */
  readonly identity: string;
  /** First offset still in the log, per partition. */
  readonly first: PositionVector;
  /** The high-water mark: next offset, per partition. Everything below is durable and readable. */
  readonly next: PositionVector;
};

/** Duplicates and conflicts turned away, per hour of the event's own time. */
export type TurnedAway = {
  /** Start of the hour, epoch ms. */
  readonly hourMs: number;
  readonly duplicates: number;
  readonly conflicts: number;
};

/**
 * Keeps events in the order they were appended, per tenant and partition, and never changes or loses one.
 *
 * Implement it for a new storage: `event-log.contract.ts` is the definition of correct.
 * Deliver in offset order and wait to be asked; a slow reader must slow the reading, not fill the memory.
 * Batching, retries and checkpoints are not your job.
 */
export interface EventLog extends AsyncDisposable {
  /**
   * Creates both logs of a tenant with a fixed number of partitions (dead letters: one). Creating one that
   * exists changes nothing and answers its bounds.
   */
  create(tenant: TenantId, options: { readonly partitions: number }): Promise<LogBounds>;

  /**
   * Resolves when every entry is durable. One outcome per entry, in order; calls keep their order too.
   * In `events` an event id that stands there already is not appended again: with the same content hash
   * it is a duplicate, with another a conflict, both answered with the first position, also within one
   * call. Dead letters are always appended.
   *
   * Throws `TENANT_UNKNOWN`, `LOG_OVERLOADED` (nothing of the call was kept), `LOG_CLOSED`.
   */
  append(log: LogName, entries: readonly NewRecord[]): Promise<readonly AppendOutcome[]>;

  /**
   * Reads a range in offset order, in batches of the adapter's choosing (at most a few thousand records).
   * Throws `LOG_GAP` when the range begins before the first offset, `LOG_CORRUPT` when bytes do not match
   * their digest.
   */
  read(log: LogName, range: OffsetRange, signal?: AbortSignal): AsyncIterable<RecordBatch>;

  /** Throws `TENANT_UNKNOWN`. */
  bounds(log: LogName): Promise<LogBounds>;

  /** Where an event id first stands, or undefined when it does not, by the first-seen index. */
  find(tenant: TenantId, eventId: string): Promise<Position | undefined>;

  /** Duplicates and conflicts of hours in `[fromMs, toMs)`, hours without any left out. */
  turnedAway(
    tenant: TenantId,
    range: { readonly fromMs: number; readonly toMs: number },
  ): Promise<TurnedAway[]>;

  /** Calls the listener after every commit that moved a high-water mark, until the result is disposed. */
  onCommit(listener: (log: LogName) => void): Disposable;
}

/** What a projector needs of a log: to read it, to know where it ends, and to be told when it moves. */
export type EventLogReader = Pick<EventLog, 'read' | 'bounds' | 'onCommit'>;
