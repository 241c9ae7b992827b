import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';

type Body = Readonly<Record<string, unknown>>;

const EXPLAINED = [
  'realtime/hot-items/explain?scenario_id=feed&item_id=i1',
  'realtime/metrics/explain?cell=ctr',
  'realtime/stats/explain?cell=today.events',
  'realtime/sessions/explain?',
  'users/u1/recent-views/explain?item_id=i1',
  'users/u1/exposures/explain?scenario_id=feed',
  'items/i1/stats/explain?cell=click_count',
  'users/u1/profile/explain?',
];

describe('diffs and explanations of the started product, of two tenants with the same ids', () => {
  const opened = new AsyncDisposableStack();
  let platform: Platform;
  const nowMs = Date.now();
  const tokens: Record<string, { before: string; after: string }> = {};

  before(async () => {
    const dir = opened.use(await temporaryDir());
    platform = opened.use(await startPlatform({ dataDir: dir.path }));
    for (const tenant of ['acme', 'umbra']) {
      await send(tenant, 'e1', 'impression');
      await send(tenant, 'e2', 'click');
      const early = await tokenOf(tenant);
      await send(tenant, 'e3', 'click');
      tokens[tenant] = { before: early, after: await tokenOf(tenant) };
    }
    // Only one of them has this one.
    await send('umbra', 'e4', 'click');
  });
  after(() => opened.disposeAsync());

  async function send(tenant: string, id: string, action: string): Promise<void> {
    const { status, text } = await platform.post('/api/v1/behaviors/track', {
      tenant_id: tenant,
      event_id: id,
      scenario_id: 'feed',
      user_id: 'u1',
      session_id: 's1',
      item_id: 'i1',
      action_type: action,
      timestamp: nowMs,
      context: { device_type: 'mobile' },
      extra_data: { mark: `mark-of-${tenant}` },
    });
    assert.equal(status, 200, text);
  }

  async function tokenOf(tenant: string): Promise<string> {
    const { body } = await platform.get(`/api/analytics/trend?tenant_id=${tenant}&wait_for=latest`);
    return String(((body as Body)['meta'] as Body)['as_of']);
  }

  async function auditOf(tenant: string): Promise<readonly Body[]> {
    const { status, text, body } = await platform.get(`/api/v1/audit?tenant_id=${tenant}&limit=1000`);
    assert.equal(status, 200, text);
    return (body as { entries: readonly Body[] }).entries;
  }

  for (const path of EXPLAINED) {
    test(`GET /api/analytics/${path} goes down to the tenant's own bytes`, async () => {
      for (const [tenant, other] of [
        ['acme', 'umbra'],
        ['umbra', 'acme'],
      ]) {
        const own = `/api/analytics/${path}&tenant_id=${tenant}&wait_for=latest`;
        const before = await auditOf(tenant!);
        const events = await platform.get(`${own}&level=events`);
        assert.equal(events.status, 200, events.text);
        assert.equal((await auditOf(tenant!)).length, before.length, 'events are no raw records');
        const { status, text, body } = await platform.send(`${own}&level=records`, {
          headers: { 'x-user-id': 'ada' },
        });
        assert.equal(status, 200, text);
        const { records } = body as { records: readonly Body[] };
        const entries = await auditOf(tenant!);
        assert.equal(entries.length, before.length + 1);
        const [{ kind, actor, records: read } = {}] = entries;
        assert.deepEqual([kind, actor, read], ['explain', 'ada', records.length]);
        assert.deepEqual(
          records.map(({ counted, position }) => ({ counted, position })),
          ((events.body as Body)['events'] as Body[]).map(({ counted, position }) => ({ counted, position })),
        );
        assert.equal(((body as Body)['recount'] as Body)['equal'], true, text);
        assert.ok(text.includes(`mark-of-${tenant}`));
        assert.ok(!text.includes(`mark-of-${other}`));
      }
      const foreign = await platform.send(`/api/analytics/${path}&tenant_id=acme`, {
        headers: { 'x-tenant-id': 'umbra' },
      });
      assert.equal(foreign.status, 403);
      assert.equal(
        (await platform.get(`/api/analytics/${path}&tenant_id=acme&as_of=2024-03-04`)).status,
        410,
      );
    });
  }

  test('a diff by GET and by POST names the click that came between, and no other tenant may ask it', async () => {
    const question = { event: 'click', from: nowMs - 60_000, to: nowMs + 60_000, interval: 'day' };
    const asked = { tenant_id: 'acme', analysis: 'events', ...tokens['acme'] };
    const posted = await platform.post('/api/analytics/diff', { ...asked, question });
    const address = new URLSearchParams({ ...asked, question: JSON.stringify(question) });
    const got = await platform.get(`/api/analytics/diff?${address.toString()}`);
    for (const { status, text, body } of [posted, got]) {
      assert.equal(status, 200, text);
      const { changed, records } = body as { changed: { difference: number }[]; records: Body[] };
      assert.deepEqual(
        changed.map(({ difference }) => difference),
        [1],
      );
      assert.deepEqual(
        records.map((record) => [record['event_id'], record['class']]),
        [['e3', 'late']],
      );
    }
    const foreign = await platform.post('/api/analytics/diff', { ...asked, tenant_id: 'umbra', question });
    assert.equal(foreign.status, 410, 'the tokens are of another log');
    assert.equal((await platform.post('/api/analytics/diff', '[]')).status, 400);
  });

  test('a relative range beside a token asks for now, and with it is what was first answered', async () => {
    const first = (await platform.get('/api/analytics/dashboard?tenant_id=acme&range=24h')).body as Body;
    const { as_of, now } = first['meta'] as Record<string, string>;
    const address = `/api/analytics/dashboard?tenant_id=acme&range=24h&as_of=${as_of}`;
    assert.equal((await platform.get(address)).status, 400);
    const pinned = (await platform.get(`${address}&now=${now}`)).body as Body;
    const figures = ({ meta: _, ...data }: Body) => JSON.stringify(data);
    assert.equal(figures(pinned), figures(first));
  });
});
