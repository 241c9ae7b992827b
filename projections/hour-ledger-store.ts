import type { TenantId } from '#domain';

/** Whose records are counted. Counts of another log are worth nothing, so the log of the events is named. */
export type LedgerKey = { readonly tenant: TenantId; readonly logIdentity: string };

/** How many records of one day happened in each of its 24 hours of UTC. */
export type DayCounts = {
  /** Days since 1970 in UTC. */
  readonly day: number;
  readonly hours: readonly number[];
};

/** How far the counting has come. */
export type LedgerProgress = {
  /** Whole strides counted, per partition; one that is not named has none. */
  readonly strides: readonly number[];
  /** Next dead letter to be counted. */
  readonly letters: bigint;
};

/** Dead letters of one hour with one reason. */
export type LetterCount = {
  /** Hours since 1970: of receipt, or of the event itself when a projection could not take it. */
  readonly hour: number;
  readonly reason: string;
  readonly letters: number;
};

/** A record that the facts of a generation could not take, and when it happened, in hours since 1970. */
export type PoisonedRecord = {
  readonly generation: number;
  readonly partition: number;
  readonly offset: bigint;
  readonly hour: number;
};

/** Dead letters `[from, to)`, counted. */
export type LetterStep = {
  readonly from: bigint;
  readonly to: bigint;
  readonly counts: readonly LetterCount[];
  readonly poisoned: readonly PoisonedRecord[];
};

/**
 * Records of one partition that are counted together. So many event times at most are read again when a
 * question is asked as of an offset between two strides.
 */
export const STRIDE = 4096;

/**
 * Keeps how many records of each hour stand before every {@link STRIDE}th offset of a partition, and the dead
 * letters of each hour. A step and the progress it makes are kept together or not at all.
 *
 * Implement it for a new storage: `hour-ledger-store.contract.ts` is the definition of correct.
 */
export interface HourLedgerStore extends AsyncDisposable {
  progress(key: LedgerKey): Promise<LedgerProgress>;

  /**
   * Adds consecutive strides of a partition, each as the running totals, at its end, of the days it has records
   * of. False when `first` is not the stride that comes next; then nothing is added.
   */
  addStrides(
    key: LedgerKey,
    step: {
      readonly partition: number;
      readonly first: number;
      readonly totals: readonly (readonly DayCounts[])[];
    },
  ): Promise<boolean>;

  /** The totals of days `[fromDay, toDay)` after so many strides, days without records left out; ascending. */
  totals(
    key: LedgerKey,
    at: {
      readonly partition: number;
      readonly strides: number;
      readonly fromDay: number;
      readonly toDay: number;
    },
  ): Promise<readonly DayCounts[]>;

  /** The strides of a partition that hold records of days `[fromDay, toDay)`, ascending. */
  stridesOf(
    key: LedgerKey,
    days: { readonly partition: number; readonly fromDay: number; readonly toDay: number },
  ): Promise<readonly number[]>;

  /** Adds to what is counted. False when `from` is not the letter that comes next; then nothing is added. */
  addLetters(key: LedgerKey, step: LetterStep): Promise<boolean>;

  /** The dead letters of hours `[fromHour, toHour)`, by hour and reason. */
  letters(
    key: LedgerKey,
    hours: { readonly fromHour: number; readonly toHour: number },
  ): Promise<readonly LetterCount[]>;

  /** The records a generation of the facts could not take, each once however often that was said. */
  poisoned(key: LedgerKey, generation: number): Promise<readonly PoisonedRecord[]>;
}
