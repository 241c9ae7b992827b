import { access, constants, open, rm, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { Fault } from '#domain';
import type { Check, Finding } from './doctor.ts';

/** What the checks look at. */
export type Checked = {
  readonly dataDir: string;
  readonly host: string;
  readonly httpPort: number;
  /** Base address of the platform that may be running. */
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nodeVersion: string;
  /** Takes the lock of a data directory, or throws `DATA_DIR_LOCKED`. */
  readonly lock: (dataDir: string) => Promise<AsyncDisposable>;
};

const OLDEST_NODE = 24;
const FEWEST_THREADS = 16;
const FAIL_BELOW_BYTES = 200e6;
const WARN_BELOW_BYTES = 2e9;
const SLOW_SYNC_MS = 20;

/** The checks of the machine and of a platform that may be running; the engines' own are handed in. */
export function platformChecks(checked: Checked): readonly Check[] {
  return [
    { name: 'node', run: async () => nodeVersion(checked.nodeVersion) },
    { name: 'threads', run: async () => threads(checked.env['UV_THREADPOOL_SIZE']) },
    { name: 'data directory', run: () => writable(checked.dataDir) },
    { name: 'free space', run: () => freeSpace(checked.dataDir) },
    { name: 'durable write', run: () => syncLatency(checked.dataDir) },
    { name: 'http port', run: () => httpPort(checked) },
    { name: 'data lock', run: () => dataLock(checked) },
    { name: 'platform', run: () => platform(checked) },
  ];
}

function nodeVersion(version: string): Finding {
  const major = Number(version.replace(/^v/, '').split('.', 1)[0]);
  return major >= OLDEST_NODE
    ? { state: 'ok', says: version }
    : {
        state: 'fail',
        says: version,
        mend: `Run it by "npm start" or "npx daybook", which bring Node ${OLDEST_NODE} along.`,
      };
}

function threads(size: string | undefined): Finding {
  const says = `UV_THREADPOOL_SIZE is ${size ?? 'not set'}`;
  return Number(size) >= FEWEST_THREADS
    ? { state: 'ok', says }
    : {
        state: 'warn',
        says,
        mend: `Unset it, or set it to 32: with fewer than ${FEWEST_THREADS} a durable append waits for running questions.`,
      };
}

async function writable(dataDir: string): Promise<Finding> {
  const existing = await nearestExisting(dataDir);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return {
      state: 'fail',
      says: `${existing} cannot be written`,
      mend: 'Give this user the right to write there, or set DAYBOOK_DATA_DIR to another directory.',
    };
  }
  return { state: 'ok', says: existing === dataDir ? dataDir : `${dataDir} (will be created)` };
}

async function freeSpace(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestExisting(dataDir));
  const free = bavail * bsize;
  const says = `${(free / 1e9).toFixed(1)} GB`;
  const mend =
    'Free some, or set DAYBOOK_DATA_DIR to a larger disk: a log that cannot be written takes no events.';
  if (free < FAIL_BELOW_BYTES) return { state: 'fail', says, mend };
  return free < WARN_BELOW_BYTES ? { state: 'warn', says, mend } : { state: 'ok', says };
}

/** The median of some small synced writes: the least time in which an event can be acknowledged. */
async function syncLatency(dataDir: string): Promise<Finding> {
  const path = join(await nearestExisting(dataDir), `.daybook-doctor-${process.pid}`);
  const file = await open(path, 'wx');
  const times: number[] = [];
  try {
    for (let i = 0; i < 21; i++) {
      const begun = performance.now();
      await file.write(Buffer.alloc(4096, i));
      await file.datasync();
      times.push(performance.now() - begun);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  const median = times.sort((a, b) => a - b)[10] ?? 0;
  const says = `${median.toFixed(1)} ms (median)`;
  return median <= SLOW_SYNC_MS
    ? { state: 'ok', says }
    : {
        state: 'warn',
        says,
        mend: 'Each event sent alone waits that long; send batches, or use a disk that syncs faster.',
      };
}

async function httpPort({ host, httpPort: port, url, fetch }: Checked): Promise<Finding> {
  if (await isFree(host, port)) return { state: 'ok', says: `${port} is free` };
  if (await isLive(url, fetch)) return { state: 'ok', says: `${port} is served by a running Daybook` };
  return {
    state: 'fail',
    says: `${port} on ${host} is in use by another program, or needs more rights`,
    mend: 'Stop that program, or choose another port with DAYBOOK_HTTP_PORT.',
  };
}

async function dataLock({ dataDir, lock, url, fetch }: Checked): Promise<Finding> {
  if ((await nearestExisting(dataDir)) !== dataDir) return { state: 'ok', says: 'free' };
  try {
    await (await lock(dataDir))[Symbol.asyncDispose]();
    return { state: 'ok', says: 'free' };
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'DATA_DIR_LOCKED') throw error;
    if (await isLive(url, fetch)) return { state: 'ok', says: error.message };
    return {
      state: 'fail',
      says: `${error.message} Nothing answers at ${url}.`,
      mend: 'Stop that process, or set DAYBOOK_DATA_DIR to another directory.',
    };
  }
}

async function platform({ url, fetch }: Checked): Promise<Finding> {
  if (!(await isLive(url, fetch))) return { state: 'ok', says: `none is running at ${url}` };
  const response = await fetch(new URL('/ready', url), { signal: AbortSignal.timeout(2_000) });
  const { status, missing } = (await response.json()) as { status: string; missing: string[] };
  if (response.ok) return { state: 'ok', says: `ready at ${url}` };
  return {
    state: 'warn',
    says: `${status} at ${url}; waits for ${missing.join(', ') || 'its end'}`,
    mend: 'Wait a little and ask again; the log of the process says what it is doing.',
  };
}

/** The directory itself, or the nearest one above it that exists already. */
async function nearestExisting(path: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch {
    const parent = dirname(path);
    return parent === path ? path : nearestExisting(parent);
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host, port }, () => {
      resolve(true);
    });
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

async function isLive(url: string, ask: typeof fetch): Promise<boolean> {
  try {
    const response = await ask(new URL('/live', url), { signal: AbortSignal.timeout(2_000) });
    return response.ok && ((await response.json()) as { status?: unknown }).status === 'live';
  } catch {
    return false;
  }
}
