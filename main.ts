import './ops/threads.ts';
import { readFileSync } from 'node:fs';
import { v7 as newId } from 'uuid';
import { SCENARIO_TEMPLATES } from '#domain';
import type { TenantId } from '#domain';
import { createHttpEntries, createHttpIngress, createIngress } from '#ingress';
import { createAudit, openCatalogue, openTenants } from '#log';
import {
  OWN_ROUTES,
  Readiness,
  announceStart,
  assembleOpenApi,
  createApi,
  createLogger,
  describeConfig,
  createFaultLog,
  logAnnouncements,
  openHttpServer,
  statusOf,
  stopOnSignals,
} from '#ops';
import type { Config, HttpServer, Logger } from '#ops';
import {
  HOUR_LEDGER,
  ConfirmationTimes,
  ITEMS,
  LIVE_VIEWS,
  REBUILD_ROUTES,
  createRebuildRouter,
  USER_PROFILES,
  createThreadedReadModels,
  documentProgressOf,
  openFacts,
  openGenerations,
  openRebuilds,
  startCatalogueCopies,
  startDeadLetterIndex,
  startFactUpkeep,
  startProjectorThread,
  viewProgressOf,
} from '#projections';
import {
  DOCUMENT_PATHS,
  RAW_HISTORY_PATHS,
  RAW_HISTORY_SCHEMAS,
  RECEIPT_ROUTES,
  FACT_UPKEEP_API,
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
  createReceiptRouter,
  createReceipts,
  createReconciliationRouter,
  createRepairRouter,
  createSqlQuestions,
  createSqlRouter,
  describeAsOf,
  describeExplanations,
  describeLiveQuestions,
  describeQueries,
  openReconciliation,
} from '#query';
import {
  TRACKING_CONFIG_PATHS,
  TRACKING_CONFIG_SCHEMAS,
  createSchemaRegistry,
  createTrackingConfigRouter,
  openTrackingConfigs,
} from '#schema-registry';
import { openMmdbPlace } from './ingress/mmdb-place.ts';
import { lockDataDir } from './log/data-dir-lock.ts';
import { openLmdbEventLog } from './log/lmdb-event-log.ts';
import { openLmdbStreamStore } from './log/lmdb-stream-store.ts';
import { engineChecks } from './ops/cli/engine-checks.ts';
import { runProgram } from './ops/cli/program.ts';
import { openChdbFactStore } from './projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from './projections/lmdb-checkpoint-store.ts';
import { openLmdbDeadLetterStore } from './projections/lmdb-dead-letter-store.ts';
import { openLmdbHourLedgerStore } from './projections/lmdb-hour-ledger-store.ts';
import { openLmdbSealStore } from './projections/lmdb-seal-store.ts';
import { openLmdbViewStore } from './projections/lmdb-view-store.ts';
import { openLmdbDocumentStore } from './projections/lmdb-document-store.ts';

const GENERATION = 1;
const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const write = (text: string): void => {
  process.stdout.write(text);
};

/** Starts every role in this process and resolves when it is ready; a signal stops it in order. */
async function start(config: Config): Promise<void> {
  const human = process.stdout.isTTY;
  const logger = createLogger({ level: config.logLevel, human, write });
  const readiness = new Readiness();
  const stopping = new AbortController();
  const opened = new AsyncDisposableStack();
  try {
    opened.use(logAnnouncements(logger));
    const server = opened.use(await listen(config, readiness, logger));
    const limitMs = config.shutdownSeconds * 1000;
    const stopRequests = async (): Promise<void> => {
      readiness.stop();
      stopping.abort();
      await server.drain(limitMs / 2);
    };
    stopOnSignals(process, {
      steps: [
        { name: 'requests', run: stopRequests },
        { name: 'stores', run: () => opened.disposeAsync() },
      ],
      limitMs,
      logger,
      now: () => performance.now(),
      exit: (code) => process.exit(code),
    });
    await openPlatform(config, { server, readiness, logger, opened, stopping: stopping.signal });
    const { url } = server;
    announceStart({ version, url, dataDir: config.dataDir, human, write }, logger);
  } catch (error) {
    // Asked to stop while starting: what fails now fails because its ground is gone.
    if (readiness.stopping) return;
    await opened.disposeAsync();
    throw error;
  }
}

type Surroundings = {
  readonly server: HttpServer;
  readonly readiness: Readiness;
  readonly logger: Logger;
  /** Closes what it is given, the last first. */
  readonly opened: AsyncDisposableStack;
  readonly stopping: AbortSignal;
};

/** Opens the stores, folds what must be folded, and hands the routes to the server. */
async function openPlatform(config: Config, { server, readiness, logger, opened, stopping }: Surroundings) {
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
  const generations = opened.use(await openGenerations(streams, { clock, newId }));
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const seals = opened.use(await openLmdbSealStore({ dataDir }));
  const times = opened.use(new ConfirmationTimes({ clock }));
  const common = { log, streams, tenants, generations, clock, newId };
  const keepDays = config.factsRetentionDays;
  const { model, progress, horizon } = opened.use(
    await openFacts({ ...common, facts, checkpoints, seals, keepDays }),
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
  opened.use(startCatalogueCopies({ catalogue, documents, generation: GENERATION }));
  const thread = opened.use(
    startProjectorThread({
      entry: new URL('./worker.ts', import.meta.url),
      settings: { dataDir },
      log,
      clock,
    }),
  );

  const places = opened.use(await openLmdbDeadLetterStore({ dataDir }));
  const deadLetters = opened.use(startDeadLetterIndex({ log, tenants, store: places }));
  const models = createThreadedReadModels({ thread, views, documents, clock });
  const rebuilds = opened.use(openRebuilds({ ...common, readModels: [model, ...models] }));
  opened.use(
    tenants.onTenant(({ id: tenant }) => {
      thread.follow({ projection: HOUR_LEDGER, generation: 1, tenant });
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
  const activeOf =
    ({ name }: { readonly name: string }) =>
    (tenant: TenantId): number =>
      generations.active(name, tenant);
  const items = documentProgressOf(thread, ITEMS, activeOf(ITEMS));
  const profiles = documentProgressOf(thread, USER_PROFILES, activeOf(USER_PROFILES));
  const viewProgress = viewProgressOf(thread, activeOf(LIVE_VIEWS));
  const questions = createDocumentQuestions({
    documents,
    items,
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
  const queries = createQueries({
    facts,
    progress,
    tenants,
    catalogue,
    completeness: upkeep.completeness,
    clock,
    limits,
  });
  const reconciliation = await openReconciliation({
    ...{ log, tenants, facts, progress, clock, ...upkeep },
    gateway: (tenant) => ingress.counts(tenant),
  });
  const sql = createSqlQuestions({
    facts,
    progress,
    tenants,
    clock,
    limits: { ...limits, rows: config.sqlMaxRows },
  });
  const live = createLiveQuestions({
    views,
    progress: viewProgress,
    tenants,
    clock,
  });
  const history = createRawHistory({ log, facts, progress, audit, clock });
  const followed = { facts: progress, live_views: viewProgress, user_profiles: profiles, items };
  const receipts = createReceipts({ log, deadLetters, times, projections: followed });
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
    RECEIPT_ROUTES,
    REBUILD_ROUTES,
    FACT_UPKEEP_API,
    { paths: TRACKING_CONFIG_PATHS, schemas: TRACKING_CONFIG_SCHEMAS },
    OWN_ROUTES,
  ]);
  const api = createApi({
    routers: [
      createQueryRouter(queries),
      createExplainRouter({ queries, facts, log, limits }),
      createLiveRouter(live),
      createAsOfRouter({ live, queries, documents, profiles, log, facts, progress, clock }),
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

function listen(config: Config, readiness: Readiness, logger: Logger): Promise<HttpServer> {
  return openHttpServer({
    host: config.host,
    port: config.httpPort,
    readiness,
    newId,
    onFault: createFaultLog(logger),
  });
}

const interrupted = new AbortController();
const end = await runProgram(process.argv.slice(2), {
  version,
  nodeVersion: process.version,
  start,
  engineChecks: ({ geoDatabase }) =>
    engineChecks({
      openStreams: openLmdbStreamStore,
      openFacts: openChdbFactStore,
      openPlaces: () => openMmdbPlace(geoDatabase || undefined),
      newId,
    }),
  lock: lockDataDir,
  around: {
    env: process.env,
    out: write,
    err: (text) => process.stderr.write(text),
    fetch,
    readFile: (path) => readFileSync(path, 'utf8'),
    interrupted: () => {
      process.once('SIGINT', () => {
        interrupted.abort();
      });
      return interrupted.signal;
    },
    interactive: process.stderr.isTTY,
    columns: process.stderr.columns,
  },
});
// The engines keep threads that would hold the process; whatever they had to write is written.
if (end !== 'running') process.exit(end.exit);
