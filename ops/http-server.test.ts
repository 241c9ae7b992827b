import assert from 'node:assert/strict';
import { Agent, createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Router } from 'express';
import { Fault } from '#domain';
import type { FaultCode } from '#domain';
import { createApi } from './api.ts';
import { openHttpServer } from './http-server.ts';
import type { HttpServer } from './http-server.ts';
import { assembleOpenApi } from './openapi.ts';
import { READINESS_PARTS, Readiness } from './readiness.ts';

type Opened = { readonly server: HttpServer; readonly readiness: Readiness; readonly faults: string[] };

async function open(t: TestContext): Promise<Opened> {
  const readiness = new Readiness();
  const faults: string[] = [];
  let ids = 0;
  const server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    readiness,
    newId: () => `id-${++ids}`,
    onFault: (fault, requestId) => faults.push(`${fault.code} ${requestId}`),
  });
  t.after(() => server[Symbol.asyncDispose]());
  return { server, readiness, faults };
}

/** A platform with an ingest route, a question that answers, and one that fails as it is told to. */
async function openReady(t: TestContext): Promise<Opened> {
  const opened = await open(t);
  const { server, readiness, faults } = opened;
  const router = Router();
  router.post('/ask', (req, res) => {
    res.json({ asked: req.body as unknown });
  });
  router.get('/fail/:code', (req) => {
    throw new Fault(req.params.code as FaultCode, undefined, { details: { offset: 17n } });
  });
  router.get('/crash', async () => {
    await Promise.resolve();
    throw new Error('password=hunter2');
  });
  router.get('/half', (_req, res) => {
    res.write('{"half":');
    throw new Error('in the middle');
  });
  const post = { post: { responses: { 200: { description: 'ok' } } } };
  const document = assembleOpenApi('1.2.3', [{ paths: { '/ask': post, '/items/{id}': post }, schemas: {} }]);
  server.serve({
    ingress: (req, res) => {
      if (req.url !== '/ingest') return false;
      res.end('taken');
      return true;
    },
    api: createApi({
      routers: [router],
      document,
      config: { DAYBOOK_KEY: '***' },
      requestIdOf: (header) => server.requestIdOf(header),
      onFault: (fault, requestId) => faults.push(`${fault.code} ${requestId}`),
    }),
  });
  for (const part of READINESS_PARTS) readiness.done(part);
  return opened;
}

const errorOf = async (response: Response): Promise<Record<string, unknown>> =>
  ((await response.json()) as { error: Record<string, unknown> }).error;

test('it is live from the first moment, and ready only when nothing is missing any more', async (t) => {
  const { server, readiness } = await open(t);
  const ready = async () => {
    const response = await fetch(`${server.url}/ready`);
    return [response.status, await response.json()];
  };
  assert.equal((await fetch(`${server.url}/live`)).status, 200);
  assert.deepEqual(await ready(), [503, { status: 'starting', missing: [...READINESS_PARTS] }]);
  const [last, ...others] = READINESS_PARTS;
  for (const part of others) readiness.done(part);
  assert.deepEqual(await ready(), [503, { status: 'starting', missing: [last] }]);
  readiness.done(last);
  assert.deepEqual(await ready(), [200, { status: 'ready', missing: [] }]);
  readiness.stop();
  assert.deepEqual(await ready(), [503, { status: 'stopping', missing: [] }]);
  assert.equal((await fetch(`${server.url}/live`)).status, 200);
  assert.equal((await fetch(`${server.url}/live`, { method: 'POST' })).status, 405);
});

test('until it is ready every other path answers 503 NOT_READY and may be tried again', async (t) => {
  const { server } = await open(t);
  for (const path of ['/', '/ingest', '/api/v1/docs', '/config', '/live/x']) {
    const response = await fetch(server.url + path, { method: 'POST', body: '{"half a body' });
    assert.equal(response.status, 503, path);
    assert.equal(response.headers.get('retry-after'), '1');
    const error = await errorOf(response);
    assert.deepEqual([error['code'], error['retryable']], ['NOT_READY', true]);
  }
});

test('ready, it serves the ingest routes first and the questions after them', async (t) => {
  const { server } = await openReady(t);
  assert.equal(await (await fetch(`${server.url}/ingest`, { method: 'POST' })).text(), 'taken');
  const asked = await fetch(`${server.url}/ask`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual(await asked.json(), { asked: { a: 1 } });
  assert.deepEqual(await (await fetch(`${server.url}/config`)).json(), { DAYBOOK_KEY: '***' });
});

test('a fault is answered by its own status and body, and told to the log with the same id', async (t) => {
  const { server, faults } = await openReady(t);
  const response = await fetch(`${server.url}/fail/QUERY_TOO_DEAR`, {
    headers: { 'x-request-id': 'mine-1' },
  });
  assert.equal(response.status, 422);
  assert.equal(response.headers.get('x-request-id'), 'mine-1');
  assert.deepEqual(await errorOf(response), {
    code: 'QUERY_TOO_DEAR',
    message: 'The question exceeded its limit of time, rows or memory.',
    retryable: false,
    request_id: 'mine-1',
    details: { offset: '17' },
  });
  assert.deepEqual(faults, ['QUERY_TOO_DEAR mine-1']);
});

test('nothing from inside gets into a body: neither texts nor stacks', async (t) => {
  const { server, faults } = await openReady(t);
  const response = await fetch(`${server.url}/crash`);
  assert.equal(response.status, 500);
  const text = await response.text();
  assert.doesNotMatch(text, /hunter2|\.ts|\n\s+at /);
  assert.match(text, /"code":"INTERNAL"/);
  assert.equal(faults.length, 1);
  await assert.rejects(async () => (await fetch(`${server.url}/half`)).text());
});

test('a request id that could break a log line or header is replaced', async (t) => {
  const { server } = await openReady(t);
  for (const id of ['a b', 'x'.repeat(129), '"', '<script>']) {
    const response = await fetch(`${server.url}/config`, { headers: { 'x-request-id': id } });
    assert.match(response.headers.get('x-request-id') ?? '', /^id-\d+$/, id);
  }
});

test('an unknown path is 404, a known one with another method 405 with the methods it has', async (t) => {
  const { server } = await openReady(t);
  const unknown = await fetch(`${server.url}/nothing`);
  assert.deepEqual([unknown.status, (await errorOf(unknown))['code']], [404, 'NOT_FOUND']);
  for (const path of ['/ask', '/items/7', '/ask/']) {
    const wrong = await fetch(server.url + path);
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST'], path);
    assert.equal((await errorOf(wrong))['code'], 'METHOD_NOT_ALLOWED');
  }
  assert.equal((await fetch(`${server.url}/items/7/more`)).status, 404);
});

test('bodies that cannot be read are the caller’s mistake', async (t) => {
  const { server } = await openReady(t);
  const post = async (body: string, type = 'application/json') => {
    const response = await fetch(`${server.url}/ask`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });
    return [response.status, (await errorOf(response))['code']];
  };
  assert.deepEqual(await post('{"a":'), [400, 'INGRESS_BODY_INVALID']);
  assert.deepEqual(await post(`"${'x'.repeat(1_100_000)}"`), [413, 'INGRESS_BODY_TOO_LARGE']);
  assert.deepEqual(await post('{}', 'application/json; charset=klingon'), [
    415,
    'INGRESS_MEDIA_TYPE_UNSUPPORTED',
  ]);
  const badPath = await fetch(`${server.url}/fail/%E0%A4%A`);
  assert.equal(badPath.status, 400);
});

test('draining answers what is in flight and takes nothing new', async (t) => {
  const { server, readiness } = await open(t);
  const begun = Promise.withResolvers<undefined>();
  const finish = Promise.withResolvers<undefined>();
  server.serve({
    ingress: (_req, res) => {
      begun.resolve(undefined);
      void finish.promise.then(() => res.end('whole'));
      return true;
    },
    api: () => undefined,
  });
  for (const part of READINESS_PARTS) readiness.done(part);
  // A client that keeps its connection, so that only the server can end it.
  const agent = new Agent({ keepAlive: true });
  const inFlight = once(get(`${server.url}/slow`, { agent }), 'response') as Promise<[IncomingMessage]>;
  await begun.promise;
  readiness.stop();
  const drained = server.drain(60_000);
  await assert.rejects(fetch(`${server.url}/live`));
  finish.resolve(undefined);
  assert.equal(await text((await inFlight)[0]), 'whole');
  await drained;
  agent.destroy();
});

test('a request that does not end is broken off when the grace is over', async (t) => {
  const { server, readiness } = await open(t);
  const begun = Promise.withResolvers<undefined>();
  const brokenOff = Promise.withResolvers<undefined>();
  server.serve({
    ingress: (_req, res) => {
      begun.resolve(undefined);
      res.once('close', () => {
        brokenOff.resolve(undefined);
      });
      return true;
    },
    api: () => undefined,
  });
  for (const part of READINESS_PARTS) readiness.done(part);
  const inFlight = assert.rejects(fetch(`${server.url}/endless`));
  await begun.promise;
  await server.drain(5);
  await Promise.all([brokenOff.promise, inFlight]);
});

test('a port in use is said in a sentence with what to do', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const options = {
    host: '127.0.0.1',
    port,
    readiness: new Readiness(),
    newId: () => '',
    onFault: () => undefined,
  };
  await assert.rejects(openHttpServer(options), (error) => {
    assert.ok(error instanceof Fault && error.code === 'CONFIG_INVALID');
    assert.match(error.message, new RegExp(`Port ${port} .* in use .* DAYBOOK_HTTP_PORT`));
    return true;
  });
});

test('the page of the API and all it loads come from this server', async (t) => {
  const { server } = await openReady(t);
  const page = await fetch(`${server.url}/api/v1/docs`);
  const html = await page.text();
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
  assert.ok(addresses.length >= 4);
  for (const address of addresses) {
    assert.ok(address.startsWith('/'), address);
    assert.equal((await fetch(server.url + address)).status, 200, address);
  }
  const document = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as { openapi: string };
  assert.equal(document.openapi, '3.1.0');
});
