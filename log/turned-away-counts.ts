/** Running totals of one hour since the log began. */
export type TurnedAwayRow = {
  readonly log: number;
  /** Hours since the epoch. */
  readonly hour: number;
  readonly duplicates: number;
  readonly conflicts: number;
};

export const HOUR_MS = 3_600_000;

/** The hour of an instant, in hours since the epoch. */
export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}

/** Running totals of what was turned away, per log and hour of the event's own time, ahead of their rows on disk. */
export class TurnedAwayCounts {
  readonly #load: (log: number, hour: number) => TurnedAwayRow | undefined;
  readonly #totals = new Map<number, Map<number, TurnedAwayRow>>();
  #changed = new Set<TurnedAwayRow>();

  constructor(load: (log: number, hour: number) => TurnedAwayRow | undefined) {
    this.#load = load;
  }

  count(log: number, timestampMs: number, what: 'duplicate' | 'conflict'): void {
    const hour = hourOf(timestampMs);
    const hours = this.#totals.get(log) ?? new Map<number, TurnedAwayRow>();
    this.#totals.set(log, hours);
    const known = hours.get(hour) ?? this.#load(log, hour) ?? { log, hour, duplicates: 0, conflicts: 0 };
    const total = {
      ...known,
      duplicates: known.duplicates + (what === 'duplicate' ? 1 : 0),
      conflicts: known.conflicts + (what === 'conflict' ? 1 : 0),
    };
    this.#changed.delete(known);
    this.#changed.add(total);
    hours.set(hour, total);
  }

  /** The totals that changed since the last call. */
  take(): readonly TurnedAwayRow[] {
    const taken = [...this.#changed];
    this.#changed = new Set();
    return taken;
  }

  /** Forgets all that is not on disk. */
  reset(): void {
    this.#totals.clear();
    this.#changed = new Set();
  }
}
