import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain';
import { platformChecks } from './checks.ts';
import type { Checked } from './checks.ts';
import { runDoctor } from './doctor.ts';
import { formatTable } from './output.ts';
import { runProgram } from './program.ts';
import type { ProgramOptions } from './program.ts';

type Answer = { readonly status?: number; readonly body: string };

/** The command line with a platform that answers as it is told to, and everything it wrote. */
function surroundings(answers: Readonly<Record<string, Answer>> = {}, env: Record<string, string> = {}) {
  const written = { out: '', err: '' };
  const asked: string[] = [];
  const bodies: unknown[] = [];
  const ask = async (address: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(address);
    asked.push(`${init?.method ?? 'GET'} ${url.href}`);
    if (typeof init?.body === 'string') bodies.push(JSON.parse(init.body));
    const answer = answers[url.pathname];
    if (!answer) {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      });
    }
    return new Response(answer.body, { status: answer.status ?? 200 });
  };
  const options: ProgramOptions = {
    version: '1.2.3',
    nodeVersion: 'v24.0.0',
    start: () => Promise.reject(new Fault('DATA_DIR_LOCKED', 'It is held by process 7.')),
    engineChecks: () => [],
    lock: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
    around: {
      env,
      out: (text) => (written.out += text),
      err: (text) => (written.err += text),
      fetch: ask,
      readFile: (path) => {
        if (path === 'good.json') return '{"DAYBOOK_HTTP_PORT": 8123}';
        throw new Error(`ENOENT: no such file ${path}`);
      },
      interrupted: () => new AbortController().signal,
    },
  };
  return { options, written, asked, bodies };
}

const ANSWER = JSON.stringify({
  columns: [
    { name: 'event', type: 'String' },
    { name: 'n', type: 'UInt64' },
  ],
  rows: [
    { event: 'click', n: '12' },
    { event: 'view', n: '7' },
  ],
  truncated: true,
  meta: { elapsed_ms: 3.6 },
});

test('a table has columns as wide as their longest value, numbers to the right', () => {
  assert.equal(
    formatTable(
      ['name', 'n'],
      [
        ['a', 5],
        ['élan', '-12.5'],
        ['long one', null],
      ],
    ),
    ['name      n', '--------  -----', 'a         5', 'élan      -12.5', 'long one', ''].join('\n'),
  );
  assert.equal(formatTable(['n'], [[1], [100]]), '  n\n---\n  1\n100\n');
  assert.equal(formatTable(['a'], []), 'a\n-\n');
});

test('a value cannot steer the terminal it is printed on', () => {
  const table = formatTable(['a'], [['x\u001b[31m\ny']]);
  assert.equal(table, 'a\n--------------\nx\\x1b[31m\\x0ay\n');
});

test('sql sends the statement and the tenant, and prints a table', async () => {
  const { options, written, asked, bodies } = surroundings({ '/api/analytics/sql': { body: ANSWER } });
  assert.deepEqual(await runProgram(['sql', '-t', 'acme', 'SELECT 1'], options), { exit: 0 });
  assert.deepEqual(asked, ['POST http://127.0.0.1:8080/api/analytics/sql']);
  assert.deepEqual(bodies, [{ tenant_id: 'acme', sql: 'SELECT 1' }]);
  assert.equal(written.out, 'event   n\n-----  --\nclick  12\nview    7\n');
  assert.equal(written.err, '2 rows, more left out, 4 ms\n');
});

test('sql prints the whole answer as JSON when asked to', async () => {
  const { options, written } = surroundings({ '/api/analytics/sql': { body: ANSWER } });
  await runProgram(['sql', '-t', 'acme', '--json', 'SELECT 1'], options);
  assert.deepEqual(JSON.parse(written.out), JSON.parse(ANSWER));
});

test('the platform is looked for where the settings say, or where the flag says', async () => {
  const { options, asked } = surroundings({}, { DAYBOOK_HTTP_PORT: '9999', DAYBOOK_HOST: '::1' });
  await runProgram(['sql', '-t', 'acme', 'SELECT 1'], options);
  await runProgram(['sql', '-t', 'acme', '-u', 'http://127.0.0.1:7', 'SELECT 1'], options);
  assert.deepEqual(asked, [
    'POST http://[::1]:9999/api/analytics/sql',
    'POST http://127.0.0.1:7/api/analytics/sql',
  ]);
});

test('what the platform refuses is said with its code; what is no platform is said to be none', async () => {
  const refusal = '{"error":{"code":"QUERY_SQL_REFUSED","message":"The SQL must not use FORMAT."}}';
  const refused = surroundings({ '/api/analytics/sql': { status: 400, body: refusal } });
  assert.deepEqual(await runProgram(['sql', '-t', 'a', 'x'], refused.options), { exit: 1 });
  assert.equal(refused.written.err, 'daybook: QUERY_SQL_REFUSED: The SQL must not use FORMAT.\n');
  const other = surroundings({ '/api/analytics/sql': { status: 404, body: '<html>' } });
  await runProgram(['sql', '-t', 'a', 'x'], other.options);
  assert.match(other.written.err, /HTTP 404, but not as a Daybook/);
  const none = surroundings();
  await runProgram(['sql', '-t', 'a', 'x'], none.options);
  assert.match(none.written.err, /No Daybook answers .*ECONNREFUSED.* "daybook start"/);
});

test('log tail asks for what it was told and prints a record a line', async () => {
  const line = (offset: string) =>
    JSON.stringify({
      position: { partition: 1, offset },
      receipt: 'r',
      headers: { timestamp: '2024-03-04T10:00:00.000Z' },
      key: 'u1',
      event: { event_id: `e${offset}` },
    });
  const body = `${line('5')}\n${line('6')}\n`;
  const { options, written, asked } = surroundings({ '/api/v1/log/tail': { body } });
  const args = ['log', 'tail', '-t', 'acme', '-n', '2', '--follow', '--dead-letters'];
  assert.deepEqual(await runProgram(args, options), { exit: 0 });
  assert.deepEqual(asked, [
    'GET http://127.0.0.1:8080/api/v1/log/tail?tenant_id=acme&n=2&channel=dead_letters&follow=1',
  ]);
  assert.equal(
    written.out,
    '1:5       2024-03-04T10:00:00.000Z  u1  {"event_id":"e5"}\n1:6       2024-03-04T10:00:00.000Z  u1  {"event_id":"e6"}\n',
  );
  written.out = '';
  await runProgram(['log', 'tail', '-t', 'acme', '--json'], options);
  assert.equal(written.out, body);
});

test('a start that fails is said with its code, and settings come from flags and file', async () => {
  const { options, written } = surroundings();
  assert.deepEqual(await runProgram(['start'], options), { exit: 1 });
  assert.equal(written.err, 'daybook: DATA_DIR_LOCKED: It is held by process 7.\n');
  const ports: number[] = [];
  const noting = {
    ...options,
    start: async ({ httpPort }: { httpPort: number }) => void ports.push(httpPort),
  };
  assert.equal(await runProgram(['start', '--config', 'good.json'], noting), 'running');
  assert.equal(
    await runProgram(['start', '--config', 'good.json', '--http-port', '8200'], noting),
    'running',
  );
  assert.deepEqual(ports, [8123, 8200]);
  assert.deepEqual(await runProgram(['start', '--config', 'bad.json'], noting), { exit: 1 });
  assert.match(written.err, /the config file bad\.json cannot be used/);
  assert.deepEqual(await runProgram(['start', '--role', 'ingress'], noting), { exit: 2 });
});

test('help shows every command, and is no failure', async () => {
  const { options, written } = surroundings();
  assert.deepEqual(await runProgram(['--help'], options), { exit: 0 });
  for (const command of ['start', 'doctor', 'sql', 'log'])
    assert.match(written.out, new RegExp(`^ {2}${command} `, 'm'));
  assert.deepEqual(await runProgram(['--version'], options), { exit: 0 });
  assert.match(written.out, /^1\.2\.3$/m);
});

test('the doctor prints a line per check with what to do, and fails when one does', async () => {
  const { options, written } = surroundings();
  const checks = [
    { name: 'one', run: async () => ({ state: 'ok', says: 'good' }) as const },
    { name: 'second', run: async () => ({ state: 'warn', says: 'slow', mend: 'Hurry.' }) as const },
    { name: 'third', run: () => Promise.reject(new Error('native code is missing')) },
  ];
  assert.equal(await runDoctor(checks, options.around), false);
  assert.equal(
    written.out,
    [
      'ok    one     good',
      'warn  second  slow',
      '              -> Hurry.',
      'fail  third   native code is missing',
      '              -> Mend what the message names and run the check again.',
      '',
      '1 of the checks failed.',
      '',
    ].join('\n'),
  );
  written.out = '';
  assert.equal(await runDoctor(checks.slice(0, 2), options.around), true);
  assert.match(written.out, /can run here; 1 of the checks could be better/);
});

test('the checks of the machine tell good from bad', async () => {
  const { options } = surroundings({
    '/live': { body: '{"status":"live"}' },
    '/ready': { status: 503, body: '{"status":"starting","missing":["facts"]}' },
  });
  const checked: Checked = {
    dataDir: import.meta.dirname,
    host: '127.0.0.1',
    httpPort: 1,
    url: 'http://127.0.0.1:1',
    fetch: options.around.fetch,
    env: { UV_THREADPOOL_SIZE: '32' },
    nodeVersion: 'v24.1.0',
    lock: options.lock,
  };
  const find = async (name: string, change: Partial<Checked> = {}) => {
    const check = platformChecks({ ...checked, ...change }).find((one) => one.name === name);
    assert.ok(check, name);
    const { state, says } = await check.run();
    return `${state}: ${says}`;
  };
  assert.equal(await find('node'), 'ok: v24.1.0');
  assert.equal(await find('node', { nodeVersion: 'v20.1.0' }), 'fail: v20.1.0');
  assert.equal(await find('threads'), 'ok: UV_THREADPOOL_SIZE is 32');
  assert.match(await find('threads', { env: {} }), /^warn: .* not set/);
  assert.equal(await find('data directory'), `ok: ${checked.dataDir}`);
  assert.match(
    await find('data directory', { dataDir: `${checked.dataDir}/not/there` }),
    /^ok: .*will be created/,
  );
  assert.match(await find('durable write'), /^(ok|warn): \d+\.\d ms \(median\)$/);
  assert.match(await find('platform'), /^warn: starting .* waits for facts$/);
  const unreachable = surroundings().options.around.fetch;
  assert.match(await find('platform', { fetch: unreachable }), /^ok: none is running/);
  const locked = () => Promise.reject(new Fault('DATA_DIR_LOCKED', 'Held by process 7.'));
  assert.equal(await find('data lock'), 'ok: free');
  assert.equal(await find('data lock', { lock: locked }), 'ok: Held by process 7.');
  assert.match(
    await find('data lock', { lock: locked, fetch: unreachable }),
    /^fail: Held by process 7\. Nothing answers/,
  );
});
