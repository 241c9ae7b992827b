import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantId } from '#domain';
import type { EventLogReader, Tenants } from '#log';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { ProjectorTuning } from './projector.ts';
import type { ProjectorThread } from './projector-thread.ts';
import { ViewFold } from './view-fold.ts';
import type { ViewProgress, ViewState } from './view-progress.ts';
import type { ViewScope, ViewStore, ViewUpkeep } from './view-store.ts';

export type ViewProjectorDeps = {
  readonly log: EventLogReader;
  readonly tenants: Pick<Tenants, 'onTenant'>;
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

const PROJECTION = 'live_views';

const appliedChannel = channel('daybook:projections:applied');
const pausedChannel = channel('daybook:projections:paused');
const prunedChannel = channel('daybook:projections:pruned');

/**
 * Keeps the live views of every tenant current with its log, each record once, whatever stops it in between:
 * the checkpoint moves in the same step as the views. Answers how far it has come. Announces on
 * `daybook:projections:applied`, `daybook:projections:paused` and `daybook:projections:pruned`.
 *
 * What is no event is counted under `views:left_out` and passed over. While the store is down it tries again
 * with growing delay and says that it is paused; a log that is not the one the checkpoint belongs to or has
 * lost records, and a partition that somebody else has taken over, pause that tenant for good.
 */
export function startViewProjector(deps: ViewProjectorDeps): AsyncDisposable & ViewProgress {
  const { log, tenants, views, clock, generation = 1 } = deps;
  const tuning = { ...TUNING, ...deps.tuning };
  const scopeOf = (tenant: TenantId): ViewScope => ({ projection: PROJECTION, generation, tenant });
  const fold = new ViewFold({ store: views, scopeOf, clock });
  const projector = new Projector({ log, fold, clock, ...tuning, applied, paused });
  const known = new Set<TenantId>();
  const following = tenants.onTenant(({ id }) => {
    known.add(id);
    projector.follow(id);
  });
  const stop = new AbortController();
  const pruning = pruneNowAndThen();

  async function pruneNowAndThen(): Promise<void> {
    while (!stop.signal.aborted) {
      for (const tenant of known) await prune(tenant);
      await sleep(tuning.pruneEveryMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  async function prune(tenant: TenantId): Promise<void> {
    if (stop.signal.aborted) return;
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
    async state(tenant: TenantId): Promise<ViewState | undefined> {
      const state = await projector.state(tenant);
      return state && { scope: scopeOf(tenant), ...state };
    },

    waitFor: (tenant, vector, signal) => projector.waitFor(tenant, vector, signal),

    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      stop.abort();
      await projector[Symbol.asyncDispose]();
      await pruning;
    },
  };
}

/** The same of a projector of the live views that runs in another thread, under the name `live_views`. */
export function viewProgressOf(thread: ProjectorThread, { generation = 1 } = {}): ViewProgress {
  const progress = thread.progress(PROJECTION);
  return {
    async state(tenant) {
      const found = await progress.state(tenant);
      return found && { scope: { projection: PROJECTION, generation, tenant }, ...found };
    },
    waitFor: (tenant, vector, signal) => progress.waitFor(tenant, vector, signal),
  };
}
