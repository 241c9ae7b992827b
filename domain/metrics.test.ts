import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Event } from './event.ts';
import { METRICS, foldMetrics, isConversion, metricOf, percent } from './metrics.ts';

const behaviour = (action: NonNullable<Event['action_type']>, rest: Partial<Event> = {}): Event => ({
  event_id: 'e',
  tenant_id: 'acme',
  kind: 'behaviour',
  event_name: action,
  action_type: action,
  user_id: 'u1',
  item_id: 'i1',
  timestamp: 0,
  server_time: 0,
  valid_status: 1,
  schema: 'envelope.behaviour',
  schema_version: 1,
  ...rest,
});

test('a percentage has two decimals, rounded half up, and is 0 of nothing', () => {
  for (const [part, whole, expected] of [
    [0, 0, 0],
    [5, 0, 0],
    [1, 3, 33.33],
    [2, 3, 66.67],
    [1, 32, 3.13],
    [1, 800, 0.13],
    [3, 2, 150],
    [123_456_789, 123_456_789, 100],
  ] as const) {
    assert.equal(percent(part, whole), expected, `${part} of ${whole}`);
  }
});

test('a percentage is never further off than half of its last decimal', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1e9 }), fc.integer({ min: 1, max: 1e9 }), (part, whole) => {
      // In whole numbers: |rounded − 100·part/whole| ≤ 1/200, times 200·whole.
      const rounded = BigInt(Math.round(percent(part, whole) * 100));
      const error = 2n * rounded * BigInt(whole) - 20_000n * BigInt(part);
      assert.ok(error <= BigInt(whole) && -error <= BigInt(whole));
    }),
  );
});

test('a conversion is a purchase in education and an order elsewhere', () => {
  assert.ok(isConversion(behaviour('order')));
  assert.ok(isConversion(behaviour('order', { scenario_type: 'video' })));
  assert.ok(isConversion(behaviour('purchase', { scenario_type: 'education' })));
  assert.ok(!isConversion(behaviour('order', { scenario_type: 'education' })));
  assert.ok(!isConversion(behaviour('purchase', { scenario_type: 'ecommerce' })));
  assert.ok(!isConversion({ ...behaviour('order'), kind: 'generic' }));
});

test('all metrics of nothing are zero', () => {
  for (const metric of METRICS) assert.equal(metricOf(metric, foldMetrics([])), 0, metric);
});

test('users, items, durations and completion, by hand', () => {
  const counts = foldMetrics([
    behaviour('impression'),
    behaviour('impression', { user_id: 'u2', item_id: 'i2' }),
    behaviour('play_end', { watch_duration: 1.2345, completion_rate: 0.25 }),
    behaviour('learn', { watch_duration: 2, completion_rate: 1 }),
    behaviour('play', { completion_rate: 0.9 }),
    behaviour('complete'),
    { ...behaviour('click'), kind: 'catalog', user_id: 'nobody' },
  ]);
  assert.equal(counts.impressions, 2);
  assert.equal(counts.clicks, 0);
  assert.equal(counts.active_users, 2);
  assert.equal(counts.active_items, 2);
  assert.equal(metricOf('total_watch_duration', counts), 3.235);
  assert.equal(metricOf('avg_completion_rate', counts), 0.625);
});
