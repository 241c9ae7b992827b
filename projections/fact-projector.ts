import { channel } from 'node:diagnostics_channel';
import type { TenantId } from '#domain';
import type { EventLog, Tenants } from '#log';
import type { CheckpointStore } from './checkpoint-store.ts';
import { FactFold } from './fact-fold.ts';
import type { FactProgress, FactState } from './fact-progress.ts';
import type { FactStore } from './fact-store.ts';
import type { Horizon } from './facts-horizon.ts';
import { FirstSeenProjector } from './first-seen-projector.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import { stateOf } from './projection-progress.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { ProjectorTuning } from './projector.ts';
import type { Seals } from './seals.ts';

export type FactProjectorDeps = {
  readonly log: EventLog;
  readonly tenants: Pick<Tenants, 'onTenant'>;
  readonly facts: FactStore;
  readonly checkpoints: CheckpointStore;
  /** Epoch ms. */
  readonly clock: () => number;
  /** From when on facts are kept. @default all are */
  readonly horizon?: () => Horizon | undefined;
  /** Which build of the facts is kept. @default 1 */
  readonly generation?: number;
  /** Which days are sealed; told of every record before it is inserted. @default none ever is */
  readonly seals?: Seals;
  readonly tuning?: Partial<FactProjectorTuning>;
};

/** How the projector goes about it; the defaults are measured (`docs/facts.md`). */
export type FactProjectorTuning = ProjectorTuning & {
  /** How many unreadable records of one insert become dead letters before the tenant is paused. @default 1000 */
  readonly maxPoison: number;
  /** How many offsets per partition below the checkpoint are read back at the start. @default 131072 */
  readonly lookBack: bigint;
  /** Records per partition that `first_seen` folds at a time. @default 65536 */
  readonly firstSeenStride: bigint;
  /** How long fewer records wait for it. @default 3000 */
  readonly firstSeenAfterMs: number;
};

const TUNING: FactProjectorTuning = {
  ...PROJECTOR_TUNING,
  flushAfterMs: 200,
  // An insert costs the engine 24 ms beside its rows.
  restMs: 200,
  bulkRecords: 50_000,
  maxRecords: 100_000,
  maxPoison: 1000,
  lookBack: 131_072n,
  firstSeenStride: 65_536n,
  firstSeenAfterMs: 3000,
};

const appliedChannel = channel('daybook:projections:applied');
const pausedChannel = channel('daybook:projections:paused');

/**
 * Keeps the facts of every tenant current with its log, each record once, whatever stops it in between.
 * Answers how far it has come. Announces on `daybook:projections:applied` and `daybook:projections:paused`.
 *
 * A record that the engine cannot read becomes a dead letter with the reason and its position; while the
 * engine is down it tries again with growing delay and says that it is paused; a log that is not the one the
 * checkpoint belongs to, or that has lost records, pauses that tenant for good.
 */
export function startFactProjector(deps: FactProjectorDeps): AsyncDisposable & FactProgress {
  const { log, tenants, facts, checkpoints, clock, generation = 1, seals, horizon = () => undefined } = deps;
  const tuning = { ...TUNING, ...deps.tuning };
  const fold = new FactFold({
    log,
    facts,
    checkpoints,
    generation,
    lookBack: tuning.lookBack,
    maxPoison: tuning.maxPoison,
    keptFromMs: () => horizon()?.beforeMs ?? -Infinity,
    seals,
  });
  const firstSeen = new FirstSeenProjector({
    facts,
    checkpoints,
    generation,
    clock,
    stride: tuning.firstSeenStride,
    afterMs: tuning.firstSeenAfterMs,
    lookBack: tuning.lookBack,
  });
  const projector = new Projector({ log, fold, clock, ...tuning, applied, paused });
  const following = tenants.onTenant(({ id }) => {
    projector.follow(id);
  });

  function applied(followed: FollowedTenant): void {
    firstSeen.moved(followed);
    if (appliedChannel.hasSubscribers) {
      const { tenant, confirmed } = followed;
      appliedChannel.publish({ projection: 'facts', generation, tenant, vector: confirmed });
    }
  }

  function paused({ tenant }: FollowedTenant, pause: Pause): void {
    if (pausedChannel.hasSubscribers)
      pausedChannel.publish({ projection: 'facts', generation, tenant, ...pause });
  }

  return {
    async state(tenant: TenantId): Promise<FactState | undefined> {
      const followed = await projector.find(tenant);
      if (!followed) return undefined;
      const bounds = await log.bounds(followed.log);
      // Nothing is awaited in here: the vector, the seals and the fold must be of one moment.
      return {
        ...stateOf(followed, bounds, clock()),
        generation,
        firstSeen: firstSeen.vector(followed),
        sealed: seals?.sealed(tenant) ?? [],
        horizon: horizon(),
      };
    },

    waitFor: (tenant, vector, signal) => projector.waitFor(tenant, vector, signal),

    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      await projector[Symbol.asyncDispose]();
      await firstSeen[Symbol.asyncDispose]();
    },
  };
}
