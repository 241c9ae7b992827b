import type { EventLog, RecordTimes, Tenants } from '#log';
import type { CheckpointStore } from './checkpoint-store.ts';
import { createFactCompleteness } from './fact-completeness.ts';
import type { FactCompleteness } from './fact-completeness.ts';
import { startFactExtents } from './fact-extents.ts';
import type { FactExtents } from './fact-extents.ts';
import type { FactProgress } from './fact-progress.ts';
import { startFactRepair } from './fact-repair.ts';
import type { FactRepair, FactSealing } from './fact-repair.ts';
import type { FactStore } from './fact-store.ts';
import type { Horizon } from './facts-horizon.ts';
import type { HourLedgerStore } from './hour-ledger-store.ts';
import { createHourLedger } from './hour-ledger.ts';
import type { HourLedger } from './hour-ledger.ts';

export type FactUpkeepDeps = {
  readonly log: EventLog & RecordTimes;
  readonly tenants: Pick<Tenants, 'onTenant'>;
  readonly facts: FactStore;
  readonly progress: FactProgress;
  readonly checkpoints: CheckpointStore;
  readonly sealing: FactSealing;
  /** Filled by `startHourLedgerProjector`. */
  readonly hours: HourLedgerStore;
  readonly horizon: () => Horizon | undefined;
  /** Epoch ms. */
  readonly clock: () => number;
  /** How long the comparison of all facts rests between two times. @default 60 s */
  readonly everyMs?: number;
};

/** Everything that compares facts with their log and mends them. */
export interface FactUpkeep extends AsyncDisposable {
  readonly ledger: HourLedger;
  readonly completeness: FactCompleteness;
  readonly extents: FactExtents;
  readonly repair: FactRepair;
}

/** Starts comparing in the background; repairs are made when they are asked for. */
export function startFactUpkeep(deps: FactUpkeepDeps): FactUpkeep {
  const { hours } = deps;
  const ledger = createHourLedger({ store: hours, log: deps.log });
  const completeness = createFactCompleteness({ ...deps, ledger });
  const watched = { ...deps, ledger, completeness };
  const extents = startFactExtents(watched);
  const repair = startFactRepair(watched);
  return {
    ledger,
    completeness,
    extents,
    repair,
    async [Symbol.asyncDispose]() {
      await repair[Symbol.asyncDispose]();
      await extents[Symbol.asyncDispose]();
    },
  };
}
