import { channel } from 'node:diagnostics_channel';
import type { TenantId } from '#domain';
import type { EventLogReader } from '#log';
import { DocumentFold } from './document-fold.ts';
import type { DocumentProjection } from './document-projection.ts';
import type { DocumentStore } from './document-store.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import type { HostedProjector } from './hosted-projectors.ts';
import type { GenerationProgress, ProjectionState } from './projection-progress.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { ProjectorTuning } from './projector.ts';
import type { ProjectorThread } from './projector-thread.ts';

/** How far the active generation of a tenant's documents has come. */
export type DocumentState = ProjectionState & { readonly generation: number };

/** Tells readers how far the documents are, and lets them wait for a position. */
export type DocumentProgress = GenerationProgress<DocumentState>;

export type DocumentProjectorDeps<State> = {
  readonly projection: DocumentProjection<State>;
  readonly log: EventLogReader;
  readonly documents: DocumentStore;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Which build of the documents is kept. @default 1 */
  readonly generation?: number;
  readonly tuning?: Partial<ProjectorTuning>;
};

const TUNING: ProjectorTuning = {
  ...PROJECTOR_TUNING,
  // Whoever waits is not kept waiting; for everybody else fewer, larger folds write each document less often.
  flushAfterMs: 1000,
  restMs: 5000,
  // A document is read and written whole for a single event, so it pays to wait for many. What is kept of each
  // in memory is little (`stepOf`).
  bulkRecords: 200_000,
  maxRecords: 200_000,
};

const appliedChannel = channel('daybook:projections:applied');
const pausedChannel = channel('daybook:projections:paused');

/**
 * Folds the logs of the tenants it is told to follow into the documents of a projection, and goes on until
 * disposed. What was folded before is not folded again, whatever a crash left behind. A store that fails pauses
 * this projection alone.
 */
export function startDocumentProjector<State>(
  deps: DocumentProjectorDeps<State>,
): DocumentProgress & HostedProjector {
  const { log, documents, clock, projection, generation = 1 } = deps;
  const fold = new DocumentFold({ documents, projection, generation });
  const projector = new Projector({ log, fold, clock, ...TUNING, ...deps.tuning, applied, paused });

  function applied({ tenant, logIdentity, confirmed }: FollowedTenant): void {
    if (appliedChannel.hasSubscribers)
      appliedChannel.publish({
        projection: projection.name,
        generation,
        tenant,
        logIdentity,
        vector: confirmed,
      });
  }

  function paused({ tenant }: FollowedTenant, pause: Pause): void {
    if (pausedChannel.hasSubscribers)
      pausedChannel.publish({ projection: projection.name, generation, tenant, ...pause });
  }

  return {
    follow(tenant, limit) {
      projector.follow(tenant).limit = limit;
    },
    leave: (tenant) => projector.leave(tenant),
    limit: (tenant, to) => projector.limit(tenant, to),
    generation: () => generation,

    async state(tenant) {
      const state = await projector.state(tenant);
      return state && { generation, ...state };
    },

    waitFor: (tenant, vector, signal) => projector.waitFor(tenant, vector, signal),

    async [Symbol.asyncDispose]() {
      await projector[Symbol.asyncDispose]();
    },
  };
}

/**
 * How far the documents of a projection are of which somebody folds the active generation in another thread;
 * `active` says which one that is.
 */
export function documentProgressOf(
  thread: ProjectorThread,
  { name: projection }: { readonly name: string },
  active: (tenant: TenantId) => number = () => 1,
): DocumentProgress {
  return {
    async state(tenant) {
      const generation = active(tenant);
      const found = await thread.state({ projection, generation, tenant });
      return found && { generation, ...found };
    },
    waitFor: (tenant, vector, signal) =>
      thread.waitFor({ projection, generation: active(tenant), tenant }, vector, signal),
    generation: active,
  };
}
