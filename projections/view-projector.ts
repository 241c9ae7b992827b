import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantId } from '#domain';
import type { EventLogReader } from '#log';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import type { HostedProjector } from './hosted-projectors.ts';
import { LIVE_VIEWS } from './live-views.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { ProjectorTuning } from './projector.ts';
import type { ProjectorThread } from './projector-thread.ts';
import { ViewFold } from './view-fold.ts';
import type { ViewProgress, ViewState } from './view-progress.ts';
import type { ViewScope, ViewStore, ViewUpkeep } from './view-store.ts';

export type ViewProjectorDeps = {
  readonly log: EventLogReader;
  readonly views: ViewStore & Pick<ViewUpkeep, 'prune'>;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Which build of the views is kept. @default 1 */
  readonly generation?: number;
  readonly tuning?: Partial<ViewProjectorTuning>;
};

/** How the projector goes about it. */
export type ViewProjectorTuning = ProjectorTuning & {
  /** How often what has expired is removed. @default 10 minutes */
  readonly pruneEveryMs: number;
};

const TUNING: ViewProjectorTuning = {
  ...PROJECTOR_TUNING,
  flushAfterMs: 200,
  // A collection is written whole however little it changes.
  restMs: 1500,
  bulkRecords: 20_000,
  maxRecords: 50_000,
  pruneEveryMs: 600_000,
};

const PROJECTION = LIVE_VIEWS.name;

const appliedChannel = channel('daybook:projections:applied');
const pausedChannel = channel('daybook:projections:paused');
const prunedChannel = channel('daybook:projections:pruned');

/**
 * Keeps the live views of the tenants it is told to follow current with their logs, each record once, whatever
 * stops it in between: the checkpoint moves in the same step as the views. Answers how far it has come.
 * Announces on `daybook:projections:applied`, `daybook:projections:paused` and `daybook:projections:pruned`.
 *
 * What is no event is counted under `views:left_out` and passed over. While the store is down it tries again
 * with growing delay and says that it is paused; a log that is not the one the checkpoint belongs to or has
 * lost records, and a partition that somebody else has taken over, pause that tenant for good.
 *
 * Of a tenant that is limited nothing is removed, so that what is alive at an instant stays and can be compared.
 */
export function startViewProjector(deps: ViewProjectorDeps): HostedProjector & ViewProgress {
  const { log, views, clock, generation = 1 } = deps;
  const tuning = { ...TUNING, ...deps.tuning };
  const scopeOf = (tenant: TenantId): ViewScope => ({ projection: PROJECTION, generation, tenant });
  const fold = new ViewFold({ store: views, scopeOf, clock });
  const projector = new Projector({ log, fold, clock, ...tuning, applied, paused });
  const followed = new Map<TenantId, FollowedTenant>();
  const stop = new AbortController();
  /** The last of the removals that are under way or wait for their turn. */
  let removing: Promise<void> = Promise.resolve();
  const pruning = pruneNowAndThen();

  async function pruneNowAndThen(): Promise<void> {
    while (!stop.signal.aborted) {
      await sleep(tuning.pruneEveryMs, undefined, { signal: stop.signal }).catch(() => undefined);
      for (const tenant of [...followed.keys()]) await pruneInTurn(tenant);
    }
  }

  function pruneInTurn(tenant: TenantId): Promise<void> {
    removing = removing.then(() => prune(tenant));
    return removing;
  }

  async function prune(tenant: TenantId): Promise<void> {
    const known = followed.get(tenant);
    if (stop.signal.aborted || !known || known.limit) return;
    const atMs = clock();
    try {
      const collections = await views.prune(scopeOf(tenant), atMs);
      fold.pruned(tenant, atMs);
      if (prunedChannel.hasSubscribers)
        prunedChannel.publish({ projection: PROJECTION, generation, tenant, atMs, collections });
    } catch {
      // What has expired is not shown anyway; the next round removes it.
    }
  }

  function applied({ tenant, logIdentity, confirmed }: FollowedTenant): void {
    if (appliedChannel.hasSubscribers)
      appliedChannel.publish({ projection: PROJECTION, generation, tenant, logIdentity, vector: confirmed });
  }

  function paused({ tenant }: FollowedTenant, pause: Pause): void {
    if (pausedChannel.hasSubscribers)
      pausedChannel.publish({ projection: PROJECTION, generation, tenant, ...pause });
  }

  return {
    follow(tenant, limit) {
      const own = projector.follow(tenant);
      own.limit = limit;
      followed.set(tenant, own);
      void pruneInTurn(tenant);
    },

    async limit(tenant, to) {
      const vector = await projector.limit(tenant, to);
      if (to !== undefined) await removing;
      return vector;
    },

    async leave(tenant) {
      followed.delete(tenant);
      await projector.leave(tenant);
      await removing;
    },

    async state(tenant: TenantId): Promise<ViewState | undefined> {
      const state = await projector.state(tenant);
      return state && { scope: scopeOf(tenant), ...state };
    },

    generation: () => generation,

    waitFor: (tenant, vector, signal) => projector.waitFor(tenant, vector, signal),

    async [Symbol.asyncDispose]() {
      stop.abort();
      await projector[Symbol.asyncDispose]();
      await pruning;
      await removing;
    },
  };
}

/**
 * How far the live views are of which somebody folds the active generation in another thread; `active` says
 * which one that is.
 */
export function viewProgressOf(
  thread: ProjectorThread,
  active: (tenant: TenantId) => number = () => 1,
): ViewProgress {
  const of = (tenant: TenantId): ViewScope => ({
    projection: PROJECTION,
    generation: active(tenant),
    tenant,
  });
  return {
    async state(tenant) {
      const scope = of(tenant);
      const found = await thread.state(scope);
      return found && { scope, ...found };
    },
    waitFor: (tenant, vector, signal) => thread.waitFor(of(tenant), vector, signal),
    generation: active,
  };
}
