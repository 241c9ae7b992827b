import type { EventLog, StreamStore, Tenants } from '#log';
import { activeFacts, expirableFacts } from './active-facts.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { FactGenerations } from './fact-generations.ts';
import type { FactProgress } from './fact-progress.ts';
import { openFactReadModel } from './fact-read-model.ts';
import type { FactReadModel } from './fact-read-model.ts';
import type { FactStore } from './fact-store.ts';
import { openFactViewUpkeep } from './fact-view-upkeep.ts';
import { openFactsHorizon } from './facts-horizon.ts';
import type { FactsHorizon } from './facts-horizon.ts';
import { FACTS } from './facts-version.ts';
import { sharingOf } from './generations.ts';
import type { Generations } from './generations.ts';
import type { SealStore } from './seal-store.ts';
import type { SliceStore } from './slice-store.ts';

/** What {@link openFacts} needs from outside. */
export type OpenFactsDeps = {
  readonly log: EventLog;
  readonly streams: StreamStore;
  readonly tenants: Tenants;
  readonly generations: Generations;
  readonly facts: FactStore & SliceStore & FactGenerations;
  readonly checkpoints: CheckpointStore;
  readonly seals: SealStore;
  /** How many days back facts are wanted; 0 keeps all. */
  readonly keepDays: number;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly newId: () => string;
};

/** The facts of all tenants as a read model to rebuild and as what questions see of it. */
export type OpenFacts = AsyncDisposable & {
  readonly model: FactReadModel;
  readonly progress: FactProgress;
  readonly horizon: FactsHorizon;
};

/**
 * Opens the facts in their generations with all that belongs to them: the views of the store, the horizon before
 * which they are let go, and the progress that questions go by.
 */
export async function openFacts(deps: OpenFactsDeps): Promise<OpenFacts> {
  const { facts, streams, tenants, generations, keepDays, clock, newId } = deps;
  await using opened = new AsyncDisposableStack();
  opened.use(await openFactViewUpkeep({ facts, generations, tenants }));
  const held: { horizon?: FactsHorizon } = {};
  const model = opened.use(
    openFactReadModel({
      ...deps,
      ...sharingOf(generations, FACTS.name),
      horizon: () => held.horizon?.current(),
    }),
  );
  const horizon = opened.use(
    await openFactsHorizon({
      streams,
      facts,
      generations: expirableFacts(model, generations, tenants),
      keepDays,
      clock,
      newId,
      mayLetGo: (beforeMs) =>
        tenants.list().every(({ id: tenant }) => {
          const generation = generations.active(FACTS.name, tenant);
          return model.isSealedBefore({ tenant, generation }, beforeMs);
        }),
    }),
  );
  held.horizon = horizon;
  const all = opened.move();
  return {
    model,
    progress: activeFacts(model, generations),
    horizon,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
