import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFault } from './event-log.contract.ts';
import type { NewStreamEvent, StreamEvent, StreamStore } from './stream-store.ts';

/** A place that holds one control plane, which can be closed and opened again. */
export type StreamStorage = AsyncDisposable & { open(): Promise<StreamStore> };

function event(id: string, type = 'happened'): NewStreamEvent {
  return { id, type, data: { of: id, nested: { list: [1, null, 'ж'] } }, metadata: { actor: 'tester' } };
}

async function ids(found: AsyncIterable<StreamEvent>): Promise<string[]> {
  const read: string[] = [];
  for await (const { id } of found) read.push(id);
  return read;
}

/** Ids and marks of a follower, up to and with the n-th `caught_up`. */
async function followed(store: StreamStore, after: bigint | undefined, marks: number): Promise<string[]> {
  const abort = new AbortController();
  const seen: string[] = [];
  let left = marks;
  for await (const next of store.follow(after, abort.signal)) {
    seen.push(next === 'caught_up' ? next : next.id);
    if (next === 'caught_up' && --left === 0) abort.abort();
  }
  return seen;
}

type Clause = (storage: StreamStorage) => Promise<void>;

const CLAUSES = {
  'events come back as they were appended, after a reopening too': async (storage) => {
    let position: bigint;
    {
      await using store = await storage.open();
      const result = await store.append('s', [event('a', 'created'), event('b')], 'no_stream');
      assert.ok(result.ok);
      assert.equal(result.revision, 1n);
      position = result.position;
    }
    await using store = await storage.open();
    const read: StreamEvent[] = [];
    for await (const found of store.read('s')) read.push(found);
    assert.deepEqual(
      read.map(({ recordedAtMs, ...found }) => {
        assert.ok(recordedAtMs > 0);
        return found;
      }),
      [
        { ...event('a', 'created'), stream: 's', revision: 0n, position: position - 1n },
        { ...event('b'), stream: 's', revision: 1n, position },
      ],
    );
  },

  'the last revision is that of the newest event, after a reopening too': async (storage) => {
    {
      await using store = await storage.open();
      assert.equal(await store.last('s'), 'no_stream');
      await store.append('s', [event('a'), event('b')], 'any');
      await store.append('other', [event('c')], 'any');
      assert.equal(await store.last('s'), 1n);
    }
    await using store = await storage.open();
    assert.equal(await store.last('s'), 1n);
    assert.equal(await store.last('other'), 0n);
    assert.equal(await store.last('no such'), 'no_stream');
  },

  'an append names the revision it believes in': async (storage) => {
    await using store = await storage.open();
    const refused = { ok: false, reason: 'revision_conflict' };
    assert.deepEqual(await store.append('s', [event('a')], 0n), { ...refused, actual: 'no_stream' });
    assert.ok((await store.append('s', [event('a')], 'no_stream')).ok);
    assert.deepEqual(await store.append('s', [event('b')], 'no_stream'), { ...refused, actual: 0n });
    assert.deepEqual(await store.append('s', [event('b')], 7n), { ...refused, actual: 0n });
    assert.ok((await store.append('s', [event('b')], 0n)).ok);
    assert.ok((await store.append('s', [event('c')], 'any')).ok);
    assert.deepEqual(await ids(store.read('s')), ['a', 'b', 'c']);
  },

  'of several who believe in the same revision one wins': async (storage) => {
    await using store = await storage.open();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.append('s', [event(`${i}`)], 'no_stream')),
    );
    assert.equal(results.filter(({ ok }) => ok).length, 1);
    assert.deepEqual(await ids(store.read('s')), ['0']);
  },

  'an append repeated with the same ids is answered as the first time': async (storage) => {
    await using store = await storage.open();
    const first = await store.append('s', [event('a'), event('b')], 'no_stream');
    await store.append('s', [event('c')], 'any');
    assert.deepEqual(await store.append('s', [event('a'), event('b')], 'no_stream'), first);
    assert.deepEqual(await ids(store.read('s')), ['a', 'b', 'c']);
  },

  'a stream is read from a revision on, and one that does not exist is empty': async (storage) => {
    await using store = await storage.open();
    const many = Array.from({ length: 600 }, (_, i) => event(`${i}`));
    await store.append('s', many, 'any');
    await store.append('s2', [event('x')], 'any');
    assert.deepEqual(
      await ids(store.read('s')),
      many.map(({ id }) => id),
    );
    assert.deepEqual(await ids(store.read('s', 598n)), ['598', '599']);
    assert.deepEqual(await ids(store.read('s', 600n)), []);
    assert.deepEqual(await ids(store.read('nothing')), []);
  },

  'a follower gets all streams in one order, says when it has caught up, and goes on': async (storage) => {
    await using store = await storage.open();
    await store.append('one', [event('a')], 'any');
    const second = await store.append('two', [event('b')], 'any');
    await store.append('one', [event('c')], 'any');
    assert.ok(second.ok);
    assert.deepEqual(await followed(store, undefined, 1), ['a', 'b', 'c', 'caught_up']);
    assert.deepEqual(await followed(store, second.position, 1), ['c', 'caught_up']);
    const live = followed(store, second.position, 2);
    await new Promise(setImmediate);
    await store.append('three', [event('d'), event('e')], 'any');
    assert.deepEqual(await live, ['c', 'caught_up', 'd', 'e', 'caught_up']);
  },

  'a follower that waits ends when it is aborted': async (storage) => {
    await using store = await storage.open();
    const abort = new AbortController();
    for await (const next of store.follow(undefined, abort.signal)) {
      assert.equal(next, 'caught_up');
      setImmediate(() => {
        abort.abort();
      });
    }
  },

  'positions rise over all streams and all reopenings': async (storage) => {
    const positions: bigint[] = [];
    for (let round = 0; round < 3; round++) {
      await using store = await storage.open();
      for (const stream of ['one', 'two']) {
        const result = await store.append(stream, [event(`${round}-${stream}`)], 'any');
        assert.ok(result.ok);
        positions.push(result.position);
      }
    }
    assert.ok(positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0n)));
    assert.ok((positions[0] ?? 0n) > 0n);
  },

  'a closed store says so': async (storage) => {
    const store = await storage.open();
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.append('s', [event('a')], 'any'), isFault('LOG_CLOSED'));
  },
} satisfies Record<string, Clause>;

/** The name of a promise that an adapter may say it cannot give. */
export type StreamStoreClause = keyof typeof CLAUSES;

/**
 * What every `StreamStore` promises. An adapter lists what it cannot promise by the clause's name, with the
 * reason.
 */
export function streamStoreContract(
  name: string,
  make: () => Promise<StreamStorage>,
  cannot: Partial<Record<StreamStoreClause, string>> = {},
): void {
  describe(`${name} keeps the contract of the stream store`, () => {
    for (const [clause, check] of Object.entries(CLAUSES)) {
      const reason = cannot[clause as StreamStoreClause];
      test(clause, reason === undefined ? {} : { skip: reason }, async () => {
        await using storage = await make();
        await check(storage);
      });
    }
  });
}
