import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog, LogName, RecordTimes } from '#log';
import { countLetters } from './dead-letter-counts.ts';
import { STRIDE } from './hour-ledger-store.ts';
import type {
  DayCounts,
  HourLedgerStore,
  LedgerKey,
  LetterCount,
  PoisonedRecord,
} from './hour-ledger-store.ts';
import { HourCounts, dayOfHour, hourOf } from './hours.ts';

/** Days `[fromDay, toDay)` since 1970 in UTC. */
export type Days = { readonly fromDay: number; readonly toDay: number };

/**
 * Tells how many records of a tenant's log happened in which hour, as of any vector, from counts that are kept
 * and the event times of what has come since. Undefined while too much has yet to be counted.
 */
export interface HourLedger {
  /** Records before the vector, days without any left out; ascending. */
  records(key: LedgerKey, vector: PositionVector, days: Days): Promise<readonly DayCounts[] | undefined>;
  /** Dead letters of hours `[fromHour, toHour)` since 1970, up to now, by hour and reason. */
  letters(
    key: LedgerKey,
    hours: { readonly fromHour: number; readonly toHour: number },
  ): Promise<readonly LetterCount[] | undefined>;
  /** Every record that the facts of a generation could not take, up to now. */
  poisoned(key: LedgerKey, generation: number): Promise<readonly PoisonedRecord[] | undefined>;
  /** Offsets of a partition among which are all records of the days before `to`: ranges, ascending. */
  offsetsOf(
    key: LedgerKey,
    at: Days & { readonly partition: number; readonly to: bigint },
  ): Promise<readonly { readonly from: bigint; readonly to: bigint }[]>;
}

/** More records than this are not counted within a question. */
const MOST_UNCOUNTED = 16 * STRIDE;
/** Strides whose hours are remembered: 16 KiB each. */
const REMEMBERED = 512;

export function createHourLedger(options: {
  readonly store: HourLedgerStore;
  readonly log: Pick<EventLog, 'read' | 'bounds'> & RecordTimes;
}): HourLedger {
  const { store, log } = options;
  const recent = new RecentHours(log);
  const tails = new Map<TenantId, LetterTail>();

  /** The dead letters that the store does not know yet. */
  async function tailOf(key: LedgerKey, from: bigint): Promise<LetterTail | undefined> {
    const name: LogName = { tenant: key.tenant, channel: 'dead_letters' };
    const { next } = await log.bounds(name);
    const to = next[0] ?? 0n;
    if (to - from > BigInt(MOST_UNCOUNTED)) return undefined;
    let tail = tails.get(key.tenant);
    if (tail?.from !== from) tail = { from, to: from, counts: [], poisoned: [] };
    for await (const { records } of log.read(name, { partition: 0, from: tail.to, to })) {
      const { counts, poisoned } = countLetters(records);
      tail = {
        from,
        to: tail.to + BigInt(records.length),
        counts: [...tail.counts, ...counts],
        poisoned: [...tail.poisoned, ...poisoned],
      };
    }
    tails.set(key.tenant, tail);
    return tail;
  }

  return {
    async records(key, vector, { fromDay, toDay }) {
      const { strides } = await store.progress(key);
      const counted = vector.map((offset, partition) =>
        Math.min(strides[partition] ?? 0, Math.floor(Number(offset) / STRIDE)),
      );
      const rest = vector.reduce(
        (sum, offset, partition) => sum + Number(offset) - (counted[partition] ?? 0) * STRIDE,
        0,
      );
      if (rest > MOST_UNCOUNTED + vector.length * STRIDE) return undefined;
      const sum = new HourCounts();
      for (const [partition, offset] of vector.entries()) {
        const whole = counted[partition] ?? 0;
        sum.addDays(await store.totals(key, { partition, strides: whole, fromDay, toDay }));
        for await (const hours of recent.read(key, { partition, from: whole * STRIDE, to: Number(offset) })) {
          for (const hour of hours) {
            if (hour >= fromDay * 24 && hour < toDay * 24) sum.add(hour, 1);
          }
        }
      }
      return sum.days;
    },

    async letters(key, hours) {
      for (;;) {
        const { letters: from } = await store.progress(key);
        const kept = await store.letters(key, hours);
        const tail = await tailOf(key, from);
        // What has been added meanwhile would be counted twice.
        if ((await store.progress(key)).letters !== from) continue;
        const wanted = tail?.counts.filter(({ hour }) => hour >= hours.fromHour && hour < hours.toHour);
        return wanted && summed([...kept, ...wanted]);
      }
    },

    async poisoned(key, generation) {
      const { letters: from } = await store.progress(key);
      const tail = await tailOf(key, from);
      if (!tail) return undefined;
      const own = tail.poisoned.filter((record) => record.generation === generation);
      const all = [...(await store.poisoned(key, generation)), ...own];
      return [...new Map(all.map((record) => [`${record.partition}:${record.offset}`, record])).values()];
    },

    async offsetsOf(key, { partition, to, fromDay, toDay }) {
      const { strides } = await store.progress(key);
      const touched = await store.stridesOf(key, { partition, fromDay, toDay });
      const rest = BigInt((strides[partition] ?? 0) * STRIDE);
      const ranges = touched.map((stride) => ({
        from: BigInt(stride * STRIDE),
        to: BigInt((stride + 1) * STRIDE),
      }));
      return [...ranges, { from: rest, to }]
        .map((range) => ({ from: range.from, to: range.to < to ? range.to : to }))
        .filter((range) => range.from < range.to);
    },
  };
}

type LetterTail = {
  readonly from: bigint;
  readonly to: bigint;
  readonly counts: readonly LetterCount[];
  readonly poisoned: readonly PoisonedRecord[];
};

function summed(counts: readonly LetterCount[]): readonly LetterCount[] {
  const sums = new Map<string, LetterCount>();
  for (const { hour, reason, letters } of counts) {
    const key = `${hour} ${reason}`;
    sums.set(key, { hour, reason, letters: (sums.get(key)?.letters ?? 0) + letters });
  }
  return [...sums.values()];
}

type Remembered = { readonly hours: Int32Array; length: number };

/** Remembers in which hours the records of the strides read last happened. */
class RecentHours {
  readonly #log: RecordTimes;
  readonly #strides = new Map<string, Remembered>();

  constructor(log: RecordTimes) {
    this.#log = log;
  }

  /** The hours of a range that begins with a stride, one stride after the other. */
  async *read(
    key: LedgerKey,
    { partition, from, to }: { readonly partition: number; readonly from: number; readonly to: number },
  ): AsyncIterable<Int32Array> {
    for (let at = from; at < to; at += STRIDE) {
      const known = this.#recall(`${key.logIdentity}/${partition}/${at}`);
      const wanted = Math.min(to - at, STRIDE);
      if (known.length < wanted) {
        let index = known.length;
        const range = { partition, from: BigInt(at + index), to: BigInt(at + wanted) };
        for await (const { timesMs } of this.#log.readTimes(
          { tenant: key.tenant, channel: 'events' },
          range,
        )) {
          // Another question may be reading the same, and then writes the same.
          for (const ms of timesMs) known.hours[index++] = hourOf(ms);
        }
        known.length = Math.max(known.length, index);
      }
      yield known.hours.subarray(0, wanted);
    }
  }

  #recall(key: string): Remembered {
    const known = this.#strides.get(key) ?? { hours: new Int32Array(STRIDE), length: 0 };
    this.#strides.delete(key);
    this.#strides.set(key, known);
    for (const oldest of this.#strides.keys()) {
      if (this.#strides.size <= REMEMBERED) break;
      this.#strides.delete(oldest);
    }
    return known;
  }
}

/** Whether one of the vectors covers the other: then equal counts before both are of the same records. */
export function areOrdered(one: PositionVector, other: PositionVector): boolean {
  return covers(one, other) || covers(other, one);
}

/** The days that hours `[fromHour, toHour)` touch. */
export function daysOfHours({ fromHour, toHour }: { fromHour: number; toHour: number }): Days {
  return { fromDay: dayOfHour(fromHour), toDay: dayOfHour(toHour - 1) + 1 };
}
