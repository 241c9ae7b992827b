import { channel } from 'node:diagnostics_channel';
import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
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
  /** Tenants to follow from the start. @default none */
  readonly tenants?: Pick<Tenants, 'onTenant'>;
  readonly facts: FactStore;
  readonly checkpoints: CheckpointStore;
  /** Epoch ms. */
  readonly clock: () => number;
  /** From when on facts are kept. @default all are */
  readonly horizon?: () => Horizon | undefined;
  /** Whether what lies before the horizon is folded too, because the aggregates of it are still to be made. @default it is not */
  readonly foldsAll?: (tenant: TenantId) => boolean;
  /** Which build of the facts is kept. @default 1 */
  readonly generation?: number;
  /** Which days are sealed; told of every record before it is inserted. @default none ever is */
  readonly seals?: Seals;
  /** Whether nothing of the tenant stands in the generation. @default it is not known */
  readonly isEmpty?: (tenant: TenantId) => Promise<boolean>;
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

/** Keeps one generation of facts current. */
export interface FactProjector extends AsyncDisposable, FactProgress {
  /** Begins to fold the tenant's log; with a limit never beyond it. Repeating it changes nothing. */
  follow(tenant: TenantId, limit?: PositionVector): Promise<void>;
  /** Opens the tenant where it stands, folds nothing, and gives the reason in its state. */
  standStill(tenant: TenantId, reason: string): Promise<void>;
  /** See {@link Projector.limit}. */
  limit(tenant: TenantId, to: PositionVector | 'here' | undefined): Promise<PositionVector>;
  /** Follows the tenant no more; nothing is written of it once this has resolved. */
  leave(tenant: TenantId): Promise<void>;
}

/**
 * Keeps the facts of every tenant it is told of current with its log, each record once, whatever stops it in between.
 * Answers how far it has come. Announces on `daybook:projections:applied` and `daybook:projections:paused`.
 *
 * A record that the engine cannot read becomes a dead letter with the reason and its position; while the
 * engine is down it tries again with growing delay and says that it is paused; a log that is not the one the
 * checkpoint belongs to, or that has lost records, pauses that tenant for good.
 */
export function startFactProjector(deps: FactProjectorDeps): FactProjector {
  const { log, facts, checkpoints, clock, generation = 1, seals, horizon = () => undefined } = deps;
  const { foldsAll = () => false } = deps;
  const tuning = { ...TUNING, ...deps.tuning };
  const known = new Map<TenantId, FollowedTenant>();
  /** Why nothing is folded of a tenant. */
  const still = new Map<TenantId, string>();
  const fold = new FactFold({
    log,
    facts,
    checkpoints,
    generation,
    lookBack: tuning.lookBack,
    maxPoison: tuning.maxPoison,
    keptFromMs: (tenant) => (foldsAll(tenant) ? -Infinity : (horizon()?.beforeMs ?? -Infinity)),
    standsStill: (tenant) => still.has(tenant),
    isEmpty: deps.isEmpty ?? (async () => false),
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
  const following = deps.tenants?.onTenant(({ id }) => {
    known.set(id, projector.follow(id));
  });

  function applied(followed: FollowedTenant): void {
    if (still.has(followed.tenant)) return;
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

  async function leave(tenant: TenantId): Promise<void> {
    const followed = known.get(tenant);
    known.delete(tenant);
    still.delete(tenant);
    await projector.leave(tenant);
    if (followed) await firstSeen.leave(followed);
    seals?.close(tenant);
  }

  return {
    async follow(tenant, limit) {
      if (known.has(tenant) && !still.has(tenant)) return;
      if (still.has(tenant)) await leave(tenant);
      const followed = projector.follow(tenant);
      followed.limit = limit;
      known.set(tenant, followed);
    },

    async standStill(tenant, reason) {
      if (known.has(tenant)) return;
      still.set(tenant, reason);
      const followed = projector.follow(tenant);
      followed.limit = [];
      known.set(tenant, followed);
    },

    async limit(tenant, to) {
      const followed = known.get(tenant);
      if (!followed) return [];
      if (!still.has(tenant)) return projector.limit(tenant, to);
      await projector.find(tenant);
      return followed.confirmed;
    },

    leave,

    async state(tenant: TenantId): Promise<FactState | undefined> {
      const followed = known.has(tenant) ? await projector.find(tenant) : undefined;
      if (!followed) return undefined;
      const reason = still.get(tenant);
      const bounds = await log.bounds(followed.log);
      // Nothing is awaited in here: the vector, the seals and the fold must be of one moment.
      return {
        ...stateOf(followed, bounds, clock()),
        ...(reason !== undefined && {
          paused: { reason, partition: 0, offset: followed.confirmed[0] ?? 0n },
        }),
        generation,
        firstSeen: firstSeen.vector(followed),
        sealed: seals?.sealed(tenant) ?? [],
        horizon: horizon(),
      };
    },

    async waitFor(tenant, vector, signal) {
      const followed = known.get(tenant);
      if (!followed) return false;
      if (!still.has(tenant)) return projector.waitFor(tenant, vector, signal);
      await projector.find(tenant);
      return covers(followed.confirmed, vector);
    },

    async [Symbol.asyncDispose]() {
      following?.[Symbol.dispose]();
      await projector[Symbol.asyncDispose]();
      await firstSeen[Symbol.asyncDispose]();
    },
  };
}
