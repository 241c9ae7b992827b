import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDir } from '../../test/platform.ts';
import { runProgram } from './program.ts';
import type { ProgramOptions } from './program.ts';

/** The command line with a platform that gives these answers one after another. */
function surroundings(answers: readonly (string | Response)[]) {
  const written = { out: '', err: '' };
  const asked: { url: URL; method: string; actor: string | null }[] = [];
  const left = [...answers];
  const options: ProgramOptions = {
    version: '1.2.3',
    nodeVersion: 'v24.0.0',
    start: () => Promise.reject(new Error('not asked for')),
    engineChecks: () => [],
    lock: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
    around: {
      env: {},
      out: (text) => (written.out += text),
      err: (text) => (written.err += text),
      fetch: async (address, init) => {
        const actor = new Headers(init?.headers).get('x-user-id');
        asked.push({ url: new URL(address), method: init?.method ?? 'GET', actor });
        const answer = left.shift();
        return typeof answer === 'string'
          ? new Response(answer)
          : (answer ?? new Response('', { status: 500 }));
      },
      readFile: () => '',
      interrupted: () => new AbortController().signal,
    },
  };
  return { options, written, asked };
}

const line = (offset: number): object => ({
  position: { partition: 1, offset: String(offset) },
  headers: { timestamp: '2024-03-04T10:00:00.000Z' },
  key: 'u1',
  event: { event_id: `e${offset}` },
  raw: `{"event_id":"e${offset}"}`,
});
const linesOf = (...all: readonly object[]): string => all.map((one) => `${JSON.stringify(one)}\n`).join('');

test('search asks page after page until it has as many as wanted, and says who asks', async () => {
  const page = (records: readonly object[], cursor: string | null): string =>
    JSON.stringify({ records, more: cursor !== null, next_cursor: cursor });
  const { options, written, asked } = surroundings([
    page([], 'c1'),
    page([line(9), line(8)], 'c2'),
    page([line(5)], 'c3'),
  ]);
  const words = [
    'log',
    'search',
    '-t',
    'acme',
    '--user',
    'u1',
    '-n',
    '3',
    '--as',
    'ada',
    '--from',
    '2024-03-04',
  ];
  assert.deepEqual(await runProgram(words, options), { exit: 0 });
  assert.deepEqual(
    asked.map(({ url }) => [url.searchParams.get('cursor'), url.searchParams.get('limit')]),
    [
      [null, '3'],
      ['c1', '3'],
      ['c2', '1'],
    ],
  );
  assert.ok(asked.every(({ actor, url }) => actor === 'ada' && url.searchParams.get('user_id') === 'u1'));
  assert.deepEqual(
    written.out.split('\n').map((text) => text.split(' ')[0]),
    ['1:9', '1:8', '1:5', ''],
  );
  assert.match(written.err, /There may be more/);
});

test('show tells a position from a receipt and an event id', async () => {
  for (const [place, member] of [
    ['2:17', 'position'],
    ['dr1_0190b3a2-0000-7000-8000-000000000000_2_h', 'receipt'],
    ['evt_7', 'event_id'],
  ] as const) {
    const { options, asked } = surroundings(['{}']);
    await runProgram(['log', 'show', place, '-t', 'acme'], options);
    assert.equal(asked[0]?.url.searchParams.get(member), place);
  }
});

test('an export into a file that broke off goes on from its last whole portion', async () => {
  await using dir = await temporaryDir();
  const file = join(dir.path, 'events.ndjson');
  const first = linesOf(line(1), line(2), { next_cursor: 'c1', records: 2 }, line(3));
  const second = linesOf(line(3), line(4), { next_cursor: 'c2', records: 2 });
  const { options, written, asked } = surroundings([first, second]);
  const words = ['log', 'export', '-t', 'acme', '--raw', '-o', file];
  assert.deepEqual(await runProgram(words, options), { exit: 1 });
  assert.match(written.err, /broke off/);
  const text = (n: number): string => `{"event_id":"e${n}"}\n`;
  assert.equal(await readFile(file, 'utf8'), text(1) + text(2));
  // Another question may not go on in this file.
  const others = [...words, '--event', 'click'];
  assert.deepEqual(await runProgram(others, options), { exit: 1 });
  assert.match(written.err, /holds a part of another export/);
  assert.deepEqual(await runProgram(words, options), { exit: 0 });
  assert.equal(asked.at(-1)?.url.searchParams.get('cursor'), 'c1');
  assert.equal(await readFile(file, 'utf8'), [1, 2, 3, 4].map(text).join(''));
  assert.match(written.err, /4 records; what comes later: --cursor c2/);
  await assert.rejects(stat(`${file}.daybook-progress`), 'what is whole needs no progress');
  assert.deepEqual(await runProgram(words, options), { exit: 1 }, 'a whole export is not written over');
});

test('verify ends with 1 and names the offset when something differs, and when there is no verdict', async () => {
  const progress = { progress: { partition: 0, partitions: 2, offset: '5', next: '9' } };
  const good = surroundings([linesOf(progress, { verdict: { ok: true, blocks: 3, records: '12' } })]);
  assert.deepEqual(await runProgram(['log', 'verify', '-t', 'acme'], good.options), { exit: 0 });
  assert.equal(good.written.out, 'Every byte is what was written: 12 records in 3 blocks.\n');
  assert.equal(good.asked[0]?.method, 'POST');
  const difference = {
    ok: false,
    reason: 'digest',
    partition: 1,
    offset: '17',
    names: 'record',
    message: 'x.',
  };
  const bad = surroundings([linesOf(progress, { verdict: difference })]);
  assert.deepEqual(await runProgram(['log', 'verify', '-t', 'acme'], bad.options), { exit: 1 });
  assert.match(bad.written.out, /Partition 1 .* the record at offset 17 \(digest\): x\./);
  const none = surroundings([linesOf(progress)]);
  assert.deepEqual(await runProgram(['log', 'verify', '-t', 'acme'], none.options), { exit: 1 });
});

test('audit prints who asked for what, the newest first', async () => {
  const entry = (actor: string): object => ({
    recorded_at: '2024-03-04T10:05:00.000Z',
    kind: 'search',
    actor,
    address: '127.0.0.1',
    state: 'complete',
    records: 3,
    question: { tenant_id: 'acme', user_id: 'u1' },
  });
  const { options, written } = surroundings([
    JSON.stringify({ entries: [entry('ada')], next_cursor: 'dh1_4' }),
    JSON.stringify({ entries: [entry('bob')], next_cursor: null }),
  ]);
  assert.deepEqual(await runProgram(['audit', '-t', 'acme'], options), { exit: 0 });
  const [, , first, second] = written.out.split('\n');
  assert.match(first ?? '', /ada .*search .*complete .*3 .*\{"user_id":"u1"\}/);
  assert.match(second ?? '', /bob/);
});
