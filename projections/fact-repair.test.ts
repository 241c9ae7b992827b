import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Event, PositionVector, TenantId } from '#domain';
import type { FactStore, SliceStore } from '#projections';
import { openFactHouse } from '../test/fact-house.ts';
import type { FactHouse, FactHouseOptions } from '../test/fact-house.ts';
import { recordOf } from '../test/log-record.ts';
import { temporaryDir } from '../test/platform.ts';
import { createRandom } from '../test/random.ts';
import { tenantId } from '../test/tenant-id.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2024, 0, 29);
const FACTS = 'analysis_db.facts_g1';

async function houseFor(t: TestContext, options: Partial<FactHouseOptions> = {}): Promise<FactHouse> {
  const dir = await temporaryDir();
  const house = await openFactHouse({ dataDir: dir.path, tenants: [ACME, UMBRA], ...options });
  t.after(async () => {
    await house[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return house;
}

/** Events of both tenants have the same ids and users; they lie in four days and two months. */
function eventOf(tenant: TenantId, index: number, more: Partial<Event> = {}): Event {
  return {
    event_id: `evt_${index}`,
    tenant_id: tenant,
    kind: 'behaviour',
    event_name: 'click',
    action_type: 'click',
    scenario_id: 'feed',
    user_id: `user_${index % 37}`,
    timestamp: START_MS + ((index * 7_919_123) % (4 * DAY_MS)),
    server_time: START_MS,
    valid_status: 1,
    schema: 'envelope.behaviour',
    schema_version: 1,
    ...more,
  };
}

const eventsOf = (tenant: TenantId, from: number, to: number): Event[] =>
  Array.from({ length: to - from }, (_, index) => eventOf(tenant, from + index));

/** Ids of the facts, each as often as it stands there. */
async function idsIn(house: FactHouse, tenant: TenantId): Promise<string[]> {
  const text = await house.byHand(
    `SELECT event_id FROM ${FACTS} WHERE tenant_id = '${tenant}' ORDER BY event_id FORMAT TSV`,
  );
  return text.split('\n').filter(Boolean);
}

const idsOf = (events: readonly Event[]): string[] => events.map(({ event_id }) => event_id).sort();

const remove = (house: FactHouse, where: string): Promise<string> =>
  house.byHand(`ALTER TABLE ${FACTS} DELETE WHERE ${where} SETTINGS mutations_sync = 1`);

const anew = (house: FactHouse, where: string): Promise<string> =>
  house.byHand(`INSERT INTO ${FACTS} SELECT * FROM ${FACTS} WHERE ${where}`);

async function compared(house: FactHouse, tenant: TenantId, range?: readonly [from: number, to: number]) {
  const state = (await house.progress.state(tenant)) ?? assert.fail();
  const { confirmed: vector, logIdentity, generation } = state;
  const [fromMs, toMs] = range ?? [START_MS - 40 * DAY_MS, START_MS + 40 * DAY_MS];
  const question = { tenant, vector, logIdentity, generation, fromMs, toMs };
  return (await house.completeness.of(question)) ?? assert.fail('nothing was counted');
}

const dayOf = (event: Event): number => Math.floor(event.timestamp / DAY_MS);
const daysOf = (events: readonly Event[]): number[] => [...new Set(events.map(dayOf))].sort((a, b) => a - b);

test('rows removed at random by hand are missed, named by day, and brought back', async (t) => {
  const house = await houseFor(t);
  const random = createRandom(20_240_129);
  const events = eventsOf(ACME, 0, 9_000);
  await house.put(ACME, events);
  await house.put(UMBRA, eventsOf(UMBRA, 0, 500));
  const others = await idsIn(house, UMBRA);
  for (let round = 0; round < 3; round++) {
    const whole = await compared(house, ACME);
    assert.deepEqual(
      [whole.records, whole.facts, whole.missing, whole.copies, whole.days],
      [9_000, 9_000, 0, 0, []],
    );
    const lost = Array.from({ length: 40 }, () => events[random.between(0, 8_999)]!);
    const ids = [...new Set(idsOf(lost))];
    const where = `tenant_id = 'acme' AND event_id IN (${ids.map((id) => `'${id}'`).join(',')})`;
    if (round === 1) {
      await house.byHand(
        `ALTER TABLE ${FACTS} MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'`,
      );
      await house.byHand(`DELETE FROM ${FACTS} WHERE ${where}`);
    } else await remove(house, where);
    await house.extents.check(ACME);
    const broken = await compared(house, ACME);
    assert.deepEqual([broken.records, broken.facts], [9_000, 9_000 - ids.length]);
    assert.equal(broken.missing, ids.length);
    assert.deepEqual(broken.days, daysOf(lost));
    const report = await house.repair.repair(ACME, { kind: 'all' });
    assert.deepEqual([report.inserted, report.checked, report.total], [ids.length, 9_000, 9_000]);
    assert.deepEqual(report.days, daysOf(lost));
    assert.deepEqual(await idsIn(house, ACME), idsOf(events));
    const again = await house.repair.repair(ACME, { kind: 'all' });
    assert.deepEqual([again.inserted, again.copiesRemoved, again.days], [0, 0, []]);
  }
  assert.deepEqual(await idsIn(house, UMBRA), others);
  assert.equal((await compared(house, UMBRA)).records, 500);
});

test('without a question a lost row and a copied row are noticed and announced, and gone when repaired', async (t) => {
  const house = await houseFor(t);
  const said: unknown[] = [];
  const listen = (name: string) => {
    const listener = (message: unknown): void => {
      said.push([name, message]);
    };
    channel(`daybook:projections:${name}`).subscribe(listener);
    t.after(() => {
      channel(`daybook:projections:${name}`).unsubscribe(listener);
    });
  };
  listen('differs');
  listen('agrees');
  await house.put(ACME, eventsOf(ACME, 0, 3_000));
  await house.put(UMBRA, eventsOf(UMBRA, 0, 100));
  assert.deepEqual((await house.extents.check(ACME))?.differences, []);
  await remove(house, "tenant_id = 'acme' AND event_id = 'evt_18'");
  // A merge would remove the copy, and no mutation ends without one.
  await house.byHand(`SYSTEM STOP MERGES ${FACTS}`);
  await anew(house, "tenant_id = 'acme' AND event_id = 'evt_17'");
  const [difference, ...more] = (await house.extents.check(ACME))?.differences ?? [];
  // The two may lie in different partitions, and so in different extents.
  const found = [difference, ...more];
  assert.equal(
    found.reduce((sum, each) => sum + (each?.missing ?? 0), 0),
    1,
  );
  assert.equal(
    found.reduce((sum, each) => sum + (each?.copies ?? 0), 0),
    1,
  );
  assert.deepEqual((await house.extents.check(UMBRA))?.differences, []);
  const whole = await compared(house, ACME);
  assert.deepEqual([whole.missing, whole.copies, whole.facts], [1, 1, 2_999]);
  assert.deepEqual(whole.days, daysOf([eventOf(ACME, 17), eventOf(ACME, 18)]));
  await house.extents.check(ACME);
  assert.equal(said.length, 1);
  assert.match(JSON.stringify(said[0]), /"differs".*"acme".*"missing":1,"copies":1/);
  await house.byHand(`SYSTEM START MERGES ${FACTS}`);
  const report = await house.repair.repair(ACME, { kind: 'all' });
  assert.deepEqual([report.inserted, report.copiesRemoved], [1, 1]);
  assert.deepEqual(await idsIn(house, ACME), idsOf(eventsOf(ACME, 0, 3_000)));
  assert.deepEqual((await house.extents.check(ACME))?.differences, []);
  assert.match(JSON.stringify(said[1]), /"agrees".*"acme"/);
});

test('a repair of a time or of offsets leaves the rest as it is', async (t) => {
  const house = await houseFor(t);
  const events = eventsOf(ACME, 0, 6_000);
  const vector: PositionVector = await house.put(ACME, events);
  await remove(house, "tenant_id = 'acme' AND event_name = 'click'");
  const range = [START_MS + DAY_MS, START_MS + DAY_MS + 90 * 60_000] as const;
  const wanted = events.filter(({ timestamp }) => timestamp >= range[0] && timestamp < range[1]);
  const byTime = await house.repair.repair(ACME, { kind: 'time', fromMs: range[0], toMs: range[1] });
  assert.equal(byTime.inserted, wanted.length);
  assert.ok(wanted.length > 50);
  assert.deepEqual(await idsIn(house, ACME), idsOf(wanted));
  const byOffset = await house.repair.repair(ACME, { kind: 'offsets', partition: 1, from: 10n, to: 30n });
  assert.equal(byOffset.checked, 20);
  const present = await house.facts.present(1, { tenant: ACME, partition: 1, from: 0n, to: vector[1] ?? 0n });
  for (let offset = 10n; offset < 30n; offset++) assert.ok(present.includes(offset));
  assert.ok(present.length < 60 + wanted.length);
});

test('sealed days are opened, repaired and sealed again, and first_seen follows', async (t) => {
  const house = await houseFor(t);
  const events = eventsOf(ACME, 0, 2_000);
  const first = { event_name: 'first', action_type: 'view', user_id: 'rare' } as const;
  const rare = eventOf(ACME, 9_001, { ...first, timestamp: START_MS + 5 });
  await house.put(ACME, events);
  await house.sealer.sealDue();
  // Lost before first_seen or a slice has seen it.
  await remove(house, "tenant_id = 'acme' AND event_id IN ('evt_3', 'evt_4')");
  await house.put(ACME, [rare]);
  await house.byHand(
    `ALTER TABLE analysis_db.first_seen_g1 DELETE WHERE actor_id = 'rare' SETTINGS mutations_sync = 1`,
  );
  await remove(house, "tenant_id = 'acme' AND event_id = 'evt_9001'");
  await house.sealer.sealDue();
  await house.repair.repair(ACME, { kind: 'all' });
  const state = (await house.progress.state(ACME)) ?? assert.fail();
  assert.deepEqual(
    state.sealed?.map(({ day }) => day),
    daysOf(events),
  );
  const stored = await house.facts.storedSlices(1, ACME);
  const counted = (state.sealed ?? []).map(
    ({ seal }) => stored.find((slice) => slice.seal === seal)?.counts[3],
  );
  const all = [...events, rare];
  assert.deepEqual(
    counted,
    daysOf(all).map((day) => BigInt(all.filter((event) => dayOf(event) === day).length)),
  );
  const seen = await house.byHand(
    `SELECT event_name, toUnixTimestamp64Milli(min(ts)) FROM analysis_db.first_seen_g1
     WHERE tenant_id = 'acme' AND actor_id = 'rare' GROUP BY event_name FORMAT TSV`,
  );
  assert.equal(seen, `first\t${START_MS + 5}\n`);
});

test('records that the facts cannot take, late records and expired months are accounted for, not missed', async (t) => {
  const house = await houseFor(t);
  const events = eventsOf(ACME, 0, 4_000);
  const old = Array.from({ length: 50 }, (_, index) =>
    eventOf(ACME, 5_000 + index, { timestamp: Date.UTC(2021, 4, 1 + (index % 20)) }),
  );
  await house.put(ACME, events);
  // Unreadable to the engine: a number where it wants text, twice in the range and once before it.
  for (const [index, timestamp] of [START_MS, START_MS + HOUR_MS, Date.UTC(2021, 4, 3)].entries()) {
    const event = eventOf(ACME, 6_000 + index, { timestamp });
    const value = Buffer.from(JSON.stringify({ ...event, no_such_member: 1 }));
    await house.log.append({ tenant: ACME, channel: 'events' }, [{ ...recordOf(event), value }]);
  }
  await house.put(ACME, old);
  const at = async () => compared(house, ACME, [Date.UTC(2021, 0), Date.UTC(2025, 0)]);
  const before = await at();
  assert.deepEqual(
    [before.records, before.facts, before.deadLetters, before.beforeHorizon, before.missing],
    [4_053, 4_050, 3, 0, 0],
  );
  assert.deepEqual((await house.extents.check(ACME))?.differences, []);
  house.horizon = { beforeMs: Date.UTC(2024, 0), position: 9n };
  await house.facts.dropBefore(1, house.horizon.beforeMs);
  const after = await at();
  assert.deepEqual(
    [after.records, after.facts, after.deadLetters, after.beforeHorizon, after.missing],
    [4_053, 4_000, 2, 51, 0],
  );
  assert.deepEqual((await house.extents.check(ACME))?.differences, []);
  assert.equal((await house.repair.repair(ACME, { kind: 'all' })).inserted, 0);
  await remove(house, "event_id = 'evt_7'");
  assert.equal((await house.extents.check(ACME))?.differences[0]?.missing, 1);
  assert.equal((await at()).missing, 1);
  assert.equal((await house.repair.repair(ACME, { kind: 'all' })).inserted, 1);
  assert.equal((await at()).missing, 0);
});

test('hours are widened, a pinned vector counts what was there then, duplicates are told', async (t) => {
  const house = await houseFor(t);
  const early = eventsOf(ACME, 0, 1_000);
  const vector = await house.put(ACME, early);
  await house.log.append(
    { tenant: ACME, channel: 'events' },
    early.slice(0, 7).map((event) => recordOf(event)),
  );
  await house.put(ACME, eventsOf(ACME, 1_000, 1_500));
  const state = (await house.progress.state(ACME)) ?? assert.fail();
  const { logIdentity, generation } = state;
  const [fromMs, toMs] = [START_MS + 10, START_MS + 2 * HOUR_MS + 1];
  const pinned = { tenant: ACME, logIdentity, generation, vector, fromMs, toMs };
  const found = (await house.completeness.of(pinned)) ?? assert.fail();
  const within = (event: Event): boolean =>
    event.timestamp >= START_MS && event.timestamp < START_MS + 3 * HOUR_MS;
  const wanted = early.filter(within).length;
  assert.ok(wanted > 0);
  assert.deepEqual(
    [found.fromMs, found.toMs, found.records, found.facts, found.missing],
    [START_MS, START_MS + 3 * HOUR_MS, wanted, wanted, 0],
  );
  assert.equal(found.duplicates, early.slice(0, 7).filter(within).length);
});

test('a repair goes on under load, and one that fails amid its writes can be repeated', async (t) => {
  let failures = 0;
  const failing = (facts: FactStore & SliceStore): FactStore & SliceStore => ({
    ...facts,
    insert: async (generation, batches) => {
      await facts.insert(generation, batches);
      if (failures++ === 0) throw new Error('the engine has gone');
    },
    foldFirstSeen: async (generation, range) => {
      if (failures++ === 1) throw new Error('the engine has gone');
      await facts.foldFirstSeen(generation, range);
    },
  });
  const house = await houseFor(t, { wrapFacts: failing });
  await house.put(ACME, eventsOf(ACME, 0, 5_000));
  await house.sealer.sealDue();
  await remove(house, "tenant_id = 'acme' AND user_id = 'user_5'");
  const sending = (async () => {
    for (let from = 5_000; from < 8_000; from += 250) await house.put(ACME, eventsOf(ACME, from, from + 250));
  })();
  await assert.rejects(house.repair.repair(ACME, { kind: 'all' }), /the engine has gone/);
  await house.repair.repair(ACME, { kind: 'all' }).catch(() => undefined);
  await house.repair.repair(ACME, { kind: 'all' });
  await sending;
  await house.repair.repair(ACME, { kind: 'all' });
  assert.deepEqual(await idsIn(house, ACME), idsOf(eventsOf(ACME, 0, 8_000)));
  assert.deepEqual((await house.extents.check(ACME))?.differences, []);
});
