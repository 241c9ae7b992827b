import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, TenantId } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import type { FactBatch, FactStore } from './fact-store.ts';
import type { SliceStore } from './slice-store.ts';
import { splicedLine } from './spliced-line.ts';

const DAY_MS = 86_400_000;
const DAY = Date.UTC(2024, 2, 4) / DAY_MS;
const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');

/** What a slice store must promise; `open` gives one beside facts with nothing in them. */
export function sliceStoreContract(name: string, open: () => Promise<FactStore & SliceStore>): void {
  const clause = (promise: string, check: (store: FactStore & SliceStore) => Promise<void>): void => {
    test(`${name}: ${promise}`, async () => {
      await using store = await open();
      await store.prepare(1);
      await check(store);
    });
  };

  clause('a slice counts the events of its tenant and day before the vector', async (store) => {
    const start = DAY * DAY_MS;
    await store.insert(1, [
      batchOf(ACME, 0, [
        { timestamp: start - 1 },
        { timestamp: start },
        { timestamp: start + DAY_MS - 1, item_id: 'i' },
        { timestamp: start, experiment_id: 'e' },
        { timestamp: start, kind: 'catalog' },
        { timestamp: start + DAY_MS },
        { timestamp: start },
      ]),
      batchOf(ACME, 1, [{ timestamp: start, kind: 'generic', action_type: undefined, item_id: 'i' }]),
      batchOf(UMBRA, 0, [{ timestamp: start }, { timestamp: start }]),
    ]);
    // Four of the day before offset 6 and in partition 1, of which one has an item and is a behaviour.
    const counts = await store.writeSlice(1, { tenant: ACME, day: DAY, seal: 7, vector: [6n, 1n] });
    assert.deepEqual(counts, [4n, 1n, 1n, 4n]);
    assert.deepEqual(await store.storedSlices(1, ACME), [{ day: DAY, seal: 7, counts }]);
    assert.deepEqual(await store.storedSlices(1, UMBRA), []);
    assert.deepEqual(await store.storedSlices(2, ACME).catch(() => 'no generation 2'), 'no generation 2');
  });

  clause('slices under several seals stand beside each other until they are removed', async (store) => {
    const timestamp = DAY * DAY_MS;
    await store.insert(1, [
      batchOf(ACME, 0, [{ timestamp }, { timestamp }, { timestamp: timestamp + DAY_MS }]),
      batchOf(UMBRA, 0, [{ timestamp }]),
    ]);
    const write = (tenant: TenantId, day: number, seal: number, before: bigint) =>
      store.writeSlice(1, { tenant, day, seal, vector: [before] });
    await write(ACME, DAY, 1, 1n);
    await write(ACME, DAY, 2, 2n);
    await write(ACME, DAY + 1, 3, 3n);
    await write(UMBRA, DAY, 1, 1n);
    const daily = async (tenant: TenantId): Promise<string[]> =>
      (await store.storedSlices(1, tenant))
        .map(({ day, seal, counts }) => `${day - DAY}: ${seal}: ${counts[3]}`)
        .sort();
    assert.deepEqual(await daily(ACME), ['0: 1: 1', '0: 2: 2', '1: 3: 1']);
    await store.removeSlices(1, ACME, [1]);
    await store.removeSlices(1, ACME, []);
    assert.deepEqual(await daily(ACME), ['0: 2: 2', '1: 3: 1']);
    assert.deepEqual(await daily(UMBRA), ['0: 1: 1']);
  });

  clause('a day without events has a slice that counts nothing', async (store) => {
    const counts = await store.writeSlice(1, { tenant: ACME, day: DAY, seal: 1, vector: [5n] });
    assert.deepEqual(counts, [0n, 0n, 0n, 0n]);
  });

  clause('a copy of a record in the facts is counted once', async (store) => {
    const batch = batchOf(ACME, 0, [{ timestamp: DAY * DAY_MS, item_id: 'i' }]);
    await store.insert(1, [batch]);
    await store.insert(1, [batch]);
    const counts = await store.writeSlice(1, { tenant: ACME, day: DAY, seal: 1, vector: [1n] });
    assert.deepEqual(counts, [1n, 1n, 0n, 1n]);
  });

  clause('counts are kept per action, and different users as a set', async (store) => {
    const timestamp = DAY * DAY_MS;
    const actions = ['click', 'click', 'order', 'purchase'] as const;
    const events = actions.map((action_type, index) => ({
      timestamp,
      action_type,
      event_name: action_type,
      user_id: `u${index % 3}`,
    }));
    await store.insert(1, [batchOf(ACME, 0, events)]);
    await store.writeSlice(1, { tenant: ACME, day: DAY, seal: 1, vector: [4n] });
    const { rows } = await store.query({
      sql: `SELECT sumMap(actions) AS actions, uniqExactMerge(users) AS users
        FROM analysis_db.analytics_daily_stats_g1 WHERE tenant_id = {tenant:String}`,
      params: { tenant: ACME },
    });
    assert.deepEqual(rows, [{ actions: { click: '2', order: '1', purchase: '1' }, users: '3' }]);
  });

  clause('the days of facts are those of records before the vector, also before 1970', async (store) => {
    const at = [DAY * DAY_MS, -1, (DAY + 3) * DAY_MS + 5, DAY * DAY_MS + 1, (DAY + 9) * DAY_MS];
    await store.insert(1, [
      batchOf(
        ACME,
        0,
        at.map((timestamp) => ({ timestamp })),
      ),
      batchOf(UMBRA, 0, [{ timestamp: 5 }]),
    ]);
    assert.deepEqual(await store.daysOfFacts(1, ACME, [4n]), [-1, DAY, DAY + 3]);
    assert.deepEqual(await store.daysOfFacts(1, UMBRA, [0n]), []);
  });
}

function batchOf(
  tenant: TenantId,
  partition: number,
  events: readonly { readonly [Name in keyof Event]?: Event[Name] | undefined }[],
): FactBatch {
  const lines = events.map((event, offset) => {
    const value = {
      event_id: `${partition}-${offset}`,
      tenant_id: tenant,
      kind: 'behaviour',
      event_name: 'click',
      action_type: 'click',
      user_id: 'u1',
      scenario_id: 'feed',
      ...event,
    };
    const line = splicedLine(Buffer.from(JSON.stringify(value)), partition, BigInt(offset));
    assert.ok(line);
    return line;
  });
  return { tenant, partition, offsets: events.map((_, offset) => BigInt(offset)), lines };
}
