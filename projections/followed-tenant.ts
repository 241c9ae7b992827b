import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { LogName } from '#log';

/** Why a projector stands still for a tenant. */
export type Pause = {
  readonly reason: string;
  readonly partition: number;
  readonly offset: bigint;
};

/** One tenant's log as a projector follows it. */
export class FollowedTenant {
  readonly tenant: TenantId;
  readonly log: LogName;
  /** Undefined until the log has been found. */
  logIdentity: string | undefined;
  /** Next offset to read, per partition; ahead of `confirmed` while a batch is being applied. */
  next: bigint[] = [];
  /** Below these offsets a crash may have left records in the read model that no checkpoint knows of. */
  doubtfulBelow: PositionVector = [];
  /** Records from it on are left in the log; undefined when none are. */
  limit: PositionVector | undefined;
  waitingSinceMs: number | undefined;
  /** Paused until somebody looks after it: trying again cannot help. */
  stopped = false;
  #confirmed: PositionVector = [];
  #paused: Pause | undefined;
  #changed = Promise.withResolvers<undefined>();
  #awaiting = 0;
  #reading = false;

  constructor(tenant: TenantId) {
    this.tenant = tenant;
    this.log = { tenant, channel: 'events' };
  }

  get confirmed(): PositionVector {
    return this.#confirmed;
  }

  /** Whether somebody waits for a vector to be confirmed. */
  get awaited(): boolean {
    return this.#awaiting > 0;
  }

  get paused(): Pause | undefined {
    return this.#paused;
  }

  /** Whether something has been read that is not confirmed. */
  get moved(): boolean {
    return this.next.some((offset, partition) => offset !== this.#confirmed[partition]);
  }

  /** Whether its log is being read. */
  set reading(reading: boolean) {
    this.#reading = reading;
    this.#change();
  }

  /** The vector, or as much of it as the limit lets through. */
  within(vector: PositionVector): PositionVector {
    const { limit } = this;
    if (!limit) return vector;
    return vector.map((offset, partition) => {
      const most = limit[partition] ?? 0n;
      return offset < most ? offset : most;
    });
  }

  /** Resolves when nothing is being read or applied, or nothing of it ever will be. */
  async settled(signal: AbortSignal): Promise<void> {
    await this.#until(() => !this.#reading && (this.stopped || !this.moved), signal);
  }

  /** Takes note that everything before the vector is done; whoever waits for it goes on. */
  confirm(vector: PositionVector): void {
    this.#confirmed = vector;
    this.#change();
  }

  pause(pause: Pause | undefined): void {
    this.#paused = pause;
    this.#change();
  }

  /** True once the vector is confirmed; false when paused or aborted before. */
  async reaches(vector: PositionVector, signal: AbortSignal): Promise<boolean> {
    const isReached = (): boolean => this.logIdentity !== undefined && covers(this.#confirmed, vector);
    this.#awaiting++;
    try {
      await this.#until(() => isReached() || this.#paused !== undefined, signal);
      return isReached();
    } finally {
      this.#awaiting--;
    }
  }

  /** Resolves when it is so, or the signal aborts. */
  async #until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<undefined>();
    const abort = (): void => {
      aborted.resolve(undefined);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      while (!isSo() && !signal.aborted) await Promise.race([this.#changed.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #change(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}
