import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IdFilter } from './id-filter.ts';

test('an id that was added is never denied', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 3 }), fc.string({ unit: 'binary' }))), (added) => {
      const filter = new IdFilter();
      for (const [log, id] of added) filter.add(log, id);
      for (const [log, id] of added) assert.ok(filter.has(log, id));
      assert.equal(filter.ids, added.length);
    }),
    { numRuns: 20 },
  );
});

test('it grows over several layers, knows every id, and takes fewer than 1 in 2,000 others for known', () => {
  const filter = new IdFilter();
  const ids = Array.from({ length: 800_000 }, (_, i) => `evt_${i}_${(i * 7919) % 104_729}`);
  let wrong = 0;
  for (const id of ids) if (filter.add(5, id)) wrong += 1;
  assert.ok(wrong < 400, `${wrong} of 800,000 taken for known while adding`);
  assert.ok(filter.layers.length > 1);
  assert.ok(ids.every((id) => filter.has(5, id)));
  const strangers = Array.from({ length: 500_000 }, (_, i) => `evt_${i}`);
  const taken = strangers.filter((id) => filter.has(5, id)).length;
  assert.ok(taken < 250, `${taken} of 500,000 strangers`);
  const foreign = ids.slice(0, 500_000).filter((id) => filter.has(6, id)).length;
  assert.ok(foreign < 250, `${foreign} of 500,000 ids of another log`);
});

test('a filter made from the layers of another knows the same and grows on', () => {
  const filter = new IdFilter();
  filter.add(1, 'a');
  const again = new IdFilter({ layers: filter.layers, ids: filter.ids });
  assert.ok(again.has(1, 'a'));
  assert.ok(!again.has(1, 'b'));
  again.add(1, 'b');
  assert.ok(again.has(1, 'b'));
  assert.equal(again.ids, 2);
});
