import { v7 as newId } from 'uuid';
import { SCENARIO_TEMPLATES } from '#domain';
import { createHttpEntries, createHttpIngress, createIngress } from '#ingress';
import { createAudit, openCatalogue, openTenants } from '#log';
import { createApi, createFaultLog, describeApi, describeConfig, statusOf } from '#ops';
import type { Config, HttpServer, Logger, Readiness } from '#ops';
import { createRebuildRouter } from '#projections';
import {
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
  createReceiptRouter,
  createReceipts,
  createReconciliationRouter,
  createRepairRouter,
  createSqlQuestions,
  createSqlRouter,
  openReconciliation,
} from '#query';
import { createSchemaRegistry, createTrackingConfigRouter, openTrackingConfigs } from '#schema-registry';
import { openMmdbPlace } from './ingress/mmdb-place.ts';
import { openLmdbEventLog } from './log/lmdb-event-log.ts';
import { openLmdbStreamStore } from './log/lmdb-stream-store.ts';
import { openReadModels } from './read-models.ts';

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
  const models = await openReadModels(config, { log, streams, tenants, catalogue, clock, newId, opened });
  const { facts, views, documents, upkeep, rebuilds, progress } = models;

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
  const questions = createDocumentQuestions({
    documents,
    items: progress.items,
    profiles: progress.user_profiles,
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
  const ofFacts = { facts, progress: progress.facts, tenants, clock };
  const { completeness } = upkeep;
  const queries = createQueries({ ...ofFacts, catalogue, completeness, limits });
  const sql = createSqlQuestions({ ...ofFacts, limits: { ...limits, rows: config.sqlMaxRows } });
  const reconciliation = await openReconciliation({
    ...ofFacts,
    ...upkeep,
    log,
    gateway: (tenant) => ingress.counts(tenant),
  });
  const live = createLiveQuestions({ views, progress: progress.live_views, tenants, clock });
  const history = createRawHistory({ ...ofFacts, log, audit });
  const receipts = createReceipts({ ...models, log, projections: progress });
  const document = describeApi(version, [door, entries]);
  const api = createApi({
    routers: [
      createQueryRouter(queries),
      createExplainRouter({ queries, facts, log, history, limits }),
      createLiveRouter(live),
      createAsOfRouter({
        ...ofFacts,
        live,
        queries,
        documents,
        profiles: progress.user_profiles,
        log,
        history,
      }),
      createDocumentRouter(questions),
      createSqlRouter(sql),
      createRawHistoryRouter({ history, signal: stopping }),
      createAuditRouter(audit),
      createReceiptRouter(receipts),
      createRebuildRouter({ rebuilds, signal: stopping }),
      createRepairRouter(upkeep),
      createReconciliationRouter(reconciliation),
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
