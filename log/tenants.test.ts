import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Tenant } from '#domain';
import { acme, entry, events, isFault, other } from './event-log.contract.ts';
import type { EventLog } from './event-log.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';
import { openLmdbStreamStore } from './lmdb-stream-store.ts';
import type { StreamStore } from './stream-store.ts';
import { openTenants } from './tenants.ts';

const by = { actor: 'tester', reason: 'test' };
const options = { partitions: 3, clock: () => 1000, newId: () => randomUUID() as string };

async function openBoth(t: TestContext): Promise<{ streams: StreamStore; log: EventLog }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-tenants-'));
  const log = await openLmdbEventLog({ dataDir });
  const streams = await openLmdbStreamStore({ dataDir });
  t.after(async () => {
    await log[Symbol.asyncDispose]();
    await streams[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return { streams, log };
}

test('a tenant is created once however many ask at once, and its log can be appended to', async (t) => {
  const { streams, log } = await openBoth(t);
  await using tenants = await openTenants(streams, log, options);
  assert.equal(tenants.get(acme), undefined);
  assert.equal(tenants.position(), 0n);
  const made = await Promise.all(Array.from({ length: 10 }, () => tenants.ensure(acme, by)));
  const tenant: Tenant = { id: acme, partitions: 3, createdAtMs: 1000 };
  assert.deepEqual(
    made,
    made.map(() => tenant),
  );
  assert.deepEqual(tenants.list(), [tenant]);
  assert.deepEqual(tenants.get(acme), tenant);
  const [outcome] = await log.append(events, [entry('a')]);
  assert.equal(outcome?.outcome, 'accepted');
  assert.equal((await log.bounds(events)).next.length, 3);
});

test('two who create the same tenant agree on the first', async (t) => {
  const { streams, log } = await openBoth(t);
  await using one = await openTenants(streams, log, options);
  await using two = await openTenants(streams, log, { ...options, partitions: 5, clock: () => 2000 });
  const [first, second] = await Promise.all([one.ensure(acme, by), two.ensure(acme, by)]);
  assert.deepEqual(first, second);
  assert.equal(first.partitions, (await log.bounds(events)).next.length);
});

test('listeners hear of the tenants there are, then of those that come, until disposed', async (t) => {
  const { streams, log } = await openBoth(t);
  await using tenants = await openTenants(streams, log, options);
  await tenants.ensure(acme, by);
  const heard: string[] = [];
  const listening = tenants.onTenant(({ id }) => heard.push(id));
  assert.deepEqual(heard, ['acme']);
  await tenants.ensure(other, by);
  assert.deepEqual(heard, ['acme', 'other']);
  listening[Symbol.dispose]();
  await tenants.ensure('third' as typeof acme, by);
  assert.deepEqual(heard, ['acme', 'other']);
});

test('a creation that broke off before the logs were made is mended by the next opening', async (t) => {
  const { streams, log } = await openBoth(t);
  const data = { id: acme, partitions: 2, createdAtMs: 500 };
  await streams.append('tenant-acme', [{ id: 'x', type: 'tenant_created', data, metadata: {} }], 'no_stream');
  await assert.rejects(log.bounds(events), isFault('TENANT_UNKNOWN'));
  await using tenants = await openTenants(streams, log, options);
  assert.deepEqual(tenants.get(acme), data);
  assert.equal((await log.bounds(events)).next.length, 2);
  assert.ok(tenants.position() > 0n);
});

test('other streams do not make tenants', async (t) => {
  const { streams, log } = await openBoth(t);
  const data = { id: 'acme', partitions: 2, createdAtMs: 500 };
  await streams.append('schema-acme', [{ id: 'x', type: 'tenant_created', data, metadata: {} }], 'any');
  await streams.append('tenant-acme', [{ id: 'y', type: 'renamed', data, metadata: {} }], 'any');
  await using tenants = await openTenants(streams, log, options);
  assert.deepEqual(tenants.list(), []);
  assert.equal(tenants.position(), 2n);
});

test('a number of partitions that cannot be is refused', async (t) => {
  const { streams, log } = await openBoth(t);
  await using tenants = await openTenants(streams, log, { ...options, partitions: 25 });
  await assert.rejects(tenants.ensure(acme, by), isFault('CONFIG_INVALID'));
});
