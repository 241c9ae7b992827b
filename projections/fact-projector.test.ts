import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Fault } from '#domain';
import type { Event, PositionVector, Tenant, TenantId } from '#domain';
import type { EventLog, NewRecord } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { recordOf } from '../test/log-record.ts';
import { tenantId } from '../test/tenant-id.ts';
import { openChdbFactStore } from './chdb-fact-store.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { startFactProjector } from './fact-projector.ts';
import type { FactProjectorTuning } from './fact-projector.ts';
import type { FactStore } from './fact-store.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const START = Date.UTC(2024, 0, 31, 23, 59, 59);
const DAY_MS = 86_400_000;
const IN_TIME = (): AbortSignal => AbortSignal.timeout(120_000);

function eventOf(tenant: TenantId, index: number, more: Partial<Event> = {}): Event {
  return {
    event_id: `evt_${tenant}_${index}`,
    tenant_id: tenant,
    kind: 'generic',
    event_name: `page_${index % 3}`,
    user_id: `user_${index % 17}`,
    timestamp: START + index * DAY_MS * 5,
    server_time: START,
    valid_status: 1,
    schema: 'envelope.generic',
    schema_version: 1,
    ...more,
  };
}

type House = {
  readonly log: EventLog;
  readonly facts: FactStore;
  readonly checkpoints: CheckpointStore;
};

/** A log, facts and checkpoints in a directory of their own, gone with the test. */
async function houseFor(t: TestContext): Promise<House> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-projector-'));
  const log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
  const facts = await openChdbFactStore({ dataDir });
  const checkpoints = await openLmdbCheckpointStore({ dataDir });
  t.after(async () => {
    await log[Symbol.asyncDispose]();
    await checkpoints[Symbol.asyncDispose]();
    await facts[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return { log, facts, checkpoints };
}

function start(
  house: House,
  tuning: Partial<FactProjectorTuning> = {},
  tenants: readonly TenantId[] = [ACME],
): ReturnType<typeof startFactProjector> {
  const onTenant = (listener: (tenant: Tenant) => void): Disposable => {
    for (const id of tenants) listener({ id, partitions: 4, createdAtMs: 0 });
    return { [Symbol.dispose]: () => undefined };
  };
  return startFactProjector({ ...house, tenants: { onTenant }, clock: Date.now, tuning });
}

async function append(
  house: House,
  tenant: TenantId,
  records: readonly NewRecord[],
): Promise<PositionVector> {
  await house.log.create(tenant, { partitions: 4 });
  await house.log.append({ tenant, channel: 'events' }, records);
  return (await house.log.bounds({ tenant, channel: 'events' })).next;
}

/** Ids in the facts, each as often as it stands there. */
async function idsIn(facts: FactStore, tenant: TenantId): Promise<string[]> {
  const sql = 'SELECT event_id FROM analysis_db.facts_g1 WHERE tenant_id = {tenant:String} ORDER BY event_id';
  const { rows } = await facts.query<{ event_id: string }>({ sql, params: { tenant } });
  return rows.map((row) => row.event_id);
}

function idsOf(tenant: TenantId, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `evt_${tenant}_${from + index}`).sort();
}

function range<T>(from: number, to: number, make: (index: number) => T): T[] {
  return Array.from({ length: to - from }, (_, index) => make(from + index));
}

/** Facts whose inserts fail as the test says; everything else is the real thing. */
function failing(facts: FactStore, insert: FactStore['insert']): FactStore {
  return { ...facts, insert };
}

/** The log, with some of its members exchanged. */
function instead(log: EventLog, members: Partial<EventLog>): EventLog {
  return {
    create: log.create.bind(log),
    append: log.append.bind(log),
    read: log.read.bind(log),
    bounds: log.bounds.bind(log),
    find: log.find.bind(log),
    turnedAway: log.turnedAway.bind(log),
    onCommit: log.onCommit.bind(log),
    [Symbol.asyncDispose]: log[Symbol.asyncDispose].bind(log),
    ...members,
  };
}

test('every record is confirmed, stands in the facts once, and first_seen follows', async (t) => {
  const house = await houseFor(t);
  await append(
    house,
    ACME,
    range(0, 500, (index) => recordOf(eventOf(ACME, index))),
  );
  await using projector = start(house, { firstSeenAfterMs: 20 });
  const vector = await append(
    house,
    ACME,
    range(500, 900, (index) => recordOf(eventOf(ACME, index))),
  );

  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);

  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 900));
  const state = await projector.state(ACME);
  assert.deepEqual(state?.confirmed, vector);
  assert.deepEqual(state.highWater, vector);
  assert.equal(state.waitingSinceMs, undefined);
  assert.equal(state.paused, undefined);
  while ((await projector.state(ACME))?.firstSeen.join() !== vector.join()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const sql = `SELECT event_name, actor_id, toString(toUnixTimestamp64Milli(min(ts))) AS ms
    FROM analysis_db.first_seen_g1 GROUP BY event_name, actor_id`;
  const { rows } = await house.facts.query<{ event_name: string; actor_id: string; ms: string }>({
    sql,
    params: {},
  });
  const expected = new Map<string, number>();
  for (const event of range(0, 900, (index) => eventOf(ACME, index))) {
    const who = `${event.event_name} ${event.user_id ?? ''}`;
    expected.set(who, Math.min(expected.get(who) ?? Infinity, event.timestamp));
  }
  assert.deepEqual(
    new Map(rows.map((row) => [`${row.event_name} ${row.actor_id}`, Number(row.ms)] as const).sort()),
    new Map([...expected].sort()),
  );
});

test('a record that trickles in is visible without anybody waiting for it', async (t) => {
  const house = await houseFor(t);
  await append(house, ACME, [recordOf(eventOf(ACME, 0))]);
  await using projector = start(house);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const vector = await append(house, ACME, [recordOf(eventOf(ACME, 1))]);
  const applied = channel('daybook:projections:applied');
  const listen = (message: unknown): void => {
    if ((message as { vector: PositionVector }).vector.join() === vector.join()) resolve(undefined);
  };
  applied.subscribe(listen);
  t.after(() => {
    applied.unsubscribe(listen);
  });
  await Promise.race([promise, once(IN_TIME(), 'abort').then(() => assert.fail('never visible'))]);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 2));
  assert.equal((await projector.state(ACME))?.waitingSinceMs, undefined);
});

test('a tenant that appears later is followed, and no tenant sees records of another', async (t) => {
  const house = await houseFor(t);
  await using projector = start(house, {}, [ACME, UMBRA]);
  const first = await append(
    house,
    ACME,
    range(0, 40, (index) => recordOf(eventOf(ACME, index))),
  );
  const second = await append(
    house,
    UMBRA,
    range(0, 30, (index) => recordOf(eventOf(UMBRA, index))),
  );
  assert.equal(await projector.waitFor(ACME, first, IN_TIME()), true);
  assert.equal(await projector.waitFor(UMBRA, second, IN_TIME()), true);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 40));
  assert.deepEqual(await idsIn(house.facts, UMBRA), idsOf(UMBRA, 0, 30));
});

test('a batch left half inserted by a crash is completed, not repeated', async (t) => {
  const house = await houseFor(t);
  const vector = await append(
    house,
    ACME,
    range(0, 300, (index) => recordOf(eventOf(ACME, index))),
  );
  const halves = failing(house.facts, async (generation, batches) => {
    const half = batches.map((batch) => ({
      ...batch,
      offsets: batch.offsets.filter((offset) => offset % 2n === 0n),
      lines: batch.lines.filter((_line, index) => (batch.offsets[index] ?? 0n) % 2n === 0n),
    }));
    await house.facts.insert(generation, half);
    throw new Error('the machine stops here');
  });
  {
    await using projector = start({ ...house, facts: halves }, { pausedAtFailures: 1, retryAfterMs: 60_000 });
    assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), false);
  }
  assert.ok((await idsIn(house.facts, ACME)).length > 0);
  await using projector = start(house);
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 300));
});

test('rows that a power loss took from below the checkpoint come back', async (t) => {
  const house = await houseFor(t);
  const vector = await append(
    house,
    ACME,
    range(0, 200, (index) => recordOf(eventOf(ACME, index))),
  );
  {
    // As if the machine had lost every third row that the engine had reported as written.
    const losing = failing(house.facts, (generation, batches) =>
      house.facts.insert(
        generation,
        batches.map((batch) => ({
          ...batch,
          offsets: batch.offsets.filter((offset) => offset % 3n !== 0n),
          lines: batch.lines.filter((_line, index) => (batch.offsets[index] ?? 0n) % 3n !== 0n),
        })),
      ),
    );
    await using projector = start({ ...house, facts: losing });
    assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);
  }
  assert.ok((await idsIn(house.facts, ACME)).length < 200);
  await using projector = start(house);
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 200));
});

test('a record the engine cannot read becomes a dead letter once, and the rest is stored', async (t) => {
  const house = await houseFor(t);
  const poisoned = range(0, 300, (index) => {
    const event = eventOf(ACME, index);
    if (index === 77) return recordOf(event, JSON.stringify({ ...event, valid_status: 'x' }));
    if (index === 150) return recordOf(event, '[1,2]');
    if (index === 299) return recordOf(event, JSON.stringify({ ...event, unheard_of: 1 }));
    return recordOf(event);
  });
  const vector = await append(house, ACME, poisoned);
  for (let run = 0; run < 2; run++) {
    await using projector = start(house);
    assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);
  }
  const stored = idsOf(ACME, 0, 300).filter(
    (id) => !['evt_acme_77', 'evt_acme_150', 'evt_acme_299'].includes(id),
  );
  assert.deepEqual(await idsIn(house.facts, ACME), stored);
  const letters = await deadLetters(house.log, ACME);
  assert.deepEqual(letters.map(({ event_id }) => event_id).sort(), [
    'evt_acme_150',
    'evt_acme_299',
    'evt_acme_77',
  ]);
  for (const letter of letters) {
    assert.ok(letter.reason.length > 0);
    const position = { partition: letter.partition, offset: BigInt(letter.offset) };
    assert.deepEqual(await house.log.find(ACME, letter.event_id), position);
  }
  assert.match(letters.find(({ event_id }) => event_id === 'evt_acme_299')?.reason ?? '', /unheard_of/);
});

test('so many unreadable records that they cannot be at fault stop their tenant and no other', async (t) => {
  const house = await houseFor(t);
  const bad = range(0, 20, (index) => recordOf(eventOf(ACME, index), '{"unheard_of":1}'));
  const vector = await append(house, ACME, bad);
  const other = await append(
    house,
    UMBRA,
    range(0, 20, (index) => recordOf(eventOf(UMBRA, index))),
  );
  await using projector = start(house, { maxPoison: 5 }, [ACME, UMBRA]);
  assert.equal(await projector.waitFor(UMBRA, other, IN_TIME()), true);
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), false);
  const state = await projector.state(ACME);
  assert.match(state?.paused?.reason ?? '', /unheard_of/);
  assert.deepEqual(state?.confirmed, [0n, 0n, 0n, 0n]);
  const later = await append(
    house,
    ACME,
    range(20, 40, (index) => recordOf(eventOf(ACME, index))),
  );
  assert.equal(await projector.waitFor(ACME, later, IN_TIME()), false);
  assert.deepEqual((await projector.state(ACME))?.confirmed, [0n, 0n, 0n, 0n]);
  assert.deepEqual(await deadLetters(house.log, ACME), []);
});

test('an engine that is down pauses visibly and goes on when it is back', async (t) => {
  const house = await houseFor(t);
  const vector = await append(
    house,
    ACME,
    range(0, 50, (index) => recordOf(eventOf(ACME, index))),
  );
  let down = true;
  const shaky = failing(house.facts, async (generation, batches) => {
    if (down) throw new Fault('FACTS_ENGINE_FAILED', undefined, { details: { engine_message: 'no space' } });
    await house.facts.insert(generation, batches);
  });
  await using projector = start({ ...house, facts: shaky }, { pausedAtFailures: 2, retryAfterMs: 5 });
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), false);
  const paused = (await projector.state(ACME))?.paused;
  assert.match(paused?.reason ?? '', /no space/);
  assert.equal(paused?.offset, 0n);
  down = false;
  while ((await projector.state(ACME))?.paused) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 50));
});

test('an insert that wrote too few rows is completed by what is missing', async (t) => {
  const house = await houseFor(t);
  const vector = await append(
    house,
    ACME,
    range(0, 50, (index) => recordOf(eventOf(ACME, index))),
  );
  let inserts = 0;
  const silent = failing(house.facts, async (generation, batches) => {
    if (inserts++ > 0) return house.facts.insert(generation, batches);
    await house.facts.insert(generation, batches.slice(0, 1));
    throw new Fault('FACTS_ROWS_MISSING');
  });
  await using projector = start({ ...house, facts: silent });
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), true);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 50));
});

test('a checkpoint of another log pauses the tenant instead of going on from it', async (t) => {
  const house = await houseFor(t);
  const vector = await append(
    house,
    ACME,
    range(0, 10, (index) => recordOf(eventOf(ACME, index))),
  );
  const key = { projection: 'facts', generation: 1, tenant: ACME };
  await house.checkpoints.save(key, { logIdentity: 'another', vector: [0n, 0n, 0n, 0n] });
  await using projector = start(house);
  assert.equal(await projector.waitFor(ACME, vector, IN_TIME()), false);
  assert.match((await projector.state(ACME))?.paused?.reason ?? '', /^LOG_IDENTITY_CHANGED/);
});

test('records that are gone from the log pause the tenant with the gap', async (t) => {
  const house = await houseFor(t);
  await append(
    house,
    ACME,
    range(0, 10, (index) => recordOf(eventOf(ACME, index))),
  );
  const short: EventLog = instead(house.log, {
    bounds: async (name: Parameters<EventLog['bounds']>[0]) => {
      const bounds = await house.log.bounds(name);
      return { ...bounds, first: bounds.first.map(() => 2n), next: bounds.next.map((next) => next + 2n) };
    },
  });
  await using projector = start({ ...house, log: short });
  assert.equal(await projector.waitFor(ACME, [1n], IN_TIME()), false);
  const paused = (await projector.state(ACME))?.paused;
  assert.match(paused?.reason ?? '', /^LOG_GAP: Records \[0, 2\) of partition 0/);
  assert.deepEqual([paused?.partition, paused?.offset], [0, 0n]);
});

test('while the engine stands still no more than two portions are read from the log', async (t) => {
  const house = await houseFor(t);
  const vector = await append(
    house,
    ACME,
    range(0, 1000, (index) => recordOf(eventOf(ACME, index))),
  );
  const gate = Promise.withResolvers<undefined>();
  const started = Promise.withResolvers<undefined>();
  let read = 0;
  const stuck = failing(house.facts, async (generation, batches) => {
    started.resolve(undefined);
    await gate.promise;
    await house.facts.insert(generation, batches);
  });
  const counting: EventLog = instead(house.log, {
    async *read(...args: Parameters<EventLog['read']>) {
      for await (const batch of house.log.read(...args)) {
        read += batch.records.length;
        yield batch;
      }
    },
  });
  await using projector = start({ ...house, log: counting, facts: stuck }, { maxRecords: 100 });
  const waited = projector.waitFor(ACME, vector, IN_TIME());
  await started.promise;
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(read <= 200, `${read} records read`);
  gate.resolve(undefined);
  assert.equal(await waited, true);
  assert.deepEqual(await idsIn(house.facts, ACME), idsOf(ACME, 0, 1000));
});

test('waiting ends with false when the signal aborts', async (t) => {
  const house = await houseFor(t);
  await append(house, ACME, [recordOf(eventOf(ACME, 0))]);
  await using projector = start(house);
  assert.equal(await projector.waitFor(ACME, [999n], AbortSignal.timeout(50)), false);
  assert.equal(await projector.state(UMBRA), undefined);
});

type Letter = {
  readonly reason: string;
  readonly event_id: string;
  readonly partition: number;
  readonly offset: string;
};

async function deadLetters(log: EventLog, tenant: TenantId): Promise<Letter[]> {
  const letters: Letter[] = [];
  for await (const { records } of log.read({ tenant, channel: 'dead_letters' }, { partition: 0, from: 0n })) {
    letters.push(...records.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as Letter));
  }
  return letters;
}
