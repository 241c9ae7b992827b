import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { TestContext } from 'node:test';

const root = join(import.meta.dirname, '..');

type Run = { readonly child: ChildProcess; readonly exit: Promise<number>; readonly output: () => string };

function run(t: TestContext, args: readonly string[], env: Record<string, string> = {}): Run {
  const ours = Object.entries(process.env).filter(([name]) => !/^(DAYBOOK_|NODE_|UV_)/.test(name));
  const child = spawn(process.execPath, args, { cwd: root, env: { ...Object.fromEntries(ours), ...env } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exit = once(child, 'close').then(([code]: unknown[]) => code as number);
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exit;
  });
  return { child, exit, output: () => output };
}

async function temporaryDir(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'daybook-main-'));
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Waits for the line that says where it serves. */
async function start(t: TestContext, entry: string, dataDir: string) {
  const env = { DAYBOOK_DATA_DIR: dataDir, DAYBOOK_HTTP_PORT: '0' };
  const started = run(t, [entry, 'start'], env);
  assert.ok(started.child.stdout);
  for await (const line of createInterface({ input: started.child.stdout })) {
    if (line.includes('"msg":"Ready"')) {
      return { ...started, url: String((JSON.parse(line) as { url: unknown }).url) };
    }
  }
  throw new Error(`it went before it was ready:\n${started.output()}`);
}

test('the command line works against a started platform, and SIGTERM ends it in order', async (t) => {
  const dataDir = await temporaryDir(t);
  const { child, exit, url, output } = await start(t, 'daybook.js', dataDir);
  if (process.platform === 'linux') {
    const tasks = await readdir(`/proc/${child.pid}/task`);
    const names = await Promise.all(
      tasks.map((id) => readFile(`/proc/${child.pid}/task/${id}/comm`, 'utf8')),
    );
    assert.equal(names.filter((name) => name.startsWith('libuv')).length, 32);
  }
  assert.deepEqual(await (await fetch(`${url}/ready`)).json(), { status: 'ready', missing: [] });
  const sent = await fetch(`${url}/v1/track`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"tenant_id":"acme","event_name":"pageview","user_id":"u1","event_id":"e1"}',
  });
  const { receipt } = (await sent.json()) as { receipt: { token: string } };
  await fetch(`${url}/api/analytics/events?tenant_id=acme&event=pageview&wait_for=${receipt.token}`);

  const sql = run(t, [
    'main.ts',
    'sql',
    '-u',
    url,
    '-t',
    'acme',
    'SELECT event_name, count() AS n FROM events GROUP BY 1',
  ]);
  assert.equal(await sql.exit, 0, sql.output());
  assert.match(sql.output(), /^event_name {2}n\n-+ {2}-\npageview {4}1\n/);
  const tail = run(t, ['main.ts', 'log', 'tail', '-u', url, '-t', 'acme', '--json']);
  assert.equal(await tail.exit, 0, tail.output());
  assert.equal((JSON.parse(tail.output()) as { receipt: string }).receipt, receipt.token);

  const second = run(t, ['main.ts', 'start'], { DAYBOOK_DATA_DIR: dataDir, DAYBOOK_HTTP_PORT: '0' });
  assert.equal(await second.exit, 1);
  assert.match(second.output(), /^daybook: DATA_DIR_LOCKED: .* in use by process \d+/m);
  const port = new URL(url).port;
  const other = run(t, ['main.ts', 'start'], {
    DAYBOOK_DATA_DIR: await temporaryDir(t),
    DAYBOOK_HTTP_PORT: port,
  });
  assert.equal(await other.exit, 1);
  assert.match(other.output(), new RegExp(`^daybook: CONFIG_INVALID: Port ${port} .* in use`, 'm'));
  const doctor = run(t, ['main.ts', 'doctor'], { DAYBOOK_DATA_DIR: dataDir, DAYBOOK_HTTP_PORT: port });
  assert.equal(await doctor.exit, 0, doctor.output());
  assert.match(doctor.output(), /ok {4}platform +ready at /);
  assert.doesNotMatch(doctor.output(), /^(warn|fail)/m);

  child.kill('SIGTERM');
  assert.equal(await exit, 0, output());
  assert.match(output(), /"msg":"Stopped"/);
});

test('a start that cannot be says why, and ends with 1', async (t) => {
  const wrong = run(t, ['main.ts', 'start'], {
    DAYBOOK_HTTP_PORT: 'x',
    DAYBOOK_HOST: '0.0.0.0',
    DAYBOOK_X: '1',
  });
  assert.equal(await wrong.exit, 1);
  for (const part of ['DAYBOOK_HTTP_PORT', 'no authentication', 'DAYBOOK_X (environment) is no setting']) {
    assert.ok(wrong.output().includes(part), wrong.output());
  }
});

test('a command without a running platform says so and what to do', async (t) => {
  const sql = run(t, ['main.ts', 'sql', '-u', 'http://127.0.0.1:9', '-t', 'acme', 'SELECT 1']);
  assert.equal(await sql.exit, 1);
  assert.match(sql.output(), /No Daybook answers at .* "daybook start"/);
  const unknown = run(t, ['main.ts', 'frobnicate']);
  assert.equal(await unknown.exit, 2);
  assert.match(unknown.output(), /unknown command 'frobnicate'/);
});
