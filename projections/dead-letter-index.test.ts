import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Fault, parseTenantId } from '#domain';
import type { Tenant, TenantId } from '#domain';
import type { NewRecord } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { startDeadLetterIndex } from './dead-letter-index.ts';
import type { DeadLetterStore } from './dead-letter-store.ts';
import { openLmdbDeadLetterStore } from './lmdb-dead-letter-store.ts';

const tenantOf = (text: string): TenantId => {
  const parsed = parseTenantId(text);
  assert.ok(parsed.ok);
  return parsed.tenant;
};
const acme = tenantOf('acme');
const umbra = tenantOf('umbra');

const inputs = (eventId: string) => ({ eventId, kept: 'inputs' }) as const;
const letter = (eventId: string, source = 'http'): NewRecord => ({
  key: new Uint8Array(0),
  headers: {
    eventId,
    contentHash: new Uint8Array(16),
    source,
    schema: '',
    schemaVersion: 0,
    receivedAtMs: 1,
    timestampMs: 1,
    valid: false,
  },
  value: Buffer.from('{}'),
});

async function opened(t: TestContext, waitingLetters = 1_000_000) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-dead-letter-index-'));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const log = stack.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  for (const tenant of [acme, umbra]) await log.create(tenant, { partitions: 4 });
  const places = stack.use(await openLmdbDeadLetterStore({ dataDir }));
  /** What has been taken in, as it is. */
  const added = { letters: 0, calls: 0 };
  let moved = Promise.withResolvers<undefined>();
  const store: DeadLetterStore = {
    ...places,
    async add(tenant, entries, checkpoint) {
      await places.add(tenant, entries, checkpoint);
      added.letters += entries.length;
      added.calls += 1;
      moved.resolve(undefined);
      moved = Promise.withResolvers();
    },
  };
  const onTenant = (listener: (tenant: Tenant) => void): Disposable => {
    for (const id of [acme, umbra]) listener({ id, partitions: 4, createdAtMs: 0 });
    return { [Symbol.dispose]: () => undefined };
  };
  const start = () => startDeadLetterIndex({ log, tenants: { onTenant }, store, waitingLetters });
  const append = async (tenant: TenantId, ids: readonly string[]): Promise<void> => {
    await log.append(
      { tenant, channel: 'dead_letters' },
      ids.map((id) => letter(id)),
    );
  };
  const until = async (enough: () => boolean): Promise<void> => {
    while (!enough()) await moved.promise;
  };
  return { log, places, start, append, added, until };
}

test('a question sees every dead letter that stands in the log when it is asked', async (t) => {
  const { start, append } = await opened(t);
  await using index = start();
  await append(acme, ['a', 'b', '', 'a']);
  assert.deepEqual(await index.find(acme, inputs('a'), 9), { offsets: [3n, 0n], total: 2 });
  await append(acme, ['a']);
  assert.deepEqual(await index.find(acme, inputs('a'), 2), { offsets: [4n, 3n], total: 3 });
  assert.deepEqual((await index.find(acme, inputs('b'), 9)).offsets, [1n]);
  assert.deepEqual(await index.find(acme, inputs('c'), 9), { offsets: [], total: 0 });
});

test('tenants that share ids do not see each other’s dead letters', async (t) => {
  const { start, append } = await opened(t);
  await using index = start();
  await append(acme, ['x', 'a']);
  await append(umbra, ['a']);
  assert.deepEqual((await index.find(acme, inputs('a'), 9)).offsets, [1n]);
  assert.deepEqual((await index.find(umbra, inputs('a'), 9)).offsets, [0n]);
  assert.deepEqual((await index.find(umbra, inputs('x'), 9)).offsets, []);
});

test('what a projection could not take is told from what senders were refused', async (t) => {
  const { start, log } = await opened(t);
  await using index = start();
  const letters = [letter('a'), letter('a', 'projection'), letter('a', 'import')];
  await log.append({ tenant: acme, channel: 'dead_letters' }, letters);
  assert.deepEqual((await index.find(acme, inputs('a'), 9)).offsets, [2n, 0n]);
  assert.deepEqual((await index.find(acme, { eventId: 'a', kept: 'events' }, 9)).offsets, [1n]);
});

test('ids of any length and with broken surrogates are found as the log has them', async (t) => {
  const { start, append, log } = await opened(t);
  await using index = start();
  const ids = ['é'.repeat(5_000), 'a\u0000b', 'a', 'a\ud800', '\u{1f600}'];
  await append(acme, ids);
  for (const [offset, id] of ids.entries())
    assert.deepEqual(
      (await index.find(acme, inputs(id), 9)).offsets,
      [BigInt(offset)],
      JSON.stringify(id.slice(0, 9)),
    );
  const { next } = await log.bounds({ tenant: acme, channel: 'dead_letters' });
  assert.deepEqual(next, [5n]);
});

test('many that wait are taken in before anybody asks, few are not', async (t) => {
  const { start, append, added, until } = await opened(t, 50);
  await using index = start();
  await append(
    acme,
    Array.from({ length: 49 }, (_, n) => `a${n}`),
  );
  await append(
    umbra,
    Array.from({ length: 50 }, (_, n) => `u${n}`),
  );
  await until(() => added.letters >= 50);
  assert.equal(added.letters, 50, 'those of umbra alone');
  assert.deepEqual((await index.find(acme, inputs('a48'), 9)).offsets, [48n]);
});

test('it goes on where it was, and what came meanwhile is found after a restart', async (t) => {
  const { start, append, added } = await opened(t);
  {
    await using index = start();
    await append(acme, ['a', 'b']);
    await index.find(acme, inputs('a'), 9);
  }
  await append(acme, ['a']);
  await using index = start();
  assert.deepEqual((await index.find(acme, inputs('a'), 9)).offsets, [2n, 0n]);
  assert.equal(added.letters, 3, 'none was taken in twice');
});

test('places that belong to another log, or lie ahead of it, are thrown away', async (t) => {
  const { start, append, places, log } = await opened(t);
  await append(acme, ['a']);
  await append(umbra, ['b']);
  const digest = new Uint8Array(16);
  await places.add(acme, [{ digest, offset: 0n }], { logIdentity: 'another', next: 1n });
  const { identity } = await log.bounds({ tenant: umbra, channel: 'dead_letters' });
  await places.add(umbra, [{ digest, offset: 8n }], { logIdentity: identity, next: 9n });
  await using index = start();
  assert.deepEqual((await index.find(acme, inputs('a'), 9)).offsets, [0n]);
  assert.deepEqual((await index.find(umbra, inputs('b'), 9)).offsets, [0n]);
  for (const tenant of [acme, umbra]) assert.equal((await places.find(tenant, digest, 9)).total, 0);
});

test('a tenant that does not exist is said not to', async (t) => {
  const { start } = await opened(t);
  await using index = start();
  await assert.rejects(
    index.find(tenantOf('nobody'), inputs('a'), 9),
    (error) => error instanceof Fault && error.code === 'TENANT_UNKNOWN',
  );
});
