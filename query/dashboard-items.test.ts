import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isBefore } from '#domain';
import type { LoggedEvent } from '#domain';
import { eventOf, openAsking } from './asking.contract.ts';

const NAMES = ['item_created', 'item_replaced', 'item_changed', 'item_deleted', 'item_removed', 'item_put'];

/** Which items are there when their story is read in the order of its own times. */
function itemsOf(history: readonly LoggedEvent[]): number {
  const there = new Map<string, boolean>();
  const story = [...history].sort(
    (a, b) =>
      a.event.timestamp - b.event.timestamp || a.partition - b.partition || Number(a.offset - b.offset),
  );
  for (const { event } of story) {
    const key = JSON.stringify([event.scenario_id ?? '', event.item_id]);
    if (event.event_name === 'item_deleted' || event.event_name === 'item_removed') there.set(key, false);
    else if (event.event_name === 'item_created' || event.event_name === 'item_replaced')
      there.set(key, true);
    else if (!there.has(key)) there.set(key, true);
  }
  return [...there.values()].filter((alive) => alive).length;
}

test('total_items counts what is not deleted as of the vector, in whatever order its events came', async (t) => {
  const asking = await openAsking();
  t.after(() => asking[Symbol.asyncDispose]());
  const drawn = fc.array(
    fc.record({
      name: fc.constantFrom(...NAMES),
      item_id: fc.constantFrom('i1', 'i2'),
      scenario_id: fc.constantFrom(undefined, 'feed'),
      day: fc.integer({ min: 1, max: 4 }),
      partition: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 25 },
  );
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(drawn, fc.integer({ min: 0, max: 8 }), async (list, cut) => {
      const id = `items${++runs}`;
      const next = [0n, 0n, 0n, 0n];
      const history = list.map(({ name, item_id, scenario_id, day, partition }): LoggedEvent => {
        const at = `2024-03-0${day}T00:00:00Z`;
        const where = scenario_id === undefined ? {} : { scenario_id };
        const event = eventOf(id, { name, kind: 'catalog', at, item_id, ...where });
        const offset = next[partition]!++;
        return { partition, offset, event };
      });
      const vector = next.map((high) => (high < BigInt(cut) ? high : BigInt(cut)));
      const tenant = await asking.put(history, vector);
      const answer = (await asking.data('dashboard', tenant, { range: '24h' })) as {
        overview: { total_items: number };
      };
      const seen = history.filter((logged) => isBefore(logged, vector));
      assert.equal(answer.overview.total_items, itemsOf(seen));
    }),
    { numRuns: 40 },
  );
});
