import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BATCH_PATH } from '../invariants/sending.ts';
import { startPlatform, temporaryDir } from '../platform.ts';

const AT_MS = Date.UTC(2024, 2, 4, 10);
const DAY = 'from=2024-03-04&to=2024-03-05&wait_for=latest&timeout=20s';

/** A shop's events as a page would send them; what they cost is the tenant's own. */
function shopEvents(tenant: string, price: number): object[] {
  const event = (action_type: string, minute: number, data: object = {}): object => ({
    event_id: `evt_${action_type}_${minute}`,
    tenant_id: tenant,
    scenario_id: 'shop',
    user_id: 'u1',
    item_id: 'i1',
    action_type,
    timestamp: AT_MS + minute * 60_000,
    context: { device_type: 'mobile' },
    scenario_data: { ecommerce_data: data },
  });
  const paid = { order_id: 'o', payment_amount: price, payment_method: 'card', currency: 'CNY' };
  return [
    event('impression', 0, { price }),
    event('impression', 1, { price }),
    event('click', 1),
    event('add_cart', 2, { quantity: 1 }),
    event('order', 3, { order_id: 'o', quantity: 1, total_amount: price, currency: 'CNY' }),
    event('payment', 4, paid),
    event('payment', 5, { ...paid, payment_amount: 0.1 }),
  ];
}

test('what a shop sends comes back as its metrics, and never those of another tenant', async () => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const prices = { acme: 0.2, globex: 1000 };
  for (const [tenant, price] of Object.entries(prices)) {
    const reply = await platform.post(BATCH_PATH, { events: shopEvents(tenant, price) });
    assert.equal((reply.body as { succeeded: number }).succeeded, 7, reply.text);
  }
  const ask = async (tenant: string, question: string): Promise<Record<string, unknown>> => {
    const reply = await platform.get(`/api/analytics/${question}&tenant_id=${tenant}`);
    assert.equal(reply.status, 200, reply.text);
    return reply.body as Record<string, unknown>;
  };
  for (const [tenant, gmv] of [
    ['acme', '0.3000'],
    ['globex', '1000.1000'],
  ] as const) {
    const { scenarios } = await ask(tenant, `scenario-metrics?${DAY}`);
    const [shop, ...others] = scenarios as {
      scenario_type: string;
      metrics: { name: string; value: number }[];
      money: { name: string; currency: string; value: string }[];
    }[];
    assert.equal(others.length, 0);
    assert.equal(shop?.scenario_type, 'ecommerce');
    assert.equal(shop.metrics.find(({ name }) => name === 'add_cart_rate')?.value, 50);
    assert.deepEqual(
      shop.money.filter(({ name }) => name === 'gmv').map(({ currency, value }) => [currency, value]),
      [['CNY', gmv]],
    );
    const { items } = await ask(tenant, `hot-items?${DAY}`);
    assert.deepEqual(items, [
      { item_id: 'i1', total_impressions: 2, total_clicks: 1, ctr: 50, conversions: 1 },
    ]);
    const { conversions } = await ask(tenant, `behavior-analysis?${DAY}&scenario_type=ecommerce`);
    assert.deepEqual((conversions as object[])[2], { name: 'payment', events: 2, users: 1, rate: 100 });
    const { points } = await ask(
      tenant,
      'minutes?from=2024-03-04T10:00:00Z&to=2024-03-04T10:02:00Z&wait_for=latest',
    );
    assert.deepEqual(
      (points as { pv: number; uv: number }[]).map(({ pv, uv }) => [pv, uv]),
      [
        [1, 1],
        [2, 1],
      ],
    );
    const { total } = await ask(tenant, `user-activity?${DAY}&user_id=u1`);
    assert.equal((total as { events: number }).events, 7);
    const stats = await ask(tenant, `item-stats?${DAY}&item_id=i1`);
    assert.equal((stats['total'] as { conversion_rate: number }).conversion_rate, 50);
  }
});
