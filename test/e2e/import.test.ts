import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseTenantId } from '#domain';
import type { LogChannel } from '#log';
import { openLmdbEventLog } from '../../log/lmdb-event-log.ts';
import { environment, runDaybook, startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/.bin/node');
const FROM_MS = Date.UTC(2021, 0, 1);

/** What the maker of the file knows of its rows: how often each stands in it. */
type Ledger = Map<string, number>;

type Row = { readonly user: string; readonly atMs: number; readonly colour: string; readonly price: number };

/** Rows of a shop, every tenth the same as one before it. */
function rowsOf(count: number, seed: number): Row[] {
  const random = createRandom(seed);
  const rows: Row[] = [];
  for (let n = 0; n < count; n++) {
    const twin = n > 0 && random.chance(0.1);
    rows.push(
      twin
        ? rows[random.below(rows.length)]!
        : {
            user: `u${random.below(500)}`,
            atMs: FROM_MS + random.below(1_000_000_000),
            colour: random.pick(['red', 'with, comma', 'two\nlines', 'quo"te', '日本']),
            price: random.below(10_000) / 4,
          },
    );
  }
  return rows;
}

const nameOf = (row: Row): string => JSON.stringify([row.user, row.atMs, row.colour, row.price]);

function ledgerOf(rows: readonly Row[]): Ledger {
  const ledger: Ledger = new Map();
  for (const row of rows) ledger.set(nameOf(row), (ledger.get(nameOf(row)) ?? 0) + 1);
  return ledger;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
function csvOf(rows: readonly Row[]): string {
  const lines = rows.map(({ user, atMs, colour, price }) => {
    const micros = `${atMs}999`;
    return `${user},${micros},${quoted(colour)},${price}`;
  });
  return `uid,at,colour,price\n${lines.join('\n')}\n`;
}

function ndjsonOf(rows: readonly Row[]): string {
  return rows
    .map(({ user, atMs, colour, price }) => {
      const event = { event_name: 'seen', user_id: user, timestamp: atMs, properties: { colour, price } };
      return `${JSON.stringify(event)}\n`;
    })
    .join('');
}

const MAP = [
  ...['--map', 'uid=user_id', '--map', 'at=timestamp:epoch_us'],
  ...['--map', 'price=properties.price:number', '--map', '=seen=event_name'],
];

/** Every event of the log of a platform that has ended, as its ledger would have it. */
async function logged(dataDir: string, tenant: string, channel: LogChannel = 'events'): Promise<Ledger> {
  await using log = await openLmdbEventLog({ dataDir });
  const parsed = parseTenantId(tenant);
  assert.ok(parsed.ok);
  const name = { tenant: parsed.tenant, channel };
  const ledger: Ledger = new Map();
  const { next } = await log.bounds(name);
  for (const partition of next.keys()) {
    for await (const { records } of log.read(name, { partition, from: 0n })) {
      for (const { value } of records) {
        const event = JSON.parse(Buffer.from(value).toString()) as {
          tenant_id: string;
          user_id: string;
          timestamp: number;
          properties: { colour: string; price: number };
        };
        assert.equal(event.tenant_id, tenant);
        const { colour, price } = event.properties;
        const key = nameOf({ user: event.user_id, atMs: event.timestamp, colour, price });
        ledger.set(key, (ledger.get(key) ?? 0) + 1);
      }
    }
  }
  return ledger;
}

type Running = { readonly child: ChildProcess; readonly ended: Promise<{ exit: unknown; output: string }> };

/** `daybook import`, in a process that can be ended. */
function startImport(words: readonly string[], port: number): Running {
  const child = spawn(NODE, ['main.ts', 'import', ...words], {
    cwd: ROOT,
    env: { ...environment(), DAYBOOK_HTTP_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({ exit: signal ?? code, output }));
  return { child, ended };
}

/** Waits until so many events have been taken since the platform started. */
async function untilAccepted(platform: Platform, count: number): Promise<void> {
  for (;;) {
    const { body } = await platform.get('/api/v1/behaviors/health');
    if ((body as { stats: { kafka_success: number } }).stats.kafka_success >= count) return;
    await sleep(2);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

test('rows of CSV and NDJSON stand in the log once each, twins twice, and a second run adds nothing', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`DAYBOOK_TEST_SEED=${seed}`);
  await using dir = await temporaryDir();
  const rows = rowsOf(3_000, seed);
  const csv = join(dir.path, 'rows.csv');
  const ndjson = join(dir.path, 'rows.ndjson');
  const rejects = join(dir.path, 'rejects');
  await writeFile(csv, csvOf(rows) + 'u1,yesterday,red,1\n');
  await writeFile(ndjson, ndjsonOf(rows));
  const data = join(dir.path, 'data');
  await using platform = await startPlatform({ dataDir: data });
  const env = { DAYBOOK_HTTP_PORT: String(platform.port) };
  const command = ['import', csv, '-t', 'acme', ...MAP];

  const dry = await runDaybook([...command, '--dry-run'], env);
  assert.equal(dry.exit, 3, dry.output);
  assert.match(dry.output, /would be accepted +3,000\n/);
  const first = await runDaybook([...command, '--rejects', rejects], env);
  assert.equal(first.exit, 3, first.output);
  assert.match(first.output, /accepted +3,000\n/);
  // A cell of two lines makes the line of the file another number than that of the row.
  const bad = csvOf(rows).split('\n').length;
  assert.match(
    first.output,
    new RegExp(`1 x format at\n +line ${bad}: is "yesterday", not a time in digits`),
  );
  const refused = JSON.parse(await readFile(rejects, 'utf8')) as { line: number; row: string };
  assert.deepEqual([refused.line, refused.row], [bad, 'u1,yesterday,red,1']);
  assert.equal(await exists(`${csv}.daybook-progress`), false);

  const second = await runDaybook([...command, '--json'], env);
  const report = JSON.parse(second.output.trim().split('\n').at(-1)!) as Record<string, number>;
  assert.deepEqual([report['accepted'], report['duplicate'], report['conflict']], [0, 3_000, 0]);
  // The same rows in another form and for another tenant.
  assert.equal((await runDaybook(['import', ndjson, '-t', 'globex'], env)).exit, 0);
  await platform.stop();
  assert.deepEqual(await logged(data, 'acme'), ledgerOf(rows));
  assert.deepEqual(await logged(data, 'globex'), ledgerOf(rows));
});

test('a client that is interrupted or killed goes on where it was, and no row stands in the log twice', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`DAYBOOK_TEST_SEED=${seed}`);
  await using dir = await temporaryDir();
  const rows = rowsOf(40_000, seed);
  const csv = join(dir.path, 'rows.csv');
  await writeFile(csv, csvOf(rows));
  const data = join(dir.path, 'data');
  await using platform = await startPlatform({ dataDir: data });
  const words = [csv, '-t', 'acme', '--batch', '200', ...MAP];

  const interrupted = startImport(words, platform.port);
  // It stands there from the first answer on.
  while (!(await exists(`${csv}.daybook-progress`))) await sleep(2);
  interrupted.child.kill('SIGINT');
  const broken = await interrupted.ended;
  assert.equal(broken.exit, 4, broken.output);
  assert.match(broken.output, /The same command again goes on from there/);
  const progress = JSON.parse(await readFile(`${csv}.daybook-progress`, 'utf8')) as { rows: number };
  assert.ok(progress.rows > 0 && progress.rows < rows.length, `${progress.rows} rows`);

  const killed = startImport(words, platform.port);
  const before = await acceptedOf(platform);
  await untilAccepted(platform, before + 2_000);
  killed.child.kill('SIGKILL');
  assert.equal((await killed.ended).exit, 'SIGKILL');

  const last = startImport([...words, '--json'], platform.port);
  const { exit, output } = await last.ended;
  assert.equal(exit, 0, output);
  const report = JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, number>;
  assert.ok(report['resumed']! >= progress.rows);
  assert.equal(report['rows'], rows.length);
  await platform.stop();
  assert.deepEqual(await logged(data, 'acme'), ledgerOf(rows));
});

async function acceptedOf(platform: Platform): Promise<number> {
  const { body } = await platform.get('/api/v1/behaviors/health');
  return (body as { stats: { kafka_success: number } }).stats.kafka_success;
}

test('a platform that is killed in the middle of an import is waited for, and no row is lost or doubled', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`DAYBOOK_TEST_SEED=${seed}`);
  await using dir = await temporaryDir();
  const rows = rowsOf(40_000, seed);
  const csv = join(dir.path, 'rows.csv');
  await writeFile(csv, csvOf(rows));
  const data = join(dir.path, 'data');
  await using platform = await startPlatform({ dataDir: data });
  const running = startImport([csv, '-t', 'acme', '--batch', '200', ...MAP], platform.port);
  await untilAccepted(platform, 3_000);
  await platform.kill();
  await using again = await startPlatform({
    dataDir: data,
    env: { DAYBOOK_HTTP_PORT: String(platform.port) },
    waitUntilReady: false,
  });
  const { exit, output } = await running.ended;
  assert.equal(exit, 0, output + again.written());
  await again.stop();
  assert.deepEqual(await logged(data, 'acme'), ledgerOf(rows));
});

test('progress of another log is not believed: after the data is gone the file is imported whole', async () => {
  await using dir = await temporaryDir();
  const rows = rowsOf(20_000, 7);
  const file = join(dir.path, 'rows.ndjson');
  await writeFile(file, ndjsonOf(rows));
  await using platform = await startPlatform({ dataDir: join(dir.path, 'one') });
  const running = startImport([file, '-t', 'acme', '--batch', '100'], platform.port);
  await untilAccepted(platform, 1_000);
  running.child.kill('SIGINT');
  assert.equal((await running.ended).exit, 4);
  await platform.stop();

  const data = join(dir.path, 'two');
  await using other = await startPlatform({ dataDir: data });
  const seen =
    '{"event_name":"seen","user_id":"u","tenant_id":"acme","properties":{"colour":"x","price":1},"timestamp":1700000000000}';
  await other.post('/api/v1/behaviors/track', seen);
  const ended = await startImport([file, '-t', 'acme'], other.port).ended;
  assert.equal(ended.exit, 0, ended.output);
  await other.stop();
  const expected = ledgerOf(rows);
  expected.set(nameOf({ user: 'u', atMs: 1_700_000_000_000, colour: 'x', price: 1 }), 1);
  assert.deepEqual(await logged(data, 'acme'), expected);
});

test('without a platform, with an unknown file or a bad tenant nothing is done, and it is said why', async () => {
  await using dir = await temporaryDir();
  const file = join(dir.path, 'a.ndjson');
  await writeFile(file, '{"event_name":"seen","user_id":"u"}\n');
  const env = { DAYBOOK_HTTP_PORT: '1' };
  for (const [words, why] of [
    [[file, '-t', 'acme'], /No Daybook answers .*ECONNREFUSED/],
    [[join(dir.path, 'b.ndjson'), '-t', 'acme'], /There is no file .*b\.ndjson/],
    [[file, '-t', 'Not One'], /TENANT_INVALID/],
    [[file, '-t', 'acme', '--batch', '0'], /--batch must be/],
    [[file, '-t', 'acme', '--format', 'xml'], /--format must be/],
  ] as const) {
    const { exit, output } = await runDaybook(['import', ...words], env);
    assert.equal(exit, 1, output);
    assert.match(output, why);
  }
});
