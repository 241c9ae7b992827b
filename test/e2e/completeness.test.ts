import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runDaybook, startPlatform, temporaryDir } from '../platform.ts';

type Answered = {
  readonly meta: { readonly as_of: string; readonly completeness: Record<string, unknown> };
};

const eventOf = (tenant: string, index: number): object => ({
  tenant_id: tenant,
  event_id: `evt_${index}`,
  scenario_id: 'feed',
  user_id: `u${index % 7}`,
  item_id: 'i1',
  action_type: 'click',
  context: { device_type: 'pc' },
  timestamp: Date.UTC(2024, 2, 4, 10 + (index % 2), 30),
});

test('answers say whether their facts are complete, and door, log and facts can be put side by side', async () => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const sent = Array.from({ length: 20 }, (_, index) => eventOf('acme', index));
  const repeated = { ...eventOf('acme', 3), user_id: 'somebody else' };
  for (const event of [...sent, eventOf('acme', 0), repeated, eventOf('umbra', 0)]) {
    await platform.post('/api/v1/behaviors/track', event);
  }
  const range = 'tenant_id=acme&from=2024-03-04T10:15:00Z&to=2024-03-04T12:00:00Z&wait_for=latest';
  const answer = (await platform.get(`/api/analytics/dashboard?${range}`)).body as Answered;
  assert.deepEqual(answer.meta.completeness, {
    confirmed_ratio: 1,
    behind_events: 0,
    from: '2024-03-04T10:00:00.000Z',
    to: '2024-03-04T12:00:00.000Z',
    widened: true,
    records: 20,
    facts: 20,
    dead_letters: 0,
    before_horizon: 0,
    missing: 0,
    copies: 0,
    duplicates: 1,
    conflicts: 1,
  });

  const question = 'tenant_id=acme&from=2024-03-04&to=2024-03-05&interval=hour';
  const reply = await platform.get(`/api/v1/reconciliation?${question}`);
  const found = reply.body as {
    readonly gateway: Record<string, unknown>;
    readonly log: Record<string, unknown>;
    readonly buckets: readonly Record<string, unknown>[];
  };
  const { accepted, duplicate, conflict, rejected } = found.gateway;
  assert.deepEqual([accepted, duplicate, conflict, rejected], [20, 1, 1, 0], reply.text);
  assert.deepEqual([found.log['records'], found.log['records_since']], [20, 20]);
  assert.deepEqual(
    found.buckets.map((bucket) => [
      bucket['from'],
      bucket['records'],
      bucket['facts'],
      bucket['repeated_ids'],
    ]),
    [
      ['2024-03-04T10:00:00.000Z', 10, 10, 0],
      ['2024-03-04T11:00:00.000Z', 10, 10, 0],
    ],
  );
  const refused = await platform.get('/api/v1/reconciliation?tenant_id=acme&interval=week');
  assert.equal(refused.status, 400);

  const repair = await platform.post('/api/v1/projections/facts/repair', { tenant_id: 'acme' });
  const last = JSON.parse(repair.text.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual([last['checked'], last['inserted'], last['done']], [20, 0, true]);
  const unknown = await platform.post('/api/v1/projections/facts/repair', { tenant_id: 'nobody' });
  assert.equal(unknown.status, 404);
  const wrong = { tenant_id: 'acme', from: '2024-03-04', partition: 1 };
  assert.equal((await platform.post('/api/v1/projections/facts/repair', wrong)).status, 400);
  const words = ['projections', 'repair', '--tenant', 'acme', '--url', platform.url];
  const { exit, output } = await runDaybook([...words, '--from', '2024-03-04', '--to', '2024-03-05'], {});
  assert.equal(exit, 0, output);
  assert.match(output, /Compared 20 offsets: 0 records projected again/);
});
