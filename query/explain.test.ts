import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { historyOf } from './asking.contract.ts';
import type { Sketch } from './asking.contract.ts';
import { openExplaining, positionsOf } from './explaining.contract.ts';
import type { Explaining } from './explaining.contract.ts';

const MARCH = { from: '2024-03-01', to: '2024-04-01' };

describe('an explanation', () => {
  let explaining: Explaining;
  beforeAll(async () => {
    explaining = await openExplaining();
  });
  after(() => explaining[Symbol.asyncDispose]());

  const did = (user: string, name: string, time: string, more: Partial<Sketch> = {}): Sketch => ({
    kind: 'behaviour',
    name,
    at: `2024-03-${time}Z`,
    user_id: user,
    item_id: 'i1',
    scenario_id: 'feed',
    ...more,
  });

  /** Offsets are those of the lines. */
  const shop = (tenant: string) =>
    historyOf(tenant, [
      did('u1', 'impression', '04T10:00:00'),
      did('u1', 'click', '04T10:00:10'),
      did('u1', 'order', '04T10:01:00'),
      did('u2', 'impression', '04T11:00:00'),
      did('u2', 'click', '04T11:00:30'),
      did('u3', 'impression', '04T12:00:00'),
      did('u3', 'order', '04T12:00:30'),
      did('u3', 'impression', '05T12:00:00', { item_id: 'i2' }),
    ]);

  test('names the users and events of a number of the dashboard, by hand', async () => {
    const tenant = await explaining.put(shop('dash'));
    const clicks = await explaining.explain('dashboard', tenant, { ...MARCH, cell: 'total_clicks' });
    assert.equal(clicks.value, 2);
    assert.deepEqual(clicks.users, [
      { user: 'u1', value: 1, events: 1 },
      { user: 'u2', value: 1, events: 1 },
    ]);
    assert.equal(clicks.next, null);
    assert.deepEqual(clicks.recount, {
      equal: true,
      value: 2,
      answered: 2,
      records_read: 8,
      events: { log: 2, facts: 2, missing: 0, unexpected: 0, differing: 0, repeated: 0 },
      examples: [],
    });
    const events = { ...MARCH, cell: { figure: 'ctr' }, part: 'impressions', user: 'u3', level: 'events' };
    assert.deepEqual(positionsOf(await explaining.pages('dashboard', tenant, events)), ['0:5', '0:7']);
  });

  test('names the users of a funnel step and of its drop-off, with the events of their attempt', async () => {
    const tenant = await explaining.put(shop('steps'));
    const steps = ['impression', 'click', 'order'].map((event) => ({ event }));
    const question = { ...MARCH, steps, window: '1h' };
    const second = await explaining.explain('funnel', tenant, { ...question, cell: { step: 2 } });
    assert.equal(second.value, 2);
    assert.deepEqual(second.users, [
      { user: 'u1', value: 1, events: 2 },
      { user: 'u2', value: 1, events: 2 },
    ]);
    assert.equal(second.recount?.equal, true);
    const left = await explaining.explain('funnel', tenant, { ...question, cell: { drop_off: 2 } });
    assert.deepEqual([left.value, left.users], [1, [{ user: 'u3', value: 1, events: 1 }]]);
    const attempt = { ...question, cell: { step: 3 }, user: 'u1', level: 'events' };
    assert.deepEqual(positionsOf(await explaining.pages('funnel', tenant, attempt)), ['0:0', '0:1', '0:2']);
  });
});
