import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog, NewRecord } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { tenantId } from '../test/tenant-id.ts';
import { openLmdbViewStore } from './lmdb-view-store.ts';
import type { ProjectorOf } from './projector-messages.ts';
import { startProjectorThread } from './projector-thread.ts';
import type { ProjectorThread } from './projector-thread.ts';
import { TROUBLE } from '../test/trouble.ts';
import type { TestSettings } from '../test/trouble.ts';
import { viewProgressOf } from './view-projector.ts';
import type { ViewProgress } from './view-progress.ts';
import type { ViewStore, ViewUpkeep } from './view-store.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const NOON = Date.UTC(2026, 6, 1, 12);
const IN_TIME = (): AbortSignal => AbortSignal.timeout(60_000);
const ITEMS = ['i0', 'i1', 'i2'];

type House = {
  readonly dataDir: string;
  readonly log: EventLog;
  readonly views: ViewStore & ViewUpkeep;
  readonly trouble: Int32Array;
};

async function houseFor(t: TestContext): Promise<House> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-projector-thread-'));
  const log = await openLmdbEventLog({ dataDir });
  const views = openLmdbViewStore({ dataDir });
  t.after(async () => {
    await log[Symbol.asyncDispose]();
    await views[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return {
    dataDir,
    log,
    views,
    trouble: new Int32Array(new SharedArrayBuffer(8)),
  };
}

const of = (tenant: TenantId, generation = 1): ProjectorOf => ({
  projection: 'live_views',
  generation,
  tenant,
});

type Started = AsyncDisposable & ViewProgress & { readonly thread: ProjectorThread };

function start(house: House, tuning: TestSettings['tuning'] = {}, stopWithinMs = 60_000): Started {
  const { dataDir, log, trouble } = house;
  const settings: TestSettings = { dataDir, nowMs: NOON, tuning, trouble };
  const thread = startProjectorThread({
    entry: new URL('../test/troubled-worker.ts', import.meta.url),
    settings,
    log,
    clock: () => NOON,
    restartAfterMs: 1,
    stopWithinMs,
  });
  thread.follow(of(ACME));
  return { ...viewProgressOf(thread), thread, [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose]() };
}

function recordOf(tenant: TenantId, index: number): NewRecord {
  const user = `u${index % 7}`;
  const value = {
    event_id: `e${index}`,
    tenant_id: tenant,
    kind: 'behaviour',
    event_name: 'click',
    action_type: 'click',
    scenario_id: 'feed',
    user_id: user,
    item_id: ITEMS[index % 3],
    timestamp: NOON - index,
  };
  const headers = {
    eventId: value.event_id,
    contentHash: Buffer.alloc(16, value.event_id),
    source: 'http',
    schema: 'envelope.behaviour',
    schemaVersion: 1,
    receivedAtMs: NOON,
    timestampMs: NOON,
    valid: true,
  };
  return { key: Buffer.from(user), headers, value: Buffer.from(JSON.stringify(value)) };
}

/** Appends the records with these indexes and answers where the log ends. */
async function append({ log }: House, tenant: TenantId, from: number, to: number): Promise<PositionVector> {
  await log.create(tenant, { partitions: 4 });
  const records = Array.from({ length: to - from }, (_, index) => recordOf(tenant, from + index));
  await log.append({ tenant, channel: 'events' }, records);
  return (await log.bounds({ tenant, channel: 'events' })).next;
}

async function clicksOf({ views }: House, tenant: TenantId): Promise<number[]> {
  const wanted = ITEMS.map((id) => ({ view: 'item:stats', id }) as const);
  const answer = await views.read({ projection: 'live_views', generation: 1, tenant }, wanted);
  return (answer?.found ?? []).map((found) => found[0]?.entries.get('click') ?? 0);
}

/** How many of the indexes from 0 on are 0, 1 and 2 modulo 3. */
function thirds(count: number): number[] {
  return [0, 1, 2].map((rest) => Math.ceil((count - rest) / 3));
}

/** Resolves with the next message on a channel that is wanted. */
function hear(t: TestContext, channel: string, wanted = (_: unknown): boolean => true): Promise<unknown> {
  const heard = Promise.withResolvers<unknown>();
  const listen = (message: unknown): void => {
    if (wanted(message)) heard.resolve(message);
  };
  subscribe(channel, listen);
  t.after(() => unsubscribe(channel, listen));
  return heard.promise;
}

test('what another thread has folded is read here, at the vector that was waited for', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house);
  for (let count = 0; count < 3000; count += 300) {
    const vector = await append(house, ACME, count, count + 300);
    assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
    const scope = { projection: 'live_views', generation: 1, tenant: ACME };
    assert.deepEqual((await house.views.read(scope, []))?.vector, vector);
    assert.deepEqual(await clicksOf(house, ACME), thirds(count + 300));
    const { next, identity } = await house.log.bounds({ tenant: ACME, channel: 'events' });
    assert.deepEqual(await progress.state(ACME), {
      scope,
      logIdentity: identity,
      confirmed: vector,
      highWater: next,
      waitingSinceMs: undefined,
      paused: undefined,
    });
  }
});

test('an answer is of one instant while the other thread writes', async (t) => {
  const house = await houseFor(t);
  await append(house, ACME, 0, 1);
  await using progress = start(house, { restMs: 0, flushAfterMs: 1, maxRecords: 40 });
  assert.ok(await progress.waitFor(ACME, [0n, 0n, 0n, 0n], IN_TIME()));
  const vector = await append(house, ACME, 1, 6000);
  const scope = { projection: 'live_views', generation: 1, tenant: ACME };
  const behind: Promise<void>[] = [];
  const check = (message: unknown): void => {
    const told = (message as { vector: PositionVector }).vector;
    behind.push(
      house.views.read(scope, []).then((answer) => {
        assert.ok(covers(answer!.vector, told));
      }),
    );
  };
  subscribe('daybook:projections:applied', check);
  t.after(() => unsubscribe('daybook:projections:applied', check));
  const wanted = ITEMS.map((id) => ({ view: 'item:stats', id }) as const);
  const seen = new Set<bigint>();
  for (let done = 0n; done < 6000n; await new Promise((resolve) => setImmediate(resolve))) {
    const answer = await house.views.read(scope, wanted);
    const clicks = (answer?.found ?? []).map((found) => found[0]?.entries.get('click') ?? 0);
    done = (answer?.vector ?? []).reduce((sum, next) => sum + next, 0n);
    assert.equal(BigInt(clicks.reduce((sum, count) => sum + count, 0)), done);
    seen.add(done);
  }
  assert.ok(seen.size > 3, `${seen.size} different instants were seen`);
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  // What has been told is there at once, though something has been read in the same turn before.
  assert.ok(behind.length > 3);
  await Promise.all(behind);
});

test('two tenants with the same ids never meet, and one that is created later is followed', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house);
  const acme = await append(house, ACME, 0, 90);
  assert.ok(await progress.waitFor(ACME, acme, IN_TIME()));
  assert.equal(await progress.state(UMBRA), undefined);
  const umbra = await append(house, UMBRA, 0, 30);
  progress.thread.follow(of(UMBRA));
  assert.ok(await progress.waitFor(UMBRA, umbra, IN_TIME()));
  assert.deepEqual(await clicksOf(house, ACME), [30, 30, 30]);
  assert.deepEqual(await clicksOf(house, UMBRA), [10, 10, 10]);
});

test('after a stop in the middle the rest is folded by the next thread, and nothing twice', async (t) => {
  const house = await houseFor(t);
  for (let round = 0; round < 4; round++) {
    await using progress = start(house, { maxRecords: 30 });
    const vector = await append(house, ACME, round * 200, (round + 1) * 200);
    // Some rounds end in the middle.
    if (round % 2 === 1) assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  }
  assert.deepEqual(await clicksOf(house, ACME), thirds(800));
});

test('while the store fails in the thread it is said here why, and it goes on by itself afterwards', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house, { retryAfterMs: 1, pausedAtFailures: 2 });
  assert.ok(await progress.waitFor(ACME, await append(house, ACME, 0, 3), IN_TIME()));
  house.trouble[0] = TROUBLE.fails;
  const paused = hear(t, 'daybook:projections:paused');
  const vector = await append(house, ACME, 3, 9);
  assert.equal(await progress.waitFor(ACME, vector, IN_TIME()), false, 'nobody waits for what stands still');
  const state = await progress.state(ACME);
  assert.match(state?.paused?.reason ?? '', /the store is down/);
  assert.equal(state?.waitingSinceMs, NOON);
  const { tenant, projection } = (await paused) as { tenant: string; projection: string };
  assert.deepEqual([tenant, projection], ['acme', 'live_views']);
  const applied = hear(t, 'daybook:projections:applied');
  house.trouble[0] = TROUBLE.none;
  await applied;
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  assert.equal((await progress.state(ACME))?.paused, undefined);
  assert.deepEqual(await clicksOf(house, ACME), [3, 3, 3]);
});

test('whoever gives up waiting goes on at once, and the others wait on', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house);
  const vector = await append(house, ACME, 0, 9);
  const beyond = vector.map((next) => next + 1n);
  const aborted = new AbortController();
  const waits = [
    progress.waitFor(ACME, beyond, aborted.signal),
    progress.waitFor(ACME, beyond, AbortSignal.abort()),
  ];
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  aborted.abort();
  assert.deepEqual(await Promise.all(waits), [false, false]);
  const further = await append(house, ACME, 9, 12);
  assert.ok(await progress.waitFor(ACME, further, IN_TIME()));
});

test('a thread that dies amid its steps is started again, and the views equal a fold of the log', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house, { restMs: 0, flushAfterMs: 1, maxRecords: 60, retryAfterMs: 1 });
  let count = 0;
  for (let death = 0; death < 8; death++) {
    house.trouble[1] = death % 3;
    house.trouble[0] = TROUBLE.diesAmidSteps;
    const ended = hear(t, 'daybook:projections:thread_ended');
    await append(house, ACME, count, (count += 250));
    assert.match(((await ended) as { reason: string }).reason, /the thread dies/);
    house.trouble[0] = TROUBLE.none;
  }
  const vector = await append(house, ACME, count, (count += 10));
  // Waiting for a thread that is about to be started again answers at once.
  while (!(await progress.waitFor(ACME, vector, IN_TIME())))
    await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await clicksOf(house, ACME), thirds(count));
  assert.equal((await progress.state(ACME))?.paused, undefined);
});

test('a thread that cannot start says why, keeps nobody waiting and is tried again', async (t) => {
  const house = await houseFor(t);
  const vector = await append(house, ACME, 0, 3);
  house.trouble[0] = TROUBLE.diesAtOnce;
  const again = hear(t, 'daybook:projections:thread_ended', (m) => (m as Delay).restartInMs > 3);
  await using progress = start(house);
  assert.equal(await progress.waitFor(ACME, vector, IN_TIME()), false);
  assert.match((await progress.state(ACME))?.paused?.reason ?? '', /nothing works today/);
  assert.equal(((await again) as Delay).restartInMs, 4, 'the delay grows: 1, 2, 4');
  const applied = hear(t, 'daybook:projections:applied', (m) =>
    (m as { vector: bigint[] }).vector.some(Boolean),
  );
  house.trouble[0] = TROUBLE.none;
  await applied;
  assert.deepEqual(await clicksOf(house, ACME), [1, 1, 1]);
});

test('a thread that does not end when it is asked to is ended, and its environment can be used on', async (t) => {
  const house = await houseFor(t);
  {
    await using progress = start(house, {}, 50);
    assert.ok(await progress.waitFor(ACME, await append(house, ACME, 0, 3), IN_TIME()));
    house.trouble[0] = TROUBLE.neverEnds;
    const vector = await append(house, ACME, 3, 9);
    const waiting = progress.waitFor(ACME, vector, IN_TIME());
    await progress[Symbol.asyncDispose]();
    assert.equal(await waiting, false, 'nobody waits for a thread that has been stopped');
  }
  house.trouble[0] = TROUBLE.none;
  await using progress = start(house);
  assert.ok(await progress.waitFor(ACME, await append(house, ACME, 9, 12), IN_TIME()));
  assert.deepEqual(await clicksOf(house, ACME), [4, 4, 4]);
});

type Delay = { readonly restartInMs: number };
