import { v7 as newId } from 'uuid';
import { SCENARIO_TEMPLATES } from '#domain';
import { createHttpEntries, createHttpIngress, createIngress } from '#ingress';
import { createAudit, openCatalogue, openTenants } from '#log';
import { OWN_ROUTES, assembleOpenApi, createApi, describeConfig, createFaultLog, statusOf } from '#ops';
import type { Config, HttpServer, Logger, Readiness } from '#ops';
import {
  ITEMS,
  Seals,
  USER_PROFILES,
  documentProgressOf,
  openFactsHorizon,
  startCatalogueCopies,
  startFactProjector,
  startProjectorThread,
  startSealer,
  viewProgressOf,
} from '#projections';
import {
  DOCUMENT_PATHS,
  RAW_HISTORY_PATHS,
  RAW_HISTORY_SCHEMAS,
  SQL_PATHS,
  SQL_SCHEMAS,
  createAsOfRouter,
  createExplainRouter,
  createLiveQuestions,
  createLiveRouter,
  createDocumentQuestions,
  createDocumentRouter,
  createAuditRouter,
  createRawHistory,
  createRawHistoryRouter,
  createQueries,
  createQueryRouter,
  createSqlQuestions,
  createSqlRouter,
  describeAsOf,
  describeExplanations,
  describeLiveQuestions,
  describeQueries,
} from '#query';
import {
  TRACKING_CONFIG_PATHS,
  TRACKING_CONFIG_SCHEMAS,
  createSchemaRegistry,
  createTrackingConfigRouter,
  openTrackingConfigs,
} from '#schema-registry';
import { openMmdbPlace } from './ingress/mmdb-place.ts';
import { openLmdbEventLog } from './log/lmdb-event-log.ts';
import { openLmdbStreamStore } from './log/lmdb-stream-store.ts';
import { openChdbFactStore } from './projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from './projections/lmdb-checkpoint-store.ts';
import { openLmdbSealStore } from './projections/lmdb-seal-store.ts';
import { openLmdbViewStore } from './projections/lmdb-view-store.ts';
import { openLmdbDocumentStore } from './projections/lmdb-document-store.ts';

const GENERATION = 1;

/** What the platform runs in. */
export type Surroundings = {
  /** Of the product. */
  readonly version: string;
  readonly server: HttpServer;
  readonly readiness: Readiness;
  readonly logger: Logger;
  /** Closes what it is given, the last first. */
  readonly opened: AsyncDisposableStack;
  readonly stopping: AbortSignal;
};

/** Chooses the adapters: opens the stores, folds what must be folded, and hands the routes to the server. */
export async function openPlatform(config: Config, surroundings: Surroundings): Promise<void> {
  const { version, server, readiness, logger, opened, stopping } = surroundings;
  const { dataDir } = config;
  const clock = Date.now;
  const log = opened.use(await openLmdbEventLog({ dataDir, newId }));
  readiness.done('log');
  readiness.done('first_seen_index');
  const streams = opened.use(await openLmdbStreamStore({ dataDir }));
  const audit = createAudit(opened.use(await openLmdbStreamStore({ dataDir, name: 'audit' })), { newId });
  const tenants = opened.use(
    await openTenants(streams, log, { partitions: config.logPartitions, clock, newId }),
  );
  const configs = opened.use(await openTrackingConfigs(streams, { clock, newId }));
  const catalogue = opened.use(await openCatalogue(streams, { newId }));
  readiness.done('control_plane');
  const limits = { maxSeconds: config.queryMaxSeconds, maxBytes: config.queryMaxMemoryBytes };
  const facts = opened.use(
    await openChdbFactStore({
      dataDir,
      ...(config.queryConcurrency > 0 ? { connections: config.queryConcurrency } : {}),
      limits: { ...limits, maxRows: 0 },
    }),
  );
  await facts.prepare(GENERATION);
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const store = opened.use(await openLmdbSealStore({ dataDir }));
  const seals = new Seals({ store, slices: facts, generation: GENERATION });
  const horizon = opened.use(
    await openFactsHorizon({
      streams,
      facts,
      generation: GENERATION,
      keepDays: config.factsRetentionDays,
      clock,
      newId,
      mayLetGo: (beforeMs) => tenants.list().every(({ id }) => seals.isSealedBefore(id, beforeMs)),
    }),
  );
  const progress = opened.use(
    startFactProjector({
      log,
      tenants,
      facts,
      checkpoints,
      clock,
      generation: GENERATION,
      horizon: () => horizon.current(),
      seals,
    }),
  );
  opened.use(startSealer({ seals, slices: facts, progress, clock }));
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  opened.use(startCatalogueCopies({ catalogue, documents, generation: GENERATION }));
  const thread = opened.use(
    startProjectorThread({
      entry: new URL('./worker.ts', import.meta.url),
      settings: { dataDir, generation: GENERATION },
      log,
      tenants,
      clock,
    }),
  );

  const ingress = createIngress({
    log,
    tenants,
    registry: createSchemaRegistry(configs),
    lookUpPlace: await openMmdbPlace(config.geoDatabase || undefined),
    clock,
    newId,
    maxAgeDays: config.ingressMaxAgeDays,
  });
  const door = createHttpIngress(ingress, {
    fail: (res, error) => {
      server.fail(res, error);
    },
    statusOf,
    maxBodyBytes: config.ingressMaxBodyBytes,
    stopping,
  });
  const profiles = documentProgressOf(thread, USER_PROFILES, { generation: GENERATION });
  const questions = createDocumentQuestions({
    documents,
    items: documentProgressOf(thread, ITEMS, { generation: GENERATION }),
    profiles,
    catalogue,
    clock,
  });
  const entries = createHttpEntries({
    ingress,
    log,
    tenants,
    catalogue,
    lookUpItem: (tenant, id) => questions.lookUpItem(tenant, id),
    clock,
    fail: (res, error) => {
      server.fail(res, error);
    },
    statusOf,
    maxBodyBytes: config.ingressMaxBodyBytes,
  });
  const queries = createQueries({ facts, progress, tenants, catalogue, clock, limits });
  const sql = createSqlQuestions({
    facts,
    progress,
    tenants,
    clock,
    limits: { ...limits, rows: config.sqlMaxRows },
  });
  const live = createLiveQuestions({
    views,
    progress: viewProgressOf(thread, { generation: GENERATION }),
    tenants,
    clock,
  });
  const history = createRawHistory({ log, facts, progress, audit, clock });
  const document = assembleOpenApi(version, [
    door,
    entries,
    describeQueries(),
    describeExplanations(),
    describeLiveQuestions(),
    describeAsOf(),
    { paths: DOCUMENT_PATHS, schemas: {} },
    { paths: SQL_PATHS, schemas: SQL_SCHEMAS },
    { paths: RAW_HISTORY_PATHS, schemas: RAW_HISTORY_SCHEMAS },
    { paths: TRACKING_CONFIG_PATHS, schemas: TRACKING_CONFIG_SCHEMAS },
    OWN_ROUTES,
  ]);
  const api = createApi({
    routers: [
      createQueryRouter(queries),
      createExplainRouter({ queries, facts, log, history, limits }),
      createLiveRouter(live),
      createAsOfRouter({ live, queries, documents, profiles, log, history, facts, progress, clock }),
      createDocumentRouter(questions),
      createSqlRouter(sql),
      createRawHistoryRouter({ history, signal: stopping }),
      createAuditRouter(audit),
      createTrackingConfigRouter({ configs, templates: SCENARIO_TEMPLATES }),
    ],
    document,
    config: describeConfig(config),
    requestIdOf: (header) => server.requestIdOf(header),
    onFault: createFaultLog(logger),
  });
  server.serve({ ingress: (req, res) => door.handle(req, res) || entries.handle(req, res), api });
  readiness.done('facts');
}
