import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';

const KILLS = 4;
const BATCH = 50;
const CLIENTS = 4;
const ITEMS = 3;
const TENANTS = ['acme', 'umbra'];

/** The events of a batch; both tenants have the same ids. */
function batchOf(tenant: string, batch: number): unknown {
  const events = Array.from({ length: BATCH }, (_, index) => ({
    event_id: `e${batch}-${index}`,
    tenant_id: tenant,
    scenario_id: 'feed',
    user_id: `u${index % 7}`,
    item_id: `i${(batch + index) % ITEMS}`,
    action_type: tenant === 'acme' ? 'click' : 'like',
    timestamp: NOW,
    context: { device_type: 'pc' },
  }));
  return { tenant_id: tenant, events };
}

const NOW = Date.now();

/** Sends batches from the given one on until the platform goes; answers the first that nobody has sent. */
async function sendUntilGone(platform: Platform, tenant: string, first: number): Promise<number> {
  let next = first;
  const client = async (): Promise<void> => {
    for (;;) {
      const { status } = await platform.post('/api/v1/behaviors/track/batch', batchOf(tenant, next++));
      assert.equal(status, 200);
    }
  };
  const gone = await Promise.allSettled(Array.from({ length: CLIENTS }, client));
  for (const each of gone)
    if (each.status === 'rejected') assert.ok(!(each.reason instanceof assert.AssertionError));
  return next;
}

/** How often each item was acted upon, by the live views and by the events sent. */
async function compare(platform: Platform, tenant: string, batches: number): Promise<void> {
  const action = tenant === 'acme' ? 'click' : 'like';
  const expected = Array.from({ length: ITEMS }, () => 0);
  for (let batch = 0; batch < batches; batch++)
    for (let index = 0; index < BATCH; index++) expected[(batch + index) % ITEMS]! += 1;
  for (const [item, count] of expected.entries()) {
    const asked = `/api/analytics/items/i${item}/stats?tenant_id=${tenant}&wait_for=latest&timeout=30s`;
    const { status, body, text } = await platform.get(asked);
    assert.equal(status, 200, text);
    const { stats } = body as { stats: Record<string, number> };
    assert.deepEqual(
      Object.entries(stats).filter(([, times]) => times > 0),
      [[`${action}_count`, count]],
    );
  }
}

test(`${KILLS} times kill -9 under load leave live views that count every event once`, async () => {
  await using dir = await temporaryDir();
  const sent = new Map(TENANTS.map((tenant) => [tenant, 0]));
  for (let kill = 0; kill < KILLS; kill++) {
    await using platform = await startPlatform({ dataDir: dir.path });
    const sending = TENANTS.map(async (tenant) => {
      // Some of what was sent before is sent again.
      const from = Math.max(0, sent.get(tenant)! - 20);
      sent.set(tenant, Math.max(sent.get(tenant)!, await sendUntilGone(platform, tenant, from)));
    });
    // So that the kill comes amid folding: a first answer, then as many more as the round says.
    for (let asked = 0; asked <= kill * 2; asked++)
      await platform.get('/api/analytics/items/i0/stats?tenant_id=acme&wait_for=latest&timeout=5s');
    await platform.kill();
    await Promise.all(sending);
  }
  await using platform = await startPlatform({ dataDir: dir.path });
  for (const tenant of TENANTS) {
    const batches = sent.get(tenant)!;
    assert.ok(batches > KILLS);
    // What was not acknowledged may or may not stand in the log; sent again it does, once.
    for (let batch = 0; batch < batches; batch++)
      assert.equal(
        (await platform.post('/api/v1/behaviors/track/batch', batchOf(tenant, batch))).status,
        200,
      );
  }
  for (const tenant of TENANTS) await compare(platform, tenant, sent.get(tenant)!);
  assert.equal(await platform.stop(), 0);
});
