import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import { announced } from './announced.ts';
import type { FactProgress, FactState } from './fact-progress.ts';
import type { Seals } from './seals.ts';
import type { SliceStore } from './slice-store.ts';

/** What the sealer works with. */
export type SealerDeps = {
  /** The same that the fact projector tells of its records. */
  readonly seals: Seals;
  readonly slices: SliceStore;
  readonly progress: FactProgress;
  /** Epoch ms. It decides when a day is sealed, never what the slice holds. */
  readonly clock: () => number;
  readonly tuning?: Partial<SealerTuning>;
};

/** When the sealer seals. */
export type SealerTuning = {
  /** How long after its end, in UTC, a day is closed: most of what comes late comes by then. @default 1 hour */
  readonly graceMs: number;
  /** How long a day is left alone after an attempt to seal it. @default 5 minutes */
  readonly resealAfterMs: number;
  /** How often it is looked for days to seal. @default 30 s */
  readonly everyMs: number;
};

const TUNING: SealerTuning = { graceMs: 3_600_000, resealAfterMs: 300_000, everyMs: 30_000 };
const DAY_MS = 86_400_000;

const sealedChannel = channel('daybook:projections:sealed');
const pausedChannel = channel('daybook:projections:paused');

/** Seals days in the background until it is disposed. */
export interface Sealer extends AsyncDisposable {
  /** Seals the days that are due now, of all tenants or of one, one after the other; answers how many. */
  sealDue(tenant?: TenantId): Promise<number>;
  /** Resolves when no day is being sealed of a tenant whose seals have been closed. */
  untilIdle(): Promise<void>;
}

/**
 * Seals closed days in the background, and days that late records have opened again. A failure leaves the day
 * open, which costs questions time and nothing else; it is tried again. Announces on
 * `daybook:projections:sealed` and `daybook:projections:paused`.
 */
export function startSealer(deps: SealerDeps): Sealer {
  const { seals, slices, progress, clock } = deps;
  const tuning = { ...TUNING, ...deps.tuning };
  const stop = new AbortController();
  /** What the facts must have reached for a tenant's closed days to count as complete. */
  const targets = new Map<TenantId, PositionVector>();
  /** The seal that each day had last, by tenant. */
  const settled = new Map<TenantId, Map<number, number>>();
  /** The tenant that is looked after now, and those that wait for their turn. */
  let sealing: Promise<unknown> = Promise.resolve();

  /** Whether the facts have come to where the log was when a day was first found due. */
  function isConfirmed(tenant: TenantId, { confirmed, highWater }: FactState): boolean {
    const target = targets.get(tenant) ?? highWater;
    const reached = covers(confirmed, target);
    if (reached) targets.delete(tenant);
    else targets.set(tenant, target);
    return reached;
  }

  async function sealDay(tenant: TenantId, day: number, { generation, confirmed }: FactState) {
    const seal = await seals.reserve(tenant, day, clock());
    const slice = { tenant, day, seal, vector: confirmed };
    const counts = await announced({ what: 'slices', tenant, generation, day }, () =>
      slices.writeSlice(generation, slice),
    );
    if (!(await seals.settle(tenant, { day, seal, vector: confirmed, counts }))) return false;
    if (sealedChannel.hasSubscribers) sealedChannel.publish({ tenant, generation, day, seal });
    await removeBefore({ tenant, day, generation });
    const days = settled.get(tenant) ?? new Map<number, number>();
    settled.set(tenant, days.set(day, seal));
    return true;
  }

  /**
   * Removes what the day had before the seal that is being replaced. That one itself stays until the next
   * time, because a question may still be reading it.
   */
  async function removeBefore(of: { tenant: TenantId; day: number; generation: number }): Promise<void> {
    const replaced = settled.get(of.tenant)?.get(of.day);
    if (replaced === undefined) return;
    const stored = await slices.storedSlices(of.generation, of.tenant);
    const older = stored.filter(({ day, seal }) => day === of.day && seal < replaced);
    const unused = older.map(({ seal }) => seal);
    await announced({ what: 'unused_slices', tenant: of.tenant, day: of.day }, () =>
      slices.removeSlices(of.generation, of.tenant, unused),
    );
  }

  async function sealTenant(tenant: TenantId): Promise<number> {
    const nowMs = clock();
    const closed = Math.floor((nowMs - tuning.graceMs) / DAY_MS);
    const due = seals.due(tenant, { day: closed, triedBeforeMs: nowMs - tuning.resealAfterMs });
    if (due.length === 0) return 0;
    const first = await progress.state(tenant);
    // Of a tenant that stands still the facts may be of other logic than the slices would be.
    if (!first || first.paused || !isConfirmed(tenant, first)) return 0;
    let sealed = 0;
    for (const day of due) {
      const state = await progress.state(tenant);
      if (!state || stop.signal.aborted || !seals.tenants.includes(tenant)) break;
      if (await sealDay(tenant, day, state)) sealed++;
    }
    return sealed;
  }

  async function sealDue(only?: TenantId): Promise<number> {
    let sealed = 0;
    for (const tenant of only === undefined ? seals.tenants : [only]) {
      if (stop.signal.aborted) break;
      try {
        sealed += await inTurn(tenant);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        pausedChannel.publish({ projection: 'slices', tenant, reason, partition: 0, offset: 0n });
      }
    }
    return sealed;
  }

  /** One tenant at a time, whoever asks. */
  function inTurn(tenant: TenantId): Promise<number> {
    const mine = sealing.catch(() => undefined).then(() => sealTenant(tenant));
    sealing = mine;
    return mine;
  }

  const running = (async () => {
    const rested = () => sleep(tuning.everyMs, true, { signal: stop.signal }).catch(() => false);
    while (await rested()) await sealDue();
  })();

  return {
    sealDue,
    async untilIdle() {
      await sealing.catch(() => undefined);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await sealing.catch(() => undefined);
    },
  };
}
