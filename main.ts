import './ops/threads.ts';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as newId } from 'uuid';
import type { Fault } from '#domain';
import { createHttpIngress, createIngress } from '#ingress';
import { openTenants } from '#log';
import {
  OWN_ROUTES,
  Readiness,
  assembleOpenApi,
  createApi,
  createLogger,
  createShutdown,
  describeConfig,
  logAnnouncements,
  openHttpServer,
  statusOf,
} from '#ops';
import type { Config, HttpServer, Logger } from '#ops';
import { startFactProjector } from '#projections';
import {
  LOG_TAIL_PATHS,
  LOG_TAIL_SCHEMAS,
  SQL_PATHS,
  SQL_SCHEMAS,
  createLogTailRouter,
  createQueries,
  createQueryRouter,
  createSqlQuestions,
  createSqlRouter,
  describeQueries,
} from '#query';
import { createSchemaRegistry } from '#schema-registry';
import { openMmdbPlace } from './ingress/mmdb-place.ts';
import { lockDataDir } from './log/data-dir-lock.ts';
import { openLmdbEventLog } from './log/lmdb-event-log.ts';
import { openLmdbStreamStore } from './log/lmdb-stream-store.ts';
import type { Check } from './ops/cli/doctor.ts';
import { runProgram } from './ops/cli/program.ts';
import { openChdbFactStore } from './projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from './projections/lmdb-checkpoint-store.ts';

const GENERATION = 1;
const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Starts every role in this process and resolves when it is ready; a signal stops it in order. */
async function start(config: Config): Promise<void> {
  const logger = createLogger({
    level: config.logLevel,
    human: process.stdout.isTTY,
    write: (line) => process.stdout.write(line),
  });
  const readiness = new Readiness();
  const stopping = new AbortController();
  const opened = new AsyncDisposableStack();
  try {
    opened.use(logAnnouncements(logger));
    const server = opened.use(await listen(config, readiness, logger));
    stopOnSignals(logger, config.shutdownSeconds * 1000, {
      requests: async (graceMs) => {
        readiness.stop();
        stopping.abort();
        await server.drain(graceMs);
      },
      stores: () => opened.disposeAsync(),
    });
    await openPlatform(config, { server, readiness, logger, opened, stopping: stopping.signal });
    announce(config, server, logger);
  } catch (error) {
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
  const tenants = opened.use(
    await openTenants(streams, log, { partitions: config.logPartitions, clock, newId }),
  );
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
  const progress = opened.use(
    startFactProjector({ log, tenants, facts, checkpoints, clock, generation: GENERATION }),
  );

  const ingress = createIngress({
    log,
    tenants,
    registry: createSchemaRegistry(),
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
  });
  const queries = createQueries({ facts, progress, tenants, clock, limits });
  const sql = createSqlQuestions({
    facts,
    progress,
    tenants,
    clock,
    limits: { ...limits, rows: config.sqlMaxRows },
  });
  const document = assembleOpenApi(version, [
    door,
    describeQueries(),
    { paths: SQL_PATHS, schemas: SQL_SCHEMAS },
    { paths: LOG_TAIL_PATHS, schemas: LOG_TAIL_SCHEMAS },
    OWN_ROUTES,
  ]);
  const api = createApi({
    routers: [
      createQueryRouter(queries),
      createSqlRouter(sql),
      createLogTailRouter({ log, signal: stopping }),
    ],
    document,
    config: describeConfig(config),
    requestIdOf: (header) => server.requestIdOf(header),
    onFault: (fault, requestId) => {
      logFault(logger, fault, requestId);
    },
  });
  server.serve({ ingress: (req, res) => door.handle(req, res), api });
  readiness.done('facts');
}

function listen(config: Config, readiness: Readiness, logger: Logger): Promise<HttpServer> {
  return openHttpServer({
    host: config.host,
    port: config.httpPort,
    readiness,
    newId,
    onFault: (fault, requestId) => {
      logFault(logger, fault, requestId);
    },
  });
}

/** What callers got wrong is theirs to see; what went wrong here is logged with its cause. */
function logFault(logger: Logger, fault: Fault, requestId: string): void {
  const values = { request_id: requestId, code: fault.code, ...fault.details };
  if (fault.code === 'INTERNAL' || fault.code === 'LOG_CORRUPT' || fault.code === 'FACTS_ENGINE_FAILED') {
    logger.error({ ...values, cause: stackOf(fault.cause) }, fault.message);
  } else {
    logger.debug(values, fault.message);
  }
}

type Stopping = {
  readonly requests: (graceMs: number) => Promise<void>;
  readonly stores: () => Promise<void>;
};

function stopOnSignals(logger: Logger, limitMs: number, { requests, stores }: Stopping): void {
  const shutdown = createShutdown({
    steps: [
      { name: 'requests', run: () => requests(limitMs / 2) },
      { name: 'stores', run: stores },
    ],
    limitMs,
    logger,
    now: () => performance.now(),
    exit: (code) => process.exit(code),
  });
  process.on('SIGTERM', shutdown).on('SIGINT', shutdown);
  process.on('uncaughtException', (error) => {
    // Nobody knows what still holds: the log is durable at every instant, so the safe thing is to go.
    logger.fatal({ error: stackOf(error) }, 'Something failed that nothing was prepared for; ending');
    process.exit(1);
  });
}

function announce({ dataDir }: Config, { url }: HttpServer, logger: Logger): void {
  if (process.stdout.isTTY && logger.isLevelEnabled('info')) {
    process.stdout.write(
      `\nDaybook ${version} is ready\n` +
        `  events     POST ${url}/api/v1/behaviors/track\n` +
        `  questions  ${url}/api/analytics/…\n` +
        `  API page   ${url}/api/v1/docs\n` +
        `  data       ${dataDir}\n` +
        `Ctrl-C stops it.\n\n`,
    );
  } else {
    logger.info({ version, url, docs: `${url}/api/v1/docs`, data_dir: dataDir }, 'Ready');
  }
}

/** What the doctor asks the engines themselves, each in a directory of its own. */
function engineChecks({ geoDatabase }: Config): readonly Check[] {
  return [
    {
      name: 'log engine',
      run: () =>
        inTemporaryDir(async (directory) => {
          await using streams = await openLmdbStreamStore({ dataDir: directory });
          const event = { id: newId(), type: 'doctor_asked', data: {}, metadata: {} };
          const { ok } = await streams.append('doctor', [event], 'no_stream');
          return ok
            ? { state: 'ok', says: 'LMDB opens and keeps a record' }
            : { state: 'fail', says: 'LMDB refused a record', mend: 'Run "npm ci" again.' };
        }),
    },
    {
      name: 'facts engine',
      run: () =>
        inTemporaryDir(async (directory) => {
          await using facts = await openChdbFactStore({ dataDir: directory, connections: 1 });
          const { rows } = await facts.query<{ v: string }>({ sql: 'SELECT version() AS v', params: {} });
          return { state: 'ok', says: `chdb answers (ClickHouse ${rows[0]?.v ?? '?'})` };
        }),
    },
    {
      name: 'place data',
      run: async () => {
        const lookUp = await openMmdbPlace(geoDatabase || undefined);
        return { state: 'ok', says: `8.8.8.8 is in ${lookUp('8.8.8.8')?.country ?? 'no known country'}` };
      },
    },
  ];
}

async function inTemporaryDir<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-doctor-'));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function stackOf(error: unknown): unknown {
  return error instanceof Error ? error.stack : error;
}

const interrupted = new AbortController();
const end = await runProgram(process.argv.slice(2), {
  version,
  nodeVersion: process.version,
  start,
  engineChecks,
  lock: lockDataDir,
  around: {
    env: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    fetch,
    readFile: (path) => readFileSync(path, 'utf8'),
    interrupted: () => {
      process.once('SIGINT', () => {
        interrupted.abort();
      });
      return interrupted.signal;
    },
  },
});
// The engines keep threads that would hold the process; whatever they had to write is written.
if (end !== 'running') process.exit(end.exit);
