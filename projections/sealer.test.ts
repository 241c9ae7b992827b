import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parseTenantId } from '#domain';
import type { Tenant, TenantId } from '#domain';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openChdbFactStore } from './chdb-fact-store.ts';
import type { FactProgress } from './fact-progress.ts';
import { startFactProjector } from './fact-projector.ts';
import type { FactStore } from './fact-store.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';
import { openLmdbSealStore } from './lmdb-seal-store.ts';
import { startSealer } from './sealer.ts';
import type { Sealer } from './sealer.ts';
import { Seals } from './seals.ts';
import type { SliceStore } from './slice-store.ts';

const [ACME, UMBRA] = ['acme', 'umbra'].map((id) => {
  const parsed = parseTenantId(id);
  assert.ok(parsed.ok);
  return parsed.tenant;
}) as [TenantId, TenantId];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2024, 2, 4);
const DAY = START_MS / DAY_MS;

type House = {
  readonly facts: FactStore & SliceStore;
  readonly progress: FactProgress;
  readonly seals: Seals;
  readonly sealer: Sealer;
  /** The clock the sealer goes by. */
  nowMs: number;
  /** Appends one event of each time and waits until it is in the facts. */
  put(tenant: TenantId, ...times: readonly number[]): Promise<void>;
  days(tenant: TenantId): Promise<number[]>;
};

/** Log, facts and sealer in a directory of their own; the sealer seals when it is told to. */
async function houseFor(t: TestContext, slices: Partial<SliceStore> = {}): Promise<House> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-sealer-'));
  const opened = new AsyncDisposableStack();
  t.after(async () => {
    await opened.disposeAsync();
    await rm(dataDir, { recursive: true });
  });
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const facts = opened.use(await openChdbFactStore({ dataDir }));
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const store = opened.use(await openLmdbSealStore({ dataDir }));
  const seals = new Seals({ store, slices: facts, generation: 1 });
  const onTenant = (listener: (tenant: Tenant) => void): Disposable => {
    for (const id of [ACME, UMBRA]) listener({ id, partitions: 2, createdAtMs: 0 });
    return { [Symbol.dispose]: () => undefined };
  };
  const clock = Date.now;
  const tuning = { flushAfterMs: 5 };
  const progress = opened.use(
    startFactProjector({ log, facts, checkpoints, seals, tenants: { onTenant }, clock, tuning }),
  );
  let numbered = 0;
  const house: House = {
    facts,
    progress,
    seals,
    sealer: opened.use(
      startSealer({
        seals,
        slices: { ...facts, ...slices },
        progress,
        clock: () => house.nowMs,
        tuning: { everyMs: 2 ** 30 },
      }),
    ),
    nowMs: START_MS,
    async put(tenant, ...times) {
      await log.create(tenant, { partitions: 2 });
      const entries = times.map((timestamp) => {
        const event = {
          event_id: `evt_${++numbered}`,
          tenant_id: tenant,
          kind: 'behaviour',
          event_name: 'click',
          action_type: 'click',
          user_id: `u${numbered % 3}`,
          timestamp,
        };
        return {
          key: Buffer.from(event.user_id),
          headers: {
            eventId: event.event_id,
            contentHash: Buffer.alloc(16, event.event_id),
            source: 'http',
            schema: 'envelope.behaviour',
            schemaVersion: 1,
            receivedAtMs: timestamp,
            timestampMs: timestamp,
            valid: true,
          },
          value: Buffer.from(JSON.stringify(event)),
        };
      });
      const name = { tenant, channel: 'events' } as const;
      await log.append(name, entries);
      const { next } = await log.bounds(name);
      assert.ok(await progress.waitFor(tenant, next, AbortSignal.timeout(60_000)));
    },
    async days(tenant) {
      const state = await progress.state(tenant);
      return (state?.sealed ?? []).map(({ day }) => day - DAY);
    },
  };
  return house;
}

/** How many events the slices of each seal count. */
async function stored(house: House, tenant: TenantId): Promise<string[]> {
  const slices = await house.facts.storedSlices(1, tenant);
  return slices.map(({ day, seal, counts }) => `${day - DAY}: ${seal}: ${counts[3]}`).sort();
}

test('a day is sealed an hour after its end in UTC, and not before', async (t) => {
  const house = await houseFor(t);
  await house.put(ACME, START_MS, START_MS + DAY_MS - 1, START_MS + DAY_MS);
  await house.put(UMBRA, START_MS + 5);
  house.nowMs = START_MS + DAY_MS + HOUR_MS - 1;
  assert.equal(await house.sealer.sealDue(), 0);
  house.nowMs += 1;
  assert.equal(await house.sealer.sealDue(), 2);
  assert.equal(await house.sealer.sealDue(), 0);
  assert.deepEqual(await house.days(ACME), [0]);
  assert.deepEqual(await house.days(UMBRA), [0]);
  assert.deepEqual(await stored(house, ACME), ['0: 1: 2']);
  assert.deepEqual(await stored(house, UMBRA), ['0: 1: 1']);
});

test('a late record opens its day alone, which is sealed again after five minutes at the earliest', async (t) => {
  const house = await houseFor(t);
  await house.put(ACME, START_MS, START_MS + DAY_MS);
  await house.put(UMBRA, START_MS);
  house.nowMs = START_MS + 3 * DAY_MS;
  await house.sealer.sealDue();
  await house.put(ACME, START_MS + 7);
  assert.deepEqual(await house.days(ACME), [1]);
  assert.deepEqual(await house.days(UMBRA), [0]);
  house.nowMs += 5 * MINUTE_MS - 1;
  assert.equal(await house.sealer.sealDue(), 0);
  house.nowMs += 1;
  assert.equal(await house.sealer.sealDue(), 1);
  assert.deepEqual(await house.days(ACME), [0, 1]);
});

test('the slices a day had stay until it has been sealed twice more, for questions that read them', async (t) => {
  const house = await houseFor(t);
  house.nowMs = START_MS + 3 * DAY_MS;
  const expected = [['0: 1: 1'], ['0: 1: 1', '0: 2: 2'], ['0: 2: 2', '0: 3: 3']];
  for (const slices of expected) {
    await house.put(ACME, START_MS);
    await house.sealer.sealDue();
    assert.deepEqual(await stored(house, ACME), slices);
    house.nowMs += 5 * MINUTE_MS;
  }
});

test('a slice that cannot be written leaves the day open, says so, and is tried again', async (t) => {
  let broken = true;
  const house: House = await houseFor(t, {
    writeSlice: (generation, slice) =>
      broken ? Promise.reject(new Error('no space')) : house.facts.writeSlice(generation, slice),
  });
  await house.put(ACME, START_MS);
  house.nowMs = START_MS + 3 * DAY_MS;
  const said: unknown[] = [];
  const listen = (message: unknown): void => {
    said.push(message);
  };
  channel('daybook:projections:paused').subscribe(listen);
  t.after(() => {
    channel('daybook:projections:paused').unsubscribe(listen);
  });
  assert.equal(await house.sealer.sealDue(), 0);
  assert.deepEqual(await house.days(ACME), []);
  assert.deepEqual(said, [
    { projection: 'slices', tenant: ACME, reason: 'no space', partition: 0, offset: 0n },
  ]);
  broken = false;
  house.nowMs += 5 * MINUTE_MS;
  assert.equal(await house.sealer.sealDue(), 1);
});

test('records that come while their day is being sealed leave it open', async (t) => {
  const house: House = await houseFor(t, {
    async writeSlice(generation, slice) {
      const counts = await house.facts.writeSlice(generation, slice);
      if (slice.seal === 1) await house.put(ACME, START_MS + 9);
      return counts;
    },
  });
  await house.put(ACME, START_MS);
  house.nowMs = START_MS + 3 * DAY_MS;
  assert.equal(await house.sealer.sealDue(), 0);
  assert.deepEqual(await house.days(ACME), []);
  house.nowMs += 5 * MINUTE_MS;
  assert.equal(await house.sealer.sealDue(), 1);
  assert.ok((await stored(house, ACME)).includes('0: 2: 2'));
});

test('left to itself, it seals what is due and says so', async (t) => {
  const house = await houseFor(t);
  await house.put(ACME, START_MS);
  const said = Promise.withResolvers<unknown>();
  channel('daybook:projections:sealed').subscribe(said.resolve);
  t.after(() => {
    channel('daybook:projections:sealed').unsubscribe(said.resolve);
  });
  const { seals, facts: slices, progress } = house;
  const clock = () => START_MS + 3 * DAY_MS;
  await using _sealer = startSealer({ seals, slices, progress, clock, tuning: { everyMs: 5 } });
  assert.deepEqual(await said.promise, { tenant: ACME, generation: 1, day: DAY, seal: 1 });
  assert.deepEqual(await house.days(ACME), [0]);
});
