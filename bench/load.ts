/**
 * The load generator: a process of its own, so that its work does not slow the event loop it measures.
 * Raw sockets, one request in flight on each, bodies built once; only the event ids are written anew.
 * Takes a {@link Load} as its one argument and prints a {@link LoadResult}.
 */
import { randomFillSync } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { eventOf } from './events.ts';

export type Load = {
  readonly port: number;
  readonly path: string;
  readonly tenant: string;
  readonly connections: number;
  /** Events per request; 0 sends one event outside a batch. */
  readonly batch: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Requests per second over all connections; 0 = as many as the server takes. */
  readonly rate: number;
};

export type LoadResult = {
  readonly requests: number;
  readonly events: number;
  readonly seconds: number;
  /** Answers that were not 200. */
  readonly refused: number;
  /** Milliseconds from the last byte written to the last byte read. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Share of one core the generator itself needed. */
  readonly ownCores: number;
};

const ID_DIGITS = 24;
const MARK = 'x'.repeat(ID_DIGITS);
const TEMPLATES = 64;

/** A request whose ids stand at known places. */
type Template = { readonly bytes: Buffer; readonly ids: readonly number[] };

function templatesOf(load: Load): Template[] {
  return Array.from({ length: TEMPLATES }, (_, index) => {
    const size = Math.max(1, load.batch);
    const events = Array.from({ length: size }, (_unused, n) =>
      JSON.stringify(eventOf(load.tenant, index * size + n, MARK)),
    );
    const body = load.batch === 0 ? events[0]! : `{"events":[${events.join(',')}]}`;
    const head =
      `POST ${load.path} HTTP/1.1\r\nhost: 127.0.0.1:${load.port}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const bytes = Buffer.from(head + body);
    const ids: number[] = [];
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + ID_DIGITS)) ids.push(at);
    return { bytes, ids };
  });
}

const random = Buffer.alloc(ID_DIGITS * 4096);
let used = random.length;

function freshId(into: Buffer, at: number): void {
  if (used + ID_DIGITS / 2 > random.length) {
    randomFillSync(random);
    used = 0;
  }
  into.write(random.toString('hex', used, used + ID_DIGITS / 2), at, 'latin1');
  used += ID_DIGITS / 2;
}

/** Calls back once per whole answer; knows just enough HTTP for answers with a content length. */
function onAnswers(socket: Socket, answered: (status: number) => void): void {
  let waiting = 0;
  let status = 0;
  let held: Buffer | undefined;
  socket.on('data', (chunk: Buffer) => {
    let data = held ? Buffer.concat([held, chunk]) : chunk;
    held = undefined;
    while (data.length > 0) {
      if (waiting === 0) {
        const end = data.indexOf('\r\n\r\n');
        if (end < 0) {
          held = data;
          return;
        }
        const head = data.toString('latin1', 0, end);
        status = Number(head.slice(9, 12));
        waiting = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? NaN);
        if (Number.isNaN(waiting)) throw new Error(`an answer without a length:\n${head}`);
        data = data.subarray(end + 4);
      }
      const taken = Math.min(waiting, data.length);
      waiting -= taken;
      data = data.subarray(taken);
      if (waiting === 0) answered(status);
    }
  });
}

async function run(load: Load): Promise<LoadResult> {
  const templates = templatesOf(load);
  const latencies: number[] = [];
  let refused = 0;
  let running = true;
  const startedAt = performance.now();
  const from = startedAt + load.warmUpMs;
  const until = from + load.durationMs;
  const gapMs = load.rate > 0 ? (1000 * load.connections) / load.rate : 0;
  let cpu = process.cpuUsage();
  setTimeout(() => (cpu = process.cpuUsage()), load.warmUpMs);

  const connection = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: load.port, noDelay: true });
      let sentAt = 0;
      let turn = index;
      let dueAt = startedAt + (gapMs * index) / load.connections;
      const next = (): void => {
        if (!running) {
          socket.end();
          return;
        }
        const { bytes, ids } = templates[turn++ % TEMPLATES]!;
        const own = Buffer.from(bytes);
        for (const at of ids) freshId(own, at);
        // With a rate, time counts from when the request was due, so that a stall is not left out.
        sentAt = gapMs > 0 ? dueAt : performance.now();
        socket.write(own);
      };
      const later = (): void => {
        dueAt += gapMs;
        const wait = gapMs > 0 ? dueAt - performance.now() : 0;
        if (wait > 0.5) setTimeout(next, wait);
        else next();
      };
      onAnswers(socket, (status) => {
        const now = performance.now();
        if (now >= from && now < until) {
          latencies.push(now - sentAt);
          if (status !== 200) refused++;
        }
        if (now >= until) running = false;
        later();
      });
      socket.once('connect', next);
      socket.once('error', reject);
      socket.once('close', () => {
        if (running) reject(new Error('the server closed a connection under load'));
        else resolve();
      });
    });

  await Promise.all(Array.from({ length: load.connections }, (_, index) => connection(index)));
  const { user, system } = process.cpuUsage(cpu);
  const seconds = load.durationMs / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return {
    requests: latencies.length,
    events: latencies.length * Math.max(1, load.batch),
    seconds,
    refused,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    ownCores: (user + system) / 1e6 / ((performance.now() - from) / 1000),
  };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '{}') as Load)));
