import { channel } from 'node:diagnostics_channel';
import type { EventLogReader, Tenants } from '#log';
import { DocumentFold } from './document-fold.ts';
import type { DocumentProjection } from './document-projection.ts';
import type { DocumentStore } from './document-store.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import type { ProjectionProgress, ProjectionState } from './projection-progress.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { ProjectorTuning } from './projector.ts';
import type { ProjectorThread } from './projector-thread.ts';

/** How far the active generation of a tenant's documents has come. */
export type DocumentState = ProjectionState & { readonly generation: number };

/** Tells readers how far the documents are, and lets them wait for a position. */
export type DocumentProgress = ProjectionProgress<DocumentState>;

export type DocumentProjectorDeps<State> = {
  readonly projection: DocumentProjection<State>;
  readonly log: EventLogReader;
  readonly tenants: Pick<Tenants, 'onTenant'>;
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
 * Starts folding the logs of all tenants into the documents of a projection, and goes on until disposed. What
 * was folded before is not folded again, whatever a crash left behind. A store that fails pauses this
 * projection alone.
 */
export function startDocumentProjector<State>(
  deps: DocumentProjectorDeps<State>,
): DocumentProgress & AsyncDisposable {
  const { log, tenants, documents, clock, projection, generation = 1 } = deps;
  const fold = new DocumentFold({ documents, projection, generation });
  const projector = new Projector({ log, fold, clock, ...TUNING, ...deps.tuning, applied, paused });
  const following = tenants.onTenant(({ id }) => {
    projector.follow(id);
  });

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
    async state(tenant) {
      const state = await projector.state(tenant);
      return state && { generation, ...state };
    },

    waitFor: (tenant, vector, signal) => projector.waitFor(tenant, vector, signal),

    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      await projector[Symbol.asyncDispose]();
    },
  };
}

/** The same of a projector of documents that runs in another thread, under the name of its projection. */
export function documentProgressOf(
  thread: ProjectorThread,
  { name }: { readonly name: string },
  { generation = 1 } = {},
): DocumentProgress {
  const progress = thread.progress(name);
  return {
    async state(tenant) {
      const found = await progress.state(tenant);
      return found && { generation, ...found };
    },
    waitFor: (tenant, vector, signal) => progress.waitFor(tenant, vector, signal),
  };
}
