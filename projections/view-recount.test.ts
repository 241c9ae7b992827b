import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ViewRecount, changedParts } from './view-recount.ts';

const START = Date.UTC(2024, 2, 4, 10);
const MINUTE = 60_000;

const click = (item: string, timestamp: number): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      event_id: `${item} ${timestamp}`,
      tenant_id: 'acme',
      kind: 'behaviour',
      event_name: 'click',
      action_type: 'click',
      scenario_id: 'feed',
      user_id: 'u1',
      item_id: item,
      timestamp,
    }),
  );

test('of the newest hundred items of a user the earliest ones fall out, as in a store', () => {
  const recount = new ViewRecount();
  for (let n = 102; n >= 0; n--) recount.add(click(`i${n}`, START + n));
  const [[found] = []] = recount.find([{ view: 'user:recent', id: 'u1' }]);
  assert.equal(found?.size, 100);
  assert.deepEqual(
    ['i0', 'i2', 'i3', 'i102'].map((item) => found.entries.get(item)),
    [undefined, undefined, START + 3, START + 102],
  );
  // What has been pushed out is not there for an earlier range either.
  const range = { fromMs: START, toMs: START + 4 };
  const [[early] = []] = recount.find([{ view: 'user:recent', id: 'u1', range }]);
  assert.deepEqual([...(early?.entries ?? [])], [['i3', START + 3]]);
});

test('buckets come oldest first, only those of the range, and sizes without members', () => {
  const recount = new ViewRecount();
  for (const minute of [5, 1, 3, 1]) recount.add(click('i1', START + minute * MINUTE));
  const range = { fromMs: START + MINUTE, toMs: START + 5 * MINUTE };
  const [weights, visitors] = recount.find([
    { view: 'hot:items', id: 'feed', range },
    { view: 'visitors:minute', id: '', range, sizesOnly: true },
  ]);
  assert.deepEqual(
    weights?.map(({ bucketMs, entries }) => [bucketMs, [...entries]]),
    [
      [START + MINUTE, [['i1', 6]]],
      [START + 3 * MINUTE, [['i1', 3]]],
    ],
  );
  assert.deepEqual(
    visitors?.map(({ size, entries }) => [size, entries.size]),
    [
      [1, 0],
      [1, 0],
    ],
  );
});

test('a record changes only the parts it is folded into', () => {
  const part = { view: 'item:stats', id: 'i1', nameOf: (member: string) => `${member}s` } as const;
  assert.deepEqual([...changedParts(click('i1', START), [part])], [['clicks', 1]]);
  assert.deepEqual([...changedParts(click('i2', START), [part])], []);
  assert.deepEqual([...changedParts(Buffer.from('no event'), [part])], []);
});
