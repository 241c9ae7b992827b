import { channel } from 'node:diagnostics_channel';
import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLogReader, Tenants } from '#log';
import { DocumentFold } from './document-fold.ts';
import type { DocumentProjection } from './document-projection.ts';
import type { DocumentStore } from './document-store.ts';
import type { FactState } from './fact-progress.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { ProjectorTuning } from './projector.ts';
import type { ProjectorThread } from './projector-thread.ts';

/** How far the active generation of a tenant's documents has come. */
export type DocumentState = Omit<FactState, 'firstSeen' | 'sealed' | 'horizon'>;

/** Tells readers how far the documents are, and lets them wait for a position. */
export interface DocumentProgress {
  /** Undefined when the tenant has no log yet. */
  state(tenant: TenantId): Promise<DocumentState | undefined>;
  /**
   * Resolves true as soon as the confirmed vector covers `vector`, flushing what waits; false when the signal
   * aborts first or the projector is paused.
   */
  waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}

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
  // These are parsed in memory.
  bulkRecords: 30_000,
  maxRecords: 30_000,
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
      const followed = await projector.find(tenant);
      if (!followed) return undefined;
      const { identity, next: highWater } = await log.bounds(followed.log);
      const { logIdentity = identity, confirmed, waitingSinceMs = clock(), paused } = followed;
      return {
        generation,
        logIdentity,
        confirmed: highWater.map((_next, partition) => confirmed[partition] ?? 0n),
        highWater,
        waitingSinceMs: covers(confirmed, highWater) ? undefined : waitingSinceMs,
        paused,
      };
    },

    async waitFor(tenant, vector, signal) {
      const followed = projector.follow(tenant);
      projector.hurry(followed);
      return followed.reaches(vector, signal);
    },

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
