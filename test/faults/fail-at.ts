import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { FAIL_AT, FAIL_POINTS, pointOf } from './fail-points.ts';
import type { Failing } from './fail-points.ts';

// Loaded before the product, in each of its threads: fails at the point that a file names. It listens to what the
// product announces anyway, so the product knows nothing of it.

const file = process.env[FAIL_AT];
let failing: Failing | undefined;
let passed = 0;

if (file !== undefined) {
  for (const channel of new Set(Object.values(FAIL_POINTS).map((point) => point.channel)))
    subscribe(channel, (message) => {
      pass(file, channel, message as Readonly<Record<string, unknown>>);
    });
}

function pass(file: string, channel: string, members: Readonly<Record<string, unknown>>): void {
  // Once only: a thread that has failed is started again.
  if (!failing && existsSync(file) && !existsSync(`${file}.reached`))
    failing = JSON.parse(readFileSync(file, 'utf8')) as Failing;
  if (!failing) return;
  if (!isMeant(failing, channel, members)) return;
  const { nth = 1, afterMs = 0 } = pointOf(failing.at);
  if (++passed !== nth) return;
  appendFileSync(`${file}.reached`, failing.at);
  if (afterMs === 0) fail(failing);
  else setTimeout(fail, afterMs, failing);
}

/** Whether what is announced is the point at which to fail. */
function isMeant(
  { at, generation }: Failing,
  channel: string,
  members: Readonly<Record<string, unknown>>,
): boolean {
  const { channel: own, having, ofOneGeneration = false } = pointOf(at);
  if (channel !== own || (ofOneGeneration && members['generation'] !== generation)) return false;
  return Object.entries(having).every(([name, value]) => members[name] === value);
}

function fail({ by, holdMs = 0, at }: Failing): void {
  if (by === 'kill') process.kill(process.pid, 'SIGKILL');
  else if (by === 'hold') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, holdMs);
  // Whoever announces is not told; the thread is, as an exception that nobody has caught.
  else throw new Error(`made to fail ${at}`);
}
