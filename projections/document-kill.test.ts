import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '#domain';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { recordOf } from '../test/log-record.ts';
import { temporaryDir } from '../test/platform.ts';
import { tenantId } from '../test/tenant-id.ts';
import { USER_PROFILES } from './document-projection.ts';
import { startDocumentProjector } from './document-projector.ts';
import { openLmdbDocumentStore } from './lmdb-document-store.ts';

const KILLS = 15;
const EVENTS = 60_000;
const USERS = 701;
const ACME = tenantId('acme');
const everything = { tenant: ACME, channel: 'events' } as const;
const profiles = { name: 'user_profiles', generation: 1, tenant: ACME } as const;

const eventOf = (index: number): Event => ({
  event_id: `evt_${index}`,
  tenant_id: ACME,
  kind: 'generic',
  event_name: 'pageview',
  user_id: `user_${index % USERS}`,
  timestamp: Date.UTC(2024, 0, 1) + index * 1000,
  server_time: 0,
  valid_status: 1,
  schema: 'envelope.generic',
  schema_version: 1,
});

async function openHouse(dataDir: string) {
  const opened = new AsyncDisposableStack();
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  // Small portions, so that many transactions are under way while the process lives.
  const tuning = { maxRecords: 150, flushAfterMs: 1, restMs: 0 };
  const projector = opened.use(
    startDocumentProjector({
      log,
      documents,
      clock: Date.now,
      projection: USER_PROFILES,
      tuning,
    }),
  );
  projector.follow(ACME);
  return { log, documents, projector, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What the process that is killed does: it projects, and says so after every portion. */
async function projectUntilKilled(dataDir: string): Promise<void> {
  subscribe('daybook:projections:applied', () => {
    process.stdout.write('applied\n');
  });
  await using _house = await openHouse(dataDir);
  await sleep(60_000);
}

async function append(dataDir: string): Promise<void> {
  await using log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
  await log.create(ACME, { partitions: 4 });
  for (let from = 0; from < EVENTS; from += 10_000) {
    await log.append(
      everything,
      Array.from({ length: 10_000 }, (_, index) => recordOf(eventOf(from + index))),
    );
  }
}

async function killAfter(dataDir: string, portions: number): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: { ...process.env, DAYBOOK_TEST_KILLED_DIRECTORY: dataDir, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  let left = portions;
  for await (const _line of createInterface({ input: child.stdout })) {
    if (--left > 0) continue;
    // Anywhere within the next portion.
    await sleep(Math.random() * 15);
    child.kill('SIGKILL');
  }
  const [, signal] = (await gone) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the process ended by itself');
}

/** The checkpoint says exactly what the documents hold. */
async function assertSound(dataDir: string): Promise<bigint> {
  await using documents = await openLmdbDocumentStore({ dataDir });
  const vector = (await documents.checkpoint(profiles))?.vector ?? [];
  const folded = (await documents.list(profiles, { limit: 1000 })).reduce((sum, { body }) => {
    return sum + (body['features'] as { total_events: number }).total_events;
  }, 0);
  const confirmed = vector.reduce((sum, next) => sum + next, 0n);
  // A portion is one transaction here, and every event is of one document.
  assert.equal(BigInt(folded), confirmed);
  return confirmed;
}

async function killedManyTimes(dataDir: string): Promise<void> {
  await append(dataDir);
  for (let kill = 0; kill < KILLS; kill++) {
    await killAfter(dataDir, 1 + Math.floor(Math.random() * 20));
    const confirmed = await assertSound(dataDir);
    assert.ok(confirmed < BigInt(EVENTS), 'there was nothing left to interrupt');
  }
  await using house = await openHouse(dataDir);
  const { next } = await house.log.bounds(everything);
  assert.ok(await house.projector.waitFor(ACME, next, AbortSignal.timeout(120_000)));
  const kept = await house.documents.list(profiles, { limit: 1000 });
  assert.equal(kept.length, USERS);
  for (const { id, body } of kept) {
    const user = Number(String(id[0]).slice('user_'.length));
    const expected = Math.floor((EVENTS - 1 - user) / USERS) + 1;
    const features = body['features'] as { total_events: number; last_seen_at: number };
    const last = Date.UTC(2024, 0, 1) + (user + (expected - 1) * USERS) * 1000;
    assert.deepEqual([features.total_events, features.last_seen_at], [expected, last]);
  }
}

const directory = process.env['DAYBOOK_TEST_KILLED_DIRECTORY'];
if (directory !== undefined) await projectUntilKilled(directory);
else {
  test(`after ${KILLS} kills amid writes every event is folded into its document once`, async () => {
    await using dir = await temporaryDir();
    await killedManyTimes(dir.path);
  });
}
