import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { open } from 'lmdb';
import { Fault } from '#domain';
import {
  acme,
  deadLetters,
  entry,
  eventLogContract,
  events,
  isFault,
  readAll,
} from './event-log.contract.ts';
import type { LogStorage } from './event-log.contract.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';
import { verifyLog } from './verify.ts';

async function temporary(): Promise<AsyncDisposable & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-log-'));
  return { dataDir, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }) };
}

eventLogContract('the embedded log', async (): Promise<LogStorage> => {
  const directory = await temporary();
  return {
    open: () => openLmdbEventLog({ dataDir: directory.dataDir }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

// The same promises while the address space has to grow from almost nothing and every id goes through the disk.
eventLogContract('the embedded log with little room', async (): Promise<LogStorage> => {
  const { dataDir, [Symbol.asyncDispose]: dispose } = await temporary();
  return {
    open: () =>
      openLmdbEventLog({
        dataDir,
        mapBytes: 256 * 1024,
        maxGroupEntries: 3,
        maxIndexTailBytes: 1,
        snapshotEveryIds: 5,
      }),
    [Symbol.asyncDispose]: dispose,
  };
});

test('a data directory is held by one log at a time, and the second is told by whom', async () => {
  await using directory = await temporary();
  const { dataDir } = directory;
  {
    await using _first = await openLmdbEventLog({ dataDir });
    await assert.rejects(openLmdbEventLog({ dataDir }), (error: unknown) => {
      assert.ok(error instanceof Fault);
      assert.equal(error.code, 'DATA_DIR_LOCKED');
      assert.ok(error.message.includes(dataDir));
      assert.ok(error.message.includes(`process ${process.pid}`));
      return true;
    });
  }
  await using _again = await openLmdbEventLog({ dataDir });
});

test('calls that arrive during a commit go together in the next one', async () => {
  await using directory = await temporary();
  await using log = await openLmdbEventLog(directory);
  await log.create(acme, { partitions: 1 });
  let commits = 0;
  using _counting = log.onCommit(() => {
    commits += 1;
  });
  await Promise.all(Array.from({ length: 200 }, (_, i) => log.append(events, [entry(`${i}`)])));
  await new Promise(setImmediate);
  assert.ok(commits <= 3, `${commits} commits`);
  const verdict = await verifyLog(log, events);
  assert.deepEqual(verdict, { ok: true, blocks: commits, records: 200n });
});

test('more than may wait is refused whole, and what was taken stands', async () => {
  await using directory = await temporary();
  await using log = await openLmdbEventLog({ ...directory, maxWaitingEntries: 10 });
  await log.create(acme, { partitions: 2 });
  const calls = Array.from({ length: 6 }, (_, i) =>
    log.append(
      events,
      [0, 1, 2].map((j) => entry(`${i}-${j}`)),
    ),
  );
  const settled = await Promise.allSettled(calls);
  const refused = settled.filter((call) => call.status === 'rejected');
  assert.equal(refused.length, 3);
  assert.ok(refused.every(({ reason }) => isFault('LOG_OVERLOADED')(reason)));
  assert.equal((await readAll(log, events)).length, 9);
  // None of the refused ids was taken.
  const [outcome] = await log.append(events, [entry('5-0')]);
  assert.equal(outcome?.outcome, 'accepted');
  // One call alone is always taken.
  const large = await log.append(
    events,
    Array.from({ length: 50 }, (_, i) => entry(`large-${i}`)),
  );
  assert.equal(large.length, 50);
});

test('waiting is bounded in bytes too', async () => {
  await using directory = await temporary();
  await using log = await openLmdbEventLog({ ...directory, maxWaitingBytes: 2000 });
  await log.create(acme, { partitions: 1 });
  const large = { ...entry('a'), value: Buffer.alloc(1500) };
  const calls = await Promise.allSettled([log.append(events, [large]), log.append(events, [entry('b')])]);
  assert.deepEqual(
    calls.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test('a slow reader keeps no old pages alive', async () => {
  await using directory = await temporary();
  await using log = await openLmdbEventLog(directory);
  await log.create(acme, { partitions: 4 });
  await log.append(
    events,
    Array.from({ length: 3000 }, (_, i) => entry(`${i}`)),
  );
  const size = async (): Promise<number> => (await stat(join(directory.dataDir, 'log', 'data.mdb'))).size;
  const growth = async (from: number): Promise<number> => {
    const before = await size();
    for (let i = 0; i < 300; i++) await log.append(events, [entry(`${from + i}`)]);
    return (await size()) - before;
  };
  const alone = await growth(10_000);
  const reader = log.read(events, { partition: 0, from: 0n })[Symbol.asyncIterator]();
  await reader.next();
  const beside = await growth(20_000);
  await reader.next();
  assert.ok(beside <= alone + 128 * 1024, `grew by ${beside} bytes beside a reader, ${alone} without`);
});

test('verifying names the block in which a bit was turned', async () => {
  await using directory = await temporary();
  const { dataDir } = directory;
  await fillWithBlocks(dataDir, 5);
  await changeBlocks(dataDir, (blocks) => {
    const [key, bytes] = blocks[2]!;
    bytes[bytes.length - 3]! ^= 4;
    return { put: [[key, bytes]] };
  });
  await using log = await openLmdbEventLog({ dataDir });
  const verdict = await verifyLog(log, events);
  assert.ok(!verdict.ok);
  assert.deepEqual([verdict.reason, verdict.partition, verdict.firstOffset], ['digest', 0, 20n]);
  await assert.rejects(readAll(log, events), isFault('LOG_CORRUPT'));
});

test('verifying finds a block that was replaced with a right digest of its own', async () => {
  await using directory = await temporary();
  const { dataDir } = directory;
  await fillWithBlocks(dataDir, 5);
  await using elsewhere = await temporary();
  await fillWithBlocks(elsewhere.dataDir, 5);
  let foreign: Buffer | undefined;
  await changeBlocks(elsewhere.dataDir, (blocks) => {
    foreign = blocks[3]![1];
    return {};
  });
  await changeBlocks(dataDir, (blocks) => ({ put: [[blocks[3]![0], foreign!]] }));
  await using log = await openLmdbEventLog({ dataDir });
  const verdict = await verifyLog(log, events);
  assert.ok(!verdict.ok);
  assert.deepEqual([verdict.reason, verdict.firstOffset], ['chain', 30n]);
});

test('verifying finds a block that is missing, in the middle and at the end', async () => {
  for (const [taken, reason, firstOffset] of [
    [1, 'missing', 10n],
    [4, 'truncated', 40n],
  ] as const) {
    await using directory = await temporary();
    const { dataDir } = directory;
    await fillWithBlocks(dataDir, 5);
    await changeBlocks(dataDir, (blocks) => ({ remove: [blocks[taken]![0]] }));
    await using log = await openLmdbEventLog({ dataDir });
    const verdict = await verifyLog(log, events);
    assert.ok(!verdict.ok);
    assert.deepEqual([verdict.reason, verdict.firstOffset], [reason, firstOffset]);
  }
});

test('commits are announced with what became of their entries', async (t) => {
  await using directory = await temporary();
  await using log = await openLmdbEventLog(directory);
  await log.create(acme, { partitions: 1 });
  const heard: unknown[] = [];
  const listener = (message: unknown): void => void heard.push(message);
  subscribe('daybook:log:appended', listener);
  t.after(() => unsubscribe('daybook:log:appended', listener));
  await log.append(events, [entry('a'), entry('a'), entry('a', { body: 'other' })]);
  await log.append(deadLetters, [entry('a')]);
  assert.deepEqual(heard, [
    { ...events, accepted: 1, duplicate: 1, conflict: 1 },
    { ...deadLetters, accepted: 1, duplicate: 0, conflict: 0 },
  ]);
});

/** One partition of blocks with ten records each. */
async function fillWithBlocks(dataDir: string, blocks: number): Promise<void> {
  await using log = await openLmdbEventLog({ dataDir });
  await log.create(acme, { partitions: 1 });
  for (let block = 0; block < blocks; block++) {
    await log.append(
      events,
      Array.from({ length: 10 }, (_, i) => entry(`${block}-${i}`)),
    );
  }
}

type Change = { put?: [Buffer, Buffer][]; remove?: Buffer[] };

/** Changes the stored blocks behind the log's back. */
async function changeBlocks(dataDir: string, change: (blocks: [Buffer, Buffer][]) => Change): Promise<void> {
  const env = open(join(dataDir, 'log'), { noSubdir: false, overlappingSync: false, maxDbs: 8 });
  const blocks = env.openDB<Buffer, Buffer>({ name: 'blocks', encoding: 'binary', keyEncoding: 'binary' });
  const all = [...blocks.getRange({})].map(({ key, value }): [Buffer, Buffer] => [
    Buffer.from(key),
    Buffer.from(value),
  ]);
  const { put = [], remove = [] } = change(all);
  for (const [key, bytes] of put) await blocks.put(key, bytes);
  for (const key of remove) await blocks.remove(key);
  await env.close();
}
