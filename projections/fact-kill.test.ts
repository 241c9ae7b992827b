import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseTenantId } from '#domain';
import type { Event, Tenant } from '#domain';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { recordOf } from '../test/log-record.ts';
import { openChdbFactStore } from './chdb-fact-store.ts';
import { startFactProjector } from './fact-projector.ts';
import type { FactProjectorTuning } from './fact-projector.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';

const KILLS = 22;
const EVENTS = 120_000;
const MONTHS = 10;
/** Small, so that many inserts are under way while the process lives. */
const HURRIED = { maxRecords: 400, lookBack: 4096n, firstSeenAfterMs: 50 };

const parsed = parseTenantId('acme');
assert.ok(parsed.ok);
const tenant = parsed.tenant;
const everything = { tenant, channel: 'events' } as const;

function eventOf(index: number): Event {
  return {
    event_id: `evt_${index}`,
    tenant_id: tenant,
    kind: 'generic',
    event_name: `event_${index % 7}`,
    user_id: `user_${index % 501}`,
    // Neighbours lie in different months, so that every insert is split over all of them.
    timestamp: Date.UTC(2023, index % MONTHS, 1 + (index % 27), 0, 0, 0, index % 1000),
    position: index % 13,
    server_time: Date.UTC(2024, 0, 1),
    valid_status: 1,
    schema: 'envelope.generic',
    schema_version: 1,
  };
}

async function openHouse(
  dataDir: string,
  tuning: Partial<FactProjectorTuning> = {},
): Promise<{
  log: Awaited<ReturnType<typeof openLmdbEventLog>>;
  facts: Awaited<ReturnType<typeof openChdbFactStore>>;
  projector: ReturnType<typeof startFactProjector>;
  close: () => Promise<void>;
}> {
  const log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
  const facts = await openChdbFactStore({ dataDir });
  const checkpoints = await openLmdbCheckpointStore({ dataDir });
  const onTenant = (listener: (tenant: Tenant) => void): Disposable => {
    listener({ id: tenant, partitions: 4, createdAtMs: 0 });
    return { [Symbol.dispose]: () => undefined };
  };
  const projector = startFactProjector({
    log,
    facts,
    checkpoints,
    tenants: { onTenant },
    clock: Date.now,
    tuning,
  });
  const close = async (): Promise<void> => {
    await projector[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    await checkpoints[Symbol.asyncDispose]();
    await facts[Symbol.asyncDispose]();
  };
  return { log, facts, projector, close };
}

/** What the process that is killed does: it projects, and says so once it has begun. */
async function projectUntilKilled(dataDir: string): Promise<void> {
  const { projector } = await openHouse(dataDir, HURRIED);
  await projector.state(tenant);
  process.stdout.write('projecting\n');
  await sleep(60_000);
}

async function append(dataDir: string): Promise<void> {
  await using log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
  await log.create(tenant, { partitions: 4 });
  for (let from = 0; from < EVENTS; from += 10_000) {
    const events = Array.from({ length: 10_000 }, (_, index) => eventOf(from + index));
    await log.append(
      everything,
      events.map((event) => recordOf(event)),
    );
  }
}

async function killOnce(dataDir: string, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: { ...process.env, DAYBOOK_TEST_KILLED_DIRECTORY: dataDir, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), gone]);
  await sleep(afterMs);
  assert.equal(child.exitCode, null, 'the process ended by itself');
  child.kill('SIGKILL');
  await gone;
}

async function killedManyTimes(dataDir: string): Promise<void> {
  await append(dataDir);
  for (let kill = 0; kill < KILLS; kill++) await killOnce(dataDir, Math.floor(Math.random() * 250));

  const { log, facts, projector, close } = await openHouse(dataDir);
  try {
    const left = await facts.query<{ c: string }>({
      sql: 'SELECT count() AS c FROM analysis_db.facts_g1',
      params: {},
    });
    assert.ok(Number(left.rows[0]?.c) < EVENTS, 'the last kill came too late to hit an insert');
    const { next } = await log.bounds(everything);
    const reached = await projector.waitFor(tenant, next, AbortSignal.timeout(120_000));
    assert.ok(reached, (await projector.state(tenant))?.paused?.reason ?? 'not within its time');

    const { rows } = await facts.query<{ id: string; position: string; name: string; ms: string }>({
      sql: `SELECT event_id AS id, concat(toString(log_partition), ':', toString(log_offset)) AS position,
          event_name AS name, toString(toUnixTimestamp64Milli(ts)) AS ms FROM analysis_db.facts_g1`,
      params: {},
    });
    assert.equal(rows.length, EVENTS);
    assert.equal(new Set(rows.map(({ id }) => id)).size, EVENTS);
    const places = new Set(rows.map(({ position }) => position));
    for (const [partition, end] of next.entries()) {
      for (let offset = 0n; offset < end; offset++) assert.ok(places.has(`${partition}:${offset}`));
    }
    for (const { id, name, ms } of rows) {
      const event = eventOf(Number(id.slice('evt_'.length)));
      assert.deepEqual([name, Number(ms)], [event.event_name, event.timestamp]);
    }
    assert.deepEqual(await facts.copies(1, tenant), []);
  } finally {
    await close();
  }
}

const directory = process.env['DAYBOOK_TEST_KILLED_DIRECTORY'];
if (directory !== undefined) await projectUntilKilled(directory);
else {
  test(`after ${KILLS} kills amid inserts over ${MONTHS} months every record stands in the facts once`, async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'daybook-killed-'));
    t.after(() => rm(dataDir, { recursive: true }));
    await killedManyTimes(dataDir);
  });
}
