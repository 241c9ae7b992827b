import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowedTenant } from './followed-tenant.ts';

export type FlushScheduleOptions = {
  /** How long what trickles in may wait for company. */
  readonly afterMs: number;
  /** At how many waiting records it need not wait any longer. */
  readonly atRecords: number;
  readonly clock: () => number;
  /** How many records of a tenant wait, cheaply. */
  readonly waiting: (followed: FollowedTenant) => Promise<number>;
};

/** Knows whose records wait and says when it is time to take them: one timer for all tenants. */
export class FlushSchedule {
  readonly #options: FlushScheduleOptions;
  readonly #dirty = new Set<FollowedTenant>();
  #urgent = false;
  #since = 0;
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
    if (this.#urgent || this.#options.clock() - this.#since >= this.#options.afterMs) return true;
    let waiting = 0;
    for (const followed of this.#dirty) {
      waiting += await this.#options.waiting(followed);
      if (waiting >= this.#options.atRecords) return true;
    }
    return false;
  }
}
