import { Fault, covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog } from '#log';
import { announced } from './announced.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { compareFacts } from './compare-facts.ts';
import type { FactGenerations } from './fact-generations.ts';
import type { FactState } from './fact-progress.ts';
import { startFactProjector } from './fact-projector.ts';
import type { FactProjector, FactProjectorTuning } from './fact-projector.ts';
import type { FactStore } from './fact-store.ts';
import type { Horizon } from './facts-horizon.ts';
import { FACTS } from './facts-version.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';
import type { SealStore } from './seal-store.ts';
import { startSealer } from './sealer.ts';
import type { Sealer, SealerTuning } from './sealer.ts';
import { Seals } from './seals.ts';
import type { SliceStore } from './slice-store.ts';

export type FactReadModelDeps = {
  readonly log: EventLog;
  readonly facts: FactStore & SliceStore & FactGenerations;
  readonly checkpoints: CheckpointStore;
  readonly seals: SealStore;
  /** Epoch ms. */
  readonly clock: () => number;
  /** From when on facts are kept. @default all are */
  readonly horizon?: () => Horizon | undefined;
  /** Whether the generation is only being built: then what lies before the horizon is folded too, for its aggregates. @default it is not */
  readonly isBuilding?: (of: GenerationOf) => boolean;
  /** Whether other tenants have something in the tables of this number. @default they have */
  readonly isShared?: (of: GenerationOf) => boolean;
  /** The logic of this process. @default that of {@link FACTS} */
  readonly version?: number;
  readonly tuning?: Partial<FactProjectorTuning>;
  readonly sealing?: Partial<SealerTuning>;
};

/** The facts as a read model in generations: rows, first times and the aggregates of sealed days. */
export interface FactReadModel extends ReadModel, AsyncDisposable {
  state(of: GenerationOf): Promise<FactState | undefined>;
  /** Whether the generation is open and every day of the tenant that ends at or before the instant stands in slices. */
  isSealedBefore(of: GenerationOf, beforeMs: number): boolean;
  /** Seals the days of a tenant that are due now; answers how many. */
  sealDue(of: GenerationOf): Promise<number>;
  /** As `Seals.reopen`. */
  reopen(of: GenerationOf, days: readonly number[]): Promise<Disposable>;
}

/**
 * Opens the facts in generations: a projector, seals and a sealer for every number in use, over just the tenants
 * that keep it.
 */
export function openFactReadModel(deps: FactReadModelDeps): FactReadModel {
  return new GenerationsOfFacts(deps);
}

/** What keeps one generation current. */
type Upkeep = AsyncDisposable & {
  readonly projector: FactProjector;
  readonly seals: Seals;
  readonly sealer: Sealer;
  readonly tenants: Set<TenantId>;
};

/** How often it is tried to seal the closed days of a generation before it is compared. */
const SEALING_ATTEMPTS = 5;

class GenerationsOfFacts implements FactReadModel {
  readonly projection = FACTS.name;
  readonly version: number;
  readonly scopes = ['event', 'offsets', 'time'] as const;
  readonly asOf = true;
  readonly #deps: FactReadModelDeps;
  readonly #open = new Map<number, Upkeep>();
  /** The last of what is being done to a generation: it is opened, left and removed in turn. */
  readonly #turns = new Map<number, Promise<unknown>>();

  constructor(deps: FactReadModelDeps) {
    this.#deps = deps;
    this.version = deps.version ?? FACTS.version;
  }

  follow(of: GenerationOf, limit?: PositionVector): Promise<void> {
    return this.#inTurn(of.generation, () => this.#take(of).projector.follow(of.tenant, limit));
  }

  standStill(of: GenerationOf, reason: string): Promise<void> {
    return this.#inTurn(of.generation, () => this.#take(of).projector.standStill(of.tenant, reason));
  }

  async state(of: GenerationOf): Promise<FactState | undefined> {
    return (await this.#upkeepOf(of))?.projector.state(of.tenant);
  }

  async waitFor(of: GenerationOf, vector: PositionVector, signal: AbortSignal): Promise<boolean> {
    return (await (await this.#upkeepOf(of))?.projector.waitFor(of.tenant, vector, signal)) ?? false;
  }

  async limit(of: GenerationOf, to: PositionVector | 'here' | undefined): Promise<PositionVector> {
    return (await (await this.#upkeepOf(of))?.projector.limit(of.tenant, to)) ?? [];
  }

  leave(of: GenerationOf): Promise<void> {
    return this.#inTurn(of.generation, async () => {
      const upkeep = this.#open.get(of.generation);
      if (!upkeep?.tenants.has(of.tenant)) return;
      await upkeep.projector.leave(of.tenant);
      await upkeep.sealer.untilIdle();
      upkeep.tenants.delete(of.tenant);
      if (upkeep.tenants.size > 0) return;
      this.#open.delete(of.generation);
      await upkeep[Symbol.asyncDispose]();
    });
  }

  async copyRest(...[from, to, rest]: Parameters<ReadModel['copyRest']>): Promise<void> {
    await this.#deps.facts.prepare(to.generation);
    await announced({ what: 'copied_facts', ...to }, () => this.#deps.facts.copyRest(from, to, rest));
  }

  async compare(...[active, candidate, vector, signal]: Parameters<ReadModel['compare']>) {
    await this.#sealClosed(candidate, signal);
    const compared = (of: GenerationOf) => ({
      of,
      sealed: this.#open.get(of.generation)?.seals.sealed(of.tenant) ?? [],
    });
    const horizonMs = this.#deps.horizon?.()?.beforeMs ?? -Infinity;
    const both = { active: compared(active), candidate: compared(candidate) };
    return compareFacts(this.#deps.facts, both, { vector, horizonMs, signal });
  }

  async drop(of: GenerationOf): Promise<void> {
    const { facts, checkpoints, seals, isShared = () => true } = this.#deps;
    const { generation, tenant } = of;
    // First what says how far it is: what is removed in part only must not be taken for whole.
    for (const projection of ['facts', 'first_seen']) {
      const key = { projection, generation, tenant };
      await announced({ what: 'dropped_checkpoint', ...key }, () => checkpoints.remove(key));
    }
    await announced({ what: 'dropped_seals', ...of }, () => seals.remove(of));
    const dropped = { what: 'dropped_facts', ...of };
    const isAlone = await this.#inTurn(generation, async () => {
      if (isShared(of) || this.#open.has(generation)) return false;
      await announced(dropped, () => facts.removeGeneration(generation));
      return true;
    });
    // Not in turn: other tenants are served from these tables, and this takes its time.
    if (!isAlone) await announced(dropped, () => facts.removeTenant(of));
  }

  isSealedBefore({ generation, tenant }: GenerationOf, beforeMs: number): boolean {
    return this.#open.get(generation)?.seals.isSealedBefore(tenant, beforeMs) ?? false;
  }

  async sealDue(of: GenerationOf): Promise<number> {
    return (await (await this.#upkeepOf(of))?.sealer.sealDue(of.tenant)) ?? 0;
  }

  async reopen(of: GenerationOf, days: readonly number[]): Promise<Disposable> {
    const upkeep = await this.#upkeepOf(of);
    if (!upkeep) throw new Fault('INTERNAL', `Generation ${of.generation} of the facts is not open.`);
    return upkeep.seals.reopen(of.tenant, days);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#turns.values());
    await Promise.all([...this.#open.values()].map((upkeep) => upkeep[Symbol.asyncDispose]()));
  }

  /** The upkeep of the tenant's generation once what has been begun to it is done. */
  async #upkeepOf({ generation, tenant }: GenerationOf): Promise<Upkeep | undefined> {
    const turn = this.#turns.get(generation);
    if (turn) await turn.catch(() => undefined);
    const upkeep = this.#open.get(generation);
    return upkeep?.tenants.has(tenant) ? upkeep : undefined;
  }

  #take({ generation, tenant }: GenerationOf): Upkeep {
    const upkeep = this.#open.get(generation) ?? this.#begin(generation);
    this.#open.set(generation, upkeep);
    upkeep.tenants.add(tenant);
    return upkeep;
  }

  #begin(generation: number): Upkeep {
    const { log, facts, checkpoints, clock, horizon, isBuilding, tuning = {}, sealing = {} } = this.#deps;
    const seals = new Seals({ store: this.#deps.seals, slices: facts, generation });
    const common = { log, facts, checkpoints, clock, generation, seals, tuning };
    const projector = startFactProjector({
      ...common,
      isEmpty: async (tenant) => (await facts.months({ tenant, generation })).length === 0,
      ...(horizon && { horizon }),
      ...(isBuilding && { foldsAll: (tenant: TenantId) => isBuilding({ tenant, generation }) }),
    });
    const sealer = startSealer({ seals, slices: facts, progress: projector, clock, tuning: sealing });
    return {
      projector,
      seals,
      sealer,
      tenants: new Set(),
      async [Symbol.asyncDispose]() {
        await sealer[Symbol.asyncDispose]();
        await projector[Symbol.asyncDispose]();
      },
    };
  }

  /** So that the aggregates of a new generation are compared too, and not only its rows. */
  async #sealClosed(of: GenerationOf, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < SEALING_ATTEMPTS; attempt++) {
      signal.throwIfAborted();
      const state = await this.state(of);
      if (!state || state.paused) return;
      if (!covers(state.confirmed, state.highWater) && !(await this.waitFor(of, state.highWater, signal)))
        return;
      if ((await this.sealDue(of)) > 0) return;
    }
  }

  #inTurn<Done>(generation: number, work: () => Promise<Done>): Promise<Done> {
    const before = this.#turns.get(generation);
    const mine = before ? before.catch(() => undefined).then(work) : work();
    this.#turns.set(generation, mine);
    const forget = (): void => {
      if (this.#turns.get(generation) === mine) this.#turns.delete(generation);
    };
    mine.then(forget, forget);
    return mine;
  }
}
