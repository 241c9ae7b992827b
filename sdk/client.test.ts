import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { v7 as newId } from 'uuid';
import type { JsonObject, TenantId } from '#domain';
import { createHttpIngress, createIngress } from '#ingress';
import { openTenants } from '#log';
import type { EventLog } from '#log';
import { createSchemaRegistry } from '#schema-registry';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { SendError, createClient } from './client.ts';

type Door = { readonly url: string; readonly log: EventLog; readonly bodies: string[] };

/** The real ingress over a real log, behind something that may spoil an exchange. */
async function openDoor(
  t: TestContext,
  spoil: (attempt: number, req: IncomingMessage, res: ServerResponse) => 'serve' | 'lose_answer' | 'done',
): Promise<Door> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-sdk-'));
  const log = await openLmdbEventLog({ dataDir });
  const streams = await openLmdbStreamStore({ dataDir });
  const tenants = await openTenants(streams, log, { partitions: 2, clock: Date.now, newId });
  const ingress = createIngress({
    log,
    tenants,
    registry: createSchemaRegistry(),
    lookUpPlace: () => undefined,
    clock: Date.now,
    newId,
    maxAgeDays: 0,
  });
  const door = createHttpIngress(ingress, {
    fail: (res) => {
      res.writeHead(500).end();
    },
  });
  const bodies: string[] = [];
  let attempts = 0;
  const server = createServer((req, res) => {
    req.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
    const what = spoil(++attempts, req, res);
    if (what === 'done') return;
    if (what === 'lose_answer') res.end = () => res.destroy();
    door.handle(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await tenants[Symbol.asyncDispose]();
    await streams[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, log, bodies };
}

function signups(count: number): JsonObject[] {
  return Array.from({ length: count }, (_, i) => ({ event_name: 'signup', user_id: `u${i}` }));
}

async function storedOf(log: EventLog): Promise<bigint> {
  const { next } = await log.bounds({ tenant: 'acme' as TenantId, channel: 'events' });
  return next.reduce((sum, offset) => sum + offset, 0n);
}

test('every event gets its outcome, in order, also beyond one batch', async (t) => {
  const { url, log } = await openDoor(t, () => 'serve');
  const results = await createClient({ url, tenantId: 'acme' }).track([...signups(250), { event_name: 7 }]);
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    [...Array.from({ length: 250 }, () => 'accepted'), 'rejected'],
  );
  assert.equal(results[250]?.errors?.[0]?.field, 'event_name');
  assert.equal(await storedOf(log), 250n);
});

test('an event whose answer was lost is sent again under the same id and stored once', async (t) => {
  const { url, log, bodies } = await openDoor(t, (attempt) => (attempt === 1 ? 'lose_answer' : 'serve'));
  const results = await createClient({ url, tenantId: 'acme', retryDelayMs: 1 }).track(signups(3));
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['duplicate', 'duplicate', 'duplicate'],
  );
  assert.equal(await storedOf(log), 3n);
  assert.equal(bodies.length, 2);
  assert.equal(bodies[0], bodies[1]);
});

test('a platform that asks to wait is asked again', async (t) => {
  const { url, log } = await openDoor(t, (attempt, _req, res) => {
    if (attempt > 2) return 'serve';
    res.writeHead(503).end();
    return 'done';
  });
  const results = await createClient({ url, tenantId: 'acme', retryDelayMs: 1 }).track(signups(1));
  assert.equal(results[0]?.outcome, 'accepted');
  assert.equal(await storedOf(log), 1n);
});

test('what could not be sent comes back with its ids, and can be sent later', async (t) => {
  let broken = true;
  const { url, log } = await openDoor(t, (_attempt, req) => {
    if (!broken) return 'serve';
    req.socket.destroy();
    return 'done';
  });
  const client = createClient({ url, tenantId: 'acme', retries: 1, retryDelayMs: 1 });
  const error: unknown = await client.track(signups(2)).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SendError);
  assert.equal(error.unsent.length, 2);
  const id = error.unsent[0]?.['event_id'];
  assert.ok(typeof id === 'string');
  assert.match(id, /^evt_[0-9a-f-]{36}$/);
  broken = false;
  const results = await client.track(error.unsent);
  assert.deepEqual(
    results.map(({ event_id }) => event_id),
    error.unsent.map((event) => event['event_id']),
  );
  assert.equal(await storedOf(log), 2n);
});

test('a request that is refused for good is not repeated', async (t) => {
  const { url, bodies } = await openDoor(t, (_attempt, _req, res) => {
    res.writeHead(401).end('no');
    return 'done';
  });
  await assert.rejects(createClient({ url, tenantId: 'acme', retryDelayMs: 1 }).track(signups(1)), SendError);
  assert.equal(bodies.length, 1);
});
