import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import express from 'express';
import type { ErrorRequestHandler } from 'express';
import { Fault, parseReceipt, parseTenantId } from '#domain';
import type { Position, TenantId } from '#domain';
import { createAudit } from '#log';
import type { AppendOutcome, Audit, EventLog, NewRecord } from '#log';
import type { FactStore } from '#projections';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { createRawHistoryRouter } from './http-raw-history.ts';
import { createRawHistory } from './raw-history.ts';

const tenantOf = (id: string): TenantId => {
  const parsed = parseTenantId(id);
  assert.ok(parsed.ok);
  return parsed.tenant;
};
const acme = tenantOf('acme');
const globex = tenantOf('globex');

const record = (n: number, user: string, value = `{"event_id":"evt_${n}"}`): NewRecord => ({
  key: Buffer.from(user),
  headers: {
    eventId: `evt_${n}`,
    contentHash: new Uint8Array(16).fill(n),
    source: 'http',
    schema: 'envelope.generic',
    schemaVersion: 1,
    receivedAtMs: 1_700_000_000_000 + n,
    timestampMs: 1_600_000_000_000 + n,
    valid: true,
  },
  value: Buffer.from(value),
});

type Line = { position: { partition: number; offset: string }; receipt: string; event: unknown } & {
  headers: Record<string, unknown>;
};

async function open(
  t: TestContext,
): Promise<{ log: EventLog; audit: Audit; url: string; stop: AbortController }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-tail-'));
  const log = await openLmdbEventLog({ dataDir });
  await log.create(acme, { partitions: 4 });
  await log.create(globex, { partitions: 4 });
  const stop = new AbortController();
  const app = express();
  const streams = await openLmdbStreamStore({ dataDir, name: 'audit' });
  const audit = createAudit(streams, { newId: randomUUID });
  // The newest records are never looked for in the facts.
  const facts = {} as FactStore;
  const progress = { state: async () => undefined };
  const history = createRawHistory({ log, facts, progress, audit, clock: Date.now });
  app.use(createRawHistoryRouter({ history, signal: stop.signal }));
  const failed: ErrorRequestHandler = (error, _req, res, _next) => {
    res.status(error instanceof Fault ? 400 : 500).json({ code: (error as Fault).code });
  };
  app.use(failed);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await log[Symbol.asyncDispose]();
    await streams[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/log/tail`;
  return { log, audit, url, stop };
}

const linesOf = async (url: string): Promise<Line[]> => {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  const text = await response.text();
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
};

test('the newest records of all partitions come in the order in which they were received', async (t) => {
  const { log, url } = await open(t);
  const outcomes: AppendOutcome[] = [];
  for (let n = 1; n <= 30; n++) {
    outcomes.push(...(await log.append({ tenant: acme, channel: 'events' }, [record(n, `u${n}`)])));
  }
  const lines = await linesOf(`${url}?tenant_id=acme&n=12`);
  assert.deepEqual(
    lines.map(({ headers }) => headers['event_id']),
    Array.from({ length: 12 }, (_, i) => `evt_${i + 19}`),
  );
  for (const [i, line] of lines.entries()) {
    const position: Position | undefined = outcomes[i + 18]?.position;
    assert.deepEqual(line.position, { partition: position?.partition, offset: String(position?.offset) });
    const receipt = parseReceipt(line.receipt);
    assert.deepEqual([receipt?.partition, receipt?.offset], [position?.partition, position?.offset]);
  }
  assert.equal(lines[0]?.headers['received_at'], '2023-11-14T22:13:20.019Z');
  assert.equal((await linesOf(`${url}?tenant_id=acme`)).length, 10);
  assert.equal((await linesOf(`${url}?tenant_id=acme&n=0`)).length, 0);
});

test('another tenant’s records and the dead letters do not show among the events', async (t) => {
  const { log, url } = await open(t);
  await log.append({ tenant: acme, channel: 'events' }, [record(1, 'u')]);
  await log.append({ tenant: globex, channel: 'events' }, [record(2, 'u')]);
  await log.append({ tenant: acme, channel: 'dead_letters' }, [record(3, 'u', 'not {JSON')]);
  assert.deepEqual(
    (await linesOf(`${url}?tenant_id=acme`)).map(({ event }) => event),
    [{ event_id: 'evt_1' }],
  );
  assert.deepEqual(
    (await linesOf(`${url}?tenant_id=acme&channel=dead_letters`)).map(({ event }) => event),
    ['not {JSON'],
  );
});

test('following goes on with what comes, and ends when the platform stops', async (t) => {
  const { log, url, stop } = await open(t);
  const name = { tenant: acme, channel: 'events' } as const;
  await log.append(name, [record(1, 'u')]);
  const request = get(`${url}?tenant_id=acme&follow=1`);
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const nextId = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as Line).headers['event_id'];
  };
  assert.equal(await nextId(), 'evt_1');
  await log.append(name, [record(2, 'v'), record(3, 'w')]);
  assert.deepEqual([await nextId(), await nextId()].sort(), ['evt_2', 'evt_3']);
  stop.abort();
  assert.equal(await nextId(), undefined);
});

test('a reader that takes nothing slows the reading of the log, and going away ends it', async (t) => {
  const { log, url } = await open(t);
  const name = { tenant: acme, channel: 'events' } as const;
  let handedOut = 0;
  const read = log.read.bind(log);
  log.read = async function* (...args) {
    for await (const batch of read(...args)) {
      handedOut += batch.records.length;
      yield batch;
    }
  };
  const request = get(`${url}?tenant_id=acme&n=0&follow=1`);
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  response.pause();
  const filler = 'x'.repeat(20_000);
  const total = 3_000;
  for (let n = 0; n < total; n += 100) {
    const values = Array.from({ length: 100 }, (_, i) => record(n + i, 'u', `{"filler":"${filler}"}`));
    await log.append(name, values);
  }
  // 60 MB stand in the log; the sockets' buffers hold a few.
  assert.ok(handedOut < total / 2, `${handedOut} of ${total} were read for a reader that took none`);
  request.destroy();
  await once(request, 'close');
});

test('what is asked for must be of the documented form', async (t) => {
  const { url } = await open(t);
  for (const [search, code] of [
    ['', 'TENANT_INVALID'],
    ['?tenant_id=a/../b', 'TENANT_INVALID'],
    ['?tenant_id=acme&tenant_id=globex', 'TENANT_INVALID'],
    ['?tenant_id=acme-dlq', 'TENANT_INVALID'],
    ['?tenant_id=nobody', 'TENANT_UNKNOWN'],
    ['?tenant_id=acme&n=1001', 'QUERY_INVALID'],
    ['?tenant_id=acme&n=-1', 'QUERY_INVALID'],
    ['?tenant_id=acme&follow=yes', 'QUERY_INVALID'],
    ['?tenant_id=acme&channel=both', 'QUERY_INVALID'],
  ] as const) {
    const response = await fetch(url + search);
    assert.deepEqual(await response.json(), { code }, search);
  }
});
