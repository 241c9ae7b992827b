import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AppendOutcome } from './event-log.ts';
import { acme, entry, isFault } from './event-log.contract.ts';
import { FirstSeenIndex } from './first-seen-index.ts';
import { GroupCommit } from './group-commit.ts';
import { LmdbAppender } from './lmdb-appender.ts';
import type { AppendCall, LogState } from './lmdb-appender.ts';
import { LmdbBlocks } from './lmdb-blocks.ts';
import type { StoredLog } from './lmdb-blocks.ts';
import { readPage } from './lmdb-pages.ts';

test('after a commit that fails nothing of it stands, and the log goes on from what does', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-appender-'));
  const blocks = new LmdbBlocks(dataDir, 1024 * 1024);
  const identity = await blocks.identity(randomUUID);
  const index = await FirstSeenIndex.open({
    directory: join(dataDir, 'first-seen'),
    identity,
    heads: [],
    maxTailBytes: 1_000_000,
    snapshotEveryIds: 1_000_000,
    replay: () => [],
  });
  t.after(async () => {
    await index[Symbol.asyncDispose]();
    await blocks.close();
    await rm(dataDir, { recursive: true });
  });
  const stored: StoredLog = { no: 0, tenant: acme, channel: 'events', identity, partitions: 1 };
  const head = blocks.head(stored, 0);
  const log: LogState = {
    stored,
    name: { tenant: acme, channel: 'events' },
    partitions: [{ planned: head, durable: head, open: undefined }],
  };
  const appender = new LmdbAppender({ blocks, index, logs: () => [log], onCommit: () => undefined });
  const secondIsReady = Promise.withResolvers<undefined>();
  const commits = new GroupCommit<AppendCall>({
    maxWaitingBytes: 1e9,
    maxWaitingEntries: 1e9,
    // One call a group, made ready while the one before it is being written.
    maxGroupEntries: 1,
    overlapFromEntries: 0,
    prepare: async (calls) => {
      const prepared = await appender.prepare(calls);
      if (calls.some(({ records }) => records[0]?.headers.eventId === 'd')) secondIsReady.resolve(undefined);
      return prepared;
    },
  });
  const append = (...ids: string[]): Promise<readonly AppendOutcome[]> =>
    new Promise((resolve, reject) => {
      const records = ids.map((id) => entry(id));
      commits.submit({ log, records, entries: records.length, bytes: 0, resolve, reject });
    });
  const outcomes = async (call: Promise<readonly AppendOutcome[]>): Promise<string[]> =>
    (await call).map(({ outcome, position }) => `${outcome} ${position.offset}`);

  assert.deepEqual(await outcomes(append('a', 'b')), ['accepted 0', 'accepted 1']);

  // The disk is full for one commit, which fails when the next has been made ready upon it.
  const write = blocks.write.bind(blocks);
  let failures = 1;
  blocks.write = async (commit) => {
    if (failures-- <= 0) return write(commit);
    await secondIsReady.promise;
    throw new Error('disk full');
  };
  const failing = await Promise.allSettled([append('c', 'a'), append('d', 'c')]);
  assert.ok(failing.every((call) => call.status === 'rejected' && isFault('INTERNAL')(call.reason)));

  assert.deepEqual(await outcomes(append('d', 'c', 'a')), ['accepted 2', 'accepted 3', 'duplicate 0']);
  assert.deepEqual(await outcomes(append('c', 'd')), ['duplicate 3', 'duplicate 2']);
  const kept = readPage(blocks, stored, { partition: 0, from: 0, to: 4 });
  assert.deepEqual(
    kept.map(({ headers }) => headers.eventId),
    ['a', 'b', 'd', 'c'],
  );
  // Only what was turned away by commits that stand is counted.
  const hour = Math.floor(1_700_000_000_000 / 3_600_000);
  assert.deepEqual(blocks.turnedAway(0, hour, hour + 1), [{ log: 0, hour, duplicates: 3, conflicts: 0 }]);
});
