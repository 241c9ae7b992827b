import type { TenantId } from '#domain';
import type { Catalogue, EventLog, RecordTimes, StreamStore, Tenants } from '#log';
import type { Config } from '#ops';
import {
  ConfirmationTimes,
  HOUR_LEDGER,
  ITEMS,
  LIVE_VIEWS,
  USER_PROFILES,
  createThreadedReadModels,
  documentProgressOf,
  openFacts,
  openGenerations,
  openRebuilds,
  startCatalogueCopies,
  startDeadLetterIndex,
  startFactUpkeep,
  startProjectorThreads,
  viewProgressOf,
} from '#projections';
import { openChdbFactStore } from './projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from './projections/lmdb-checkpoint-store.ts';
import { openLmdbDeadLetterStore } from './projections/lmdb-dead-letter-store.ts';
import { openLmdbDocumentStore } from './projections/lmdb-document-store.ts';
import { openLmdbHourLedgerStore } from './projections/lmdb-hour-ledger-store.ts';
import { openLmdbSealStore } from './projections/lmdb-seal-store.ts';
import { openLmdbViewStore } from './projections/lmdb-view-store.ts';

/** Of what is copied from the control plane and has no generations: it is written anew at every start. */
const COPIES = 1;

/** Which projections are folded in one thread: the live views, which are wanted soon, wait for nobody else. */
const THREADS = [
  [LIVE_VIEWS.name, HOUR_LEDGER],
  [USER_PROFILES.name, ITEMS.name],
];

/** What the read models are folded from, and where what is opened is closed. */
export type Sources = {
  readonly log: EventLog & RecordTimes;
  readonly streams: StreamStore;
  readonly tenants: Tenants;
  readonly catalogue: Catalogue;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly newId: () => string;
  /** Closes what it is given, the last first. */
  readonly opened: AsyncDisposableStack;
};

/**
 * Chooses the adapters of the read models, opens them and lets them follow the log: the facts in this thread,
 * where their engine is, what is folded in JavaScript in threads of its own. Every read model is kept in the
 * generations that the control plane names, and answers of each tenant come from the active one.
 */
export async function openReadModels(config: Config, { opened, ...sources }: Sources) {
  const { dataDir } = config;
  const { log, streams, tenants, catalogue, clock, newId } = sources;
  const times = opened.use(new ConfirmationTimes({ clock }));
  const generations = opened.use(await openGenerations(streams, { clock, newId }));

  const facts = opened.use(
    await openChdbFactStore({
      dataDir,
      ...(config.queryConcurrency > 0 ? { connections: config.queryConcurrency } : {}),
      limits: { maxSeconds: config.queryMaxSeconds, maxBytes: config.queryMaxMemoryBytes, maxRows: 0 },
    }),
  );
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const seals = opened.use(await openLmdbSealStore({ dataDir }));
  const keepDays = config.factsRetentionDays;
  const { model, progress, horizon } = opened.use(
    await openFacts({ ...sources, generations, facts, checkpoints, seals, keepDays }),
  );
  const hours = opened.use(openLmdbHourLedgerStore({ dataDir }));
  const upkeep = opened.use(
    startFactUpkeep({
      ...{ log, tenants, facts, progress, checkpoints, hours, clock },
      sealing: model,
      horizon: () => horizon.current(),
    }),
  );

  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  opened.use(startCatalogueCopies({ catalogue, documents, generation: COPIES }));
  const places = opened.use(await openLmdbDeadLetterStore({ dataDir }));
  const deadLetters = opened.use(startDeadLetterIndex({ log, tenants, store: places }));
  const entry = new URL('./worker.ts', import.meta.url);
  const thread = opened.use(startProjectorThreads(THREADS, { entry, settings: { dataDir }, log, clock }));
  const threaded = createThreadedReadModels({ thread, views, documents, clock });
  const readModels = [model, ...threaded];
  const rebuilds = opened.use(openRebuilds({ generations, readModels, log, tenants, clock }));
  opened.use(
    tenants.onTenant(({ id: tenant }) => {
      thread.follow({ projection: HOUR_LEDGER, generation: 1, tenant });
    }),
  );

  const activeOf =
    ({ name }: { readonly name: string }) =>
    (tenant: TenantId): number =>
      generations.active(name, tenant);
  return {
    facts,
    views,
    documents,
    deadLetters,
    rebuilds,
    upkeep,
    times,
    /** How far the active generation of each is. */
    progress: {
      facts: progress,
      live_views: viewProgressOf(thread, activeOf(LIVE_VIEWS)),
      user_profiles: documentProgressOf(thread, USER_PROFILES, activeOf(USER_PROFILES)),
      items: documentProgressOf(thread, ITEMS, activeOf(ITEMS)),
    },
  };
}
