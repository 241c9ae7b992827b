import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parseTenantId } from '#domain';
import type { TenantId } from '#domain';
import { temporaryDir } from '../test/platform.ts';
import { createAudit } from './audit.ts';
import type { Audit, AuditEntry, AuditPlace, HistoryRead } from './audit.ts';
import { openLmdbStreamStore } from './lmdb-stream-store.ts';

const tenantOf = (id: string): TenantId => {
  const parsed = parseTenantId(id);
  assert.ok(parsed.ok);
  return parsed.tenant;
};
const acme = tenantOf('acme');
const globex = tenantOf('globex');

const readOf = (tenant: TenantId, n: number): HistoryRead => ({
  tenant,
  kind: 'search',
  question: { user_id: `u${n}` },
  reader: { actor: 'ada', address: '127.0.0.1', forwardedFor: '192.0.2.7' },
});

async function open(t: TestContext): Promise<{ audit: Audit; reopened: () => Promise<Audit> }> {
  const opened = new AsyncDisposableStack();
  t.after(() => opened.disposeAsync());
  const { path: dataDir } = opened.use(await temporaryDir());
  let streams = await openLmdbStreamStore({ dataDir, name: 'audit', clock: () => 1_000 });
  opened.defer(() => streams[Symbol.asyncDispose]());
  const reopened = async (): Promise<Audit> => {
    await streams[Symbol.asyncDispose]();
    streams = await openLmdbStreamStore({ dataDir, name: 'audit' });
    return createAudit(streams, { newId: randomUUID });
  };
  return { audit: createAudit(streams, { newId: randomUUID }), reopened };
}

async function listAll(audit: Audit, tenant: TenantId, limit: number): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  let from: AuditPlace | undefined;
  do {
    const page = await audit.list(tenant, { limit, ...(from ? { from } : {}) });
    assert.ok(page.entries.length > 0 || !page.next, 'a page with another after it is not empty');
    found.push(...page.entries);
    from = page.next;
  } while (from);
  return found;
}

test('a read is kept with who, when, what and how many, also over a reopening, for its tenant alone', async (t) => {
  const { audit, reopened } = await open(t);
  await audit.record(readOf(acme, 1), 3);
  await audit.record(readOf(globex, 2), 4);
  const again = await reopened();
  const [entry, ...others] = (await again.list(acme, { limit: 10 })).entries;
  assert.equal(others.length, 0);
  assert.ok(entry);
  const { id, ...said } = entry;
  assert.match(id, /^[0-9a-f-]{36}$/);
  const { tenant: _tenant, ...read } = readOf(acme, 1);
  assert.deepEqual(said, { ...read, recordedAtMs: 1_000, state: 'complete', records: 3 });
  assert.deepEqual((await again.list(tenantOf('nobody'), { limit: 10 })).entries, []);
});

test('a read that goes on is one entry: open, then with its end', async (t) => {
  const { audit } = await open(t);
  const read = await audit.begin(readOf(acme, 1));
  const statesOf = async (): Promise<unknown[]> =>
    (await listAll(audit, acme, 10)).map(({ state, records }) => [state, records]);
  assert.deepEqual(await statesOf(), [['open', undefined]]);
  await audit.record(readOf(acme, 2), 7);
  await read.end('broken_off', 12);
  assert.deepEqual(await statesOf(), [
    ['broken_off', 12],
    ['complete', 7],
  ]);
});

test('pages of any size list every read once, the newest word first', async (t) => {
  const { audit } = await open(t);
  const reads = await Promise.all([0, 1, 2].map((n) => audit.begin(readOf(acme, n))));
  for (let n = 3; n < 600; n++) await audit.record(readOf(acme, n), n);
  await reads[0]!.end('complete', 5);
  await reads[2]!.end('failed', 6);
  const names = [2, 0, ...Array.from({ length: 597 }, (_, i) => 599 - i), 1].map((n) => `u${n}`);
  for (const limit of [1, 7, 256, 1_000]) {
    const found = await listAll(audit, acme, limit);
    assert.deepEqual(
      found.map(({ question }) => question['user_id']),
      names,
      `${limit} per page`,
    );
  }
  const far = { before: 10n ** 12n, shown: [10n ** 11n] };
  assert.equal((await audit.list(acme, { limit: 1, from: far })).entries[0]?.question['user_id'], 'u2');
});
