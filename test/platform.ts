import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..');
const NODE = join(ROOT, 'node_modules/.bin/node');
/** As in `npm start`. */
export const NODE_FLAGS = ['--max-semi-space-size=64', '--min-semi-space-size=32'];

/** An answer over HTTP; `body` is the parsed JSON, or undefined when it is none. */
export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: unknown;
};

export type Sending = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
};

/** The started product in its own process. */
export type Platform = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** Resolves with the exit code (or the signal) once the process has gone. */
  readonly gone: Promise<number | NodeJS.Signals>;
  /** What it has written so far; the last part of it. */
  written(): string;
  send(path: string, sending?: Sending): Promise<Reply>;
  get(path: string): Promise<Reply>;
  post(path: string, body: unknown): Promise<Reply>;
  /** SIGTERM, and its exit awaited. */
  stop(): Promise<number | NodeJS.Signals>;
  /** kill -9, and its exit awaited. */
  kill(): Promise<void>;
};

export type PlatformOptions = {
  readonly dataDir: string;
  /** The command and its flags. @default ['start'] */
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take until it is ready. @default 60000 */
  readonly readyWithinMs?: number;
  /** @default true */
  readonly waitUntilReady?: boolean;
};

const running = new Set<ChildProcess>();
const killAll = (): void => {
  for (const child of running) child.kill('SIGKILL');
};
process.once('exit', killAll);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(1);
  });
}

/** Starts `daybook start`, or the command given, on an unused port of the loopback and, unless told otherwise, waits until it is ready. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const port = await unusedPort();
  const child = spawn(NODE, [...NODE_FLAGS, 'main.ts', ...(options.words ?? ['start'])], {
    cwd: ROOT,
    env: { ...environment(), ...settings(options.dataDir, port), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = capture(child);
  const gone = once(child, 'exit').then(([code, signal]: unknown[]) => {
    running.delete(child);
    return (signal ?? code) as number | NodeJS.Signals;
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const send = (path: string, sending: Sending = {}): Promise<Reply> => exchange(agent, port, path, sending);
  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const exit = await gone;
    agent.destroy();
    return exit;
  };
  const platform: Platform = {
    url: `http://127.0.0.1:${port}`,
    port,
    dataDir: options.dataDir,
    process: child,
    gone,
    written: output,
    send,
    get: (path) => send(path),
    post: (path, body) =>
      send(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL');
    },
    [Symbol.asyncDispose]: async () => {
      await end('SIGKILL');
    },
  };
  if (options.waitUntilReady ?? true) await untilReady(platform, options.readyWithinMs ?? 60_000);
  return platform;
}

/** Asks `/ready` until it says 200; throws with the output when the process goes or the time runs out. */
export async function untilReady(platform: Platform, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const child = platform.process;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the platform went before it was ready:\n${platform.written()}`);
    }
    const reply = await platform.get('/ready').catch(() => undefined);
    if (reply?.status === 200) return;
    if (performance.now() > deadline) {
      throw new Error(
        `not ready within ${withinMs} ms: ${reply?.text ?? 'no answer'}\n${platform.written()}`,
      );
    }
    await sleep(15);
  }
}

/** A directory for one test's data, removed when disposed. */
export async function temporaryDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'daybook-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export async function unusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Runs `daybook <words>` to its end. */
export async function runDaybook(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ exit: number | NodeJS.Signals; output: string }> {
  const child = spawn(NODE, ['main.ts', ...words], {
    cwd: ROOT,
    env: { ...environment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = capture(child);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  running.delete(child);
  return { exit: signal ?? code ?? 0, output: output() };
}

/** Our own environment without settings that would reach the product. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(DAYBOOK_|NODE_)/.test(name)));
}

function settings(dataDir: string, port: number): Record<string, string> {
  return {
    DAYBOOK_DATA_DIR: dataDir,
    DAYBOOK_HTTP_PORT: String(port),
    DAYBOOK_GRPC_PORT: '0',
    DAYBOOK_LOG_LEVEL: 'warn',
  };
}

function capture(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-20_000);
    });
  }
  return () => text;
}

function exchange(agent: Agent, port: number, path: string, sending: Sending): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, signal } = sending;
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const asked = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...type, ...length, ...headers },
        ...(signal ? { signal } : {}),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('aborted', () => {
          reject(new Error('the answer broke off'));
        });
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed(text) });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
