import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLogReader, LogName, RecordTimes } from '#log';
import { countLetters } from './dead-letter-counts.ts';
import type { HostedProjector } from './hosted-projectors.ts';
import { STRIDE } from './hour-ledger-store.ts';
import type { DayCounts, HourLedgerStore, LedgerKey } from './hour-ledger-store.ts';
import { HOURS_A_DAY, HourCounts, dayOfHour, hourOf } from './hours.ts';

export type HourLedgerProjectorDeps = {
  readonly log: EventLogReader & RecordTimes;
  readonly store: HourLedgerStore;
  /** How often it is looked for what has come. @default 1 s */
  readonly everyMs?: number;
};

/** Strides added in one step. */
const STRIDES_AT_ONCE = 16;
/** Dead letters added in one step. */
const LETTERS_AT_ONCE = 4096n;
/** Dead letters are not told of by commits of events; every so many looks all tenants are looked at. */
const ALL_EVERY_LOOKS = 5;
const HOUR_MS = 3_600_000;

/** Its name among the projections. */
export const HOUR_LEDGER = 'hour_ledger';

const pausedChannel = channel('daybook:projections:paused');

/**
 * Counts the records of the tenants it is told to follow by the hour in which they happened, whole strides at a time, and its dead
 * letters. It reads when records happened and nothing else of them, so it costs the reading of the log and no
 * more; of dead letters it reads the reason.
 */
export function startHourLedgerProjector(deps: HourLedgerProjectorDeps): HostedProjector {
  return new HourLedgerProjector(deps);
}

class HourLedgerProjector implements HostedProjector {
  readonly #deps: HourLedgerProjectorDeps;
  readonly #tenants = new Set<TenantId>();
  readonly #moved = new Set<TenantId>();
  readonly #reasons = new Map<TenantId, string>();
  readonly #stop = new AbortController();
  readonly #following = new DisposableStack();
  readonly #running: Promise<void>;
  #folding: Promise<unknown> = Promise.resolve();

  constructor(deps: HourLedgerProjectorDeps) {
    this.#deps = deps;
    this.#following.use(
      deps.log.onCommit(({ tenant }) => {
        if (this.#tenants.has(tenant)) this.#moved.add(tenant);
      }),
    );
    this.#running = this.#run();
  }

  follow(tenant: TenantId): void {
    this.#tenants.add(tenant);
    this.#moved.add(tenant);
  }

  async leave(tenant: TenantId): Promise<void> {
    this.#tenants.delete(tenant);
    this.#moved.delete(tenant);
    await this.#folding;
  }

  /** The counts hold as of any vector, so nobody needs them to stop. */
  limit(): Promise<PositionVector> {
    throw new Fault('INTERNAL', 'The hour ledger is not held back.');
  }

  /** True when every whole stride before the vector has been counted. */
  async waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean> {
    const folding = this.#folding.then(() => this.#fold(tenant));
    this.#folding = folding.catch(() => undefined);
    const key = await folding;
    if (!key || signal.aborted) return false;
    const { strides } = await this.#deps.store.progress(key);
    return vector.every((offset, partition) => (strides[partition] ?? 0) >= strideOf(offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following.dispose();
    this.#stop.abort();
    await this.#running;
    await this.#folding;
  }

  async #run(): Promise<void> {
    const { everyMs = 1000 } = this.#deps;
    const rested = () => sleep(everyMs, true, { signal: this.#stop.signal }).catch(() => false);
    for (let look = 1; await rested(); look++) {
      const due = look % ALL_EVERY_LOOKS === 0 ? [...this.#tenants] : [...this.#moved];
      this.#moved.clear();
      for (const tenant of due) {
        const folding = this.#folding.then(() => this.#tryFold(tenant));
        this.#folding = folding;
        await folding;
      }
    }
  }

  async #tryFold(tenant: TenantId): Promise<void> {
    try {
      await this.#fold(tenant);
      this.#reasons.delete(tenant);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#moved.add(tenant);
      const reason = error instanceof Error ? error.message : String(error);
      // It is tried again all the time and said once.
      if (this.#reasons.get(tenant) === reason) return;
      this.#reasons.set(tenant, reason);
      pausedChannel.publish({
        projection: HOUR_LEDGER,
        generation: 1,
        tenant,
        reason,
        partition: 0,
        offset: 0n,
      });
    }
  }

  async #fold(tenant: TenantId): Promise<LedgerKey | undefined> {
    const { log } = this.#deps;
    const events: LogName = { tenant, channel: 'events' };
    try {
      const { identity, next } = await log.bounds(events);
      const key = { tenant, logIdentity: identity };
      for (const [partition, offset] of next.entries()) await this.#foldPartition(key, partition, offset);
      await this.#foldLetters(key);
      return key;
    } catch (error) {
      if (error instanceof Fault && error.code === 'TENANT_UNKNOWN') return undefined;
      throw error;
    }
  }

  async #foldPartition(key: LedgerKey, partition: number, next: bigint): Promise<void> {
    const { store } = this.#deps;
    const { strides } = await store.progress(key);
    const end = strideOf(next);
    for (let first = strides[partition] ?? 0; first < end; first += STRIDES_AT_ONCE) {
      const counted = await this.#countStrides(key.tenant, { partition, first, end });
      if (!counted) return;
      const totals = await this.#totalsOf(key, { partition, first, counted });
      if (!(await store.addStrides(key, { partition, first, totals }))) return;
    }
  }

  /** The counts of each stride by itself; undefined when stopped. */
  async #countStrides(
    tenant: TenantId,
    { partition, first, end }: { readonly partition: number; readonly first: number; readonly end: number },
  ): Promise<readonly HourCounts[] | undefined> {
    const last = Math.min(end, first + STRIDES_AT_ONCE);
    const counted = Array.from({ length: last - first }, () => new HourCounts());
    const range = { partition, from: BigInt(first * STRIDE), to: BigInt(last * STRIDE) };
    let read = 0;
    const log: LogName = { tenant, channel: 'events' };
    for await (const { timesMs } of this.#deps.log.readTimes(log, range, this.#stop.signal)) {
      read = countTimes(timesMs, counted, read);
    }
    return read === counted.length * STRIDE ? counted : undefined;
  }

  /** The running totals, at the end of each stride, of the days it has records of. */
  async #totalsOf(
    key: LedgerKey,
    from: { readonly partition: number; readonly first: number; readonly counted: readonly HourCounts[] },
  ): Promise<readonly (readonly DayCounts[])[]> {
    const { partition, first, counted } = from;
    const running = new HourCounts();
    const touched = new Set(counted.flatMap(({ days }) => days.map(({ day }) => day)));
    for (const day of touched) {
      const at = { partition, strides: first, fromDay: day, toDay: day + 1 };
      running.addDays(await this.#deps.store.totals(key, at));
    }
    return counted.map(({ days }) => {
      running.addDays(days);
      return days.map(({ day }) => ({ day, hours: [...running.hours(day)] }));
    });
  }

  async #foldLetters(key: LedgerKey): Promise<void> {
    const { log, store } = this.#deps;
    const name: LogName = { tenant: key.tenant, channel: 'dead_letters' };
    const { next } = await log.bounds(name);
    const end = next[0] ?? 0n;
    let { letters: from } = await store.progress(key);
    while (from < end && !this.#stop.signal.aborted) {
      const to = from + LETTERS_AT_ONCE < end ? from + LETTERS_AT_ONCE : end;
      const records = [];
      for await (const batch of log.read(name, { partition: 0, from, to }, this.#stop.signal))
        records.push(...batch.records);
      if (BigInt(records.length) !== to - from) return;
      if (!(await store.addLetters(key, { from, to, ...countLetters(records) }))) return;
      from = to;
    }
  }
}

/** Counts the times of a page into their strides; answers how many have been counted by then. */
function countTimes(timesMs: readonly number[], counted: readonly HourCounts[], before: number): number {
  let startMs = Infinity;
  let within = 0;
  let hours: number[] = [];
  let stride = -1;
  timesMs.forEach((ms, index) => {
    const own = Math.floor((before + index) / STRIDE);
    // Neighbours are mostly of one hour, which costs a comparison.
    if (own !== stride || ms < startMs || ms >= startMs + HOUR_MS) {
      const hour = hourOf(ms);
      const day = dayOfHour(hour);
      stride = own;
      startMs = hour * HOUR_MS;
      within = hour - day * HOURS_A_DAY;
      hours = counted[own]?.hours(day) ?? [];
    }
    hours[within] = (hours[within] ?? 0) + 1;
  });
  return before + timesMs.length;
}

function strideOf(offset: bigint): number {
  return Math.floor(Number(offset) / STRIDE);
}
