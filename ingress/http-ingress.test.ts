import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { ACTIONS, Fault, parseReceipt } from '#domain';
import type { JsonObject } from '#domain';
import type { EventLog } from '#log';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Said } from '../test/door.ts';

const TRACK = '/api/v1/behaviors/track';
const BATCH = '/api/v1/behaviors/track/batch';
const VALIDATE = '/api/v1/behaviors/validate';

const CLICK = {
  event_id: 'evt_1',
  tenant_id: 'acme',
  scenario_id: 'vlog_feed',
  user_id: 'user_1',
  item_id: 'item_1',
  action_type: 'click',
  timestamp: NOW_MS - 1000,
  context: { device_type: 'mobile', os: 'iOS', location: 'Beijing' },
  position: 3,
} as const satisfies JsonObject;

test('an event is answered with its receipt and stands where the receipt says', async () => {
  await using door = await openDoor();
  const { status, body } = await door.post(TRACK, CLICK, { 'x-request-id': 'req-7' });
  assert.equal(status, 200);
  const [event] = await door.events();
  const receipt = body['receipt'] as JsonObject;
  assert.deepEqual(body, {
    success: true,
    event_id: 'evt_1',
    message: 'Event tracked successfully',
    outcome: 'accepted',
    receipt,
    warnings: [],
    validation_warnings: [],
  });
  assert.equal(receipt['partition'], event?.partition);
  assert.equal(receipt['offset'], '0');
  const { identity } = await door.log.bounds({ tenant: 'acme' as never, channel: 'events' });
  assert.deepEqual(parseReceipt(receipt['token'] as string), {
    logIdentity: identity,
    partition: event?.partition,
    offset: 0n,
  });
  assert.equal(event?.sent, undefined);
  assert.deepEqual(event?.value, {
    ...CLICK,
    kind: 'behaviour',
    event_name: 'click',
    server_time: NOW_MS,
    ip_prefix: '127.0.0.0/24',
    valid_status: 1,
    schema: 'envelope.behaviour',
    schema_version: 1,
  });
});

test('the same event again is a duplicate, however it is written; another body under its id a conflict', async () => {
  await using door = await openDoor();
  const first = await door.post(TRACK, CLICK);
  const turned = Object.fromEntries(Object.entries(CLICK).reverse());
  const again = await door.postText(TRACK, JSON.stringify(turned, null, 2));
  assert.equal(again.status, 200);
  assert.equal(again.body['outcome'], 'duplicate');
  assert.deepEqual(again.body['receipt'], first.body['receipt']);

  const other =
    '{ "event_id":"evt_1", ' + JSON.stringify({ ...CLICK, item_id: 'item_2', event_id: undefined }).slice(1);
  const conflict = await door.postText(TRACK, other);
  assert.equal(conflict.status, 409);
  assert.equal(conflict.body['success'], false);
  assert.equal(conflict.body['outcome'], 'conflict');
  assert.deepEqual(conflict.body['receipt'], first.body['receipt']);
  assert.equal((await door.events()).length, 1);
  const [letter] = await door.deadLetters();
  assert.equal(letter?.sent, other);
  assert.equal(letter.letter.reason, 'conflict');
  const { partition, offset } = first.body['receipt'] as { partition: number; offset: string };
  assert.deepEqual(letter.letter.first, { partition, offset });
  assert.equal((conflict.body['dead_letter'] as JsonObject)['offset'], String(letter.offset));
});

test('what honest retries differ in does not make them conflicts: time, address and id are not sent twice', async () => {
  await using door = await openDoor();
  const { timestamp: _, ...untimed } = CLICK;
  await door.post(TRACK, untimed);
  const retry = await door.post(TRACK, untimed, { 'x-forwarded-for': '203.0.113.9' });
  assert.equal(retry.body['outcome'], 'duplicate');
});

test('without an event id every attempt is a new event with an id of its own', async () => {
  await using door = await openDoor();
  const { event_id: _, ...nameless } = CLICK;
  const one = await door.post(TRACK, nameless);
  const two = await door.post(TRACK, nameless);
  assert.match(one.body['event_id'] as string, /^evt_[0-9a-f-]{36}$/);
  assert.notEqual(one.body['event_id'], two.body['event_id']);
  assert.equal(two.body['outcome'], 'accepted');
});

test('all 38 actions are taken, and the alias with a warning', async () => {
  await using door = await openDoor();
  const events = [...ACTIONS, 'not_interested'].map((action_type) => ({
    ...CLICK,
    event_id: `evt_${action_type}`,
    action_type,
  }));
  const { body } = await door.post(BATCH, { events });
  assert.equal(body['succeeded'], 39);
  const kept = (await door.events()).map(({ value }) => [
    value['event_id'],
    value['action_type'],
    value['event_name'],
  ]);
  const expected = [...ACTIONS, 'not_interested'].map((sent) => {
    const action = sent === 'not_interested' ? 'not_interest' : sent;
    return [`evt_${sent}`, action, action];
  });
  assert.deepEqual(kept.toSorted(), expected.toSorted());
  const results = body['results'] as readonly JsonObject[];
  assert.deepEqual(results.at(-1)?.['warnings'], [
    { field: 'action_type', code: 'alias', message: 'was taken as not_interest' },
  ]);
});

test('a batch mixes kinds and tenants, and one bad event does not refuse the others', async () => {
  await using door = await openDoor();
  const generic = { tenant_id: 'other', event_name: 'pageview', device_id: 'd', event_id: 'g' };
  const bad = '{"event_id":"b","tenant_id":"acme", "user_id":17}';
  const text = `{"events":[${JSON.stringify(CLICK)}, ${bad} ,${JSON.stringify(generic)},${JSON.stringify(CLICK)},7]}`;
  const { status, body } = await door.postText(BATCH, text);
  assert.equal(status, 200);
  const { results, ...totals } = body;
  assert.deepEqual(totals, { success: true, total: 5, succeeded: 3, failed: 2 });
  const said = (results as readonly JsonObject[]).map(({ index, event_id, outcome, errors }) => [
    index,
    event_id,
    outcome,
    (errors as readonly Said[]).map(({ field, code }) => `${field} ${code}`),
  ]);
  assert.deepEqual(said, [
    [0, 'evt_1', 'accepted', []],
    [
      1,
      'b',
      'rejected',
      [
        'scenario_id required',
        'item_id required',
        'action_type required',
        'context required',
        'user_id type',
      ],
    ],
    [2, 'g', 'accepted', []],
    [3, 'evt_1', 'duplicate', []],
    [4, null, 'rejected', [' not_an_object']],
  ]);
  assert.equal((await door.events('other')).length, 1);
  const letters = await door.deadLetters();
  assert.deepEqual(
    letters.map(({ sent }) => sent),
    [bad],
    'an input without a tenant is nobody’s dead letter',
  );
});

test('a batch of 101, of none, or of something else is refused whole, and keeps no event', async () => {
  await using door = await openDoor();
  await door.post(TRACK, CLICK);
  const events = Array.from({ length: 101 }, (_, n) => ({ ...CLICK, event_id: `evt_b${n}` }));
  const refused: readonly (readonly [JsonObject, string])[] = [
    [{ events }, 'events batch_size'],
    [{ events: [] }, 'events batch_size'],
    [{}, 'events required'],
    [{ events: {} }, 'events type'],
  ];
  for (const [body, expected] of refused) {
    const answer = await door.post(BATCH, body);
    assert.equal(answer.status, 400);
    const [error] = answer.body['errors'] as readonly Said[];
    assert.equal(`${error?.field ?? ''} ${error?.code ?? ''}`, expected);
  }
  const twice = await door.postText(BATCH, `{"events":[${JSON.stringify(CLICK)}],"events":[]}`);
  assert.equal(twice.status, 400);
  assert.equal((await door.events()).length, 1);
  assert.equal((await door.post(BATCH, { events: events.slice(1) })).body['succeeded'], 100);
});

test('a dry run does the same checks, answers 200 and changes nothing', async () => {
  await using door = await openDoor();
  await door.post(TRACK, CLICK);
  const bounds = async (): Promise<unknown> =>
    Promise.all(
      (['events', 'dead_letters'] as const).map((channel) =>
        door.log.bounds({ tenant: 'acme' as never, channel }),
      ),
    );
  const before = await bounds();
  const counts = door.ingress.counts();
  const good = await door.post(VALIDATE, { ...CLICK, event_id: 'new', extra: 1 });
  assert.equal(good.status, 200);
  assert.equal(good.body['success'], true);
  assert.equal((good.body['warnings'] as unknown[]).length, 1);
  const bad = await door.post(VALIDATE, { ...CLICK, user_id: '' });
  assert.equal(bad.status, 200);
  assert.equal(bad.body['success'], false);
  assert.deepEqual(bad.body['errors'], [
    { field: 'user_id', code: 'required', message: 'must not be empty' },
  ]);
  const batch = await door.post(VALIDATE, { events: [CLICK, {}] });
  assert.deepEqual([batch.status, batch.body['success'], batch.body['total']], [200, false, 2]);
  assert.equal((await door.postText(VALIDATE, 'no')).body['success'], false);
  assert.deepEqual(await bounds(), before);
  assert.deepEqual(door.ingress.counts(), counts);
});

test('the event gateway takes the documented sample and answers in its own bodies', async () => {
  await using door = await openDoor();
  const sample = {
    event_name: 'pageview',
    user_id: 'user_123',
    device_id: 'device_456',
    event_time: 1_717_251_000_000,
    properties: { page_url: 'https://example.com/product/1', referrer: 'google.com' },
  };
  const { status, body } = await door.post('/v1/track', sample, { 'x-tenant-id': 'acme' });
  assert.deepEqual([status, body['status'], body['outcome']], [200, 'ok', 'accepted']);
  const [event] = await door.events();
  assert.equal(event?.value['kind'], 'generic');
  assert.equal(event.value['timestamp'], 1_717_251_000_000);
  assert.deepEqual(event.value['properties'], sample.properties);
  assert.equal(event.sent, undefined, 'the alias of the time is no change');
  const bad = await door.post(
    '/v1/track',
    { ...sample, event_name: undefined as never },
    { 'x-tenant-id': 'acme' },
  );
  assert.equal(bad.status, 400);
  assert.equal(bad.body['error'], 'event_name is required');
  const wrongMethod = await door.send('/v1/track');
  assert.equal(wrongMethod.status, 405);
  assert.equal(typeof wrongMethod.body['error'], 'string');
});

test('a front-end tracker sends camelCase, and the device type is told by its User-Agent', async () => {
  await using door = await openDoor();
  const sent = {
    action: 'click',
    itemId: 'i',
    userId: 'u',
    tenantId: 'acme',
    scenarioId: 's',
    eventId: 'e1',
  };
  const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Mobile/15E148';
  const told = await door.post('/api/v1/behaviors', sent, { 'user-agent': phone });
  assert.equal(told.status, 200);
  assert.deepEqual(told.body['warnings'], []);
  const assumed = await door.post('/api/v1/behaviors', { ...sent, eventId: 'e2' }, { 'user-agent': 'node' });
  assert.equal((assumed.body['warnings'] as readonly JsonObject[])[0]?.['code'], 'device_type_assumed');
  const kept = await door.events();
  assert.deepEqual(
    kept.map(({ value }) => value['context']),
    [{ device_type: 'mobile' }, { device_type: 'pc' }],
  );
  assert.equal(kept[0]?.sent, JSON.stringify(sent));
  const again = await door.post('/api/v1/behaviors', sent, { 'user-agent': 'another browser' });
  assert.equal(again.body['outcome'], 'duplicate');
});

test('the tenant is that of the event, else that of the header; without either 400, against it 403', async () => {
  await using door = await openDoor();
  const { tenant_id: _, ...homeless } = CLICK;
  assert.equal((await door.post(TRACK, homeless, { 'x-tenant-id': 'acme' })).status, 200);
  const none = await door.post(TRACK, homeless);
  assert.equal(none.status, 400);
  assert.equal((none.body['errors'] as readonly JsonObject[])[0]?.['field'], 'tenant_id');
  assert.equal(none.body['dead_letter'], undefined);
  const against = await door.post(TRACK, { ...CLICK, tenant_id: 'other' }, { 'x-tenant-id': 'acme' });
  assert.equal(against.status, 403);
  assert.equal((against.body['error'] as JsonObject)['code'], 'TENANT_MISMATCH');
  assert.equal((await door.deadLetters())[0]?.letter.reason, 'tenant_mismatch');
  await assert.rejects(door.events('other'), { code: 'TENANT_UNKNOWN' });
  for (const tenant_id of ['Acme', 'acme-dlq', '../etc', '-a', 'a'.repeat(65), 'a b']) {
    const answer = await door.post(TRACK, { ...CLICK, tenant_id });
    assert.equal(answer.status, 400, tenant_id);
    assert.equal((answer.body['errors'] as readonly JsonObject[])[0]?.['code'], 'tenant_invalid');
  }
});

test('the health counts every answer, of all and of each tenant, and has no rate at zero', async () => {
  await using door = await openDoor();
  const stats = async (query = ''): Promise<unknown> =>
    (await door.send(`/api/v1/behaviors/health${query}`)).body['stats'];
  const zero = {
    total_events: 0,
    kafka_success: 0,
    kafka_failed: 0,
    rejected: 0,
    duplicates: 0,
    conflicts: 0,
    validation_warnings: 0,
    success_rate: null,
  };
  assert.deepEqual(await stats(), zero);
  await door.post(BATCH, {
    events: [CLICK, CLICK, { ...CLICK, position: 4 }, { ...CLICK, event_id: 'w', more: 1 }, {}],
  });
  const acme = {
    ...zero,
    total_events: 4,
    kafka_success: 2,
    duplicates: 1,
    conflicts: 1,
    validation_warnings: 1,
  };
  assert.deepEqual(await stats(), { ...acme, total_events: 5, rejected: 1, success_rate: 50 });
  assert.deepEqual(await stats('?tenant_id=acme'), { ...acme, success_rate: 50 });
  assert.deepEqual(await stats('?tenant_id=nobody'), zero);
});

/** A log that cannot take what `refuses` picks. */
function failing(log: EventLog, refuses: (tenant: string) => boolean): EventLog {
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'append') {
        return (to: { tenant: string }, entries: never) =>
          refuses(to.tenant)
            ? Promise.reject(new Fault('LOG_OVERLOADED'))
            : target.append(to as never, entries);
      }
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

test('an overloaded log is answered 503 with Retry-After, and a batch partly stored says so per event', async () => {
  await using door = await openDoor({ wrapLog: (log) => failing(log, (tenant) => tenant === 'busy') });
  const single = await door.post(TRACK, { ...CLICK, tenant_id: 'busy' });
  assert.equal(single.status, 503);
  assert.equal(single.headers.get('retry-after'), '1');
  const gateway = await door.post('/v1/track', { tenant_id: 'busy', event_name: 'x', user_id: 'u' });
  assert.deepEqual([gateway.status, typeof gateway.body['error']], [503, 'string']);
  assert.equal(gateway.headers.get('retry-after'), '1');
  const batch = await door.post(BATCH, { events: [CLICK, { ...CLICK, tenant_id: 'busy' }] });
  assert.equal(batch.status, 503);
  assert.equal(batch.headers.get('retry-after'), '1');
  const results = batch.body['results'] as readonly JsonObject[];
  assert.deepEqual(
    results.map(({ outcome, errors }) => [outcome, (errors as readonly Said[]).map(({ code }) => code)]),
    [
      ['accepted', []],
      ['rejected', ['not_stored']],
    ],
  );
  assert.equal((await door.events()).length, 1);
  assert.equal(door.ingress.counts().failed, 3);
});

test('compressed bodies are taken in every encoding of browsers and SDKs', async () => {
  await using door = await openDoor();
  const encodings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };
  for (const [encoding, compress] of Object.entries(encodings)) {
    const body = compress(JSON.stringify({ ...CLICK, event_id: encoding }));
    assert.equal((await door.post(TRACK, body, { 'content-encoding': encoding })).status, 200, encoding);
  }
  assert.equal((await door.post(TRACK, Buffer.from('{}'), { 'content-encoding': 'rot13' })).status, 415);
  assert.equal((await door.post(TRACK, Buffer.from('{}'), { 'content-encoding': 'gzip' })).status, 400);
});

test('sendBeacon works from any page: its text bodies and its preflight', async () => {
  await using door = await openDoor();
  const origin = 'http://shop.example';
  const beacon = await door.post(TRACK, CLICK, { 'content-type': 'text/plain;charset=UTF-8', origin });
  assert.equal(beacon.status, 200);
  assert.equal(beacon.headers.get('access-control-allow-origin'), origin);
  const preflight = await door.send(TRACK, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/);
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /content-type/);
  assert.equal((await door.post(TRACK, CLICK)).headers.get('access-control-allow-origin'), null);
});

test('methods, media types and paths that are none of ours are refused as such', async () => {
  await using door = await openDoor();
  const got = await door.send(TRACK);
  assert.deepEqual([got.status, got.headers.get('allow')], [405, 'POST, OPTIONS']);
  assert.equal(
    (await door.send('/api/v1/behaviors/health', { method: 'POST' })).headers.get('allow'),
    'GET, OPTIONS',
  );
  assert.equal((await door.post(TRACK, CLICK, { 'content-type': 'multipart/form-data' })).status, 415);
  assert.equal(
    (await door.post(TRACK, CLICK, { 'content-type': 'application/json; charset=utf-16' })).status,
    415,
  );
  assert.equal(
    (await door.post(TRACK, CLICK, { 'content-type': 'application/json; charset=UTF-8' })).status,
    200,
  );
  const curl = await door.post(TRACK, CLICK, { 'content-type': 'application/x-www-form-urlencoded' });
  assert.equal(curl.status, 200);
  assert.equal((await door.send('/api/v1/behaviors/other')).status, 404);
  const echoed = await door.send(TRACK, { headers: { 'x-request-id': 'abc-1' } });
  assert.ok(echoed.headers.get('x-request-id'));
});

test('answers to requests sent one behind the other come back in their order', async () => {
  await using door = await openDoor();
  const request = (id: string): string => {
    const body = JSON.stringify({ ...CLICK, event_id: id });
    return `POST ${TRACK} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n`.concat(
      id === 'p3' ? 'connection: close\r\n' : '',
      `\r\n${body}`,
    );
  };
  const text = await door.raw(Buffer.from(['p1', 'p2', 'p3'].map(request).join('')));
  assert.deepEqual(
    text.match(/"event_id":"(p\d)"/g),
    ['p1', 'p2', 'p3'].map((id) => `"event_id":"${id}"`),
  );
});

test('a client that goes away in the middle of its body harms nobody', async () => {
  await using door = await openDoor();
  const socket = connect(door.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`POST ${TRACK} HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{"tenant`);
  socket.destroy();
  await once(socket, 'close');
  assert.equal((await door.post(TRACK, CLICK)).status, 200);
});

test('what was answered and what was refused is announced to whoever listens', async (t) => {
  await using door = await openDoor();
  const heard: Record<string, unknown>[] = [];
  const listen = (message: unknown): void => void heard.push(message as Record<string, unknown>);
  for (const name of ['daybook:ingress:answered', 'daybook:ingress:rejected']) {
    subscribe(name, listen);
    t.after(() => unsubscribe(name, listen));
  }
  await door.post(TRACK, { ...CLICK, user_id: 5 });
  const [rejected, answered] = heard;
  assert.deepEqual(
    [rejected?.['tenant'], rejected?.['event_id'], rejected?.['outcome'], rejected?.['source']],
    ['acme', 'evt_1', 'rejected', 'http'],
  );
  assert.deepEqual([answered?.['path'], answered?.['status']], [TRACK, 400]);
});
