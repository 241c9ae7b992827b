import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FirstSeenIndex } from './first-seen-index.ts';
import type { ReplayedId, Seen } from './first-seen-index.ts';

const MIB = 1024 * 1024;

/** A log of one partition, as the index sees it. */
type History = { readonly identity: string; readonly ids: string[] };

const seenAt = (offset: number): Seen => ({
  partition: 0,
  offset,
  contentHash: Buffer.alloc(16, offset % 256),
});

/** Opens the index of a history and tells how many ids it had to be told again. */
async function openIndex(
  directory: string,
  { identity, ids }: History,
  options: { maxTailBytes?: number; snapshotEveryIds?: number } = {},
): Promise<{ index: FirstSeenIndex; replayed: () => number }> {
  let replayed = 0;
  const index = await FirstSeenIndex.open({
    directory,
    identity,
    heads: [[9, 0, ids.length]],
    maxTailBytes: options.maxTailBytes ?? MIB,
    snapshotEveryIds: options.snapshotEveryIds ?? 1_000_000,
    *replay(_log, _partition, from): Iterable<readonly ReplayedId[]> {
      for (let at = from; at < ids.length; at += 100) {
        const batch = ids.slice(at, at + 100).map((id, i) => ({ id, seen: seenAt(at + i) }));
        replayed += batch.length;
        yield batch;
      }
    },
  });
  return { index, replayed: () => replayed };
}

async function add(index: FirstSeenIndex, history: History, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const id = `id-${history.ids.length}`;
    assert.equal(index.addOrRecall(9, id, seenAt(history.ids.length)), undefined);
    history.ids.push(id);
    if (i % 500 === 0) {
      index.durable(index.added);
      await index.room();
    }
  }
  index.durable(index.added);
}

async function knows(index: FirstSeenIndex, { ids }: History): Promise<void> {
  assert.ok(ids.every((id) => index.mayKnow(9, id)));
  // Before any waiting: an id leaves the memory when it has reached the disk.
  const recalled = new Map(ids.map((id) => [id, index.recall(9, id)]));
  const unknown = ids.filter((id) => !recalled.get(id));
  const found = await index.fetch(unknown.map((id) => [9, id]));
  const fetched = new Map(unknown.map((id, i) => [id, found[i]]));
  ids.forEach((id, offset) => {
    const seen = recalled.get(id) ?? fetched.get(id);
    assert.ok(seen, id);
    assert.deepEqual({ ...seen, contentHash: Buffer.from(seen.contentHash) }, seenAt(offset));
  });
  assert.deepEqual(await index.fetch([[9, 'never']]), [undefined]);
  assert.deepEqual(await index.fetch([[8, ids[0] ?? '']]), [undefined]);
}

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-index-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('ids are known from memory, then from disk, then after reopening without being told again', async (t) => {
  const directory = await directoryFor(t);
  const history = { identity: randomUUID(), ids: [] as string[] };
  {
    const { index } = await openIndex(directory, history, { maxTailBytes: 1000 });
    await using _closing = index;
    await add(index, history, 3000);
    await knows(index, history);
    assert.deepEqual(index.addOrRecall(9, 'id-2999', seenAt(1)), index.recall(9, 'id-2999'));
  }
  const { index, replayed } = await openIndex(directory, history);
  await using _closing = index;
  assert.equal(replayed(), 0);
  await knows(index, history);
});

test('what was not written before a crash is told again by the log', async (t) => {
  const directory = await directoryFor(t);
  const history = { identity: randomUUID(), ids: [] as string[] };
  {
    const { index } = await openIndex(directory, history);
    await using _closing = index;
    await add(index, history, 1000);
  }
  // These stand in the log, but the index never heard of them.
  for (let i = 0; i < 250; i++) history.ids.push(`id-${history.ids.length}`);
  const { index, replayed } = await openIndex(directory, history);
  await using _closing = index;
  assert.equal(replayed(), 250);
  await knows(index, history);
});

test('without its snapshot the filter is made from the keys, with a damaged one too', async (t) => {
  const directory = await directoryFor(t);
  const history = { identity: randomUUID(), ids: [] as string[] };
  {
    const { index } = await openIndex(directory, history);
    await using _closing = index;
    await add(index, history, 1000);
  }
  const snapshot = join(directory, 'filter');
  const bytes = await readFile(snapshot);
  bytes[5000]! ^= 1;
  await writeFile(snapshot, bytes);
  {
    const { index, replayed } = await openIndex(directory, history);
    await using _closing = index;
    assert.equal(replayed(), 0);
    await knows(index, history);
  }
  await rm(snapshot);
  const { index, replayed } = await openIndex(directory, history);
  await using _closing = index;
  assert.equal(replayed(), 0);
  await knows(index, history);
});

test('an older snapshot is brought up to date from the log', async (t) => {
  const directory = await directoryFor(t);
  const history = { identity: randomUUID(), ids: [] as string[] };
  const snapshot = join(directory, 'filter');
  {
    const { index } = await openIndex(directory, history);
    await using _closing = index;
    await add(index, history, 1000);
  }
  const old = await readFile(snapshot);
  {
    const { index } = await openIndex(directory, history);
    await using _closing = index;
    await add(index, history, 500);
  }
  await writeFile(snapshot, old);
  const { index, replayed } = await openIndex(directory, history);
  await using _closing = index;
  assert.equal(replayed(), 500);
  await knows(index, history);
});

test('an index of other logs, or one that is ahead of its log, is thrown away and made again', async (t) => {
  const directory = await directoryFor(t);
  const first = { identity: randomUUID(), ids: [] as string[] };
  {
    const { index } = await openIndex(directory, first);
    await using _closing = index;
    await add(index, first, 600);
  }
  const restored = { identity: first.identity, ids: first.ids.slice(0, 200) };
  {
    const { index, replayed } = await openIndex(directory, restored);
    await using _closing = index;
    assert.equal(replayed(), 200);
    await knows(index, restored);
    assert.deepEqual(await index.fetch([[9, 'id-300']]), [undefined]);
  }
  const other = { identity: randomUUID(), ids: ['x', 'y'] };
  const { index, replayed } = await openIndex(directory, other);
  await using _closing = index;
  assert.equal(replayed(), 2);
  await knows(index, other);
  assert.deepEqual(await index.fetch([[9, 'id-0']]), [undefined]);
});

test('ids of a commit that failed are forgotten', async (t) => {
  const directory = await directoryFor(t);
  const history = { identity: randomUUID(), ids: [] as string[] };
  {
    const { index } = await openIndex(directory, history);
    await using _closing = index;
    await add(index, history, 20);
    index.addOrRecall(9, 'failed', seenAt(20));
    index.forget((log, { offset }) => log === 9 && offset >= 20);
    assert.equal(index.recall(9, 'failed'), undefined);
    assert.equal(index.addOrRecall(9, 'instead', seenAt(20)), undefined);
    history.ids.push('instead');
    await knows(index, history);
  }
  const { index } = await openIndex(directory, history);
  await using _closing = index;
  await knows(index, history);
  assert.deepEqual(await index.fetch([[9, 'failed']]), [undefined]);
});

test('long and foreign ids are exact', async (t) => {
  const directory = await directoryFor(t);
  const ids = ['ж', 'жж', 'é'.repeat(40), 'a'.repeat(255), 'a'.repeat(254), '', '日本', 'x'.repeat(700_000)];
  const history = { identity: randomUUID(), ids };
  {
    const { index } = await openIndex(directory, history);
    await using _closing = index;
    await knows(index, history);
  }
  const { index } = await openIndex(directory, history);
  await using _closing = index;
  await knows(index, history);
});

test('the filter is saved while it grows, not only at the end', async (t) => {
  const directory = await directoryFor(t);
  const history = { identity: randomUUID(), ids: [] as string[] };
  const { index } = await openIndex(directory, history, { maxTailBytes: 1000, snapshotEveryIds: 100 });
  await using _closing = index;
  await add(index, history, 2000);
  await index.fetch([[9, 'x']]);
  assert.ok((await stat(join(directory, 'filter'))).size > MIB);
});
