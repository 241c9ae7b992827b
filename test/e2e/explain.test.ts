import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BATCH_PATH } from '../invariants/sending.ts';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';

const AT_MS = Date.UTC(2024, 2, 4, 10);
const DAY = { from: '2024-03-04', to: '2024-03-05' };

/** What a few users of a tenant did; another tenant has the same users, items and event ids. */
function eventsOf(tenant: string, os: string): object[] {
  return ['u1', 'u2', 'u3'].flatMap((user_id, index) =>
    ['impression', 'click', 'order'].slice(0, 3 - index).map((action_type, minute) => ({
      event_id: `evt_${user_id}_${action_type}`,
      tenant_id: tenant,
      scenario_id: 'shop',
      user_id,
      item_id: 'i1',
      action_type,
      timestamp: AT_MS + minute * 60_000,
      context: { device_type: 'mobile', os },
    })),
  );
}

async function send(platform: Platform, tenant: string): Promise<void> {
  const reply = await platform.post(BATCH_PATH, { events: eventsOf(tenant, `${tenant}OS`) });
  assert.equal((reply.body as { succeeded: number }).succeeded, 6, reply.text);
}

type Explained = {
  readonly value: number;
  readonly users: readonly { readonly user: string; readonly events: number }[];
  readonly events: readonly { readonly position: { readonly offset: string } }[];
  readonly records: readonly {
    readonly headers: {
      readonly event_id: string;
      readonly schema: string;
      readonly schema_version: number;
    };
    readonly counted: object;
    readonly raw: string;
  }[];
  readonly recount: { readonly equal: boolean; readonly value: number };
  readonly meta: { readonly as_of: string };
};

/** What the audit says of who has read which records. */
async function auditOf(platform: Platform, tenant: string): Promise<readonly object[]> {
  const reply = await platform.get(`/api/v1/audit?tenant_id=${tenant}`);
  assert.equal(reply.status, 200, reply.text);
  const { entries } = reply.body as { entries: Readonly<Record<string, unknown>>[] };
  return entries.map(({ kind, actor, records, state, question }) => ({
    kind,
    actor,
    records,
    state,
    question,
  }));
}

async function explain(platform: Platform, analysis: string, question: object): Promise<Explained> {
  const reply = await platform.post(`/api/analytics/${analysis}/explain`, question);
  assert.equal(reply.status, 200, `${JSON.stringify(question)}: ${reply.text}`);
  return reply.body as Explained;
}

test('a number is explained down to the raw records of its tenant, and again after a restart', async () => {
  await using dir = await temporaryDir();
  const step = {
    tenant_id: 'acme',
    ...DAY,
    steps: [{ event: 'impression' }, { event: 'click' }],
    cell: { step: 2 },
  };
  let before: Explained;
  {
    await using platform = await startPlatform({ dataDir: dir.path });
    await send(platform, 'acme');
    await send(platform, 'globex');
    before = await explain(platform, 'funnel', { ...step, wait_for: 'latest', timeout: '20s' });
    assert.deepEqual([before.value, before.recount.equal, before.recount.value], [2, true, 2]);
    assert.deepEqual(
      before.users.map(({ user, events }) => [user, events]),
      [
        ['u1', 2],
        ['u2', 2],
      ],
    );
    const down = { ...step, as_of: before.meta.as_of, user: 'u2' };
    const { events } = await explain(platform, 'funnel', { ...down, level: 'events' });
    assert.equal(events.length, 2);
    assert.deepEqual(await auditOf(platform, 'acme'), [], 'no raw record has been shown');
    const question = { ...down, level: 'records', recount: false };
    const shown = await platform.send('/api/analytics/funnel/explain', {
      method: 'POST',
      headers: { 'x-user-id': 'ada' },
      body: JSON.stringify(question),
    });
    const { records } = shown.body as Explained;
    const read = { kind: 'explain', actor: 'ada', records: 2, state: 'complete' };
    assert.deepEqual(await auditOf(platform, 'acme'), [
      { ...read, question: { analysis: 'funnel', ...question } },
    ]);
    assert.deepEqual(await auditOf(platform, 'globex'), []);
    assert.deepEqual(
      records.map(({ headers }) => headers.event_id),
      ['evt_u2_impression', 'evt_u2_click'],
    );
    for (const { headers, counted, raw } of records) {
      assert.deepEqual([headers.schema, headers.schema_version], ['envelope.behaviour', 1]);
      assert.deepEqual(counted, { events: 1 });
      assert.equal((JSON.parse(raw) as { tenant_id: string }).tenant_id, 'acme');
      assert.ok(raw.includes('acmeOS') && !raw.includes('globex'));
    }
    const cell = encodeURIComponent(JSON.stringify({ figure: 'total_clicks' }));
    const path = `/api/analytics/dashboard/explain?tenant_id=globex&from=2024-03-04&to=2024-03-05&cell=${cell}`;
    const byGet = await platform.get(`${path}&page_size=1&recount=false&wait_for=latest`);
    const { value, users, recount } = byGet.body as Explained;
    assert.deepEqual([value, users.length, recount], [2, 1, undefined], byGet.text);
    const foreign = await platform.post('/api/analytics/funnel/explain', { ...down, tenant_id: 'globex' });
    assert.equal(foreign.status, 410, foreign.text);
    assert.equal(await platform.stop(), 0);
  }
  await using platform = await startPlatform({ dataDir: dir.path });
  assert.equal((await auditOf(platform, 'acme')).length, 1);
  const again = await explain(platform, 'funnel', { ...step, as_of: before.meta.as_of });
  assert.deepEqual([again.users, again.recount], [before.users, before.recount]);
});
