import { gzipSync } from 'node:zlib';

const PATH = '/api/v1/behaviors/track';
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const event =
  '"tenant_id":"acme","scenario_id":"s","user_id":"u","item_id":"i","action_type":"click","context":{"device_type":"pc"}';

function post(body: string | Uint8Array, headers = '', path = PATH): Buffer {
  const bytes = Buffer.from(body as string);
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}`;
  return Buffer.concat([
    Buffer.from(`${head}content-length: ${bytes.length}\r\nconnection: close\r\n\r\n`),
    bytes,
  ]);
}

function gzipped(bytes: Uint8Array): Buffer {
  return post(gzipSync(bytes), 'content-encoding: gzip\r\n');
}

/** What may come back: these statuses, or nothing at all because the connection was dropped. */
export type Hostile = {
  readonly name: string;
  readonly bytes: Buffer;
  readonly statuses: readonly number[];
  /** A connection may end without an answer. */
  readonly silence?: boolean;
};

/** Bytes that nobody well-meaning sends; none may be answered 5xx or end the process. */
export const HOSTILE: readonly Hostile[] = [
  { name: 'no HTTP at all', bytes: Buffer.from('\0\x01\x02GARBAGE\r\n\r\n'), statuses: [400] },
  {
    name: 'a TLS greeting',
    bytes: Buffer.from('16030100f8010000f40303', 'hex'),
    statuses: [400],
    silence: true,
  },
  {
    name: 'a header without end',
    bytes: Buffer.from(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(200_000)}`),
    statuses: [431, 400],
    silence: true,
  },
  {
    name: 'two ways to say the length',
    bytes: Buffer.from(
      `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ),
    statuses: [400],
  },
  {
    name: 'a chunk of impossible size',
    bytes: Buffer.from(
      `POST ${PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzzzz\r\n{}\r\n0\r\n\r\n`,
    ),
    statuses: [400],
    silence: true,
  },
  { name: 'an empty body', bytes: post(''), statuses: [400] },
  { name: 'no JSON', bytes: post('{"tenant_id":'), statuses: [400] },
  {
    name: 'bytes that are no UTF-8',
    bytes: post(Buffer.from([0x22, 0xc3, 0x28, 0xff, 0x22])),
    statuses: [400],
  },
  { name: 'a bare null', bytes: post('null'), statuses: [400] },
  { name: 'a bare list', bytes: post('[]'), statuses: [400] },
  { name: 'a hundred thousand brackets', bytes: post(deep(100_000)), statuses: [400, 413] },
  {
    name: 'deep properties',
    bytes: post(`{${event},"extra_data":{"a":${deep(20_000)}}}`),
    statuses: [400, 413],
  },
  {
    name: 'a hundred thousand members',
    bytes: post(
      `{${event},"extra_data":{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":1`).join(',')}}}`,
    ),
    statuses: [400, 413],
  },
  { name: 'a body beyond the limit', bytes: post('x'.repeat(6_000_000)), statuses: [413], silence: true },
  {
    name: 'a gzip bomb',
    bytes: gzipped(Buffer.alloc(200_000_000, 0x20)),
    statuses: [400, 413],
    silence: true,
  },
  { name: 'gzip that is none', bytes: post('not gzip', 'content-encoding: gzip\r\n'), statuses: [400] },
  {
    name: 'an encoding nobody knows',
    bytes: post('{}', 'content-encoding: rot13\r\n'),
    statuses: [400, 415],
  },
  { name: 'a number beyond all numbers', bytes: post(`{${event},"position":1e400}`), statuses: [400] },
  { name: 'a member named __proto__', bytes: post(`{"__proto__":{"tenant_id":"acme"}}`), statuses: [400] },
  {
    name: 'half a surrogate as the user',
    bytes: post(`{"user_id":"\\ud800",${event}}`),
    statuses: [200, 400],
  },
  { name: 'a tenant that climbs', bytes: post(`{"tenant_id":"../../etc"}`), statuses: [400] },
  {
    name: 'a path that climbs',
    bytes: post('{}', '', '/api/v1/../../../../etc/passwd'),
    statuses: [400, 404],
  },
  { name: 'a path of percent signs', bytes: post('{}', '', '/%%%/%ff%00'), statuses: [400, 404] },
  {
    name: 'a question without sense',
    bytes: post('{"tenant_id":{}}', '', '/api/analytics/funnel'),
    statuses: [400],
  },
  {
    name: 'a question of brackets',
    bytes: post(deep(50_000), '', '/api/analytics/events'),
    statuses: [400, 413],
  },
];
