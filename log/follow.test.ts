import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { acme, deadLetters, entry, events, isFault } from './event-log.contract.ts';
import type { EventLog } from './event-log.ts';
import { follow } from './follow.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';

async function openLog(t: TestContext): Promise<EventLog> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-follow-'));
  const log = await openLmdbEventLog({ dataDir });
  await log.create(acme, { partitions: 4 });
  t.after(async () => {
    await log[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return log;
}

const entries = (from: number, to: number): ReturnType<typeof entry>[] =>
  Array.from({ length: to - from }, (_, i) => entry(`${from + i}`));

test('a follower gets what stands there and what comes, every partition in order, nothing twice', async (t) => {
  const log = await openLog(t);
  await log.append(events, entries(0, 500));
  const abort = new AbortController();
  const vector = [0n, 0n, 0n, 0n];
  const ids = new Set<string>();
  let appended = 500;
  for await (const { partition, records } of follow(log, events, vector, abort.signal)) {
    for (const { offset, headers } of records) {
      assert.equal(offset, vector[partition]);
      vector[partition] = offset + 1n;
      ids.add(headers.eventId);
    }
    if (ids.size === 1500) abort.abort();
    else if (ids.size === appended) {
      void log.append(events, entries(appended, appended + 100));
      appended += 100;
    }
  }
  assert.equal(ids.size, 1500);
  assert.deepEqual(vector, (await log.bounds(events)).next);
});

test('a follower begins at its vector', async (t) => {
  const log = await openLog(t);
  await log.append(events, entries(0, 100));
  const { next } = await log.bounds(events);
  const abort = new AbortController();
  const heard: string[] = [];
  void log.append(deadLetters, [entry('elsewhere')]);
  void log.append(events, [entry('new')]);
  for await (const { records } of follow(log, events, next, abort.signal)) {
    heard.push(...records.map(({ headers }) => headers.eventId));
    abort.abort();
  }
  assert.deepEqual(heard, ['new']);
});

test('a follower that waits ends when it is aborted', async (t) => {
  const log = await openLog(t);
  const abort = new AbortController();
  setImmediate(() => {
    abort.abort();
  });
  for await (const _ of follow(log, events, [], abort.signal)) assert.fail('there is nothing to read');
});

test('an aborted follower reads nothing', async (t) => {
  const log = await openLog(t);
  await log.append(events, entries(0, 10));
  for await (const _ of follow(log, events, [], AbortSignal.abort())) assert.fail('it was aborted before');
});

test('what comes between the look and the waiting is not missed', async (t) => {
  const log = await openLog(t);
  const abort = new AbortController();
  let read = 0;
  const reading = (async () => {
    for await (const { records } of follow(log, events, [], abort.signal)) {
      read += records.length;
      if (read === 300) abort.abort();
    }
  })();
  for (let i = 0; i < 300; i++) {
    const appending = log.append(events, [entry(`${i}`)]);
    if (i % 3 === 0) await appending;
  }
  await reading;
  assert.equal(read, 300);
});

test('a slow reader slows the reading', async (t) => {
  const log = await openLog(t);
  await log.append(events, entries(0, 20_000));
  const abort = new AbortController();
  const reads: number[] = [];
  const counting: EventLog = Object.create(log, {
    bounds: { value: (name: typeof events) => log.bounds(name) },
    onCommit: { value: (listener: () => void) => log.onCommit(listener) },
    read: {
      value: async function* (...args: Parameters<EventLog['read']>) {
        for await (const batch of log.read(...args)) {
          reads.push(batch.records.length);
          yield batch;
        }
      },
    },
  }) as EventLog;
  const following = follow(counting, events, [], abort.signal)[Symbol.asyncIterator]();
  await following.next();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(reads.length, 1);
  abort.abort();
  await following.return?.();
});

test('a vector before the log is a gap', async (t) => {
  const log = await openLog(t);
  await log.append(events, entries(0, 10));
  await assert.rejects(async () => {
    for await (const _ of follow(log, events, [-1n, -1n, -1n, -1n], AbortSignal.timeout(5000))) break;
  }, isFault('LOG_GAP'));
});
