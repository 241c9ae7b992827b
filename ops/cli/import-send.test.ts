import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect, createServer as createNetServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { openDoor } from '../../test/door.ts';
import type { SentRow } from './import-pending.ts';
import { sendRows } from './import-send.ts';
import type { ImportSending } from './import-send.ts';
import { CommandFailed } from './output.ts';

function rowOf(n: number): SentRow {
  const text = JSON.stringify({ event_id: `e${n}`, event_name: 'seen', user_id: 'u', properties: { n } });
  return { at: n + 1, text: () => text, line: Buffer.from(`${text}\n`) };
}

async function* rowsUpTo(count: number): AsyncGenerator<readonly SentRow[]> {
  for (let n = 0; n < count; n += 10) {
    yield Array.from({ length: Math.min(10, count - n) }, (_, index) => rowOf(n + index));
  }
}

function sendingTo(url: string, answered: ImportSending['answered'] = () => undefined): ImportSending {
  const { signal } = new AbortController();
  return { url, tenant: 'acme', dryRun: false, portionRows: 25, signal, answered };
}

test('a platform that takes a portion at a time gets the rest with further requests, each row once', async () => {
  const stopping = new AbortController();
  await using door = await openDoor({ http: { stopping: stopping.signal } });
  stopping.abort();
  const answered: number[] = [];
  await sendRows(
    rowsUpTo(203),
    sendingTo(door.url, (rows, { accepted }) => {
      assert.equal(rows.length, accepted);
      answered.push(...rows.map(({ at }) => at));
    }),
  );
  assert.deepEqual(
    answered,
    Array.from({ length: 203 }, (_, n) => n + 1),
  );
  const kept = await door.events();
  assert.deepEqual(
    kept.map(({ value }) => (value['properties'] as { n: number }).n),
    Array.from({ length: 203 }, (_, n) => n),
  );
});

test('what was read before a file could not be read further is sent, and then it is said', async () => {
  await using door = await openDoor();
  async function* breaking(): AsyncGenerator<readonly SentRow[]> {
    yield* rowsUpTo(40);
    throw new CommandFailed('the row after line 40 cannot be read');
  }
  await assert.rejects(sendRows(breaking(), sendingTo(door.url)), /after line 40/);
  assert.equal((await door.events()).length, 40);
});

/** A server that answers every request with a text. */
async function answering(t: TestContext, status: number, text: string): Promise<string> {
  const server = createServer((req, res) => {
    req.resume();
    res.writeHead(status).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a refusal is said with its code, and what is no platform is said to be none', async (t) => {
  const refusing = await answering(
    t,
    403,
    '{"error":{"code":"TENANT_MISMATCH","message":"Another tenant."}}',
  );
  await assert.rejects(
    sendRows(rowsUpTo(5), sendingTo(refusing)),
    (error: unknown) =>
      error instanceof CommandFailed && error.message === 'TENANT_MISMATCH: Another tenant.',
  );
  const other = await answering(t, 404, '<html>');
  await assert.rejects(sendRows(rowsUpTo(5), sendingTo(other)), /HTTP 404, but not as a Daybook/);
});

test('a platform that goes away before its first answer is waited for', async (t) => {
  await using door = await openDoor();
  let refused = 0;
  // Breaks off the first two connections, then passes everything on.
  const between = createNetServer((socket) => {
    if (refused++ < 2) {
      socket.once('data', () => socket.resetAndDestroy());
      return;
    }
    const onward = connect(door.port, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  t.after(() => between.close());
  const { port } = between.address() as AddressInfo;
  await sendRows(rowsUpTo(60), sendingTo(`http://127.0.0.1:${port}`));
  assert.equal(refused, 3);
  assert.equal((await door.events()).length, 60);
});
