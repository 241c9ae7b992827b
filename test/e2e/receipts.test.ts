import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runDaybook, startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';

type Body = Record<string, unknown>;
type Place = { partition: number; offset: string; token: string };
type Held = { projection: string; confirmed: boolean; since: string | null; since_within_ms: number | null };

const TENANTS = ['acme', 'umbra'] as const;
const PROJECTIONS = ['facts', 'items', 'live_views', 'user_profiles'];

/** Both tenants send the same ids; what is wrong in the one is right in the other. */
const click = (tenant: string, id: string, more: Body = {}): Body => ({
  event_id: id,
  tenant_id: tenant,
  scenario_id: 'feed',
  user_id: `user of ${tenant}`,
  item_id: 'i1',
  action_type: 'click',
  context: { device_type: 'pc' },
  ...more,
});

async function send(platform: Platform, event: Body): Promise<Body> {
  return (await platform.post('/api/v1/behaviors/track', event)).body as Body;
}

async function ask(platform: Platform, tenant: string, sent: string): Promise<Body> {
  const path = `/api/v1/receipts/${encodeURIComponent(sent)}?tenant_id=${tenant}`;
  const { status, text, body } = await platform.get(path);
  assert.equal(status, 200, text);
  return body as Body;
}

const statesOf = (answer: Body): unknown[] => [
  answer['state'],
  (answer['also'] as Body[]).map(({ state }) => state),
  answer['dead_letters'],
];

test('a receipt tells the fate of every event, to its own tenant alone, also after kill -9', async () => {
  await using dir = await temporaryDir();
  const receipts = new Map<string, Place>();
  const answers = new Map<string, Body>();
  const everything = async (platform: Platform): Promise<void> => {
    for (const tenant of TENANTS) {
      for (const id of ['both', 'mine', 'a/ü?1'])
        answers.set(`${tenant} ${id}`, await ask(platform, tenant, id));
    }
  };
  {
    await using platform = await startPlatform({ dataDir: dir.path });
    for (const tenant of TENANTS) {
      const accepted = await send(platform, click(tenant, 'both'));
      receipts.set(tenant, accepted['receipt'] as Place);
      assert.deepEqual((await send(platform, click(tenant, 'both')))['receipt'], accepted['receipt']);
    }
    await send(platform, click('acme', 'both', { item_id: 'i2' }));
    await send(platform, click('acme', 'mine', { user_id: 7 }));
    await send(platform, click('umbra', 'mine'));
    await send(platform, click('umbra', 'a/ü?1', { action_type: 3 }));
    for (const tenant of TENANTS) {
      const path = `/api/analytics/dashboard?tenant_id=${tenant}&wait_for=${receipts.get(tenant)!.token}`;
      assert.equal((await platform.get(path)).status, 200);
    }
    const both = await ask(platform, 'acme', 'both');
    const held = both['projections'] as Held[];
    assert.deepEqual(held.map(({ projection }) => projection).sort(), PROJECTIONS);
    const facts = held.find(({ projection }) => projection === 'facts');
    assert.equal(facts?.confirmed, true);
    const received = Date.parse(String(both['received_at']));
    const since = Date.parse(String(facts.since));
    assert.ok(since >= received && since <= Date.now(), JSON.stringify(facts));
    assert.ok((facts.since_within_ms ?? -1) >= 0 && (facts.since_within_ms ?? 0) <= since - received);
    await everything(platform);
    await platform.kill();
  }
  assert.deepEqual(statesOf(answers.get('acme both')!), ['accepted', ['conflict'], 1]);
  assert.deepEqual(statesOf(answers.get('umbra both')!), ['accepted', [], 0]);
  assert.deepEqual(statesOf(answers.get('acme mine')!), ['rejected', [], 1]);
  assert.deepEqual(statesOf(answers.get('umbra mine')!), ['accepted', [], 0]);
  assert.deepEqual(statesOf(answers.get('acme a/ü?1')!), ['unknown', [], 0]);
  assert.deepEqual(statesOf(answers.get('umbra a/ü?1')!), ['rejected', [], 1]);
  for (const tenant of TENANTS)
    assert.deepEqual(answers.get(`${tenant} both`)!['receipt'], receipts.get(tenant));

  const before = new Map(answers);
  await using platform = await startPlatform({ dataDir: dir.path });
  for (const tenant of TENANTS) {
    const path = `/api/analytics/dashboard?tenant_id=${tenant}&wait_for=latest`;
    assert.equal((await platform.get(path)).status, 200);
  }
  await everything(platform);
  for (const [name, answer] of answers) {
    const { projections, queryable, not_queryable_because: because, ...lasting } = answer;
    const { projections: _, queryable: _q, not_queryable_because: _b, ...earlier } = before.get(name)!;
    assert.deepEqual(lasting, earlier, name);
    if (answer['state'] === 'accepted') assert.deepEqual([queryable, because], [true, null], name);
    else assert.equal(projections, undefined);
  }

  const { token } = receipts.get('acme')!;
  assert.equal((await ask(platform, 'acme', token))['event_id'], 'both');
  assert.equal((await ask(platform, 'umbra', token))['state'], 'unknown');
  const letter = ((answers.get('acme both')!['also'] as Body[])[0]!['dead_letter'] as Place).token;
  assert.deepEqual(statesOf(await ask(platform, 'acme', letter)), ['conflict', ['accepted'], 1]);
  const nobody = await platform.get('/api/v1/receipts/both?tenant_id=nobody');
  assert.deepEqual([nobody.status, (nobody.body as { error: Body }).error['code']], [404, 'TENANT_UNKNOWN']);

  const env = { DAYBOOK_HTTP_PORT: String(platform.port) };
  const shown = await runDaybook(['receipt', 'both', '--tenant', 'acme'], env);
  assert.equal(shown.exit, 0, shown.output);
  assert.match(shown.output, /^both of acme: accepted$/m);
  assert.match(shown.output, /^queryable {3}yes$/m);
  assert.match(shown.output, /^conflict {2}dead letter 0:0 /m);
  const refused = await runDaybook(['receipt', 'mine', '--tenant', 'acme', '--json'], env);
  assert.equal(refused.exit, 3, refused.output);
  assert.deepEqual(JSON.parse(refused.output), answers.get('acme mine'));
});
