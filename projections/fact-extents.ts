import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PositionVector, TenantId } from '#domain';
import type { Tenants } from '#log';
import type { FactCompleteness } from './fact-completeness.ts';
import { EXTENT, findCopies, readExtents } from './fact-counts.ts';
import type { FactExtent } from './fact-counts.ts';
import { missingFacts } from './fact-differences.ts';
import type { FactDifferencesDeps, FactRange } from './fact-differences.ts';
import type { FactProgress, FactState } from './fact-progress.ts';
import type { PoisonedRecord } from './hour-ledger-store.ts';
import { dayOfHour, hourOf } from './hours.ts';

/** Offsets of a partition in which the facts are not what the log says. */
export type ExtentDifference = {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  /** Records that should be among the facts and are not, and the offset of the first. */
  readonly missing: number;
  readonly firstMissing: bigint | undefined;
  /** Rows that stand in the facts more often than once. */
  readonly copies: number;
  /** Days since 1970 in UTC that this concerns, ascending. */
  readonly days: readonly number[];
};

/** What the last comparison of a tenant's facts with its log has found. */
export type ExtentReport = {
  /** Epoch ms. */
  readonly checkedAtMs: number;
  /** Everything before it was compared. */
  readonly vector: PositionVector;
  readonly differences: readonly ExtentDifference[];
};

/** Compares log and facts in the background, so that a lost row is noticed without anybody asking for it. */
export interface FactExtents extends AsyncDisposable {
  /** Compares now. Undefined when the tenant has no log. */
  check(tenant: TenantId): Promise<ExtentReport | undefined>;
  /** Undefined before the first comparison. */
  report(tenant: TenantId): ExtentReport | undefined;
}

export type FactExtentsOptions = FactDifferencesDeps & {
  readonly tenants: Pick<Tenants, 'onTenant'>;
  readonly progress: FactProgress;
  readonly completeness: Pick<FactCompleteness, 'forget'>;
  /** Epoch ms. */
  readonly clock: () => number;
  /** How long it rests after all tenants have been compared. @default 60 s, or twenty times what that took */
  readonly everyMs?: number;
};

const EVERY_MS = 60_000;
/** So much of the time goes into comparing at most. */
const RESTS_PER_CHECK = 20;
const DAY_MS = 86_400_000;
const FIRST_DAY = -1_000_000;

const differsChannel = channel('daybook:projections:differs');
const agreesChannel = channel('daybook:projections:agrees');

/**
 * Compares, extent by extent, count and sum of the offsets in the facts with what the log says they must be.
 * Announces on `daybook:projections:differs` when a difference appears or changes and on
 * `daybook:projections:agrees` when there is none any more.
 */
export function startFactExtents(options: FactExtentsOptions): FactExtents {
  return new RunningExtents(options);
}

type Expected = { readonly rows: bigint; readonly sum: bigint };

class RunningExtents implements FactExtents {
  readonly #options: FactExtentsOptions;
  readonly #tenants = new Set<TenantId>();
  readonly #reports = new Map<TenantId, ExtentReport>();
  /** What of a whole extent lies before a horizon: it never changes. */
  readonly #expired = new Map<string, Expected>();
  readonly #stop = new AbortController();
  readonly #following: Disposable;
  readonly #running: Promise<void>;

  constructor(options: FactExtentsOptions) {
    this.#options = options;
    this.#following = options.tenants.onTenant(({ id }) => {
      this.#tenants.add(id);
    });
    this.#running = this.#run();
  }

  report(tenant: TenantId): ExtentReport | undefined {
    return this.#reports.get(tenant);
  }

  async check(tenant: TenantId): Promise<ExtentReport | undefined> {
    const { progress, facts, ledger, clock } = this.#options;
    const state = await progress.state(tenant);
    if (!state) return undefined;
    const { generation, logIdentity, confirmed: vector } = state;
    const poisoned = await ledger.poisoned({ tenant, logIdentity }, generation);
    // Not now: it is not known yet what the facts could not take.
    if (!poisoned) return this.#reports.get(tenant);
    const extents = await readExtents(facts, { tenant, generation, vector });
    const present = new Map(extents.map((extent) => [`${extent.partition}/${extent.number}`, extent]));
    const differences: ExtentDifference[] = [];
    for (const range of rangesOf(tenant, state)) {
      const expected = await this.#expectedOf(range, poisoned);
      const found = present.get(`${range.partition}/${range.from / EXTENT}`);
      if (isEqual(expected, found)) continue;
      const difference = await this.#differenceOf(range);
      if (difference) differences.push(difference);
    }
    const report = { checkedAtMs: clock(), vector, differences };
    this.#tell(tenant, report);
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following[Symbol.dispose]();
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options;
    let tookMs = 0;
    const rested = (): Promise<boolean> =>
      sleep(Math.max(everyMs, tookMs * RESTS_PER_CHECK), true, { signal: this.#stop.signal }).catch(
        () => false,
      );
    while (await rested()) {
      const startedMs = performance.now();
      for (const tenant of this.#tenants) {
        if (this.#stop.signal.aborted) return;
        // What fails now is compared again the next time.
        await this.check(tenant).catch(() => undefined);
      }
      tookMs = performance.now() - startedMs;
    }
  }

  #tell(tenant: TenantId, report: ExtentReport): void {
    const before = this.#reports.get(tenant)?.differences ?? [];
    this.#reports.set(tenant, report);
    const { differences } = report;
    if (textOf(before) === textOf(differences)) return;
    this.#options.completeness.forget(tenant);
    if (differences.length === 0) {
      agreesChannel.publish({ projection: 'facts', tenant });
      return;
    }
    const sum = (of: 'missing' | 'copies'): number => differences.reduce((all, each) => all + each[of], 0);
    const days = [...new Set(differences.flatMap((each) => each.days))].sort((one, other) => one - other);
    differsChannel.publish({
      projection: 'facts',
      tenant,
      missing: sum('missing'),
      copies: sum('copies'),
      days: days.map((day) => new Date(day * DAY_MS).toISOString().slice(0, 10)),
      repair: `daybook projections repair --tenant ${tenant}`,
    });
  }

  /** Undefined when a closer look finds nothing: something has changed meanwhile. */
  async #differenceOf(range: FactRange): Promise<ExtentDifference | undefined> {
    const missing = await missingFacts(this.#options, range, this.#stop.signal);
    const copies = await findCopies(this.#options.facts, range);
    this.#stop.signal.throwIfAborted();
    if (missing.length === 0 && copies.length === 0) return undefined;
    const days = new Set([
      ...missing.map(({ timestampMs }) => dayOfHour(hourOf(timestampMs))),
      ...copies.map(({ day }) => day),
    ]);
    return {
      partition: range.partition,
      from: range.from,
      to: range.to,
      missing: missing.length,
      firstMissing: missing[0]?.offset,
      copies: copies.reduce((sum, found) => sum + found.copies, 0),
      days: [...days].sort((one, other) => one - other),
    };
  }

  async #expectedOf(range: FactRange, poisoned: readonly PoisonedRecord[]): Promise<Expected> {
    const { partition, from, to } = range;
    const beforeMs = this.#options.horizon()?.beforeMs ?? -Infinity;
    const expired = beforeMs === -Infinity ? NOTHING : await this.#expiredOf(range, beforeMs);
    const unread = poisoned.filter(
      (record) =>
        record.partition === partition &&
        record.offset >= from &&
        record.offset < to &&
        record.hour >= hourOf(beforeMs),
    );
    return {
      rows: to - from - expired.rows - BigInt(unread.length),
      sum: sumOf(from, to) - expired.sum - unread.reduce((sum, { offset }) => sum + offset, 0n),
    };
  }

  async #expiredOf(range: FactRange, beforeMs: number): Promise<Expected> {
    const { partition, from, to, logIdentity } = range;
    const key = `${logIdentity}/${partition}/${from}/${to}/${beforeMs}`;
    const known = this.#expired.get(key);
    if (known) return known;
    const count =
      (await this.#countBefore(range, to, beforeMs)) - (await this.#countBefore(range, from, beforeMs));
    const expired =
      count === 0
        ? NOTHING
        : BigInt(count) === to - from
          ? { rows: to - from, sum: sumOf(from, to) }
          : await this.#readExpired(range, beforeMs);
    if (to - from === EXTENT) this.#expired.set(key, expired);
    return expired;
  }

  /** How many records before an offset happened before an instant that begins a day. */
  async #countBefore({ tenant, logIdentity, partition }: FactRange, to: bigint, beforeMs: number) {
    const vector = Array.from({ length: partition + 1 }, (_, own) => (own === partition ? to : 0n));
    const days = { fromDay: FIRST_DAY, toDay: dayOfHour(hourOf(beforeMs)) };
    const counted = await this.#options.ledger.records({ tenant, logIdentity }, vector, days);
    return (counted ?? []).reduce((sum, { hours }) => sum + hours.reduce((one, other) => one + other, 0), 0);
  }

  async #readExpired({ tenant, partition, from, to }: FactRange, beforeMs: number): Promise<Expected> {
    let [rows, sum] = [0n, 0n];
    const name = { tenant, channel: 'events' } as const;
    const range = { partition, from, to };
    for await (const batch of this.#options.log.readTimes(name, range, this.#stop.signal)) {
      batch.timesMs.forEach((ms, index) => {
        if (ms >= beforeMs) return;
        rows += 1n;
        sum += batch.from + BigInt(index);
      });
    }
    return { rows, sum };
  }
}

const NOTHING: Expected = { rows: 0n, sum: 0n };

/** The extents of everything confirmed, the last of a partition up to there. */
function rangesOf(tenant: TenantId, { confirmed, logIdentity, generation }: FactState): FactRange[] {
  return confirmed.flatMap((end, partition) =>
    Array.from({ length: Number((end + EXTENT - 1n) / EXTENT) }, (_, index) => {
      const from = BigInt(index) * EXTENT;
      const to = from + EXTENT < end ? from + EXTENT : end;
      return { tenant, logIdentity, generation, partition, from, to };
    }),
  );
}

/** Of the offsets `[from, to)`. */
function sumOf(from: bigint, to: bigint): bigint {
  return ((from + to - 1n) * (to - from)) / 2n;
}

function isEqual(expected: Expected, found: FactExtent | undefined): boolean {
  return expected.rows === (found?.rows ?? 0n) && expected.sum === (found?.sum ?? 0n);
}

function textOf(differences: readonly ExtentDifference[]): string {
  return differences
    .map(({ partition, from, missing, firstMissing, copies }) =>
      [partition, from, missing, firstMissing, copies].join(' '),
    )
    .join(';');
}
