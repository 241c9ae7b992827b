import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDaybook, startPlatform, temporaryDir } from '../test/platform.ts';
import type { Platform } from '../test/platform.ts';
import { eventOf } from './events.ts';
import { cpuSeconds, runLoad } from './measure.ts';
import { thousands } from './report.ts';
import type { Bench, Row } from './report.ts';

/** Events per second, and processor time of the platform for each of them, its projections included. */
type Speed = { readonly rate: number; readonly cpuMicros: number };

const PIECE_BYTES = 256 * 1024;

/** Import beside the batch route, in turns on the same machine: single figures move with whatever else it does. */
export const bench: Bench = async ({ quick, progress }) => {
  const events = quick ? 200_000 : 1_000_000;
  const turns = quick ? 1 : 3;
  const batches: Speed[] = [];
  const routes: Speed[] = [];
  const commands: Speed[] = [];
  for (let turn = 1; turn <= turns; turn++) {
    progress(`turn ${turn}: batches of 100`);
    batches.push(await measured((platform) => sendBatches(platform, quick ? 4_000 : 15_000)));
    progress(`turn ${turn}: the import route`);
    routes.push(await measured((platform) => sendLines(platform, piecesOf(events))));
    progress(`turn ${turn}: daybook import`);
    commands.push(await measured((platform) => importFile(platform, events)));
  }
  const batch = middle(batches);
  return [
    rowOf('import route, ids given', middle(routes), batch),
    rowOf('daybook import of an NDJSON file, ids given', middle(commands), batch),
  ];
};

function rowOf(path: string, own: Speed, batch: Speed): Row {
  const ratio = own.rate / batch.rate;
  return {
    path,
    figure: `${thousands(own.rate)} events/s`,
    limit: `${thousands(batch.rate)} events/s in batches of 100`,
    ratio,
    goals: [{ text: '>= 3 of it', reached: ratio >= 3 }],
    note:
      `processor time of the platform per event ${own.cpuMicros.toFixed(1)} µs, in batches ` +
      `${batch.cpuMicros.toFixed(1)} µs, log, index and all read models included`,
  };
}

/** The turn whose rate is the middle one. */
function middle(speeds: readonly Speed[]): Speed {
  const sorted = speeds.toSorted((one, other) => one.rate - other.rate);
  return sorted[Math.floor(sorted.length / 2)] ?? { rate: NaN, cpuMicros: NaN };
}

async function measured(
  work: (platform: Platform) => Promise<{ readonly events: number; readonly seconds: number }>,
): Promise<Speed> {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const pid = platform.process.pid ?? 0;
  const before = (await cpuSeconds(pid)) ?? NaN;
  const { events, seconds } = await work(platform);
  const cpu = ((await cpuSeconds(pid)) ?? NaN) - before;
  return { rate: events / seconds, cpuMicros: (cpu / events) * 1e6 };
}

async function sendBatches(
  platform: Platform,
  durationMs: number,
): Promise<{ events: number; seconds: number }> {
  const path = '/api/v1/behaviors/track/batch';
  const load = { port: platform.port, path, tenant: 'acme', connections: 32, batch: 100, rate: 0 };
  return runLoad({ ...load, warmUpMs: 0, durationMs });
}

async function sendLines(
  platform: Platform,
  pieces: readonly Buffer[],
): Promise<{ events: number; seconds: number }> {
  const startedAt = performance.now();
  const sending = request({
    host: '127.0.0.1',
    port: platform.port,
    path: '/api/v1/behaviors/import',
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const answered = once(sending, 'response').then(async ([response]) => {
    let text = '';
    for await (const part of response as IncomingMessage) text += String(part);
    return JSON.parse(text.trim().split('\n').at(-1) ?? '{}') as { complete: boolean; accepted: number };
  });
  for (const piece of pieces) if (!sending.write(piece)) await once(sending, 'drain');
  sending.end();
  const { complete, accepted } = await answered;
  if (!complete) throw new Error('the import was not taken whole');
  return { events: accepted, seconds: (performance.now() - startedAt) / 1000 };
}

async function importFile(platform: Platform, events: number): Promise<{ events: number; seconds: number }> {
  await using dir = await temporaryDir();
  const path = join(dir.path, 'events.ndjson');
  await writeFile(path, Buffer.concat(piecesOf(events)));
  const env = { DAYBOOK_HTTP_PORT: String(platform.port) };
  const { exit, output } = await runDaybook(['import', path, '--tenant', 'acme', '--json'], env);
  if (exit !== 0) throw new Error(output);
  const report = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as {
    accepted: number;
    seconds: number;
  };
  return { events: report.accepted, seconds: report.seconds };
}

/** The same events as the batches, one a line, with ids of their own. */
function piecesOf(events: number): Buffer[] {
  const pieces: Buffer[] = [];
  let text = '';
  for (let n = 0; n < events; n++) {
    text += `${JSON.stringify(eventOf('acme', n, randomBytes(12).toString('hex')))}\n`;
    if (text.length >= PIECE_BYTES) {
      pieces.push(Buffer.from(text));
      text = '';
    }
  }
  pieces.push(Buffer.from(text));
  return pieces;
}
