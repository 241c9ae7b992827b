import type { DayCounts } from './hour-ledger-store.ts';

const HOUR_MS = 3_600_000;
export const HOURS_A_DAY = 24;

/** The hour of an instant, in hours since 1970. */
export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}

/** The day of an hour, in days since 1970. */
export function dayOfHour(hour: number): number {
  return Math.floor(hour / HOURS_A_DAY);
}

/** Counts by day and hour of UTC. */
export class HourCounts {
  readonly #days = new Map<number, number[]>();

  add(hour: number, count: number): void {
    const day = dayOfHour(hour);
    const hours = this.hours(day);
    const within = hour - day * HOURS_A_DAY;
    hours[within] = (hours[within] ?? 0) + count;
  }

  addDays(days: readonly DayCounts[]): void {
    for (const { day, hours } of days) {
      const own = this.hours(day);
      hours.forEach((count, hour) => (own[hour] = (own[hour] ?? 0) + count));
    }
  }

  /** The hours of a day, which may be counted on. */
  hours(day: number): number[] {
    const known = this.#days.get(day);
    if (known) return known;
    const made = Array<number>(HOURS_A_DAY).fill(0);
    this.#days.set(day, made);
    return made;
  }

  at(hour: number): number {
    const day = dayOfHour(hour);
    return this.#days.get(day)?.[hour - day * HOURS_A_DAY] ?? 0;
  }

  /** Days of which anything was counted, ascending. */
  get days(): readonly DayCounts[] {
    return [...this.#days].map(([day, hours]) => ({ day, hours })).sort((one, other) => one.day - other.day);
  }
}
