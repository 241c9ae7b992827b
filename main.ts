import './ops/threads.ts';
import { readFileSync } from 'node:fs';
import { v7 as newId } from 'uuid';
import {
  Readiness,
  announceStart,
  createFaultLog,
  createLogger,
  logAnnouncements,
  openHttpServer,
  stopOnSignals,
} from '#ops';
import type { Config, HttpServer, Logger } from '#ops';
import { openMmdbPlace } from './ingress/mmdb-place.ts';
import { lockDataDir } from './log/data-dir-lock.ts';
import { openLmdbStreamStore } from './log/lmdb-stream-store.ts';
import { engineChecks } from './ops/cli/engine-checks.ts';
import { runProgram } from './ops/cli/program.ts';
import { openPlatform } from './platform.ts';
import { openChdbFactStore } from './projections/chdb-fact-store.ts';

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
    await openPlatform(config, { version, server, readiness, logger, opened, stopping: stopping.signal });
    const { url } = server;
    announceStart({ version, url, dataDir: config.dataDir, human, write }, logger);
  } catch (error) {
    // Asked to stop while starting: what fails now fails because its ground is gone.
    if (readiness.stopping) return;
    await opened.disposeAsync();
    throw error;
  }
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
  },
});
// The engines keep threads that would hold the process; whatever they had to write is written.
if (end !== 'running') process.exit(end.exit);
