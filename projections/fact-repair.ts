import { channel } from 'node:diagnostics_channel';
import { Fault } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog, LogRecord, RecordTimes, Tenants } from '#log';
import { announced } from './announced.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { FactCompleteness } from './fact-completeness.ts';
import { EXTENT, findCopies, presentOffsets } from './fact-counts.ts';
import { missingFacts } from './fact-differences.ts';
import type { FactRange, MissingFact } from './fact-differences.ts';
import { deadLetterOf } from './fact-fold.ts';
import type { FactProgress, FactState } from './fact-progress.ts';
import type { FactBatch, FactStore } from './fact-store.ts';
import { insertIsolating } from './fact-writer.ts';
import type { Horizon } from './facts-horizon.ts';
import type { HourLedger } from './hour-ledger.ts';
import { dayOfHour, hourOf } from './hours.ts';
import type { RebuildScope } from './read-model.ts';
import type { GenerationOf } from './read-model.ts';
import { splicedLine } from './spliced-line.ts';

/** What of the facts is compared with the log and mended. */
export type RepairScope = Exclude<RebuildScope, { readonly kind: 'event' }>;

/** What a repair has done so far. */
export type RepairReport = {
  /** Offsets compared, and how many there are to compare. */
  readonly checked: number;
  readonly total: number;
  /** Records that were missing and have been projected again. */
  readonly inserted: number;
  /** Rows that stood in the facts more often than once and have been removed. */
  readonly copiesRemoved: number;
  /** Records that the facts could not take; they are dead letters now. */
  readonly poisoned: number;
  /** Days since 1970 in UTC whose facts have changed, ascending. */
  readonly days: readonly number[];
};

/** Projects records again that the facts have lost, in place. */
export interface FactRepair extends AsyncDisposable {
  /**
   * Compares the facts before the confirmed vector with the log and makes them equal: what is present stays,
   * what is missing is inserted, copies are removed; `first_seen` and sealed days follow. Reports after every
   * {@link EXTENT} of offsets. Repeating it changes nothing; broken off or killed it can be repeated. One repair
   * runs at a time, the next waits.
   *
   * Throws `TENANT_UNKNOWN`, and the signal's reason when it aborts.
   */
  repair(
    tenant: TenantId,
    scope: RepairScope,
    how?: { readonly signal?: AbortSignal; readonly progress?: (report: RepairReport) => void },
  ): Promise<RepairReport>;
}

/** What a repair needs of whoever keeps the aggregates of a generation. */
export type FactSealing = {
  /** As `Seals.reopen`. */
  reopen(of: GenerationOf, days: readonly number[]): Promise<Disposable>;
  /** Seals the days that are due. */
  sealDue(of: GenerationOf): Promise<unknown>;
};

export type FactRepairOptions = {
  readonly log: EventLog & RecordTimes;
  readonly tenants: Pick<Tenants, 'onTenant'>;
  readonly facts: FactStore;
  readonly checkpoints: CheckpointStore;
  readonly progress: FactProgress;
  readonly sealing: FactSealing;
  readonly ledger: HourLedger;
  readonly completeness: Pick<FactCompleteness, 'forget'>;
  readonly horizon?: () => Horizon | undefined;
  /** How many unreadable records of one insert become dead letters before the repair ends. @default 1000 */
  readonly maxPoison?: number;
};

/** Under this name it is kept from where on `first_seen` has to be folded again. */
const INTENT = 'facts_repair';

const repairedChannel = channel('daybook:projections:repaired');

/** Goes on, for every tenant, with what a repair that was killed has left to do. */
export function startFactRepair(options: FactRepairOptions): FactRepair {
  return new RunningRepair(options);
}

type Work = {
  readonly tenant: TenantId;
  readonly state: FactState;
  readonly report: Record<Exclude<keyof RepairReport, 'days'>, number> & { readonly days: Set<number> };
  readonly signal: AbortSignal;
};

class RunningRepair implements FactRepair {
  readonly #options: FactRepairOptions;
  readonly #stop = new AbortController();
  readonly #following: Disposable;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: FactRepairOptions) {
    this.#options = options;
    this.#following = options.tenants.onTenant(({ id }) => {
      // What cannot be done now is done with the next repair or start.
      this.#alone(() => this.#finish(id)).catch(() => undefined);
    });
  }

  repair(
    tenant: TenantId,
    scope: RepairScope,
    how: { readonly signal?: AbortSignal; readonly progress?: (report: RepairReport) => void } = {},
  ): Promise<RepairReport> {
    return this.#alone(() => this.#repair(tenant, scope, how));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following[Symbol.dispose]();
    this.#stop.abort(new Fault('LOG_CLOSED'));
    await this.#last;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #repair(
    tenant: TenantId,
    scope: RepairScope,
    { signal, progress }: { signal?: AbortSignal; progress?: (report: RepairReport) => void },
  ): Promise<RepairReport> {
    const state = await this.#options.progress.state(tenant);
    if (!state) throw new Fault('TENANT_UNKNOWN', undefined, { details: { tenant } });
    await this.#finish(tenant);
    const ranges = await this.#rangesOf(tenant, state, scope);
    const total = Number(ranges.reduce((sum, { from, to }) => sum + to - from, 0n));
    const work: Work = {
      tenant,
      state,
      report: { checked: 0, total, inserted: 0, copiesRemoved: 0, poisoned: 0, days: new Set() },
      signal: signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal,
    };
    try {
      for (const range of ranges) {
        work.signal.throwIfAborted();
        await this.#repairRange(work, range, scope);
        work.report.checked += Number(range.to - range.from);
        progress?.(reportOf(work));
      }
    } finally {
      if (work.report.days.size > 0) this.#changed(work);
    }
    if (work.report.days.size > 0) await this.#options.sealing.sealDue(generationOf(work));
    return reportOf(work);
  }

  #changed(work: Work): void {
    this.#options.completeness.forget(work.tenant);
    const { generation } = work.state;
    if (!repairedChannel.hasSubscribers) return;
    repairedChannel.publish({ projection: 'facts', tenant: work.tenant, generation, ...reportOf(work) });
  }

  /** What is to be compared, in pieces of at most an extent. */
  async #rangesOf(tenant: TenantId, state: FactState, scope: RepairScope): Promise<readonly FactRange[]> {
    const { confirmed, logIdentity, generation } = state;
    const { first } = await this.#options.log.bounds({ tenant, channel: 'events' });
    const ranges: FactRange[] = [];
    for (const [partition, to] of confirmed.entries()) {
      const kept = { from: first[partition] ?? 0n, to };
      for (const wanted of await this.#offsetsOf({ tenant, logIdentity }, { partition, ...kept }, scope)) {
        for (const piece of piecesOf(wanted))
          ranges.push({ tenant, logIdentity, generation, partition, ...piece });
      }
    }
    return ranges;
  }

  async #offsetsOf(
    key: { readonly tenant: TenantId; readonly logIdentity: string },
    kept: { readonly partition: number; readonly from: bigint; readonly to: bigint },
    scope: RepairScope,
  ): Promise<readonly { readonly from: bigint; readonly to: bigint }[]> {
    const { partition, from, to } = kept;
    switch (scope.kind) {
      case 'all':
        return [{ from, to }];
      case 'offsets':
        if (scope.partition !== partition) return [];
        return [{ from: scope.from > from ? scope.from : from, to: scope.to < to ? scope.to : to }];
      case 'time': {
        const fromDay = dayOfHour(hourOf(scope.fromMs));
        const toDay = dayOfHour(hourOf(scope.toMs - 1)) + 1;
        return this.#options.ledger.offsetsOf(key, { partition, to, fromDay, toDay });
      }
    }
  }

  async #repairRange(work: Work, range: FactRange, scope: RepairScope): Promise<void> {
    const { horizon = () => undefined } = this.#options;
    const all = await missingFacts({ ...this.#options, horizon }, range, work.signal);
    const missing =
      scope.kind === 'time'
        ? all.filter(({ timestampMs }) => timestampMs >= scope.fromMs && timestampMs < scope.toMs)
        : all;
    if (missing.length > 0) await this.#insert(work, range, missing);
    const copies = await findCopies(this.#options.facts, range);
    if (copies.length > 0) await this.#removeCopies(work, copies);
  }

  async #insert(work: Work, range: FactRange, missing: readonly MissingFact[]): Promise<void> {
    const { facts, sealing, maxPoison = 1000 } = this.#options;
    const { tenant, report } = work;
    const { generation, partition } = range;
    const days = daysOf(missing);
    // The same order as live: no sealed day may lack a record that the facts have.
    using _opened = await sealing.reopen(generationOf(work), days);
    const from = missing[0]?.offset ?? range.from;
    const to = (missing.at(-1)?.offset ?? range.from) + 1n;
    await this.#intend(work, partition, from);
    const wanted = new Set(missing.map(({ offset }) => offset));
    let poisoned = 0;
    const name = { tenant, channel: 'events' } as const;
    for await (const { records } of this.#options.log.read(name, { partition, from, to }, work.signal)) {
      const lost = records.filter(({ offset }) => wanted.has(offset));
      if (lost.length === 0) continue;
      const { batch, unreadable } = batchOf(tenant, partition, lost);
      const poison = await insertIsolating(readingRows(facts), generation, [batch], maxPoison);
      const letters = [
        ...unreadable.map((record) => deadLetterOf(record, generation, 'the value is not a JSON object')),
        ...poison.flatMap(({ position, reason }) =>
          lost
            .filter(({ offset }) => offset === position.offset)
            .map((record) => deadLetterOf(record, generation, reason)),
        ),
      ];
      await this.#options.log.append({ tenant, channel: 'dead_letters' }, letters);
      poisoned += letters.length;
    }
    work.signal.throwIfAborted();
    await this.#foldFirstSeen(work, partition, { from, to });
    await this.#intend(work, partition, undefined);
    report.inserted += missing.length - poisoned;
    report.poisoned += poisoned;
    for (const day of days) report.days.add(day);
  }

  async #removeCopies(
    work: Work,
    copies: readonly { readonly month: number; readonly day: number; readonly copies: number }[],
  ): Promise<void> {
    const { facts, sealing } = this.#options;
    const { report, state } = work;
    const days = copies.map(({ day }) => day);
    using _opened = await sealing.reopen(generationOf(work), days);
    for (const month of new Set(copies.map(({ month }) => month)))
      await facts.removeCopies(state.generation, month);
    report.copiesRemoved += copies.reduce((sum, found) => sum + found.copies, 0);
    for (const day of days) report.days.add(day);
  }

  /** Keeps from where on `first_seen` has yet to be folded again; undefined when it has been. */
  async #intend({ tenant, state }: Work, partition: number, from: bigint | undefined): Promise<void> {
    const { logIdentity, generation, confirmed } = state;
    const vector = confirmed.map((offset, own) => (own === partition && from !== undefined ? from : offset));
    const key = { projection: INTENT, generation, tenant };
    await announced({ what: 'checkpoint', ...key }, () =>
      this.#options.checkpoints.save(key, { logIdentity, vector }),
    );
  }

  async #foldFirstSeen(
    { tenant, state }: { readonly tenant: TenantId; readonly state: FactState },
    partition: number,
    { from, to }: { readonly from: bigint; readonly to: bigint },
  ): Promise<void> {
    const at = (offset: bigint): PositionVector =>
      state.confirmed.map((_, own) => (own === partition ? offset : 0n));
    const range = { tenant, from: at(from), to: at(to) };
    await announced({ what: 'repaired_first_seen', tenant }, () =>
      this.#options.facts.foldFirstSeen(state.generation, range),
    );
  }

  /** Folds `first_seen` again where a repair was killed between its insert and that. */
  async #finish(tenant: TenantId): Promise<void> {
    const state = await this.#options.progress.state(tenant);
    if (!state) return;
    const key = { projection: INTENT, generation: state.generation, tenant };
    const intent = await this.#options.checkpoints.load(key);
    if (intent?.logIdentity !== state.logIdentity) return;
    for (const [partition, from] of intent.vector.entries()) {
      const to = state.firstSeen[partition] ?? 0n;
      for (const piece of piecesOf({ from, to })) {
        this.#stop.signal.throwIfAborted();
        await this.#foldFirstSeen({ tenant, state }, partition, piece);
      }
    }
    await this.#options.checkpoints.save(key, { logIdentity: state.logIdentity, vector: state.confirmed });
  }
}

/** The same facts, but what is present is told by the rows themselves. */
function readingRows(facts: FactStore): FactStore {
  return {
    ...facts,
    present: async (generation, range) => [...(await presentOffsets(facts, { generation, ...range }))],
  };
}

/** A range in pieces that end where extents do. */
function piecesOf({ from, to }: { readonly from: bigint; readonly to: bigint }) {
  const pieces: { readonly from: bigint; readonly to: bigint }[] = [];
  for (let at = from; at < to;) {
    const end = (at / EXTENT + 1n) * EXTENT;
    pieces.push({ from: at, to: end < to ? end : to });
    at = end;
  }
  return pieces;
}

function daysOf(missing: readonly MissingFact[]): number[] {
  return [...new Set(missing.map(({ timestampMs }) => dayOfHour(hourOf(timestampMs))))];
}

function batchOf(
  tenant: TenantId,
  partition: number,
  records: readonly LogRecord[],
): { readonly batch: FactBatch; readonly unreadable: readonly LogRecord[] } {
  const offsets: bigint[] = [];
  const lines: Uint8Array[] = [];
  const unreadable: LogRecord[] = [];
  for (const record of records) {
    const line = splicedLine(record.value, partition, record.offset);
    if (!line) unreadable.push(record);
    else {
      offsets.push(record.offset);
      lines.push(line);
    }
  }
  return { batch: { tenant, partition, offsets, lines }, unreadable };
}

function reportOf({ report }: Work): RepairReport {
  return { ...report, days: [...report.days].sort((one, other) => one - other) };
}

function generationOf({ tenant, state }: Work): GenerationOf {
  return { tenant, generation: state.generation };
}
