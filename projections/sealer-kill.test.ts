import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseTenantId } from '#domain';
import type { Tenant } from '#domain';
import type { EventLog } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openChdbFactStore } from './chdb-fact-store.ts';
import { startFactProjector } from './fact-projector.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';
import { openLmdbSealStore } from './lmdb-seal-store.ts';
import { startSealer } from './sealer.ts';
import { Seals } from './seals.ts';

/** Where the process that writes is killed; each only once late records come or a day is sealed. */
const STEPS = [
  'after the intent, before the insert',
  'after the insert, before the checkpoint',
  'after the checkpoint, before the new seal',
  'as a seal is given out',
  'amid the slices',
  'after the slices, before they are the day',
  'after they are the day',
] as const;
type Step = (typeof STEPS)[number];

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2024, 2, 4);
const DAYS = 3;
const EVENTS = 300;

const parsed = parseTenantId('acme');
assert.ok(parsed.ok);
const tenant = parsed.tenant;
const everything = { tenant, channel: 'events' } as const;

/** Events over all days; those of a later round come late. */
async function append(log: EventLog, round: number): Promise<void> {
  const entries = Array.from({ length: EVENTS }, (_, index) => {
    const event_id = `evt_${round}_${index}`;
    const timestamp = START_MS + (index % DAYS) * DAY_MS + index;
    const user_id = `u${round}_${index % 50}`;
    const value = { event_id, tenant_id: tenant, kind: 'behaviour', event_name: 'click', user_id, timestamp };
    return {
      key: Buffer.from(user_id),
      headers: {
        eventId: event_id,
        contentHash: Buffer.alloc(16, event_id),
        source: 'http',
        schema: 'envelope.behaviour',
        schemaVersion: 1,
        receivedAtMs: timestamp,
        timestampMs: timestamp,
        valid: true,
      },
      value: Buffer.from(JSON.stringify({ ...value, action_type: 'click', item_id: `i${index % 20}` })),
    };
  });
  await log.append(everything, entries);
}

/** The whole platform as far as it takes part, with a death built in for the second round. */
async function openHouse(dataDir: string, step?: Step) {
  const opened = new AsyncDisposableStack();
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  await log.create(tenant, { partitions: 2 });
  const facts = opened.use(await openChdbFactStore({ dataDir }));
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const store = opened.use(await openLmdbSealStore({ dataDir }));
  let armed = false;
  const die = (at: Step): void => {
    if (armed && at === step) process.kill(process.pid, 'SIGKILL');
  };
  const slices: typeof facts = {
    ...facts,
    async insert(generation, batches) {
      die('after the intent, before the insert');
      await facts.insert(generation, batches);
      die('after the insert, before the checkpoint');
    },
    async writeSlice(generation, slice) {
      // The engine works in threads of its own: some of the tables have been written by then, or not.
      if (armed && step === 'amid the slices')
        setTimeout(() => {
          die('amid the slices');
        }, Math.random() * 80);
      const counts = await facts.writeSlice(generation, slice);
      die('after the slices, before they are the day');
      return counts;
    },
  };
  const seals = new Seals({
    slices,
    generation: 1,
    store: {
      load: (key) => store.load(key),
      async save(key, entries) {
        await store.save(key, entries);
        if (entries.some(({ sealed }) => sealed)) die('after they are the day');
        else if (entries.some(({ triedAtMs }) => triedAtMs === NOW_MS + 2)) die('as a seal is given out');
      },
    },
  });
  const onTenant = (listener: (tenant: Tenant) => void): Disposable => {
    listener({ id: tenant, partitions: 2, createdAtMs: 0 });
    return { [Symbol.dispose]: () => undefined };
  };
  const progress = opened.use(
    startFactProjector({
      log,
      facts: slices,
      checkpoints,
      seals,
      tenants: { onTenant },
      clock: Date.now,
      tuning: { flushAfterMs: 5 },
    }),
  );
  let nowMs = step ? NOW_MS : NOW_MS + DAY_MS;
  const sealer = opened.use(
    startSealer({
      seals,
      slices,
      progress,
      clock: () => nowMs,
      tuning: { everyMs: 2 ** 30, resealAfterMs: 0 },
    }),
  );
  const caughtUp = async (): Promise<void> => {
    const { next } = await log.bounds(everything);
    assert.ok(await progress.waitFor(tenant, next, AbortSignal.timeout(60_000)));
  };
  return {
    log,
    facts,
    progress,
    caughtUp,
    async seal(): Promise<void> {
      nowMs += 1;
      await sealer.sealDue();
    },
    arm(): void {
      armed = true;
    },
    die,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const NOW_MS = START_MS + 30 * DAY_MS;

async function liveUntilKilled(dataDir: string, step: Step): Promise<void> {
  await using house = await openHouse(dataDir, step);
  await append(house.log, 0);
  await house.caughtUp();
  await house.seal();
  house.arm();
  await append(house.log, 1);
  await house.caughtUp();
  house.die('after the checkpoint, before the new seal');
  await house.seal();
}

type Figures = { readonly day: number; readonly events: string; readonly users: string };

/** Every sealed day must count what the facts of the day hold. */
async function assertWhole(house: Awaited<ReturnType<typeof openHouse>>, sealed: number): Promise<void> {
  const state = await house.progress.state(tenant);
  const days = state?.sealed ?? [];
  assert.equal(days.length, sealed);
  for (const { day, seal } of days) {
    const { rows } = await house.facts.query<Figures>({
      sql: `SELECT toString(sum(events)) AS counted, toString(uniqExactMerge(users)) AS users
        FROM analysis_db.analytics_daily_stats_g1 WHERE date = toDate({day:UInt16}) AND seal = {seal:UInt64}`,
      params: { day, seal },
    });
    const { rows: facts } = await house.facts.query<Figures>({
      sql: `SELECT toString(count()) AS counted, toString(uniqExact(actor_id)) AS users
        FROM analysis_db.facts_g1 WHERE toDate(ts, 'UTC') = toDate({day:UInt16})`,
      params: { day },
    });
    assert.deepEqual(rows, facts, `day ${day}`);
  }
}

async function kill(dataDir: string, step: Step): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: {
      ...process.env,
      DAYBOOK_TEST_KILLED_DIRECTORY: dataDir,
      DAYBOOK_TEST_KILLED_AT: step,
      NODE_TEST_CONTEXT: undefined,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the process was not killed where it should be');
}

const directory = process.env['DAYBOOK_TEST_KILLED_DIRECTORY'];
if (directory !== undefined) {
  await liveUntilKilled(directory, process.env['DAYBOOK_TEST_KILLED_AT'] as Step);
  process.exit(0);
} else {
  for (const step of STEPS) {
    test(`killed ${step}, no slice in use lacks a record`, async (t) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'daybook-sealer-killed-'));
      t.after(() => rm(dataDir, { recursive: true }));
      await kill(dataDir, step);
      await using house = await openHouse(dataDir);
      await house.caughtUp();
      await assertWhole(house, step === 'after they are the day' ? 1 : 0);
      await house.seal();
      await assertWhole(house, DAYS);
      const stored = await house.facts.storedSlices(1, tenant);
      assert.equal(stored.length, DAYS, 'what the killed process left behind is gone');
      const events = stored.reduce((sum, { counts }) => sum + counts[3], 0n);
      assert.equal(events, BigInt(2 * EVENTS));
    });
  }
}
