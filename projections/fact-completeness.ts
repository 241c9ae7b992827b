import type { PositionVector, TenantId } from '#domain';
import type { EventLog } from '#log';
import { countFacts } from './fact-counts.ts';
import type { FactStore } from './fact-store.ts';
import type { Horizon } from './facts-horizon.ts';
import type { DayCounts } from './hour-ledger-store.ts';
import { areOrdered, daysOfHours } from './hour-ledger.ts';
import type { HourLedger } from './hour-ledger.ts';
import { HOURS_A_DAY, HourCounts, hourOf } from './hours.ts';

/** What is compared with what: a range of event times of a tenant, as of a vector. */
export type Compared = {
  readonly tenant: TenantId;
  readonly logIdentity: string;
  readonly generation: number;
  readonly vector: PositionVector;
  /** Epoch ms. What is not a whole hour of UTC is widened to whole hours. */
  readonly fromMs: number;
  readonly toMs: number;
};

/** The log and the facts of whole hours beside each other: records = facts + deadLetters + beforeHorizon + missing. */
export type Completeness = {
  /** The hours compared, epoch ms, half-open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** In the log. */
  readonly records: number;
  /** In the facts, copies counted once. */
  readonly facts: number;
  /** Records that the facts could not take. */
  readonly deadLetters: number;
  /** Records whose facts are no longer kept. */
  readonly beforeHorizon: number;
  /** Records that should be among the facts and are not. */
  readonly missing: number;
  /** Rows that stand in the facts once more than they should. */
  readonly copies: number;
  /** Turned away at the door until now: not records. */
  readonly duplicates: number;
  readonly conflicts: number;
  /** Days since 1970 in UTC of which something is missing or a copy, ascending. */
  readonly days: readonly number[];
};

/** One hour of the log and the facts. */
export type ComparedHour = {
  /** Hours since 1970. */
  readonly hour: number;
  readonly records: number;
  readonly facts: number;
  readonly deadLetters: number;
  readonly beforeHorizon: number;
  readonly missing: number;
  readonly copies: number;
};

/** Tells whether all records of a range are among the facts. */
export interface FactCompleteness {
  /** Undefined while too much of the log has yet to be counted. */
  of(compared: Compared): Promise<Completeness | undefined>;
  /** The same hour by hour, hours without records left out; ascending. */
  hours(compared: Compared): Promise<readonly ComparedHour[] | undefined>;
  /** Forgets what has been counted of a tenant: its facts have been found different, or have been changed. */
  forget(tenant: TenantId): void;
  /** How often that was done: what was answered before may be answered differently now. */
  forgotten(tenant: TenantId): number;
}

export type FactCompletenessOptions = {
  readonly ledger: HourLedger;
  readonly facts: Pick<FactStore, 'query'>;
  readonly log: Pick<EventLog, 'turnedAway'>;
  readonly horizon?: () => Horizon | undefined;
};

/** The facts of one day, as long as the log has the same records of it. */
type CountedDay = {
  readonly vector: PositionVector;
  readonly records: readonly number[];
  readonly rows: readonly number[];
  readonly distinct: readonly number[];
};

const HOUR_MS = 3_600_000;
const NOTHING = { facts: 0, deadLetters: 0, beforeHorizon: 0, missing: 0, copies: 0 };
/** Days remembered: about 1 KiB each. */
const REMEMBERED = 20_000;

export function createFactCompleteness(options: FactCompletenessOptions): FactCompleteness {
  const { ledger, facts, log, horizon = () => undefined } = options;
  const counted = new Map<string, CountedDay>();
  const times = new Map<TenantId, number>();

  function keyOf({ tenant, logIdentity, generation }: Compared, day: number): string {
    return `${tenant}/${times.get(tenant) ?? 0}/${logIdentity}/${generation}/${day}`;
  }

  /** What was counted of a day, if it has had no record since. */
  function recall(compared: Compared, { day, hours }: DayCounts): CountedDay | undefined {
    const known = counted.get(keyOf(compared, day));
    return known &&
      areOrdered(known.vector, compared.vector) &&
      known.records.every((count, hour) => count === hours[hour])
      ? known
      : undefined;
  }

  async function count(
    compared: Compared,
    all: readonly DayCounts[],
    expected: (hour: number) => number,
  ): Promise<ReadonlyMap<number, CountedDay>> {
    const found = new Map<number, CountedDay>();
    for (const day of all) {
      const known = recall(compared, day);
      if (known) found.set(day.day, known);
    }
    const days = all.filter(({ day }) => !found.has(day));
    // Under the key of before: what is forgotten meanwhile must not come back.
    const keys = days.map(({ day }) => keyOf(compared, day));
    const rows = await countFacts(facts, { ...compared, days: days.map(({ day }) => day), distinct: false });
    const odd = days
      .map(({ day }) => day)
      .filter((day) => rows.hours(day).some((n, hour) => n !== expected(day * HOURS_A_DAY + hour)));
    const distinct = await countFacts(facts, { ...compared, days: odd, distinct: true });
    days.forEach(({ day, hours }, index) => {
      const own = {
        vector: compared.vector,
        records: hours,
        rows: rows.hours(day),
        distinct: odd.includes(day) ? distinct.hours(day) : rows.hours(day),
      };
      found.set(day, own);
      counted.set(keys[index] ?? '', own);
    });
    for (const oldest of counted.keys()) {
      if (counted.size <= REMEMBERED) break;
      counted.delete(oldest);
    }
    return found;
  }

  async function hours(compared: Compared): Promise<readonly ComparedHour[] | undefined> {
    const { tenant, logIdentity, generation, vector } = compared;
    const within = hoursOf(compared);
    const key = { tenant, logIdentity };
    const days = await ledger.records(key, vector, daysOfHours(within));
    const poisoned = await ledger.poisoned(key, generation);
    if (!days || !poisoned) return undefined;
    const poison = new HourCounts();
    for (const { partition, offset, hour } of poisoned) {
      if (offset < (vector[partition] ?? 0n)) poison.add(hour, 1);
    }
    const records = new HourCounts();
    records.addDays(days);
    const found = await count(compared, days, (hour) => records.at(hour) - poison.at(hour));
    // Only now: what has been let go meanwhile was announced before it went.
    const keptFrom = horizon()?.beforeMs ?? -Infinity;
    return days.flatMap(({ day, hours }) => {
      const known = found.get(day);
      return hours.flatMap((own, index) => {
        const hour = day * HOURS_A_DAY + index;
        if (own === 0 || hour < within.fromHour || hour >= within.toHour) return [];
        const [rows, facts] = [known?.rows[index] ?? 0, known?.distinct[index] ?? 0];
        if (hour * HOUR_MS < keptFrom) return { ...NOTHING, hour, records: own, beforeHorizon: own };
        const deadLetters = poison.at(hour);
        const missing = Math.max(0, own - deadLetters - facts);
        return { ...NOTHING, hour, records: own, facts, deadLetters, missing, copies: rows - facts };
      });
    });
  }

  return {
    hours,

    async of(compared) {
      const found = await hours(compared);
      if (!found) return undefined;
      const { fromHour, toHour } = hoursOf(compared);
      const range = { fromMs: fromHour * HOUR_MS, toMs: toHour * HOUR_MS };
      const turnedAway = await log.turnedAway(compared.tenant, range);
      const sum = (member: Exclude<keyof ComparedHour, 'hour'>): number =>
        found.reduce((total, hour) => total + hour[member], 0);
      const wrong = found.filter(({ missing, copies }) => missing > 0 || copies > 0);
      return {
        ...range,
        records: sum('records'),
        facts: sum('facts'),
        deadLetters: sum('deadLetters'),
        beforeHorizon: sum('beforeHorizon'),
        missing: sum('missing'),
        copies: sum('copies'),
        duplicates: turnedAway.reduce((total, { duplicates }) => total + duplicates, 0),
        conflicts: turnedAway.reduce((total, { conflicts }) => total + conflicts, 0),
        days: [...new Set(wrong.map(({ hour }) => Math.floor(hour / HOURS_A_DAY)))],
      };
    },

    forget(tenant) {
      times.set(tenant, (times.get(tenant) ?? 0) + 1);
    },

    forgotten: (tenant) => times.get(tenant) ?? 0,
  };
}

function hoursOf({ fromMs, toMs }: Compared): { readonly fromHour: number; readonly toHour: number } {
  return { fromHour: hourOf(fromMs), toHour: hourOf(toMs - 1) + 1 };
}
