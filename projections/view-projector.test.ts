import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Event, PositionVector, TenantId } from '#domain';
import type { EventLog, NewRecord } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { tenantId } from '../test/tenant-id.ts';
import { openLmdbViewStore } from './lmdb-view-store.ts';
import { startViewProjector } from './view-projector.ts';
import type { ViewProjectorTuning } from './view-projector.ts';
import type { ViewScope, ViewStore, ViewUpkeep } from './view-store.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const NOON = Date.UTC(2026, 6, 1, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;
const IN_TIME = (): AbortSignal => AbortSignal.timeout(60_000);

type House = { readonly log: EventLog; readonly views: ViewStore & ViewUpkeep };

async function houseFor(t: TestContext): Promise<House> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-view-projector-'));
  const log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
  const views = openLmdbViewStore({ dataDir });
  t.after(async () => {
    await log[Symbol.asyncDispose]();
    await views[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return { log, views };
}

function start(
  { log, views }: House,
  options: {
    readonly tenants?: readonly TenantId[];
    readonly tuning?: Partial<ViewProjectorTuning>;
    readonly clock?: () => number;
    readonly generation?: number;
  } = {},
): ReturnType<typeof startViewProjector> {
  const { tenants = [ACME], tuning = {}, clock = () => NOON, generation = 1 } = options;
  const projector = startViewProjector({ log, views, clock, generation, tuning });
  for (const tenant of tenants) projector.follow(tenant);
  return projector;
}

function recordOf(tenant: TenantId, index: number, more: Partial<Event> = {}): NewRecord {
  const user = `u${index % 7}`;
  const value = JSON.stringify({
    event_id: `e${index}`,
    tenant_id: tenant,
    kind: 'behaviour',
    event_name: 'click',
    action_type: 'click',
    scenario_id: 'feed',
    user_id: user,
    item_id: `i${index % 3}`,
    timestamp: NOON - index * 1000,
    ...more,
  });
  return recordFrom(`e${index}`, user, value);
}

function recordFrom(eventId: string, key: string, value: string): NewRecord {
  const headers = {
    eventId,
    contentHash: Buffer.alloc(16, eventId),
    source: 'http',
    schema: 'envelope.behaviour',
    schemaVersion: 1,
    receivedAtMs: NOON,
    timestampMs: NOON,
    valid: true,
  };
  return { key: Buffer.from(key), headers, value: Buffer.from(value) };
}

async function append(
  { log }: House,
  tenant: TenantId,
  records: readonly NewRecord[],
): Promise<PositionVector> {
  await log.create(tenant, { partitions: 4 });
  await log.append({ tenant, channel: 'events' }, records);
  return (await log.bounds({ tenant, channel: 'events' })).next;
}

function records(tenant: TenantId, from: number, to: number): NewRecord[] {
  return Array.from({ length: to - from }, (_, index) => recordOf(tenant, from + index));
}

function scopeOf(tenant: TenantId, generation = 1): ViewScope {
  return { projection: 'live_views', generation, tenant };
}

async function clicksOf({ views }: House, scope: ViewScope): Promise<number[]> {
  const wanted = ['i0', 'i1', 'i2'].map((id) => ({ view: 'item:stats', id }) as const);
  const answer = await views.read(scope, wanted);
  return (answer?.found ?? []).map((found) => found[0]?.entries.get('click') ?? 0);
}

/** How many of the indexes from 0 on are 0, 1 and 2 modulo 3. */
function thirds(count: number): number[] {
  return [0, 1, 2].map((rest) => Math.ceil((count - rest) / 3));
}

test('every record is in the views once the vector is reached, and the store stands at that vector', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house);
  const vector = await append(house, ACME, records(ACME, 0, 500));
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), thirds(500));
  assert.deepEqual((await house.views.read(scopeOf(ACME), []))?.vector, vector);
  const state = await progress.state(ACME);
  assert.deepEqual([state?.confirmed, state?.waitingSinceMs, state?.paused], [vector, undefined, undefined]);
});

test('after a restart the rest is folded, and nothing twice', async (t) => {
  const house = await houseFor(t);
  for (let round = 0; round < 4; round++) {
    await using progress = start(house, { tuning: { maxRecords: 30 } });
    const vector = await append(house, ACME, records(ACME, round * 200, (round + 1) * 200));
    // Some rounds end in the middle.
    if (round % 2 === 1) assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  }
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), thirds(800));
});

test('two tenants with the same ids never meet', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house, { tenants: [ACME, UMBRA] });
  const acme = await append(house, ACME, records(ACME, 0, 90));
  const umbra = await append(house, UMBRA, records(UMBRA, 0, 30));
  assert.ok(await progress.waitFor(ACME, acme, IN_TIME()));
  assert.ok(await progress.waitFor(UMBRA, umbra, IN_TIME()));
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), [30, 30, 30]);
  assert.deepEqual(await clicksOf(house, scopeOf(UMBRA)), [10, 10, 10]);
});

test('a second generation beside the first reads the same at one instant', async (t) => {
  const house = await houseFor(t);
  const old = records(ACME, 0, 60).map((_, n) => recordOf(ACME, n, { timestamp: NOON - n * 50 * MINUTE }));
  const vector = await append(house, ACME, old);
  {
    await using first = start(house, { clock: () => 0 });
    assert.ok(await first.waitFor(ACME, vector, IN_TIME()));
  }
  {
    await using second = start(house, { generation: 2, clock: () => NOON });
    assert.ok(await second.waitFor(ACME, vector, IN_TIME()));
  }
  const content = async (generation: number) => {
    const alive: string[] = [];
    for await (const { key, entries } of house.views.scan(scopeOf(ACME, generation), NOON))
      alive.push(JSON.stringify([key, [...entries].sort()]));
    return alive.sort();
  };
  const first = await content(1);
  assert.ok(first.length > 50);
  assert.deepEqual(await content(2), first);
});

test('a late event corrects its minute', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house);
  const minute = {
    view: 'hot:items',
    id: 'feed',
    range: { fromMs: NOON - 10 * MINUTE, toMs: NOON },
  } as const;
  const weights = async () =>
    (await house.views.read(scopeOf(ACME), [minute]))?.found[0]?.map(({ bucketMs, entries }) => [
      bucketMs,
      Object.fromEntries(entries),
    ]);
  const at = NOON - 5 * MINUTE;
  const before = await append(house, ACME, [recordOf(ACME, 0, { timestamp: at })]);
  assert.ok(await progress.waitFor(ACME, before, IN_TIME()));
  assert.deepEqual(await weights(), [[at, { i0: 3 }]]);
  const newer = await append(house, ACME, [recordOf(ACME, 1, { timestamp: NOON })]);
  assert.ok(await progress.waitFor(ACME, newer, IN_TIME()));
  const late = await append(house, ACME, [
    recordOf(ACME, 3, { timestamp: at + 59_999, action_type: 'order' }),
  ]);
  assert.ok(await progress.waitFor(ACME, late, IN_TIME()));
  assert.deepEqual(await weights(), [[at, { i0: 13 }]]);
});

test('records that are no events are counted, and the others go on', async (t) => {
  const house = await houseFor(t);
  await using progress = start(house);
  const vector = await append(house, ACME, [
    recordOf(ACME, 0),
    recordFrom('x1', 'u0', '{"kind":'),
    recordFrom('x2', 'u1', '[1]'),
    recordOf(ACME, 1, { timestamp: -5 }),
    recordOf(ACME, 2),
  ]);
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), [1, 0, 1]);
  const answer = await house.views.read(scopeOf(ACME), [{ view: 'views:left_out', id: '' }]);
  assert.deepEqual(Object.fromEntries(answer?.found[0]?.[0]?.entries ?? []), { unreadable: 2, no_time: 1 });
});

test('while the store fails the projector says why, and goes on by itself afterwards', async (t) => {
  const house = await houseFor(t);
  let broken = true;
  const views = instead(house.views, {
    apply: (scope, batch) =>
      broken ? Promise.reject(new Error('the store is down')) : house.views.apply(scope, batch),
  });
  await using progress = start({ ...house, views }, { tuning: { retryAfterMs: 1, pausedAtFailures: 2 } });
  const vector = await append(house, ACME, records(ACME, 0, 9));
  assert.equal(await progress.waitFor(ACME, vector, IN_TIME()), false, 'nobody waits for what stands still');
  assert.match((await progress.state(ACME))?.paused?.reason ?? '', /the store is down/);
  broken = false;
  // Waiting while it is paused answers at once, so wait for what it announces.
  while ((await progress.state(ACME))?.paused) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), [3, 3, 3]);
});

test('a step whose answer was lost is not applied again', async (t) => {
  const house = await houseFor(t);
  let lost = 0;
  const views = instead(house.views, {
    async apply(scope, batch) {
      const applied = await house.views.apply(scope, batch);
      if (lost++ === 0) throw new Error('the connection broke after the step');
      return applied;
    },
  });
  await using progress = start({ ...house, views }, { tuning: { retryAfterMs: 1 } });
  const vector = await append(house, ACME, records(ACME, 0, 9));
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  assert.ok(lost > 1, 'it was tried again');
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), [3, 3, 3]);
});

test('what was read before the reading failed is folded too, though nothing more comes', async (t) => {
  const house = await houseFor(t);
  let failures = 0;
  const log: EventLog = {
    ...reading(house.log),
    async *read(name, range, signal) {
      yield* house.log.read(name, range, signal);
      if (range.partition === last && failures++ === 0) throw new Error('the disk coughed');
    },
  };
  const vector = await append(house, ACME, records(ACME, 0, 9));
  const last = vector.findLastIndex((next) => next > 0n);
  await using progress = start({ ...house, log }, { tuning: { retryAfterMs: 1 } });
  // Waiting while it is paused answers at once.
  while (!(await progress.waitFor(ACME, vector, IN_TIME())))
    await new Promise((resolve) => setImmediate(resolve));
  assert.ok(failures > 0);
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), [3, 3, 3]);
  assert.deepEqual((await house.views.read(scopeOf(ACME), []))?.vector, vector);
});

test('a projector whose partitions another has taken over stops for good and says so', async (t) => {
  const house = await houseFor(t);
  await using old = start(house);
  assert.ok(await old.waitFor(ACME, await append(house, ACME, records(ACME, 0, 3)), IN_TIME()));
  await using young = start(house);
  assert.ok(await young.waitFor(ACME, (await young.state(ACME))!.highWater, IN_TIME()));
  const vector = await append(house, ACME, records(ACME, 3, 9));
  assert.ok(await young.waitFor(ACME, vector, IN_TIME()));
  assert.equal(await old.waitFor(ACME, vector, IN_TIME()), false);
  assert.match((await old.state(ACME))?.paused?.reason ?? '', /taken the partition over/);
  assert.deepEqual(await clicksOf(house, scopeOf(ACME)), [3, 3, 3]);
});

test('what expires while it runs is removed', async (t) => {
  const house = await houseFor(t);
  let nowMs = NOON;
  const vector = await append(house, ACME, records(ACME, 0, 30));
  await using progress = start(house, { clock: () => nowMs, tuning: { pruneEveryMs: 1 } });
  assert.ok(await progress.waitFor(ACME, vector, IN_TIME()));
  nowMs = NOON + 40 * DAY;
  while (((await house.views.read(scopeOf(ACME), []))?.prunedAtMs ?? 0) < nowMs)
    await new Promise((resolve) => setImmediate(resolve));
  await progress[Symbol.asyncDispose]();
  const left = new Set<string>();
  for await (const { key } of house.views.scan(scopeOf(ACME), 0)) left.add(key.view);
  assert.deepEqual([...left], ['item:stats']);
});

/** The log without its state, so that members can be exchanged. */
function reading(log: EventLog): EventLog {
  return {
    create: (tenant, options) => log.create(tenant, options),
    append: (name, entries) => log.append(name, entries),
    read: (name, range, signal) => log.read(name, range, signal),
    bounds: (name) => log.bounds(name),
    find: (tenant, eventId) => log.find(tenant, eventId),
    turnedAway: (tenant, range) => log.turnedAway(tenant, range),
    onCommit: (listener) => log.onCommit(listener),
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
}

function instead(views: House['views'], members: Partial<ViewStore>): House['views'] {
  return {
    claim: (scope, claim) => views.claim(scope, claim),
    apply: (scope, batch) => views.apply(scope, batch),
    read: (scope, wanted) => views.read(scope, wanted),
    scan: (scope, atMs) => views.scan(scope, atMs),
    prune: (scope, atMs) => views.prune(scope, atMs),
    drop: (scope) => views.drop(scope),
    [Symbol.asyncDispose]: () => views[Symbol.asyncDispose](),
    ...members,
  };
}
