import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Event, PositionVector, TenantId } from '#domain';
import type { EventLog } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { recordOf } from '../test/log-record.ts';
import { temporaryDir } from '../test/platform.ts';
import { createRandom, seedOfRun } from '../test/random.ts';
import { tenantId } from '../test/tenant-id.ts';
import { ITEMS, USER_PROFILES } from './document-projection.ts';
import { startDocumentProjector } from './document-projector.ts';
import type { DocumentProgress } from './document-projector.ts';
import type { DocumentStore } from './document-store.ts';
import { openLmdbDocumentStore } from './lmdb-document-store.ts';
import type { ProjectorTuning } from './projector.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const START = Date.UTC(2024, 2, 4);
const ACTIONS = ['click', 'view', 'order'] as const;
const PARTITIONS = 3;

type House = { readonly log: EventLog; readonly documents: DocumentStore };

async function houseFor(t: TestContext): Promise<House> {
  const dir = await temporaryDir();
  const log = await openLmdbEventLog({ dataDir: dir.path, mapBytes: 1024 ** 3 });
  const documents = await openLmdbDocumentStore({ dataDir: dir.path });
  t.after(async () => {
    await documents[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return { log, documents };
}

function start(
  house: House,
  options: {
    readonly tuning?: Partial<ProjectorTuning>;
    readonly tenants?: readonly TenantId[];
    readonly projection?: typeof ITEMS;
  } = {},
): DocumentProgress & AsyncDisposable {
  const { tenants = [ACME], tuning = {}, projection } = options;
  const deps = { ...house, clock: Date.now, tuning };
  const projector = projection
    ? startDocumentProjector({ ...deps, projection })
    : startDocumentProjector({ ...deps, projection: USER_PROFILES });
  for (const tenant of tenants) projector.follow(tenant);
  return projector;
}

const eventOf = (tenant: TenantId, index: number, more: Partial<Event> = {}): Event => ({
  event_id: `evt_${index}`,
  tenant_id: tenant,
  kind: 'behaviour',
  event_name: ACTIONS[index % 3]!,
  user_id: `user_${index % 17}`,
  scenario_id: index % 2 === 0 ? 'feed' : 'shop',
  item_id: 'i1',
  // Later ones lie earlier, so that everything is late.
  timestamp: START - index * 60_000,
  server_time: START,
  valid_status: 1,
  schema: 'envelope.behaviour',
  schema_version: 1,
  ...more,
});

async function append(house: House, tenant: TenantId, events: readonly Event[]): Promise<PositionVector> {
  await house.log.create(tenant, { partitions: PARTITIONS });
  const records = events.map((event) => recordOf(event));
  await house.log.append({ tenant, channel: 'events' }, records);
  return (await house.log.bounds({ tenant, channel: 'events' })).next;
}

const many = (tenant: TenantId, from: number, to: number, more: Partial<Event> = {}): Event[] =>
  Array.from({ length: to - from }, (_, index) => eventOf(tenant, from + index, more));

async function reached(progress: DocumentProgress, tenant: TenantId, vector: PositionVector): Promise<void> {
  const done = await progress.waitFor(tenant, vector, AbortSignal.timeout(60_000));
  assert.ok(done, (await progress.state(tenant))?.paused?.reason ?? 'not within its time');
}

/** Per user and scenario ('' = all) the times of each action, as the documents say. */
async function countsIn({ documents }: House, tenant: TenantId): Promise<Record<string, object>> {
  const kept = await documents.list({ name: 'user_profiles', generation: 1, tenant }, { limit: 1000 });
  return Object.fromEntries(
    kept.map(({ id, body }) => [
      id.join('/'),
      (body['features'] as { action_counts: Record<string, number> }).action_counts,
    ]),
  );
}

/** The same by counting events. */
function countsOf(events: readonly Event[]): Record<string, object> {
  const counts: Record<string, Record<string, number>> = {};
  for (const { user_id, scenario_id, event_name } of events) {
    for (const key of [`${user_id}/`, `${user_id}/${scenario_id}`]) {
      const own = (counts[key] ??= {});
      own[event_name] = (own[event_name] ?? 0) + 1;
    }
  }
  return counts;
}

/** The store, with some of its members exchanged. */
function instead(documents: DocumentStore, members: Partial<DocumentStore>): DocumentStore {
  return {
    get: documents.get.bind(documents),
    list: documents.list.bind(documents),
    count: documents.count.bind(documents),
    apply: documents.apply.bind(documents),
    checkpoint: documents.checkpoint.bind(documents),
    drop: documents.drop.bind(documents),
    [Symbol.asyncDispose]: documents[Symbol.asyncDispose].bind(documents),
    ...members,
  };
}

test('however records are cut into batches, and however often it stops, every event counts once', async (t) => {
  const house = await houseFor(t);
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const events: Record<string, Event[]> = { acme: [], umbra: [] };
  for (let round = 0; round < 8; round++) {
    const tuning = { maxRecords: random.between(1, 60), flushAfterMs: 1, restMs: 0 };
    await using projector = start(house, { tuning, tenants: [ACME, UMBRA] });
    for (const tenant of [ACME, UMBRA]) {
      // Both tenants have the same event ids and users.
      const from = events[tenant]!.length;
      const added = many(tenant, from, from + random.between(1, 80));
      events[tenant]!.push(...added);
      const vector = await append(house, tenant, added);
      // Some rounds end in the middle.
      if (random.chance(0.7)) await reached(projector, tenant, vector);
    }
  }
  await using projector = start(house, { tenants: [ACME, UMBRA] });
  for (const tenant of [ACME, UMBRA]) {
    const { next } = await house.log.bounds({ tenant, channel: 'events' });
    await reached(projector, tenant, next);
    assert.deepEqual(await countsIn(house, tenant), countsOf(events[tenant]!));
    assert.deepEqual((await projector.state(tenant))?.confirmed, next);
  }
});

test('records folded before a crash that lost the checkpoint are not folded again', async (t) => {
  const house = await houseFor(t);
  const events = many(ACME, 0, 120);
  const vector = await append(house, ACME, events);
  const forgetful = instead(house.documents, {
    apply: (set, { writes }) => house.documents.apply(set, { writes }),
  });
  for (const maxRecords of [50, 7]) {
    await using projector = start({ ...house, documents: forgetful }, { tuning: { maxRecords } });
    await reached(projector, ACME, vector);
  }
  assert.equal(
    await house.documents.checkpoint({ name: 'user_profiles', generation: 1, tenant: ACME }),
    undefined,
  );
  const more = many(ACME, 120, 150);
  await using projector = start(house);
  await reached(projector, ACME, await append(house, ACME, more));
  assert.deepEqual(await countsIn(house, ACME), countsOf([...events, ...more]));
});

test('a store that fails pauses its projection with the reason, and goes on when it works again', async (t) => {
  const house = await houseFor(t);
  const events = many(ACME, 0, 40);
  const vector = await append(house, ACME, events);
  let broken = true;
  const failing = instead(house.documents, {
    apply: (set, batch) => {
      if (broken) throw new Error('the store is away');
      return house.documents.apply(set, batch);
    },
  });
  const tuning = { retryAfterMs: 1, pausedAtFailures: 2 };
  await using projector = start({ ...house, documents: failing }, { tuning });
  assert.equal(await projector.waitFor(ACME, vector, AbortSignal.timeout(60_000)), false);
  assert.equal((await projector.state(ACME))?.paused?.reason, 'the store is away');
  broken = false;
  for (;;) {
    if (await projector.waitFor(ACME, vector, AbortSignal.timeout(60_000))) break;
    await new Promise(setImmediate);
  }
  assert.equal((await projector.state(ACME))?.paused, undefined);
  assert.deepEqual(await countsIn(house, ACME), countsOf(events));
});

test('two projectors of one generation never count an event twice', async (t) => {
  const house = await houseFor(t);
  const events = many(ACME, 0, 400);
  const vector = await append(house, ACME, events);
  const tuning = { maxRecords: 13, retryAfterMs: 1, pausedAtFailures: 1000 };
  await using one = start(house, { tuning });
  await using other = start(house, { tuning: { ...tuning, maxRecords: 29 } });
  await Promise.all([reached(one, ACME, vector), reached(other, ACME, vector)]);
  assert.deepEqual(await countsIn(house, ACME), countsOf(events));
});

test('documents of another log are not folded on', async (t) => {
  const house = await houseFor(t);
  await append(house, ACME, many(ACME, 0, 3));
  const set = { name: 'user_profiles', generation: 1, tenant: ACME };
  await house.documents.apply(set, { writes: [], checkpoint: { logIdentity: 'other', vector: [1n] } });
  await using projector = start(house);
  const state = await projector.state(ACME);
  assert.match(state?.paused?.reason ?? '', /^LOG_IDENTITY_CHANGED/);
});

test('a checkpoint beyond the end of the log is a gap', async (t) => {
  const house = await houseFor(t);
  await append(house, ACME, many(ACME, 0, 3));
  const { identity } = await house.log.bounds({ tenant: ACME, channel: 'events' });
  const set = { name: 'user_profiles', generation: 1, tenant: ACME };
  await house.documents.apply(set, { writes: [], checkpoint: { logIdentity: identity, vector: [99n] } });
  await using projector = start(house);
  assert.match((await projector.state(ACME))?.paused?.reason ?? '', /^LOG_GAP/);
});

test('a value that is no JSON object concerns no document and stops nothing', async (t) => {
  const house = await houseFor(t);
  const good = many(ACME, 0, 5);
  await append(house, ACME, good);
  const bad = eventOf(ACME, 5);
  for (const [index, value] of ['{"kind":"catalog"', '[]', 'null', '7'].entries()) {
    await house.log.append({ tenant: ACME, channel: 'events' }, [
      {
        key: Buffer.from(bad.user_id ?? ''),
        headers: {
          eventId: `bad${index}`,
          contentHash: Buffer.alloc(16),
          source: 'http',
          schema: '',
          schemaVersion: 1,
          receivedAtMs: START,
          timestampMs: START,
          valid: true,
        },
        value: Buffer.from(value),
      },
    ]);
  }
  const { next } = await house.log.bounds({ tenant: ACME, channel: 'events' });
  await using profiles = start(house);
  await using items = start(house, { projection: ITEMS });
  await reached(profiles, ACME, next);
  await reached(items, ACME, next);
  assert.deepEqual(await countsIn(house, ACME), countsOf(good));
  assert.equal(await house.documents.count({ name: 'items', generation: 1, tenant: ACME }), 0);
});

test('items come from catalogue events alone, over all partitions, by time and not by arrival', async (t) => {
  const house = await houseFor(t);
  const change = (index: number, at: number, name: string, properties: Event['properties'] = {}): Event =>
    eventOf(ACME, index, { kind: 'catalog', event_name: name, timestamp: START + at, properties });
  // Sent by different users, so that one item's events lie in different partitions.
  const events = [
    change(0, 5, 'item_changed', { title: 'newest' }),
    change(2, 1, 'item_created', { title: 'oldest', price: 1 }),
    change(4, 3, 'item_changed', { title: 'between', price: 2 }),
    eventOf(ACME, 6, { properties: { title: 'no catalogue event, though it says "kind":"catalog"' } }),
  ];
  const vector = await append(house, ACME, events);
  assert.ok(vector.filter((next) => next > 0n).length > 1);
  await using projector = start(house, { projection: ITEMS });
  await reached(projector, ACME, vector);
  const kept = await house.documents.list({ name: 'items', generation: 1, tenant: ACME }, { limit: 10 });
  assert.deepEqual(
    kept.map(({ id, body }) => [
      id,
      body['metadata'],
      body['version'],
      body['created_at'],
      body['updated_at'],
    ]),
    [[['feed', 'i1'], { price: 2, title: 'newest' }, 3, START + 1, START + 5]],
  );
});
