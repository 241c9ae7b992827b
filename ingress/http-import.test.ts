import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Fault } from '#domain';
import type { Json, JsonObject } from '#domain';
import type { EventLog } from '#log';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Door } from '../test/door.ts';
import type { ImportEnd, PortionReport } from './import-report.ts';
import { ingressSchemas } from './openapi-schemas.ts';
import { IMPORT_PATHS, IMPORT_SCHEMAS } from './openapi-import.ts';

const IMPORT = '/api/v1/behaviors/import';
const DAY_MS = 86_400_000;

/** A generic event that happened long ago. */
function eventOf(n: number, more: JsonObject = {}): JsonObject {
  return {
    event_id: `e${n}`,
    event_name: 'seen',
    user_id: `u${n % 7}`,
    timestamp: NOW_MS - 900 * DAY_MS + n,
    properties: { n },
    ...more,
  };
}

const linesOf = (events: readonly Json[]): string => events.map((one) => `${JSON.stringify(one)}\n`).join('');
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

type Answered = { readonly status: number; readonly portions: PortionReport[]; readonly end: ImportEnd };

async function importTo(
  door: Door,
  body: string | Uint8Array,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const response = await fetch(`${door.url}${IMPORT}${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson', 'x-tenant-id': 'acme', ...headers },
  });
  const lines = (await response.text()).trim().split('\n');
  const said = lines.map((line) => JSON.parse(line) as PortionReport & ImportEnd);
  return { status: response.status, portions: said.slice(0, -1), end: said.at(-1)! };
}

test('every line is kept once, in the order of the lines, with its own time, however old it is', async () => {
  await using door = await openDoor({ ingress: { maxAgeDays: 30 } });
  const events = range(2_500).map((n) => eventOf(n));
  const { status, portions, end } = await importTo(door, linesOf(events), { query: '?portion_lines=1000' });
  assert.equal(status, 200);
  assert.deepEqual(
    portions.map(({ from_line, to_line, accepted }) => [from_line, to_line, accepted]),
    [
      [1, 1000, 1000],
      [1001, 2000, 1000],
      [2001, 2500, 500],
    ],
  );
  assert.deepEqual(end, {
    complete: true,
    lines: 2500,
    accepted: 2500,
    duplicate: 0,
    conflict: 0,
    rejected: 0,
    blank: 0,
    warned: 0,
  });
  const kept = await door.events();
  assert.equal(kept.length, 2500);
  assert.deepEqual(
    new Map(kept.map(({ value }) => [value['event_id'], value['timestamp']])),
    new Map(events.map((one) => [one['event_id'], one['timestamp']])),
  );
  for (const of of Map.groupBy(kept, ({ partition }) => partition).values()) {
    const order = of.map(({ value }) => (value['properties'] as { n: number }).n);
    assert.deepEqual(
      order,
      order.toSorted((one, other) => one - other),
    );
  }
  for (const { partition, first, last } of portions[0]!.positions) {
    const own = kept.filter((one) => one.partition === partition);
    assert.equal(first, '0');
    assert.ok((own[Number(last)]!.value['properties'] as { n: number }).n < 1000);
    assert.ok(((own[Number(last) + 1]?.value['properties'] as { n: number } | undefined)?.n ?? 1000) >= 1000);
  }
});

test('the same event by the batch route is too old, and nothing of the sender is put into an import', async () => {
  await using door = await openDoor({
    ingress: { maxAgeDays: 30, lookUpPlace: () => ({ country: 'CN' }) },
  });
  const batch = await door.post('/api/v1/behaviors/track/batch', [eventOf(1)], { 'x-tenant-id': 'acme' });
  assert.equal((batch.body['results'] as JsonObject[])[0]!['outcome'], 'rejected');
  const { end } = await importTo(door, linesOf([eventOf(1)]), { headers: { 'x-forwarded-for': '8.8.8.8' } });
  assert.equal(end.accepted, 1);
  const [kept] = await door.events();
  assert.deepEqual([kept?.value['country'], kept?.value['ip_prefix']], [undefined, undefined]);
});

test('a second import of the same lines adds nothing; another content under an id is a conflict', async () => {
  await using door = await openDoor();
  const lines = linesOf(range(20).map((n) => eventOf(n)));
  await importTo(door, lines);
  const again = await importTo(door, lines + linesOf([eventOf(3, { properties: { n: 99 } })]));
  assert.deepEqual([again.end.accepted, again.end.duplicate, again.end.conflict], [0, 20, 1]);
  const [refused] = again.portions[0]!.refused;
  assert.deepEqual([refused?.line, refused?.outcome, refused?.event_id], [21, 'conflict', 'e3']);
  assert.equal((await door.events()).length, 20);
  assert.equal((await door.deadLetters()).length, 1);
});

test('blank lines, CRLF, a byte order mark and a last line without its end are all right', async () => {
  await using door = await openDoor();
  const [a, b, c] = range(3).map((n) => JSON.stringify(eventOf(n)));
  const { end } = await importTo(door, `\uFEFF${a!}\r\n\r\n  \n${b!}\r\n${c!}`);
  assert.deepEqual([end.lines, end.accepted, end.blank, end.rejected], [5, 3, 2, 0]);
});

test('a bad line is named by its number, refused alone, and kept with the bytes as sent', async () => {
  await using door = await openDoor();
  const good = range(6).map((n) => JSON.stringify(eventOf(n)));
  const bad = [
    '{"event_name":',
    JSON.stringify({ event_name: 'seen', event_id: 'x' }),
    '{"event_id":"y","event_name":"seen","user_id":"u","n":12345678901234567890}',
    '{"event_id":"z","event_name":"seen","user_id":"u","user_id":"v"}',
    '17',
    '"caf\u00e9',
  ];
  const lines = good.flatMap((line, index) => [line, bad[index]!]);
  const { portions, end } = await importTo(door, lines.join('\n'));
  assert.deepEqual([end.accepted, end.rejected], [6, 6]);
  const refused = portions.flatMap((one) => one.refused);
  assert.deepEqual(
    refused.map(({ line, errors }) => [line, errors[0]?.code]),
    [
      [2, 'not_json'],
      [4, 'required'],
      [6, 'number_too_large'],
      [8, 'duplicate_member'],
      [10, 'not_an_object'],
      [12, 'not_json'],
    ],
  );
  const letters = await door.deadLetters();
  assert.deepEqual(
    letters.map(({ sent }) => Buffer.from(sent ?? '', 'latin1').toString()),
    bad,
  );
  assert.deepEqual(
    refused.map(({ dead_letter: letter }) => letter?.offset),
    letters.map(({ offset }) => String(offset)),
  );
});

test('lines that make sense only together are each refused', async () => {
  await using door = await openDoor();
  const one = JSON.stringify(eventOf(1));
  const two = JSON.stringify(eventOf(2));
  // As elements of one list each of these would be three values for three lines.
  for (const lines of [
    [`${one},${two}`, '{"event_id":"s","x":"', '","event_name":"seen","user_id":"u"}'],
    ['[1', '2]', `${one},${two}`],
  ]) {
    const { end, portions } = await importTo(door, lines.join('\n'));
    assert.deepEqual([end.accepted, end.rejected], [0, 3]);
    assert.deepEqual(
      portions[0]!.refused.map(({ line }) => line),
      [1, 2, 3],
    );
  }
});

test('a row that its sender could not read is kept with its reason and its own text', async () => {
  await using door = await openDoor();
  const why = { field: 'price', code: 'format', message: 'is "abc", not a number' };
  const { portions, end } = await importTo(door, linesOf([['refused', why, '7,abc,\u00e9'], eventOf(1)]));
  assert.deepEqual([end.accepted, end.rejected], [1, 1]);
  assert.deepEqual(portions[0]!.refused[0]!.errors, [why]);
  const [letter] = await door.deadLetters();
  assert.equal(Buffer.from(letter!.sent!, 'latin1').toString(), '7,abc,\u00e9');
  assert.deepEqual(letter!.letter.errors, [why]);
});

test('a dry run says what would be refused and keeps nothing', async () => {
  await using door = await openDoor();
  const { end, portions } = await importTo(door, linesOf([eventOf(1), { event_name: 'x' }]), {
    query: '?dry_run=1',
  });
  assert.deepEqual([end.accepted, end.rejected, end.complete], [1, 1, true]);
  assert.equal(portions[0]!.refused[0]!.line, 2);
  assert.equal(door.ingress.counts().received, 0);
  await assert.rejects(door.events(), /TENANT_UNKNOWN|tenant/);
});

test('two tenants that import the same ids keep their own, and a line of another tenant is refused', async () => {
  await using door = await openDoor();
  await importTo(door, linesOf(range(5).map((n) => eventOf(n))));
  const globex = await importTo(
    door,
    linesOf([...range(5).map((n) => eventOf(n, { city: 'Oslo' })), eventOf(9, { tenant_id: 'acme' })]),
    { headers: { 'x-tenant-id': 'globex' } },
  );
  assert.deepEqual([globex.end.accepted, globex.end.rejected], [5, 1]);
  const [acme, other] = [await door.events('acme'), await door.events('globex')];
  assert.deepEqual([acme.length, other.length], [5, 5]);
  assert.ok(acme.every(({ value }) => value['tenant_id'] === 'acme' && value['city'] === undefined));
  assert.ok(other.every(({ value }) => value['tenant_id'] === 'globex' && value['city'] === 'Oslo'));
  assert.deepEqual(
    [(await door.deadLetters('globex')).length, (await door.deadLetters('acme')).length],
    [1, 0],
  );
});

/** A log that refuses the appends of its events with these numbers, from 1. */
function refusing(
  log: EventLog,
  refused: ReadonlySet<number>,
  code: 'LOG_OVERLOADED' | 'INTERNAL',
): EventLog {
  let appends = 0;
  return new Proxy(log, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      if (name !== 'append') return member.bind(target) as unknown;
      return async (...given: Parameters<EventLog['append']>) => {
        if (refused.has(++appends)) throw new Fault(code);
        return target.append(...given);
      };
    },
  });
}

test('an overloaded log is waited for, and each line still stands there once', async () => {
  await using door = await openDoor({ wrapLog: (log) => refusing(log, new Set([1, 3]), 'LOG_OVERLOADED') });
  const { end } = await importTo(door, linesOf(range(30).map((n) => eventOf(n))), {
    query: '?portion_lines=10',
  });
  assert.deepEqual([end.complete, end.accepted, end.duplicate], [true, 30, 0]);
  assert.equal((await door.events()).length, 30);
});

test('when the log fails, the answer says how many lines are durable, and those are in the log', async () => {
  await using door = await openDoor({
    wrapLog: (log) => refusing(log, new Set([3, 4, 5, 6, 7]), 'INTERNAL'),
  });
  const { end } = await importTo(door, linesOf(range(50).map((n) => eventOf(n))), {
    query: '?portion_lines=10',
  });
  assert.deepEqual([end.complete, end.lines, end.accepted], [false, 20, 20]);
  assert.deepEqual([end.error?.code, end.error?.retryable], ['INTERNAL', true]);
  assert.equal((await door.events()).length, 20);
});

test('a platform that stops ends an import after the portion under way and says where to go on', async () => {
  const stopping = new AbortController();
  await using door = await openDoor({ http: { stopping: stopping.signal } });
  const sending = request(`${door.url}${IMPORT}?portion_lines=10`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'x-tenant-id': 'acme' },
  });
  sending.on('error', () => undefined);
  sending.write(linesOf(range(10).map((n) => eventOf(n))));
  const [response] = (await once(sending, 'response')) as [AsyncIterable<Buffer>];
  stopping.abort();
  sending.write(linesOf(range(35).map((n) => eventOf(10 + n))));
  let text = '';
  for await (const part of response) text += part.toString();
  sending.destroy();
  const end = JSON.parse(text.trim().split('\n').at(-1)!) as ImportEnd;
  assert.equal(end.complete, false);
  assert.equal(end.lines % 10, 0);
  assert.ok(end.lines < 45);
  assert.equal((await door.events()).length, end.lines);
});

test('nothing of a line that breaks off is kept', async () => {
  await using door = await openDoor();
  const whole = linesOf(range(4).map((n) => eventOf(n)));
  const length = Buffer.byteLength(whole) + 1000;
  const sending = request(`${door.url}${IMPORT}?portion_lines=2`, {
    method: 'POST',
    headers: { 'x-tenant-id': 'acme', 'content-length': length },
  });
  sending.on('error', () => undefined);
  sending.write(`${whole}{"event_id":"cut","event_name":"seen","user_id":"u"}`);
  const [response] = (await once(sending, 'response')) as [AsyncIterable<Buffer>];
  let portions = 0;
  for await (const part of response) {
    portions += part.toString().split('\n').length - 1;
    if (portions >= 2) break;
  }
  sending.destroy();
  // The door answers a request that comes later, so what it had of the one before is settled.
  await importTo(door, linesOf([eventOf(100)]));
  assert.deepEqual((await door.events()).map(({ value }) => value['event_id']).sort(), [
    'e0',
    'e1',
    'e100',
    'e2',
    'e3',
  ]);
});

test('a compressed body is unpacked as it comes; what gzip did not make is refused', async () => {
  await using door = await openDoor();
  const body = linesOf(range(300).map((n) => eventOf(n)));
  const packed = await importTo(door, gzipSync(body), { headers: { 'content-encoding': 'gzip' } });
  assert.equal(packed.end.accepted, 300);
  const broken = await door.send(IMPORT, {
    method: 'POST',
    body: Buffer.from('no gzip'),
    headers: { 'content-encoding': 'gzip' },
  });
  assert.equal(broken.status, 400);
  const cut = gzipSync(linesOf(range(20_000).map((n) => eventOf(n))));
  const half = await importTo(door, cut.subarray(0, cut.length - 2000), {
    headers: { 'content-encoding': 'gzip' },
  });
  assert.deepEqual([half.end.complete, half.end.error?.code], [false, 'INGRESS_BODY_INVALID']);
});

test('parameters and media types that are none are refused before anything is read', async () => {
  await using door = await openDoor();
  for (const query of ['?dry_run=yes', '?portion_lines=0', '?portion_lines=20001', '?portion_lines=ten']) {
    assert.equal((await door.send(IMPORT + query, { method: 'POST', body: '{}' })).status, 400, query);
  }
  for (const headers of [{ 'content-type': 'image/png' }, { 'content-encoding': 'zstd' }]) {
    assert.equal((await door.send(IMPORT, { method: 'POST', body: '{}', headers })).status, 415);
  }
  assert.equal((await door.send(IMPORT)).status, 405);
});

test('the answer is as it is described, and the page names the route', async () => {
  await using door = await openDoor();
  const { portions, end } = await importTo(door, linesOf([eventOf(1), { event_name: 'x' }]));
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: 'api', components: { schemas: { ...ingressSchemas(), ...IMPORT_SCHEMAS } } });
  for (const [name, value] of [
    ['ImportPortion', portions[0]],
    ['ImportEnd', end],
    ['ImportPortion', IMPORT_SCHEMAS.ImportPortion.examples[0]],
  ] as const) {
    const validate = ajv.compile({ $ref: `api#/components/schemas/${name}` });
    assert.ok(validate(value), ajv.errorsText(validate.errors));
  }
  const page = await readFile(new URL('../docs/import.md', import.meta.url), 'utf8');
  for (const path of Object.keys(IMPORT_PATHS)) assert.ok(page.includes(`POST ${path}`));
});
