import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowedTenant } from './followed-tenant.ts';

export type FlushScheduleOptions = {
  /** How long what trickles in may wait for company. */
  readonly afterMs: number;
  /**
   * How long after one portion the next may follow at the latest. A portion has a price of its own, whatever
   * its size, so under load fewer and larger ones are taken: the next one waits for {@link REST} times as long as
   * the last one took, at least `afterMs`, at most this.
   * @default afterMs
   */
  readonly restMs?: number;
  /** At how many waiting records it need not wait any longer, once the schedule has rested. */
  readonly atRecords: number;
  /** At how many it is worth to take them at once, even while the portion before is being applied. */
  readonly bulkRecords: number;
  readonly clock: () => number;
  /** How many records of a tenant wait, cheaply. */
  readonly waiting: (followed: FollowedTenant) => Promise<number>;
};

/** From the beginning of one portion to that of the next: so many times as long as applying it took. */
const REST = 4;

/** Knows whose records wait and says when it is time to take them: one timer for all tenants. */
export class FlushSchedule {
  readonly #options: FlushScheduleOptions;
  readonly #dirty = new Set<FollowedTenant>();
  #urgent = false;
  #since = 0;
  #busy = false;
  #begunAt = -Infinity;
  #tookMs = 0;
  #wake = Promise.withResolvers<undefined>();

  constructor(options: FlushScheduleOptions) {
    this.#options = options;
  }

  /** Something new may stand in the tenant's log. */
  mark(followed: FollowedTenant): void {
    if (this.#dirty.size === 0) {
      this.#since = this.#options.clock();
      this.#wake.resolve(undefined);
    }
    this.#dirty.add(followed);
  }

  /** Like `mark`, for records that have waited already or that somebody waits for. */
  hurry(followed: FollowedTenant): void {
    this.#urgent = true;
    this.mark(followed);
    this.#wake.resolve(undefined);
  }

  /** A portion is being applied: what comes meanwhile is gathered for the next one. */
  begin(): void {
    this.#busy = true;
    this.#begunAt = this.#options.clock();
  }

  /** The portion has been applied. */
  end(): void {
    this.#busy = false;
    this.#tookMs = this.#options.clock() - this.#begunAt;
    this.#wake.resolve(undefined);
  }

  /** Whether the tenant is to be looked at. */
  has(followed: FollowedTenant): boolean {
    return this.#dirty.has(followed);
  }

  /** Resolves with the tenants to look at, at least one; with none when the signal aborts. */
  async due(signal: AbortSignal): Promise<readonly FollowedTenant[]> {
    const aborted = Promise.withResolvers<undefined>();
    const abort = (): void => {
      aborted.resolve(undefined);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      while (!signal.aborted && !(await this.#isDue())) {
        this.#wake = Promise.withResolvers();
        const wait = this.#dirty.size === 0 ? [] : [sleep(this.#options.afterMs / 8)];
        await Promise.race([this.#wake.promise, aborted.promise, ...wait]);
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
    if (signal.aborted) return [];
    this.#wake = Promise.withResolvers();
    const due = [...this.#dirty];
    this.#dirty.clear();
    this.#urgent = false;
    return due;
  }

  async #isDue(): Promise<boolean> {
    if (this.#dirty.size === 0) return false;
    const { clock, afterMs, restMs = afterMs, atRecords, bulkRecords } = this.#options;
    if (!this.#busy && this.#urgent) return true;
    const rest = Math.min(restMs, Math.max(afterMs, REST * this.#tookMs));
    const rested = !this.#busy && clock() - this.#begunAt >= rest;
    if (rested && clock() - this.#since >= afterMs) return true;
    return (await this.#waiting()) >= (rested ? atRecords : bulkRecords);
  }

  async #waiting(): Promise<number> {
    let waiting = 0;
    for (const followed of this.#dirty) waiting += await this.#options.waiting(followed);
    return waiting;
  }
}
