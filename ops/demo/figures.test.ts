import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain';
import { countFigures } from './figures.ts';
import type { Expected, Input } from './month.ts';

const START = Date.parse('2025-03-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const RANGE = { startAt: START, endAt: START + 60 * HOUR_MS };

const input = (event: JsonObject, expected: Expected = 'accepted', warned = false): Input => ({
  event,
  expected,
  warned,
  arrivesAt: 0,
});
const shop = (user: string, action: string, hour: number, extra: JsonObject = {}): Input =>
  input({
    user_id: user,
    action_type: action,
    scenario_id: 'shop_home',
    scenario_type: 'ecommerce',
    timestamp: START + hour * HOUR_MS,
    experiment_group: user === 'ann' ? 'control' : 'treatment',
    scenario_data: { ecommerce_data: { currency: 'EUR' } },
    extra_data: extra,
  });
const named = (user: string, name: string, hour: number): Input =>
  input({ kind: 'generic', user_id: user, event_name: name, timestamp: START + hour * HOUR_MS });

const FIGURES = countFigures(
  [
    input({ kind: 'catalog', event_name: 'item_created', user_id: 'editor', item_id: 'a', timestamp: START }),
    input({ kind: 'generic', event_name: '$pageview', device_id: 'd1', timestamp: START + 1 }),
    named('ann', 'signup', 1),
    named('ann', 'session.start', 1.1),
    named('ann', 'session.start', 30),
    named('bob', 'signup', 25),
    // Ann sees and clicks, and views a day and more later: too late for the first attempt, and there is no other.
    shop('ann', 'impression', 2),
    shop('ann', 'click', 3),
    shop('ann', 'view', 27),
    // Bob goes all the way, out of two attempts.
    shop('bob', 'impression', 26),
    shop('bob', 'impression', 27),
    shop('bob', 'click', 28),
    shop('bob', 'view', 29),
    shop('bob', 'add_cart', 30),
    shop('bob', 'order', 31, { order_id: 'o', total_amount: 10.25 }),
    shop('bob', 'payment', 32, { order_id: 'o', payment_amount: 10.25 }),
    input(shop('bob', 'payment', 33, { total_amount: 'EUR 5.00' }).event, 'accepted', true),
    input(shop('cyd', 'impression', 5).event, 'rejected'),
  ],
  RANGE,
);

test('the ledger counts what stands, and nothing that was refused', () => {
  assert.deepEqual(FIGURES.names, {
    $pageview: 1,
    add_cart: 1,
    click: 2,
    impression: 3,
    item_created: 1,
    order: 1,
    payment: 2,
    'session.start': 2,
    signup: 2,
    view: 2,
  });
  assert.deepEqual(FIGURES.scenarios, { ecommerce: 11 });
  // Ann, Bob and a device; the editor of the catalogue is not a user.
  assert.deepEqual(FIGURES.overview, {
    impressions: 3,
    clicks: 2,
    conversions: 1,
    users: 3,
    items: 1,
    scenarios: 1,
  });
  assert.equal(FIGURES.warned, 1);
});

test('the ledger keeps days, money, the funnel, retention and the experiment', () => {
  assert.deepEqual(
    FIGURES.days.map(({ day, events, users }) => [day, events, users]),
    [
      ['2025-03-01', 6, 2],
      ['2025-03-02', 11, 2],
      ['2025-03-03', 0, 0],
    ],
  );
  assert.deepEqual(FIGURES.revenue_hundredths, { EUR: 1025 });
  assert.equal(FIGURES.days[1]?.revenue_hundredths, 1025);
  assert.deepEqual(FIGURES.funnel, [2, 2, 1, 1, 1, 1]);
  // The third day is not over.
  assert.deepEqual(FIGURES.retention, [
    { size: 1, values: [1, 1, null] },
    { size: 1, values: [0, null] },
    { size: 0, values: [null] },
  ]);
  assert.deepEqual(FIGURES.experiment, { 'treatment add_cart': 1, 'treatment order': 1 });
});

test('a percentage of nothing, a month of nothing', () => {
  const none = countFigures([], RANGE);
  assert.deepEqual(none.funnel, [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(none.revenue_hundredths, {});
  assert.equal(none.days.length, 3);
});
