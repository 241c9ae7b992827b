import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Json, JsonObject } from '#domain';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Door, DoorReply, Said } from '../test/door.ts';

const TRACK = '/api/v1/behaviors/track';
const BATCH = '/api/v1/behaviors/track/batch';
const DAY_MS = 86_400_000;

const CLICK = {
  event_id: 'evt_1',
  tenant_id: 'acme',
  scenario_id: 'feed',
  user_id: 'u',
  item_id: 'i',
  action_type: 'click',
  context: { device_type: 'pc' },
} as const satisfies JsonObject;

const having = (members: JsonObject): JsonObject => ({ ...CLICK, ...members });
const without = (name: string): JsonObject =>
  Object.fromEntries(Object.entries(CLICK).filter(([member]) => member !== name));
const found = ({ body }: DoorReply): string[] =>
  (body['errors'] as readonly Said[]).map(({ field, code }) => `${field} ${code}`);

/** What is sent, and the errors that name it. Each is also a dead letter, unless its tenant is not told. */
const BAD_EVENTS: readonly (readonly [event: Json, errors: readonly string[]])[] = [
  ...['scenario_id', 'user_id', 'item_id', 'action_type', 'context'].map(
    (name) => [without(name), [`${name} required`]] as const,
  ),
  ...['scenario_id', 'user_id', 'item_id'].flatMap((name) => [
    [having({ [name]: '' }), [`${name} required`]] as const,
    [having({ [name]: null }), [`${name} type`]] as const,
    [having({ [name]: 17 }), [`${name} type`]] as const,
    [having({ [name]: ['x'] }), [`${name} type`]] as const,
    [having({ [name]: 'x'.repeat(256) }), [`${name} too_long`]] as const,
    [having({ [name]: '界'.repeat(86) }), [`${name} too_long`]] as const,
  ]),
  ...[
    'event_id',
    'device_id',
    'session_id',
    'platform',
    'country',
    'os_version',
    'experiment_id',
    'product',
  ].flatMap((name) => [
    [having({ [name]: 1.5 }), [`${name} type`]] as const,
    [having({ [name]: 'x'.repeat(256) }), [`${name} too_long`]] as const,
  ]),
  [
    having({ page_url: 'x'.repeat(8193), page_title: 'y'.repeat(1025) }),
    ['page_url too_long', 'page_title too_long'],
  ],
  ...['scenario_data', 'extra_data', 'properties', 'data'].flatMap((name) => [
    [having({ [name]: 'text' }), [`${name} type`]] as const,
    [having({ [name]: [1] }), [`${name} type`]] as const,
  ]),
  [having({ context: [] }), ['context type']],
  [having({ context: {} }), ['context.device_type required']],
  [having({ context: { device_type: 'tv' } }), ['context.device_type enum']],
  [having({ context: { device_type: 'pc', os: 7 } }), ['context.os type']],
  [having({ action_type: 'juggle' }), ['action_type unknown_action']],
  [having({ action_type: 'toString' }), ['action_type unknown_action']],
  [having({ action_type: 7 }), ['action_type unknown_action']],
  [having({ kind: 'other' }), ['kind unknown_kind']],
  [having({ kind: 5 }), ['kind unknown_kind']],
  [having({ position: 0 }), ['position range']],
  [having({ position: -1 }), ['position range']],
  [having({ position: 1.5 }), ['position type']],
  [having({ position: '3' }), ['position type']],
  [having({ position: 4_294_967_296 }), ['position range']],
  [having({ timestamp: -1 }), ['timestamp range']],
  [having({ timestamp: 1_730_000_000 }), ['timestamp timestamp_in_seconds']],
  [having({ timestamp: 1_730_000_000.5 }), ['timestamp timestamp_in_seconds']],
  [having({ timestamp: NOW_MS + DAY_MS + 1 }), ['timestamp timestamp_in_future']],
  [having({ timestamp: NOW_MS * 1000 }), ['timestamp timestamp_in_future']],
  [having({ timestamp: '2024-10-27T03:33:20Z' }), ['timestamp type']],
  [having({ timestamp: {} }), ['timestamp type']],
  [having({ event_time: 'soon' }), ['event_time type']],
  [having({ event_time: 1_730_000_000 }), ['event_time timestamp_in_seconds']],
  [{ tenant_id: 'acme', kind: 'generic', user_id: 'u' }, ['event_name required']],
  [{ tenant_id: 'acme', event_name: 'x' }, ['user_id required']],
  [{ tenant_id: 'acme', event_name: 'x', user_id: '', device_id: null }, ['user_id required']],
  [{ tenant_id: 'acme', event_name: 'x', user_id: 7 }, ['user_id type']],
  [{ tenant_id: 'acme', event_name: 7, kind: 'user', user_id: 'u' }, ['event_name type']],
  [{ tenant_id: 'acme', event_name: 'x', kind: 'catalog', user_id: 'u' }, ['item_id required']],
  [having({ extra_data: { a: nested(33) } }), ['']],
  [
    having({ extra_data: Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`k${n}`, n])) }),
    [' too_many_members'],
  ],
  [without('tenant_id'), ['tenant_id required']],
  [having({ tenant_id: 5 }), ['tenant_id type']],
  [having({ tenant_id: 'NOT OK' }), ['tenant_id tenant_invalid']],
  [17, [' not_an_object']],
  [null, [' not_an_object']],
  [[], [' not_an_object']],
  ['text', [' not_an_object']],
];

function nested(levels: number): Json {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

test('whatever is wrong with an event is named by its path, and the bytes are kept as they were sent', async () => {
  await using door = await openDoor();
  let letters = 0;
  for (const [event, errors] of BAD_EVENTS) {
    const text = JSON.stringify(event, null, 1);
    const reply = await door.postText(TRACK, text);
    assert.equal(reply.status, 400, text);
    if (errors[0] !== '') assert.deepEqual(found(reply), errors, text);
    else assert.match(found(reply)[0] ?? '', /too_deep$/);
    assert.equal(reply.body['outcome'], 'rejected');
    assert.ok((reply.body['error'] as string).length > 5);
    const letter = reply.body['dead_letter'] as { offset: string } | undefined;
    const [error = ''] = errors;
    assert.equal(letter === undefined, /^tenant_id| not_an_object/.test(error), text);
    if (letter) assert.equal(letter.offset, String(letters++));
  }
  const kept = await door.deadLetters();
  const housed = BAD_EVENTS.filter(([, [error = '']]) => !/^tenant_id| not_an_object/.test(error));
  assert.deepEqual(
    kept.map(({ sent }) => Buffer.from(sent ?? '', 'latin1').toString()),
    housed.map(([event]) => JSON.stringify(event, null, 1)),
  );
  for (const [index, { letter }] of kept.entries()) {
    assert.equal(letter.valid_status, 0);
    assert.equal(letter.received_at, NOW_MS);
    const [error = ''] = housed[index]?.[1] ?? [];
    if (error !== '') assert.equal(letter.reason, error.split(' ').at(-1));
  }
  assert.deepEqual(await door.events(), []);
});

const EVENT_TEXT = JSON.stringify(CLICK).slice(1, -1);

/** Bodies that no JSON.stringify writes. */
const BAD_TEXTS: readonly (readonly [text: string, errors: readonly string[]])[] = [
  [`{${EVENT_TEXT},"user_id":"other"}`, ['user_id duplicate_member']],
  [`{${EVENT_TEXT},"extra_data":{"a":1,"\\u0061":1}}`, ['extra_data.a duplicate_member']],
  [`{${EVENT_TEXT},"extra_data":{"n":9007199254740993}}`, ['extra_data.n number_too_large']],
  [`{${EVENT_TEXT},"position":1e400}`, ['position number_not_finite']],
  [`{${EVENT_TEXT},"extra_data":{"n":[1e999]}}`, ['extra_data.n[0] number_not_finite']],
  [`{${EVENT_TEXT},"extra_data":{"s":"\\ud800"}}`, ['extra_data.s lone_surrogate']],
  [`{${EVENT_TEXT},"device_id":"\\ude00\\ud83d"}`, ['device_id lone_surrogate']],
  [`{${EVENT_TEXT},"extra_data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, []],
  [`{${EVENT_TEXT}`, [' not_json']],
  [`{${EVENT_TEXT}} x`, [' not_json']],
  ['', [' not_json']],
  [' ', [' not_json']],
  ['undefined', [' not_json']],
  ['{"tenant_id":"acme",}', [' not_json']],
];

test('what JSON hides or forbids is named, and kept when the sender’s tenant is known', async () => {
  await using door = await openDoor();
  for (const [text, errors] of BAD_TEXTS) {
    const reply = await door.postText(TRACK, text, { 'x-tenant-id': 'acme' });
    assert.equal(reply.status, 400, text);
    if (errors.length > 0) assert.deepEqual(found(reply).toSorted(), errors.toSorted(), text);
    else assert.match(found(reply)[0] ?? '', /too_deep$/);
  }
  const kept = await door.deadLetters();
  assert.deepEqual(
    kept.map(({ sent }) => sent),
    BAD_TEXTS.map(([text]) => text),
  );
  const latin = Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0xff, 0x22, 0x7d]);
  assert.equal((await door.post(TRACK, latin, { 'x-tenant-id': 'acme' })).status, 400);
  assert.equal((await door.deadLetters()).at(-1)?.sent, latin.toString('latin1'));
});

test('in a batch each event is judged by its own bytes', async () => {
  await using door = await openDoor();
  const bad = [
    `{"event_id":"a","x":1,"x":2,${EVENT_TEXT.slice(19)}}`,
    `{ "event_id":"b","n":12345678901234567890, ${EVENT_TEXT.slice(19)} }`,
    `{"event_id":"c","s":"é\\ud800",${EVENT_TEXT.slice(19)}}`,
  ];
  const good = JSON.stringify({ ...CLICK, extra_data: { n: 9_007_199_254_740_991, smile: '😀' } });
  const { body } = await door.postText(BATCH, `{"events":[\n${[good, ...bad, good].join(' ,\n')}]}`);
  const results = body['results'] as readonly JsonObject[];
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['accepted', 'rejected', 'rejected', 'rejected', 'duplicate'],
  );
  assert.deepEqual(
    (await door.deadLetters()).map(({ sent }) => Buffer.from(sent ?? '', 'latin1').toString()),
    bad,
  );
});

test('__proto__, constructor and their like are data', async () => {
  await using door = await openDoor();
  const text = `{${EVENT_TEXT},"__proto__":{"tenant_id":"other"},"constructor":1,"properties":{"__proto__":{"a":1}},"toString":2}`;
  const { status } = await door.postText(TRACK, text);
  assert.equal(status, 200);
  const [event] = await door.events();
  assert.equal(event?.sent, text);
  assert.equal(
    JSON.stringify(event.value['extra_data']),
    '{"__proto__":{"tenant_id":"other"},"constructor":1,"toString":2}',
  );
  assert.equal(JSON.stringify(event.value['properties']), '{"__proto__":{"a":1}}');
  assert.equal(({} as Record<string, unknown>)['tenant_id'], undefined);
  const onlyProto = await door.postText(TRACK, `{"__proto__":{${EVENT_TEXT}}}`);
  assert.equal(onlyProto.status, 400);
});

test('a fraction with more digits than a number has is kept with a warning and its very digits', async () => {
  await using door = await openDoor();
  const text = `{${EVENT_TEXT},"extra_data":{"third":0.33333333333333333333333}}`;
  const { status, body } = await door.postText(TRACK, text);
  assert.equal(status, 200);
  assert.deepEqual((body['warnings'] as readonly JsonObject[])[0]?.['code'], 'number_rounded');
  assert.equal((await door.events())[0]?.sent, text);
});

test('0, null and missing times are the time of receipt; a fraction is cut off with a warning', async () => {
  await using door = await openDoor();
  const times: readonly (readonly [JsonObject, number, readonly string[]])[] = [
    [{}, NOW_MS, []],
    [{ timestamp: 0 }, NOW_MS, []],
    [{ timestamp: null }, NOW_MS, []],
    [{ event_time: 0 }, NOW_MS, []],
    [{ timestamp: NOW_MS + DAY_MS }, NOW_MS + DAY_MS, []],
    [{ timestamp: NOW_MS - 0.5 }, NOW_MS - 1, ['timestamp timestamp_fraction']],
    [{ timestamp: 5e11, event_time: 6e11 }, 5e11, ['event_time differing_values']],
    [{ timestamp: 100_000_000_000 }, 100_000_000_000, []],
  ];
  for (const [index, [members, expected, warnings]] of times.entries()) {
    const { body } = await door.post(TRACK, having({ event_id: `t${index}`, ...members }));
    assert.equal(body['outcome'], 'accepted', JSON.stringify(members));
    const said = (body['warnings'] as readonly Said[]).map(({ field, code }) => `${field} ${code}`);
    assert.deepEqual(said, warnings);
    const event = (await door.events()).find(({ value }) => value['event_id'] === `t${index}`);
    assert.equal(event?.value['timestamp'], expected);
  }
});

test('with a greatest age, older events become dead letters', async () => {
  await using door = await openDoor({ ingress: { maxAgeDays: 90 } });
  const at = (timestamp: number): Promise<DoorReply> =>
    door.post(TRACK, having({ event_id: `${timestamp}`, timestamp }));
  assert.equal((await at(NOW_MS - 90 * DAY_MS)).status, 200);
  const old = await at(NOW_MS - 90 * DAY_MS - 1);
  assert.deepEqual(found(old), ['timestamp timestamp_too_old']);
  assert.equal((await door.deadLetters())[0]?.letter.reason, 'timestamp_too_old');
});

test('bodies beyond the limit are refused without being held, compressed ones too', async () => {
  await using door = await openDoor({ http: { maxEventBytes: 10_000, maxBodyBytes: 50_000 } });
  const big = having({ extra_data: { text: 'x'.repeat(11_000) } });
  assert.equal((await door.post(TRACK, big)).status, 413);
  const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
  assert.ok(bomb.length < 50_000);
  const before = process.memoryUsage().arrayBuffers;
  assert.equal((await door.post(BATCH, bomb, { 'content-encoding': 'gzip' })).status, 413);
  assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000);
  const batch = await door.post(BATCH, { events: [big, CLICK] });
  assert.deepEqual(
    (batch.body['results'] as readonly JsonObject[]).map(({ outcome }) => outcome),
    ['rejected', 'accepted'],
  );
  const chunked = `POST ${TRACK} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`;
  const chunk = `4e20\r\n${' '.repeat(20_000)}\r\n`;
  assert.match(await door.raw(Buffer.from(`${chunked}${chunk}${chunk}0\r\n\r\n`)), /^HTTP\/1\.1 413/);
});

const KNOWN = new Set([200, 400, 409, 413]);

test('any JSON whatever is answered with a body, and leaves the door open', async () => {
  await using door = await openDoor();
  const member = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('acme', 'click', 'u', '', 0, NOW_MS),
  );
  const names = fc.constantFrom(
    ...Object.keys(CLICK),
    'kind',
    'event_name',
    'timestamp',
    'properties',
    '__proto__',
    'events',
  );
  const body = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(names, member),
    fc.dictionary(names, member).map((members) => ({ ...CLICK, ...members })),
    fc.array(fc.dictionary(names, member), { maxLength: 3 }).map((events) => ({ events })),
  );
  const path = fc.constantFrom(TRACK, BATCH, '/v1/track', '/api/v1/behaviors', '/api/v1/behaviors/validate');
  await fc.assert(
    fc.asyncProperty(path, body, async (to, value) => {
      const { status, text } = await door.post(to, value as Json);
      assert.ok(KNOWN.has(status), `${status} for ${JSON.stringify(value)}`);
      assert.ok(text.length > 2);
    }),
    { numRuns: 200 },
  );
  await stillOpen(door);
});

test('any bytes whatever are answered with a body, and leave the door open', async () => {
  await using door = await openDoor();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(TRACK, BATCH), async (bytes, to) => {
      const { status, text } = await door.post(to, bytes);
      assert.equal(status, 400);
      assert.ok(text.length > 2);
    }),
    { numRuns: 100 },
  );
  await stillOpen(door);
});

async function stillOpen(door: Door): Promise<void> {
  assert.equal((await door.post(TRACK, { ...CLICK, event_id: 'last' })).status, 200);
}
