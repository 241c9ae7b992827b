import type { LogName, OffsetRange } from './event-log.ts';

/** When consecutive records of one partition happened, epoch ms, in offset order, never empty. */
export type TimesBatch = {
  readonly partition: number;
  /** Offset of the first. */
  readonly from: bigint;
  readonly timesMs: readonly number[];
};

/**
 * Tells when records happened, from what stands beside their values: nothing of a record is copied or parsed.
 *
 * Implement it for a new storage: `record-times.contract.ts` is the definition of correct.
 */
export interface RecordTimes {
  /** The event times of a range, as `EventLog.read` would give them. Throws what that throws. */
  readTimes(log: LogName, range: OffsetRange, signal?: AbortSignal): AsyncIterable<TimesBatch>;
}
