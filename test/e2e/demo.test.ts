import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { environment, runDaybook, startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const READY = 'The demo is ready';

type Ledger = {
  plan: { loaded: boolean; endAt: number };
  outcomes: { accepted: number; duplicate: number; conflict: number; rejected: number };
  figures: { warned: number; names: Record<string, number> };
};

const ledgerFile = (dataDir: string): string => join(dataDir, 'demo-ledger.json');
const ledgerOf = async (dataDir: string): Promise<Ledger> =>
  JSON.parse(await readFile(ledgerFile(dataDir), 'utf8')) as Ledger;

/** A small demo in a process of its own, with all of its month loaded. */
async function startDemo(dataDir: string, more: readonly string[] = []): Promise<Platform> {
  const words = ['demo', '--data-dir', dataDir, ...more];
  const demo = await startPlatform({ dataDir, words, env: { DAYBOOK_LOG_LEVEL: 'error' } });
  while (!demo.written().includes(READY)) {
    const said = new Promise((resolve) => demo.process.stdout?.once('data', resolve));
    const went = demo.gone.then((exit) => {
      throw new Error(`the demo ended with ${exit}:\n${demo.written()}`);
    });
    await Promise.race([said, went]);
  }
  return demo;
}

function check({ dataDir, port }: Platform) {
  return runDaybook(['demo', '--check', '--data-dir', dataDir], { DAYBOOK_HTTP_PORT: String(port) });
}

async function statsOf(demo: Platform): Promise<Record<string, number>> {
  const { body } = await demo.get('/api/v1/behaviors/health?tenant_id=demo');
  return (body as { stats: Record<string, number> }).stats;
}

// Enough that some payments fall into the nine hours of the release, whatever day it is.
const SMALL = ['--days', '3', '--events', '20000', '--seed', '5', '--no-live'];

test('a demo answers as its ledger says, and loading it again adds nothing', async () => {
  await using dir = await temporaryDir();
  let outcomes: Ledger['outcomes'];
  {
    await using demo = await startDemo(dir.path, SMALL);
    const ledger = await ledgerOf(dir.path);
    outcomes = ledger.outcomes;
    assert.ok(ledger.plan.loaded && outcomes.accepted >= 20_000);
    const stats = await statsOf(demo);
    assert.equal(stats['kafka_success'], outcomes.accepted);
    assert.equal(stats['duplicates'], outcomes.duplicate);
    assert.equal(stats['conflicts'], outcomes.conflict);
    assert.equal(stats['rejected'], outcomes.rejected);
    // The broken payments of the release, and not one other event.
    assert.equal(stats['validation_warnings'], ledger.figures.warned);
    assert.ok(ledger.figures.warned > 0);
    const { exit, output } = await check(demo);
    assert.equal(exit, 0, output);
    assert.ok(!output.includes('differs') && output.split(' ok\n').length - 1 === 11, output);
    assert.equal(await demo.stop(), 0);
  }
  {
    // Loaded already, with traffic as it comes: it says so, and the month stays what it was.
    await using demo = await startDemo(dir.path);
    assert.match(demo.written(), /loaded +already/);
    const { exit, output } = await check(demo);
    assert.equal(exit, 0, output);
    await demo.stop();
  }
  // As after an interruption: all of it is sent once more.
  const ledger = await ledgerOf(dir.path);
  await writeFile(
    ledgerFile(dir.path),
    JSON.stringify({ ...ledger, plan: { ...ledger.plan, loaded: false } }),
  );
  await using demo = await startDemo(dir.path, ['--no-live']);
  assert.match(demo.written(), /as its ledger expects/);
  const stats = await statsOf(demo);
  assert.equal(stats['kafka_success'], 0);
  assert.equal(stats['duplicates'], outcomes.accepted + outcomes.duplicate);
  assert.equal((await check(demo)).exit, 0);
});

test('a check says which figure differs, and ends with 1', async () => {
  await using dir = await temporaryDir();
  await using demo = await startDemo(dir.path, ['--days', '1', '--events', '500', '--no-live']);
  const ledger = await ledgerOf(dir.path);
  const signups = ledger.figures.names['signup'] ?? 0;
  ledger.figures.names['signup'] = signups + 1;
  await writeFile(ledgerFile(dir.path), JSON.stringify(ledger));
  const { exit, output } = await check(demo);
  assert.equal(exit, 1);
  assert.match(output, /events by name +\d+ +\d+ +differs/);
  assert.match(output, new RegExp(`events by name +signup +${signups + 1} +${signups}\\n`));
  const other = await runDaybook(['demo', '--data-dir', dir.path, '--seed', '9'], {});
  assert.equal(other.exit, 1);
  assert.match(other.output, /holds a demo with --seed 1/);
});

test('every command of the tour is answered', async () => {
  await using dir = await temporaryDir();
  await using demo = await startDemo(dir.path, ['--days', '1', '--events', '500', '--no-live']);
  const commands = demo
    .written()
    .split('\n')
    .filter((line) => /^(curl|npx daybook) /.test(line) && !line.includes(' --check'));
  assert.ok(commands.length >= 10, demo.written());
  for (const command of commands) {
    const once = command.replace('npx daybook', `"${process.execPath}" main.ts`).replace(' --follow', '');
    const { stdout } = await run('sh', ['-c', once], { timeout: 20_000, cwd: ROOT, env: environment() });
    assert.ok(stdout.length > 0, command);
    if (command.startsWith('curl')) assert.ok('meta' in (JSON.parse(stdout) as object), stdout);
  }
});

test('a demo interrupted while it loads stops in order, and the next start completes it', async () => {
  await using dir = await temporaryDir();
  const words = ['demo', '--data-dir', dir.path, ...SMALL];
  {
    await using demo = await startPlatform({ dataDir: dir.path, words, env: { DAYBOOK_LOG_LEVEL: 'error' } });
    while ((await statsOf(demo))['total_events'] === 0);
    demo.process.kill('SIGINT');
    assert.equal(await demo.gone, 0, demo.written());
    assert.ok(!demo.written().includes(READY), 'it was done before it could be interrupted');
  }
  const { plan, outcomes } = await ledgerOf(dir.path);
  assert.equal(plan.loaded, false);
  await using demo = await startDemo(dir.path, ['--no-live']);
  assert.match(demo.written(), /as its ledger expects/);
  const accepted = (await statsOf(demo))['kafka_success'] ?? 0;
  assert.ok(accepted > 0 && accepted < outcomes.accepted, `${accepted}`);
  const { exit, output } = await check(demo);
  assert.equal(exit, 0, output);
});

test('live traffic is seen by a question asked after it', async () => {
  await using dir = await temporaryDir();
  await using demo = await startDemo(dir.path, ['--days', '1', '--events', '500']);
  const { plan } = await ledgerOf(dir.path);
  for (;;) {
    const path = `/api/analytics/dashboard?tenant_id=demo&from=${plan.endAt}&wait_for=latest`;
    const { status, text, body } = await demo.get(path);
    assert.equal(status, 200, text);
    if ((body as { overview: { active_users: number } }).overview.active_users > 0) return;
  }
});

test('what a demo cannot be is refused before anything starts', async () => {
  await using dir = await temporaryDir();
  for (const words of [
    ['--days', '0'],
    ['--events', '1.5'],
    ['--seed', 'x'],
  ]) {
    const { exit, output } = await runDaybook(['demo', '--data-dir', dir.path, ...words], {});
    assert.equal(exit, 1);
    assert.match(output, new RegExp(`${words[0] ?? ''} must be a whole number`));
  }
  const { exit, output } = await runDaybook(['demo', '--check', '--data-dir', dir.path], {});
  assert.equal(exit, 1);
  assert.match(output, /There is no loaded demo/);
});
