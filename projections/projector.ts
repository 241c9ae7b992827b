import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, behind, covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLogReader, LogBounds, RecordBatch } from '#log';
import { FlushSchedule } from './flush-schedule.ts';
import { FollowedTenant } from './followed-tenant.ts';
import type { Pause } from './followed-tenant.ts';
import { stateOf } from './projection-progress.ts';
import type { ProjectionProgress, ProjectionState } from './projection-progress.ts';

/** What a projector does with what it reads; how a read model is kept is up to it. */
export interface Fold<Batch extends { readonly tenant: TenantId }> {
  /**
   * Finds where the tenant's read model stands, and makes sure that what lies before is really there.
   * Throws `LOG_GAP`, `LOG_IDENTITY_CHANGED`.
   */
  open(followed: FollowedTenant, bounds: LogBounds): Promise<PositionVector>;
  /** Takes consecutive records in. */
  collect(followed: FollowedTenant, records: RecordBatch): Batch;
  /**
   * Brings the batches into the read model, each once, whatever an earlier attempt left there. Answers the
   * tenants for which that can never succeed.
   */
  apply(batches: readonly Batch[], attempt: number): Promise<ReadonlyMap<TenantId, Pause>>;
  /** Keeps the vector as the checkpoint, durably. */
  save(followed: FollowedTenant, vector: PositionVector): Promise<void>;
}

/** How a projector goes about it, whatever it keeps. */
export type ProjectorTuning = {
  /** How long records that trickle in wait for company. */
  readonly flushAfterMs: number;
  /** How long after one portion the next may follow, as long as nobody waits for it. */
  readonly restMs: number;
  /** How many waiting records are taken without waiting, when nothing was for `restMs`. */
  readonly flushAtRecords: number;
  /** How many are taken whenever they wait, read already while a portion is being applied. */
  readonly bulkRecords: number;
  /** Largest portion when catching up, in records. */
  readonly maxRecords: number;
  /** The same in bytes of values. */
  readonly maxBytes: number;
  /** First delay after a failure; doubled each time up to 30 s. */
  readonly retryAfterMs: number;
  /** At which failure in a row the projector says that it is paused; it goes on trying. */
  readonly pausedAtFailures: number;
};

/** What holds for every projector that does not say otherwise. */
export const PROJECTOR_TUNING = {
  flushAtRecords: 1000,
  maxBytes: 64 * 1024 * 1024,
  retryAfterMs: 100,
  pausedAtFailures: 5,
} as const satisfies Partial<ProjectorTuning>;

export type ProjectorOptions<Batch extends { readonly tenant: TenantId }> = ProjectorTuning & {
  readonly log: EventLogReader;
  readonly fold: Fold<Batch>;
  readonly clock: () => number;
  readonly applied: (followed: FollowedTenant) => void;
  readonly paused: (followed: FollowedTenant, pause: Pause) => void;
};

type Gathered<Batch> = {
  readonly batches: Batch[];
  readonly reached: Map<FollowedTenant, { vector: PositionVector; highWater: PositionVector }>;
};

/** What may still be taken into a portion. */
type Room = { records: number; bytes: number };

const LONGEST_DELAY_MS = 30_000;

/**
 * Follows the logs of any number of tenants with one loop: reads what has come, hands it to the fold, and
 * confirms it. While one portion is being applied the next is read, and no more than that.
 */
export class Projector<Batch extends { readonly tenant: TenantId }>
  implements ProjectionProgress, AsyncDisposable
{
  readonly #options: ProjectorOptions<Batch>;
  readonly #followed = new Map<TenantId, FollowedTenant>();
  readonly #opening = new Map<FollowedTenant, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #schedule: FlushSchedule;
  readonly #commits: Disposable;
  readonly #running: Promise<void>;

  constructor(options: ProjectorOptions<Batch>) {
    this.#options = options;
    this.#schedule = new FlushSchedule({
      afterMs: options.flushAfterMs,
      restMs: options.restMs,
      atRecords: options.flushAtRecords,
      bulkRecords: options.bulkRecords,
      clock: options.clock,
      waiting: (followed) => this.#waiting(followed),
    });
    this.#commits = options.log.onCommit(({ tenant, channel }) => {
      const followed = channel === 'events' ? this.#followed.get(tenant) : undefined;
      if (followed) this.#moved(followed);
    });
    this.#running = this.#run();
  }

  follow(tenant: TenantId): FollowedTenant {
    const known = this.#followed.get(tenant);
    if (known) return known;
    const followed = new FollowedTenant(tenant);
    this.#followed.set(tenant, followed);
    this.#moved(followed);
    return followed;
  }

  /** The tenant once it is known how far it is; undefined when it has no log yet or is not followed. */
  async find(tenant: TenantId): Promise<FollowedTenant | undefined> {
    const followed = this.#followed.get(tenant);
    if (!followed) return undefined;
    if (followed.logIdentity === undefined && !followed.paused) await this.#open(followed);
    return followed.logIdentity === undefined && !followed.paused ? undefined : followed;
  }

  async state(tenant: TenantId): Promise<ProjectionState | undefined> {
    const followed = await this.find(tenant);
    return followed && stateOf(followed, await this.#options.log.bounds(followed.log), this.#options.clock());
  }

  /** Takes what waits for the tenant without waiting for company. */
  async waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean> {
    const followed = this.follow(tenant);
    this.#schedule.hurry(followed);
    return followed.reaches(vector, signal);
  }

  /**
   * Follows the tenant no further than the vector, with `here` no further than it stands once nothing is in
   * flight, with undefined without limit. What has been read already is not undone: answers beyond what it will
   * not come, without limit where it stands.
   */
  async limit(tenant: TenantId, to: PositionVector | 'here' | undefined): Promise<PositionVector> {
    const followed = this.follow(tenant);
    const limit = to === 'here' ? [] : to;
    followed.limit = limit;
    await this.find(tenant);
    if (to === 'here') await followed.settled(this.#stop.signal);
    // Somebody may have set another limit while this one was waited for.
    if (to === 'here' && followed.limit === limit) followed.limit = followed.confirmed;
    this.#schedule.hurry(followed);
    if (to === undefined) return followed.confirmed;
    const { next } = followed;
    return (followed.limit ?? next).map((offset, partition) => {
      const read = next[partition] ?? 0n;
      return offset > read ? offset : read;
    });
  }

  /** Follows the tenant no more, once nothing of it is in flight; what has been kept of it stays. */
  async leave(tenant: TenantId): Promise<void> {
    const followed = this.#followed.get(tenant);
    if (!followed) return;
    await this.limit(tenant, 'here');
    this.#followed.delete(tenant);
    followed.stopped = true;
    followed.pause({ reason: 'it is no longer followed', partition: 0, offset: 0n });
  }

  /** Ends after the portion that is being applied; what has not been read stays in the log. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#commits[Symbol.dispose]();
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#opening.values());
  }

  #moved(followed: FollowedTenant): void {
    followed.waitingSinceMs ??= this.#options.clock();
    this.#schedule.mark(followed);
  }

  async #waiting(followed: FollowedTenant): Promise<number> {
    if (followed.logIdentity === undefined) return this.#options.flushAtRecords;
    const { next } = await this.#options.log.bounds(followed.log);
    return Number(behind(followed.next, followed.within(next)));
  }

  async #run(): Promise<void> {
    let applying = Promise.resolve();
    while (!this.#stop.signal.aborted) {
      const due = await this.#schedule.due(this.#stop.signal);
      const gathered = await this.#gather(due);
      await applying;
      this.#schedule.begin();
      applying = this.#apply(gathered).finally(() => {
        this.#schedule.end();
      });
    }
    await applying;
  }

  async #gather(due: readonly FollowedTenant[]): Promise<Gathered<Batch>> {
    const gathered: Gathered<Batch> = { batches: [], reached: new Map() };
    const room: Room = { records: this.#options.maxRecords, bytes: this.#options.maxBytes };
    let left = due.length;
    for (const followed of due) {
      const share = Math.max(1, Math.floor(room.records / left--));
      try {
        if (followed.logIdentity === undefined) await this.#open(followed);
        if (followed.logIdentity === undefined || followed.stopped) continue;
        await this.#read(followed, share, room, gathered);
      } catch (error) {
        if (!this.#stop.signal.aborted) await this.#readFailed(followed, error);
      }
    }
    return gathered;
  }

  async #readFailed(followed: FollowedTenant, error: unknown): Promise<void> {
    this.#pause(followed, pauseOf(error, followed), isForGood(error));
    if (followed.stopped) return;
    await this.#delay(0);
    this.#schedule.mark(followed);
  }

  async #read(followed: FollowedTenant, share: number, room: Room, gathered: Gathered<Batch>): Promise<void> {
    const { identity, next: highWater } = await this.#options.log.bounds(followed.log);
    if (identity !== followed.logIdentity) throw new Fault('LOG_IDENTITY_CHANGED');
    const next = followed.within(highWater);
    followed.reading = true;
    try {
      await this.#readPartitions(followed, { next, share }, room, gathered);
    } catch (error) {
      // What was read before the failure is applied too: it will not be read again.
      if (followed.moved) gathered.reached.set(followed, { vector: [...followed.next], highWater });
      throw error;
    } finally {
      followed.reading = false;
    }
    const vector = [...followed.next];
    if (followed.moved || followed.paused) gathered.reached.set(followed, { vector, highWater });
    else if (!this.#schedule.has(followed) && covers(vector, highWater)) followed.waitingSinceMs = undefined;
    if (covers(vector, next)) return;
    if (followed.awaited) this.#schedule.hurry(followed);
    else this.#schedule.mark(followed);
  }

  /** Reads at most a share of records, of every partition something. */
  async #readPartitions(
    followed: FollowedTenant,
    { next, share }: { readonly next: PositionVector; readonly share: number },
    room: Room,
    gathered: Gathered<Batch>,
  ): Promise<void> {
    let left = share;
    for (const [partition, high] of next.entries()) {
      const from = followed.next[partition] ?? 0n;
      const most = from + BigInt(Math.ceil(left / (next.length - partition)));
      const to = high < most ? high : most;
      if (to > from && room.bytes > 0)
        left -= await this.#readPartition(followed, { partition, from, to }, room, gathered);
    }
  }

  /** Answers how many records it has read. */
  async #readPartition(
    followed: FollowedTenant,
    range: { readonly partition: number; readonly from: bigint; readonly to: bigint },
    room: Room,
    gathered: Gathered<Batch>,
  ): Promise<number> {
    let read = 0;
    for await (const batch of this.#options.log.read(followed.log, range, this.#stop.signal)) {
      gathered.batches.push(this.#options.fold.collect(followed, batch));
      followed.next[range.partition] = (batch.records.at(-1)?.offset ?? range.from) + 1n;
      read += batch.records.length;
      room.bytes -= batch.records.reduce((sum, { value }) => sum + value.length, 0);
      if (room.bytes <= 0) break;
    }
    room.records -= read;
    return read;
  }

  async #apply({ batches, reached }: Gathered<Batch>): Promise<void> {
    // A tenant may have been stopped by the portion before this one, while this one was read.
    for (const followed of reached.keys()) if (followed.stopped) reached.delete(followed);
    const tenants = new Set([...reached.keys()].map(({ tenant }) => tenant));
    const wanted = batches.filter(({ tenant }) => tenants.has(tenant));
    for (let attempt = 0; reached.size > 0 && !this.#stop.signal.aborted; attempt++) {
      try {
        const refused = await this.#options.fold.apply(wanted, attempt);
        const done = [...reached].filter(([{ tenant }]) => !refused.has(tenant));
        await Promise.all(done.map(([followed, { vector }]) => this.#options.fold.save(followed, vector)));
        for (const followed of reached.keys()) {
          const pause = refused.get(followed.tenant);
          if (pause) this.#pause(followed, pause, true);
        }
        for (const [followed, { vector, highWater }] of done) this.#confirm(followed, vector, highWater);
        return;
      } catch (error) {
        if (attempt + 1 >= this.#options.pausedAtFailures) {
          for (const followed of reached.keys()) this.#pause(followed, pauseOf(error, followed), false);
        }
        await this.#delay(attempt);
      }
    }
  }

  #confirm(followed: FollowedTenant, vector: PositionVector, highWater: PositionVector): void {
    const caughtUp = highWater.every((high, partition) => (vector[partition] ?? 0n) >= high);
    followed.waitingSinceMs = caughtUp && !this.#schedule.has(followed) ? undefined : this.#options.clock();
    if (followed.paused) followed.pause(undefined);
    followed.confirm(vector);
    this.#options.applied(followed);
  }

  #pause(followed: FollowedTenant, pause: Pause, forGood: boolean): void {
    followed.stopped ||= forGood;
    followed.pause(pause);
    this.#options.paused(followed, pause);
  }

  #open(followed: FollowedTenant): Promise<void> {
    const opening = this.#opening.get(followed) ?? this.#tryOpen(followed);
    this.#opening.set(followed, opening);
    return opening.finally(() => this.#opening.delete(followed));
  }

  async #tryOpen(followed: FollowedTenant): Promise<void> {
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      try {
        const bounds = await this.#options.log.bounds(followed.log);
        const vector = await this.#options.fold.open(followed, bounds);
        followed.logIdentity = bounds.identity;
        followed.next = [...vector];
        followed.doubtfulBelow = bounds.next;
        followed.pause(undefined);
        followed.confirm(vector);
        this.#options.applied(followed);
        this.#schedule.mark(followed);
        return;
      } catch (error) {
        if (error instanceof Fault && error.code === 'TENANT_UNKNOWN') return;
        if (isForGood(error) || attempt + 1 >= this.#options.pausedAtFailures) {
          this.#pause(followed, pauseOf(error, followed), isForGood(error));
        }
        if (followed.stopped) return;
        await this.#delay(attempt);
      }
    }
  }

  async #delay(attempt: number): Promise<void> {
    const ms = Math.min(this.#options.retryAfterMs * 2 ** attempt, LONGEST_DELAY_MS);
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

function isForGood(error: unknown): boolean {
  return error instanceof Fault && !error.retryable;
}

/** A failure as the reason to stand still, at the position it names or the first one not done. */
function pauseOf(error: unknown, followed: FollowedTenant): Pause {
  const details = error instanceof Fault ? error.details : {};
  const partition = Number(details['partition'] ?? 0);
  const offset = details['from'] ?? details['offset'] ?? followed.confirmed[partition];
  const said = details['engine_message'];
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Fault ? `${error.code}: ` : '';
  const reason = `${code}${text}${typeof said === 'string' ? ` (${said})` : ''}`;
  return { reason, partition, offset: typeof offset === 'bigint' ? offset : 0n };
}
