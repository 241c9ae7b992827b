import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasExpired, joinIds, splitIds, viewBucketOf } from './views.ts';

const NOON = Date.UTC(2026, 6, 1, 12);
const DAY = 86_400_000;

test('joined names come apart again, and no other names join to the same', () => {
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', ':', '%', '3', 'A', '2', '5') }), {
    minLength: 2,
    maxLength: 3,
  });
  fc.assert(
    fc.property(names, (parts) => {
      assert.deepEqual(splitIds(joinIds(...parts)), parts);
    }),
  );
  assert.equal(joinIds('u:1', 'a%b'), 'u%3A1:a%25b');
});

test('a bucket is kept so long after its end, a member so long after its instant', () => {
  assert.equal(viewBucketOf('hot:items', NOON + 59_999), NOON);
  assert.equal(viewBucketOf('exposed', NOON), 0);
  // The minute of noon ends at 12:01 and is kept for a day.
  assert.equal(hasExpired('hot:items', NOON + 59_999, NOON + DAY + 59_999), false);
  assert.equal(hasExpired('hot:items', NOON, NOON + DAY + 60_000), true);
  assert.equal(hasExpired('exposed', NOON, NOON + DAY - 1), false);
  assert.equal(hasExpired('exposed', NOON, NOON + DAY), true);
  assert.equal(hasExpired('item:stats', 0, NOON + 9999 * DAY), false);
});
