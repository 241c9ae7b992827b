import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { EventLog, LogName } from './event-log.ts';
import {
  acme,
  deadLetters,
  entry,
  eventLogContract,
  events,
  isFault,
  other,
  readAll,
} from './event-log.contract.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';
import { openLmdbLogReader } from './lmdb-log-reader.ts';

/** A log that is written as ever and read through a reader of its own. */
async function openReadApart(dataDir: string): Promise<EventLog> {
  const log = await openLmdbEventLog({ dataDir });
  const reader = openLmdbLogReader({ dataDir, onCommit: (listener) => log.onCommit(listener) });
  return {
    create: (tenant, options) => log.create(tenant, options),
    append: (name, entries) => log.append(name, entries),
    find: (tenant, eventId) => log.find(tenant, eventId),
    turnedAway: (tenant, range) => log.turnedAway(tenant, range),
    read: (name, range, signal) => reader.read(name, range, signal),
    bounds: (name) => reader.bounds(name),
    onCommit: (listener) => reader.onCommit(listener),
    async [Symbol.asyncDispose]() {
      await reader[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

eventLogContract('the reader of the embedded log', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-reader-'));
  return {
    open: () => openReadApart(dataDir),
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }),
  };
});

async function logFor(t: TestContext): Promise<{ readonly log: EventLog; readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-reader-'));
  const log = await openLmdbEventLog({ dataDir });
  t.after(async () => {
    await log[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return { log, dataDir };
}

/** A reader in another thread. */
async function threadFor(t: TestContext, dataDir: string) {
  const entryFile = new URL('./lmdb-log-reader.test-thread.ts', import.meta.url);
  const worker = new Worker(entryFile, { workerData: { dataDir } });
  t.after(() => worker.terminate());
  await once(worker, 'message');
  const ask = async (asked: LogName | 'close' | 'read_on'): Promise<unknown> => {
    worker.postMessage(asked);
    return ((await once(worker, 'message')) as unknown[])[0];
  };
  return { worker, ask };
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `id-${from + index}`);

test('another thread reads what was appended, at once, in their order', async (t) => {
  const { log, dataDir } = await logFor(t);
  await log.create(acme, { partitions: 1 });
  const { ask } = await threadFor(t, dataDir);
  assert.deepEqual(await ask(events), []);
  for (let count = 0; count < 300; count += 3) {
    await log.append(
      events,
      ids(count, count + 3).map((id) => entry(id)),
    );
    assert.deepEqual(await ask(events), ids(0, count + 3));
  }
  assert.deepEqual(await ask(deadLetters), []);
});

test('values of any size are read in both threads while they are being written', async (t) => {
  const { log, dataDir } = await logFor(t);
  await log.create(acme, { partitions: 1 });
  const { ask } = await threadFor(t, dataDir);
  const sizes = [10, 5_000, 40_000, 300_000, 1_500_000];
  for (const [index, size] of [...sizes, ...sizes].entries()) {
    await log.append(events, [{ ...entry(`id-${index}`), value: Buffer.alloc(size, index) }]);
    const [asked, own] = await Promise.all([ask(events), readAll(log, events)]);
    assert.deepEqual(asked, ids(0, index + 1));
    assert.deepEqual(own.at(-1)?.value.length, size);
  }
});

test('a tenant created later is found, an unknown one is not, and the same ids of two stay apart', async (t) => {
  const { log, dataDir } = await logFor(t);
  await log.create(acme, { partitions: 1 });
  await log.append(events, [entry('shared'), entry('mine')]);
  const { ask } = await threadFor(t, dataDir);
  const theirs: LogName = { tenant: other, channel: 'events' };
  assert.equal(await ask(theirs), 'TENANT_UNKNOWN');
  await log.create(other, { partitions: 1 });
  await log.append(theirs, [entry('shared', { body: 'other' })]);
  assert.deepEqual(await ask(theirs), ['shared']);
  assert.deepEqual(await ask(events), ['shared', 'mine']);
});

test('whichever thread closes first, the other goes on', async (t) => {
  const { log, dataDir } = await logFor(t);
  await log.create(acme, { partitions: 1 });
  const first = await threadFor(t, dataDir);
  await log.append(events, [entry('id-0')]);
  assert.equal(await first.ask('close'), 'closed');
  await log.append(events, [entry('id-1')]);
  assert.deepEqual((await readAll(log, events)).length, 2);
  const second = await threadFor(t, dataDir);
  await log[Symbol.asyncDispose]();
  assert.deepEqual(await second.ask(events), ids(0, 2));
  assert.equal(await second.ask('close'), 'closed');
  await using again = await openLmdbEventLog({ dataDir });
  await again.append(events, [entry('id-2')]);
  assert.equal((await readAll(again, events)).length, 3);
});

test('a thread that is ended amid its reading holds up nobody and keeps no old pages', async (t) => {
  const { log, dataDir } = await logFor(t);
  await log.create(acme, { partitions: 1 });
  const append = async (from: number): Promise<void> => {
    for (let index = from; index < from + 100; index++) await log.append(events, [entry(`id-${index}`)]);
  };
  const size = async (): Promise<number> => (await stat(join(dataDir, 'log', 'data.mdb'))).size;
  await append(0);
  const before = await size();
  await append(100);
  const alone = (await size()) - before;
  for (let round = 2; round < 8; round++) {
    const { worker, ask } = await threadFor(t, dataDir);
    assert.equal(await ask('read_on'), 'reading');
    await worker.terminate();
  }
  const ended = await size();
  await append(200);
  assert.ok((await size()) - ended <= alone + 128 * 1024);
  assert.equal((await readAll(log, events)).length, 300);
});

test('a reader that has been closed says so', async (t) => {
  const { log, dataDir } = await logFor(t);
  await log.create(acme, { partitions: 1 });
  const reader = openLmdbLogReader({ dataDir, onCommit: (listener) => log.onCommit(listener) });
  await reader[Symbol.asyncDispose]();
  await reader[Symbol.asyncDispose]();
  await assert.rejects(reader.bounds(events), isFault('LOG_CLOSED'));
});
