import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BATCH_PATH } from '../invariants/sending.ts';
import { runDaybook, startPlatform, temporaryDir } from '../platform.ts';
import type { Platform, Reply } from '../platform.ts';

const TENANTS = ['acme', 'globex'] as const;
type Tenant = (typeof TENANTS)[number];
const EVENTS = 300;

const secretOf = (tenant: Tenant): string => `secret-of-${tenant}`;
const other = (tenant: Tenant): Tenant => (tenant === 'acme' ? 'globex' : 'acme');

/** The same ids, users and items in both tenants. */
const eventOf = (tenant: Tenant, n: number): object => ({
  event_id: `evt_${n}`,
  tenant_id: tenant,
  scenario_id: 'feed',
  user_id: `user-${n % 10}`,
  item_id: `item-${n % 7}`,
  action_type: n % 2 === 0 ? 'click' : 'view',
  timestamp: Date.UTC(2024, 0, 1) + n * 60_000,
  context: { device_type: 'pc' },
  extra_data: { secret: secretOf(tenant) },
});

async function fill(platform: Platform, tenant: Tenant): Promise<string> {
  let token = '';
  for (let at = 0; at < EVENTS; at += 100) {
    const events = Array.from({ length: 100 }, (_, n) => eventOf(tenant, at + n));
    const reply = await platform.post(BATCH_PATH, { events });
    assert.equal(reply.status, 200, reply.text);
    const body = reply.body as { results: { receipt?: { token: string } }[] };
    token = body.results.at(-1)?.receipt?.token ?? '';
  }
  const track = (event: object): Promise<Reply> => platform.post('/api/v1/behaviors/track', event);
  await track({ ...eventOf(tenant, 5), item_id: 'another' });
  await track({ ...eventOf(tenant, 1_000), action_type: 'no such action', item_id: 'item-1' });
  return token;
}

type Shown = {
  readonly records: readonly {
    readonly position: { readonly partition: number; readonly offset: string };
    readonly receipt: string;
    readonly outcome: string;
    readonly headers: { readonly event_id: string };
    readonly event: { readonly event_id: string };
    readonly raw: string;
    readonly sent?: string;
  }[];
  readonly more: boolean;
  readonly next_cursor: string | null;
};

async function shown(platform: Platform, path: string): Promise<Shown> {
  const reply = await platform.get(path);
  assert.equal(reply.status, 200, `${path}: ${reply.text}`);
  return reply.body as Shown;
}

type Entries = {
  readonly entries: readonly {
    readonly kind: string;
    readonly actor: string;
    readonly state: string;
    readonly records: number | null;
  }[];
};

async function auditOf(platform: Platform, tenant: Tenant): Promise<Entries['entries']> {
  const reply = await platform.get(`/api/v1/audit?tenant_id=${tenant}&limit=1000`);
  assert.equal(reply.status, 200, reply.text);
  assert.ok(!reply.text.includes(secretOf(tenant)));
  return (reply.body as Entries).entries;
}

test('raw history of two tenants with the same ids: browsed, exported, verified, audited, nothing crosses', async () => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: join(dir.path, 'data') });
  const tokens = { acme: await fill(platform, 'acme'), globex: await fill(platform, 'globex') };
  for (const tenant of TENANTS) await browseOf(platform, tenant, tokens);
  await refuse(platform, tokens);
  await commands(platform, dir.path);

  const before = await auditOf(platform, 'acme');
  await platform.kill();
  await using again = await startPlatform({ dataDir: join(dir.path, 'data') });
  assert.deepEqual(await auditOf(again, 'acme'), before);
});

async function browseOf(platform: Platform, tenant: Tenant, tokens: Record<Tenant, string>): Promise<void> {
  const paths = [
    `/api/log?tenant_id=${tenant}&limit=1000`,
    `/api/v1/log?tenant_id=${tenant}&user_id=user-3`,
    `/api/v1/log?tenant_id=${tenant}&event_id=evt_7`,
    `/api/v1/log?tenant_id=${tenant}&outcome=conflict`,
    `/api/v1/log?tenant_id=${tenant}&outcome=rejected&item_id=item-1`,
    `/api/v1/log?tenant_id=${tenant}&from=2024-01-01T01:00:00Z&to=2024-01-01T02:00:00Z&limit=1000`,
  ];
  const counts = [];
  for (const path of paths) {
    const reply = await platform.get(path);
    assert.ok(!reply.text.includes(secretOf(other(tenant))), path);
    assert.ok(reply.text.includes(secretOf(tenant)), path);
    counts.push((reply.body as Shown).records.length);
  }
  assert.deepEqual(counts, [EVENTS, 30, 1, 1, 1, 60]);
  const [conflict] = (await shown(platform, paths[3]!)).records;
  assert.equal(conflict?.outcome, 'conflict');
  assert.ok(conflict.sent?.includes('"another"'));

  const [one] = (await shown(platform, paths[2]!)).records;
  assert.ok(one);
  assert.equal((JSON.parse(one.raw) as { event_id: string }).event_id, 'evt_7');
  const { partition, offset } = one.position;
  const at = `/api/v1/log/record?tenant_id=${tenant}`;
  for (const place of [`position=${partition}:${offset}`, `receipt=${one.receipt}`, 'event_id=evt_7']) {
    const reply = await platform.get(`${at}&${place}`);
    assert.equal(reply.status, 200, reply.text);
    const body = reply.body as { record: Shown['records'][0]; block: { digest: string } };
    assert.deepEqual(body.record, one);
    assert.match(body.block.digest, /^[0-9a-f]{64}$/);
  }
  // A receipt of the other tenant's opens nothing here.
  assert.equal((await platform.get(`${at}&receipt=${tokens[other(tenant)]}`)).status, 404);

  const pages = [];
  let page = await shown(platform, `/api/log?tenant_id=${tenant}&limit=77`);
  for (;;) {
    pages.push(...page.records.map(({ headers }) => headers.event_id));
    if (page.next_cursor === null) break;
    page = await shown(platform, `/api/log?tenant_id=${tenant}&limit=77&cursor=${page.next_cursor}`);
  }
  assert.deepEqual(pages.toSorted(), Array.from({ length: EVENTS }, (_, n) => `evt_${n}`).toSorted());
}

async function refuse(platform: Platform, tokens: Record<Tenant, string>): Promise<void> {
  const { next_cursor: cursor } = await shown(platform, '/api/log?tenant_id=acme&limit=5');
  assert.ok(cursor);
  const before = (await auditOf(platform, 'acme')).length;
  for (const [query, status] of [
    ['', 400],
    ['tenant_id=../etc', 400],
    ['tenant_id=nobody', 404],
    ['tenant_id=acme&tenant_id=globex', 400],
    ['tenant_id=acme&limit=1001', 400],
    ['tenant_id=acme&limit=999999999999999999999', 400],
    ['tenant_id=acme&limit=-1', 400],
    ['tenant_id=acme&budget=1h', 400],
    ['tenant_id=acme&from=yesterday', 400],
    ['tenant_id=acme&from=9999999999999999', 400],
    ['tenant_id=acme&from=2024-02-30', 400],
    ['tenant_id=acme&from=2024-01-02&to=2024-01-01', 400],
    ['tenant_id=acme&received_from=1e400', 400],
    ['tenant_id=acme&from_offset=3', 400],
    ['tenant_id=acme&partition=1&from_offset=9&to_offset=3', 400],
    ['tenant_id=acme&channel=events&outcome=rejected', 400],
    ['tenant_id=acme&outcome=duplicate', 400],
    ['tenant_id=acme&order=sideways', 400],
    ['tenant_id=acme&no_such_member=1', 400],
    [`tenant_id=acme&user_id=${'u'.repeat(300)}`, 400],
    ['tenant_id=acme&user_id[a]=b', 400],
    [`tenant_id=globex&limit=5&cursor=${cursor}`, 400],
    [`tenant_id=acme&limit=5&user_id=user-1&cursor=${cursor}`, 400],
    [`tenant_id=acme&limit=5&cursor=${cursor.slice(0, -1)}`, 400],
    [`tenant_id=acme&limit=5&cursor=${cursor}.1`, 400],
    [`tenant_id=acme&cursor=${tokens.acme}`, 400],
  ] as const) {
    for (const path of ['/api/log', '/api/v1/log']) {
      const reply = await platform.get(`${path}?${query}`);
      assert.equal(reply.status, status, `${query}: ${reply.text}`);
      assert.ok(!reply.text.includes('secret-of'), query);
    }
  }
  for (const [path, status] of [
    ['/api/v1/audit', 400],
    ['/api/v1/audit?tenant_id=acme&limit=0', 400],
    ['/api/v1/audit?tenant_id=acme&cursor=dh1_', 400],
    ['/api/v1/audit?tenant_id=acme&cursor=dh1_zzzzzzzzzzzzz.1', 200],
    ['/api/v1/log/record?tenant_id=acme', 400],
    ['/api/v1/log/record?tenant_id=acme&position=1:2:3', 400],
    ['/api/v1/log/record?tenant_id=acme&receipt=dr1_x', 400],
    ['/api/v1/log/record?tenant_id=acme&event_id=evt_1&channel=dead_letters', 400],
    ['/api/v1/log/export?tenant_id=acme&limit=5', 400],
    ['/api/v1/log/export?tenant_id=nobody', 404],
    [`/api/v1/log/export?tenant_id=acme&cursor=${cursor}`, 400],
    ['/api/v1/log/tail?tenant_id=nobody', 404],
  ] as const) {
    assert.equal((await platform.get(path)).status, status, path);
  }
  for (const [body, status] of [
    [{}, 400],
    [{ tenant_id: 'acme', channel: 'both' }, 400],
    [{ tenant_id: 'nobody' }, 404],
    [[], 400],
  ] as const) {
    assert.equal((await platform.post('/api/v1/log/verify', body)).status, status, JSON.stringify(body));
  }
  const header = { headers: { 'x-tenant-id': 'globex' } };
  assert.equal((await platform.send('/api/log?tenant_id=acme', header)).status, 403);
  assert.equal((await auditOf(platform, 'acme')).length, before, 'what was refused read nothing');
  // Far beyond all there is, but of the right form.
  const far = await shown(platform, '/api/log?tenant_id=acme&partition=3&from_offset=900000000000000');
  assert.deepEqual([far.records.length, far.more], [0, false]);
  assert.equal((await shown(platform, '/api/log?tenant_id=acme&partition=60000')).records.length, 0);
}

async function commands(platform: Platform, dir: string): Promise<void> {
  const run = async (...words: string[]): Promise<string> => {
    const { exit, output } = await runDaybook([...words, '-t', 'acme', '-u', platform.url], {});
    assert.equal(exit, 0, output);
    assert.ok(!output.includes(secretOf('globex')), output);
    return output;
  };
  const hour = ['--from', '2024-01-01T01:00:00Z', '--to', '2024-01-01T02:00:00Z'];
  const found = await run('log', 'search', '--user', 'user-3', ...hour, '--json', '--as', 'ada');
  assert.equal(found.trimEnd().split('\n').length, 6);
  assert.ok((await run('log', 'show', 'evt_7')).includes('"digest"'));
  assert.match(await run('log', 'verify'), /Every byte is what was written: 300 records/);
  const file = join(dir, 'clicks.ndjson');
  assert.match(await run('log', 'export', '--event', 'click', '--raw', '-o', file), /150 records/);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const ids = lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  assert.deepEqual(ids.toSorted(), Array.from({ length: 150 }, (_, n) => `evt_${2 * n}`).toSorted());
  const table = await run('audit');
  assert.ok(table.includes('ada'), table);
  const [newest, verified, showed, searched] = await auditOf(platform, 'acme');
  assert.deepEqual(
    [newest, verified, showed, searched].map((entry) => [
      entry?.kind,
      entry?.actor,
      entry?.state,
      entry?.records,
    ]),
    [
      ['export', 'anonymous', 'complete', 150],
      ['verify', 'anonymous', 'complete', 0],
      ['show', 'anonymous', 'complete', 1],
      ['search', 'ada', 'complete', 6],
    ],
  );
}
