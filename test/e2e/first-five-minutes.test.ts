import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { runDaybook, startPlatform, temporaryDir, unusedPort, untilReady } from '../platform.ts';
import { HOSTILE } from './hostile.ts';
import { readmeCommands } from './readme.ts';

const run = promisify(execFile);

test("the README's own commands send an event and read it back in an answer", async () => {
  const commands = await readmeCommands();
  assert.match(commands.join('\n'), /npm ci\b[^]*npm start\b/);
  const curls = commands.filter((command) => command.startsWith('curl'));
  assert.ok(curls.length >= 2, `${curls.length} curl commands`);

  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const replies: { command: string; body: Record<string, unknown> }[] = [];
  for (const command of curls) {
    const here = command.replaceAll(/http:\/\/(127\.0\.0\.1|localhost):8080/g, platform.url);
    assert.notEqual(here, command, `goes to another address than ours: ${command}`);
    const { stdout } = await run('sh', ['-c', here], { timeout: 20_000 });
    replies.push({ command, body: JSON.parse(stdout) as Record<string, unknown> });
  }
  const [sent] = replies;
  assert.equal(sent?.body['success'], true);
  assert.match(JSON.stringify(sent), /"token":"dr1_/);
  const asked = replies.find(({ command }) => command.includes('/api/analytics/'));
  assert.ok(asked, 'no command asks a question');
  assert.ok(asked.body['meta']);
  assert.match(JSON.stringify(asked.body), /:1\b/, 'the event is not in the answer');
});

test('a second process on the same data directory is refused with a clear message', async () => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const second = await runDaybook(['start'], {
    DAYBOOK_DATA_DIR: dir.path,
    DAYBOOK_HTTP_PORT: String(await unusedPort()),
    DAYBOOK_GRPC_PORT: '0',
  });
  assert.notEqual(second.exit, 0);
  assert.match(second.output, /DATA_DIR_LOCKED/);
  assert.ok(second.output.includes(dir.path), second.output);
  assert.equal((await platform.get('/ready')).status, 200);
});

test('a stop by SIGTERM answers what it has begun, and a start brings everything back', async () => {
  await using dir = await temporaryDir();
  await using first = await startPlatform({ dataDir: dir.path });
  const event = (n: number): string =>
    `{"event_id":"evt_${n}","tenant_id":"acme","scenario_id":"s","user_id":"u${n}","item_id":"i","action_type":"click","context":{"device_type":"pc"}}`;
  const answers = Array.from({ length: 200 }, (_, n) =>
    first
      .send('/api/v1/behaviors/track', { method: 'POST', body: event(n) })
      .then(({ status }) => status)
      .catch(() => 0),
  );
  await Promise.race(answers);
  assert.equal(await first.stop(), 0, first.written());
  const statuses = await Promise.all(answers);
  const acknowledged = statuses.filter((status) => status === 200).length;
  assert.ok(acknowledged > 0);
  assert.deepEqual(
    statuses.filter((status) => ![0, 200, 503].includes(status)),
    [],
  );

  await using second = await startPlatform({ dataDir: dir.path, waitUntilReady: false });
  const early = await second.get('/ready').catch(() => undefined);
  assert.ok(early === undefined || early.status === 503 || early.status === 200);
  await untilReady(second);
  assert.equal((await second.get('/live')).status, 200);
  for (const [n, status] of statuses.entries()) {
    if (status !== 200) continue;
    const again = await second.send('/api/v1/behaviors/track', { method: 'POST', body: event(n) });
    assert.match(again.text, /"duplicate"/, `evt_${n} was acknowledged and is gone`);
  }
});

test('hostile bytes are refused or dropped, and the process lives on', async (t) => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  for (const { name, bytes, statuses, silence } of HOSTILE) {
    await t.test(name, async () => {
      const status = await exchangeRaw(platform.port, bytes);
      assert.ok(
        status === undefined ? silence : statuses.includes(status),
        `${status ?? 'silence'} instead of ${statuses.join(' or ')}`,
      );
      assert.equal(platform.process.exitCode, null);
    });
  }
  await t.test('half a request and then nothing', async () => {
    const socket = connect(platform.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('POST /api/v1/behaviors/track HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{"tenant');
    await sleep(20);
    socket.destroy();
  });
  assert.equal((await platform.get('/live')).status, 200);
  assert.equal((await platform.get('/ready')).status, 200);
});

/** Sends bytes as they are; the status that came back, or undefined when the connection just ended. */
async function exchangeRaw(port: number, bytes: Buffer): Promise<number | undefined> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  // A reset while we still write is an answer too.
  socket.on('error', () => undefined);
  socket.setTimeout(3_000, () => socket.destroy());
  socket.write(bytes);
  const quiet = setInterval(() => {
    if (text.includes('\r\n\r\n')) socket.end();
  }, 50);
  // Not `once`, which would take a reset for a failure.
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(quiet);
  const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
  return status === undefined ? undefined : Number(status);
}
