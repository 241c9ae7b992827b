import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../test/random.ts';
import { tenantId } from '../test/tenant-id.ts';
import type { ViewBatch, ViewScope, ViewStore, ViewUpkeep } from './view-store.ts';
import type { ViewKey, ViewName } from './views.ts';

export type OpenedViewStore = {
  readonly store: ViewStore & ViewUpkeep;
  /** Closes the store and opens the same again. */
  readonly reopen: () => Promise<ViewStore & ViewUpkeep>;
  readonly close: () => Promise<void>;
};

type Store = ViewStore & ViewUpkeep;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 6, 1, 12);
const LOG = '018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10';

export const ACME: ViewScope = { projection: 'live_views', generation: 1, tenant: tenantId('acme') };

/** Claims all partitions of a log with four. */
export async function claimAll(store: ViewStore, scope = ACME, prunedAtMs = 0) {
  const claim = { logIdentity: LOG, partitionCount: 4, partitions: [0, 1, 2, 3], prunedAtMs };
  return store.claim(scope, claim);
}

/** A batch of partition 0 under the epoch. */
export function batchOf(
  [from, to]: readonly [bigint, bigint],
  changes: readonly (readonly [key: ViewKey, entries: Readonly<Record<string, number>>])[],
  epoch = 1,
): ViewBatch {
  return {
    steps: [{ partition: 0, epoch, from, to }],
    changes: changes.map(([key, entries]) => ({ key, entries: new Map(Object.entries(entries)) })),
  };
}

export function keyOf(view: ViewName, id = '', bucketMs = 0): ViewKey {
  return { view, id, bucketMs };
}

/** Everything alive at an instant, as plain values. */
async function contentOf(store: Store, scope: ViewScope, atMs: number) {
  const content: Record<string, Record<string, number>> = {};
  for await (const { key, entries } of store.scan(scope, atMs)) {
    content[`${key.view} ${key.bucketMs} ${key.id}`] = Object.fromEntries(entries);
  }
  return content;
}

/** The members of one collection, or of all buckets of a range. */
async function membersOf(store: Store, wanted: Parameters<ViewStore['read']>[1][number], scope = ACME) {
  const answer = await store.read(scope, [wanted]);
  return answer?.found[0]?.map(({ bucketMs, entries }) => [bucketMs, Object.fromEntries(entries)]);
}

const STATS = keyOf('item:stats', 'i1');

/** What a store of live views must promise. */
export function viewStoreContract(name: string, open: () => Promise<OpenedViewStore>): void {
  const clause = (promise: string, check: (opened: OpenedViewStore) => Promise<void>): void => {
    test(`${name}: ${promise}`, async (t) => {
      const opened = await open();
      t.after(opened.close);
      await check(opened);
    });
  };

  clause('what nobody has claimed cannot be read or changed', async ({ store }) => {
    assert.equal(await store.read(ACME, [{ view: 'item:stats', id: 'i1' }]), undefined);
    const applied = await store.apply(ACME, batchOf([0n, 1n], [[STATS, { click: 1 }]]));
    assert.deepEqual(applied, { ok: false, reason: 'epoch_superseded', partition: 0 });
    assert.deepEqual(await contentOf(store, ACME, NOON), {});
  });

  clause('sums add up, and of instants the newest stays', async ({ store }) => {
    await claimAll(store);
    const recent = keyOf('user:recent', 'u1');
    const first = batchOf(
      [0n, 2n],
      [
        [STATS, { click: 2, view: 1 }],
        [recent, { i1: NOON, i2: NOON - 5 }],
      ],
    );
    const second = batchOf(
      [2n, 5n],
      [
        [STATS, { click: 3, like: 7 }],
        [recent, { i1: NOON - 9, i2: NOON }],
      ],
    );
    assert.deepEqual(await store.apply(ACME, first), { ok: true });
    assert.deepEqual(await store.apply(ACME, second), { ok: true });
    assert.deepEqual(await membersOf(store, { view: 'item:stats', id: 'i1' }), [
      [0, { click: 5, view: 1, like: 7 }],
    ]);
    assert.deepEqual(await membersOf(store, { view: 'user:recent', id: 'u1' }), [
      [0, { i1: NOON, i2: NOON }],
    ]);
  });

  clause('of a capped view the newest stay, of equal instants the greater names', async ({ store }) => {
    await claimAll(store);
    const recent = keyOf('user:recent', 'u1');
    const named = (n: number): string => `i${String(n).padStart(3, '0')}`;
    const many = (from: number, to: number, at: (n: number) => number) =>
      Object.fromEntries(Array.from({ length: to - from }, (_, i) => [named(from + i), at(from + i)]));
    await store.apply(ACME, batchOf([0n, 1n], [[recent, many(0, 90, () => NOON)]]));
    await store.apply(ACME, batchOf([1n, 2n], [[recent, many(90, 150, (n) => (n < 120 ? NOON : NOON + n))]]));
    const [found] = (await membersOf(store, { view: 'user:recent', id: 'u1' })) ?? [];
    // 30 are newer; of the 120 equal ones, 0 to 119, the last 70 by name fit in.
    assert.deepEqual(Object.keys(found?.[1] as object).sort(), Object.keys(many(50, 150, () => 0)).sort());
  });

  clause(
    'changes and checkpoints are applied together, once, and only from where they begin',
    async ({ store }) => {
      await claimAll(store);
      const batch = batchOf([0n, 3n], [[STATS, { click: 3 }]]);
      assert.deepEqual(await store.apply(ACME, batch), { ok: true });
      const again = await store.apply(ACME, batch);
      assert.deepEqual(again, { ok: false, reason: 'checkpoint_differs', checkpoints: [3n, 0n, 0n, 0n] });
      const ahead = await store.apply(ACME, batchOf([4n, 5n], [[STATS, { click: 100 }]]));
      assert.equal(ahead.ok, false);
      const answer = await store.read(ACME, [{ view: 'item:stats', id: 'i1' }]);
      assert.deepEqual(answer?.vector, [3n, 0n, 0n, 0n]);
      assert.deepEqual(answer.found[0]?.[0]?.entries, new Map([['click', 3]]));
    },
  );

  clause('a batch of several partitions is applied as a whole or not at all', async ({ store }) => {
    await claimAll(store);
    await store.apply(ACME, batchOf([0n, 1n], [[STATS, { click: 1 }]]));
    const steps = [
      { partition: 1, epoch: 1, from: 0n, to: 9n },
      { partition: 0, epoch: 1, from: 0n, to: 9n },
    ];
    const changes = [{ key: STATS, entries: new Map([['click', 10]]) }];
    assert.equal((await store.apply(ACME, { steps, changes })).ok, false);
    assert.deepEqual((await store.read(ACME, []))?.vector, [1n, 0n, 0n, 0n]);
    const right = steps.map((step) => (step.partition === 0 ? { ...step, from: 1n } : step));
    assert.deepEqual(await store.apply(ACME, { steps: right, changes }), { ok: true });
    assert.deepEqual((await store.read(ACME, []))?.vector, [9n, 9n, 0n, 0n]);
    assert.deepEqual(await membersOf(store, { view: 'item:stats', id: 'i1' }), [[0, { click: 11 }]]);
  });

  clause('who has lost a partition to a later claim can no longer change anything', async ({ store }) => {
    const first = await claimAll(store);
    assert.deepEqual([...first.epochs.values()], [1, 1, 1, 1]);
    await store.apply(ACME, batchOf([0n, 2n], [[STATS, { click: 2 }]]));
    const later = { logIdentity: LOG, partitionCount: 4, partitions: [0], prunedAtMs: 0 };
    const second = await store.claim(ACME, later);
    assert.deepEqual([...second.epochs], [[0, 2]]);
    assert.deepEqual(second.checkpoints, [2n, 0n, 0n, 0n]);
    const old = await store.apply(ACME, batchOf([2n, 3n], [[STATS, { click: 50 }]], 1));
    assert.deepEqual(old, { ok: false, reason: 'epoch_superseded', partition: 0 });
    assert.deepEqual(await store.apply(ACME, batchOf([2n, 3n], [[STATS, { click: 1 }]], 2)), { ok: true });
    const other = { steps: [{ partition: 1, epoch: 1, from: 0n, to: 1n }], changes: [] };
    assert.deepEqual(await store.apply(ACME, other), { ok: true }, 'the other partitions are still theirs');
    assert.deepEqual(await membersOf(store, { view: 'item:stats', id: 'i1' }), [[0, { click: 3 }]]);
  });

  clause('batches given without waiting are applied in their order', async ({ store }) => {
    await claimAll(store);
    const applied = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.apply(ACME, batchOf([BigInt(n), BigInt(n + 1)], [[STATS, { click: n }]])),
      ),
    );
    assert.ok(applied.every(({ ok }) => ok));
    assert.deepEqual(await membersOf(store, { view: 'item:stats', id: 'i1' }), [[0, { click: 190 }]]);
  });

  clause('a range chooses buckets by their start and members by their instant', async ({ store }) => {
    await claimAll(store);
    const minute = (n: number): ViewKey => keyOf('hot:items', 'feed', NOON + n * MINUTE);
    const exposed = keyOf('exposed', 'u1:feed');
    await store.apply(
      ACME,
      batchOf(
        [0n, 1n],
        [
          ...[3, 0, 2, 1].map((n) => [minute(n), { i1: n + 1 }] as const),
          [keyOf('hot:items', 'other', NOON), { i9: 1 }],
          [exposed, { i1: NOON, i2: NOON + 1, i3: NOON + 2 }],
        ],
      ),
    );
    const range = { fromMs: NOON + MINUTE, toMs: NOON + 3 * MINUTE };
    assert.deepEqual(await membersOf(store, { view: 'hot:items', id: 'feed', range }), [
      [NOON + MINUTE, { i1: 2 }],
      [NOON + 2 * MINUTE, { i1: 3 }],
    ]);
    const instants = { fromMs: NOON + 1, toMs: NOON + 2 };
    assert.deepEqual(await membersOf(store, { view: 'exposed', id: 'u1:feed', range: instants }), [
      [0, { i2: NOON + 1 }],
    ]);
    const nobody = { fromMs: NOON + 9, toMs: NOON + 10 };
    assert.deepEqual(await membersOf(store, { view: 'exposed', id: 'u1:feed', range: nobody }), []);
  });

  clause('sizes are counted without the members', async ({ store }) => {
    await claimAll(store);
    const visitors = keyOf('visitors:minute', '', NOON);
    await store.apply(ACME, batchOf([0n, 1n], [[visitors, { u1: 1, u2: 4 }]]));
    await store.apply(ACME, batchOf([1n, 2n], [[visitors, { u2: 1, 'u[3': 1 }]]));
    const range = { fromMs: NOON, toMs: NOON + MINUTE };
    const answer = await store.read(ACME, [{ view: 'visitors:minute', id: '', range, sizesOnly: true }]);
    assert.deepEqual(answer?.found, [[{ bucketMs: NOON, size: 3, entries: new Map() }]]);
  });

  clause('pruning removes what has expired and nothing that can still be asked for', async ({ store }) => {
    await claimAll(store);
    await store.apply(
      ACME,
      batchOf(
        [0n, 1n],
        [
          [keyOf('hot:items', 'feed', NOON - DAY - MINUTE), { i1: 1 }],
          [keyOf('hot:items', 'feed', NOON - DAY), { i1: 2 }],
          [keyOf('exposed', 'u1:feed'), { i1: NOON - DAY, i2: NOON - DAY + 1 }],
          [keyOf('exposed', 'u2:feed'), { i1: NOON - 2 * DAY }],
          [keyOf('analytics:daily', '', Date.UTC(2026, 5, 23)), { events: 4 }],
          [keyOf('analytics:daily', '', Date.UTC(2026, 5, 24)), { events: 5 }],
          [STATS, { click: 1 }],
        ],
      ),
    );
    const before = await contentOf(store, ACME, NOON);
    const kept = {
      [`hot:items ${NOON - DAY} feed`]: { i1: 2 },
      'exposed 0 u1:feed': { i2: NOON - DAY + 1 },
      [`analytics:daily ${Date.UTC(2026, 5, 24)} `]: { events: 5 },
      'item:stats 0 i1': { click: 1 },
    };
    assert.deepEqual(before, kept, 'what has expired is not seen before either');
    assert.equal(await store.prune(ACME, NOON), 4);
    assert.deepEqual(await contentOf(store, ACME, 0), kept, 'the rest is really gone');
    assert.equal((await store.read(ACME, []))?.prunedAtMs, NOON);
    assert.equal(await store.prune(ACME, NOON - HOUR), 0);
    assert.equal((await store.read(ACME, []))?.prunedAtMs, NOON, 'the recorded instant never goes back');
    assert.equal((await claimAll(store, ACME, NOON + 5)).prunedAtMs, NOON + 5, 'a claim records it too');
  });

  clause('tenants, projections and generations are kept apart', async ({ store }) => {
    const scopes = [
      ACME,
      { ...ACME, tenant: tenantId('acm') },
      { ...ACME, tenant: tenantId('acme-2') },
      { ...ACME, generation: 11 },
      { ...ACME, projection: 'live' },
    ];
    for (const [index, scope] of scopes.entries()) {
      await claimAll(store, scope);
      const minute = keyOf('hot:items', 'feed', NOON);
      const exposed = keyOf('exposed', 'u1:feed');
      await store.apply(
        scope,
        batchOf(
          [0n, BigInt(index + 1)],
          [
            [STATS, { click: index + 1 }],
            [minute, { i1: 1 }],
            [exposed, { i1: NOON }],
          ],
        ),
      );
    }
    await store.drop(scopes[0]!);
    await store.prune(scopes[1]!, NOON + 3 * DAY);
    assert.equal(await store.read(scopes[0]!, []), undefined);
    assert.deepEqual(await contentOf(store, scopes[0]!, 0), {});
    assert.deepEqual(Object.keys(await contentOf(store, scopes[1]!, 0)), ['item:stats 0 i1']);
    for (const [index, scope] of scopes.entries()) {
      if (index < 2) continue;
      const content = await contentOf(store, scope, NOON);
      assert.deepEqual(content['item:stats 0 i1'], { click: index + 1 });
      assert.equal(Object.keys(content).length, 3);
      assert.deepEqual((await store.read(scope, []))?.vector[0], BigInt(index + 1));
    }
    const again = await claimAll(store, scopes[0]);
    assert.deepEqual([again.checkpoints, again.epochs.get(0)], [[0n, 0n, 0n, 0n], 1]);
  });

  clause('ids and members may hold any character', async ({ store }) => {
    await claimAll(store);
    const ids = ['a', 'a/b', 'a:b', 'a\u0000b', ' ', '%', '日本', '💡', '"[]', '__proto__', 'x'.repeat(255)];
    const changes = ids.map((id, n) => [keyOf('item:stats', id), { [`${id}${n}`]: n + 1 }] as const);
    await store.apply(ACME, batchOf([0n, 1n], changes));
    for (const [n, id] of ids.entries()) {
      const answer = await store.read(ACME, [{ view: 'item:stats', id }]);
      assert.deepEqual([...(answer?.found[0]?.[0]?.entries ?? [])], [[`${id}${n}`, n + 1]], id);
    }
    assert.equal(Object.keys(await contentOf(store, ACME, NOON)).length, ids.length);
  });

  clause('a scan is in the order of views, buckets and ids, whatever the characters', async ({ store }) => {
    await claimAll(store);
    const ids = [
      '',
      'a',
      'a\u0000',
      'a\u0000b',
      'a\u0001',
      'a\u0004',
      'a\u0005',
      'a\u0005@',
      'a\u0006',
      'a/',
      'ab',
      'é',
      '\uffff',
      '😀',
    ];
    // Short and long ones, which a store may write differently.
    const all = ['', 'x'.repeat(70)].flatMap((prefix) => ids.map((id) => prefix + id));
    const keys = all.flatMap((id) => [
      keyOf('user:recent', id),
      keyOf('analytics:hourly', id, NOON),
      keyOf('analytics:hourly', id, NOON - 7 * HOUR),
      keyOf('item:stats', id),
    ]);
    const random = createRandom(7);
    await store.apply(
      ACME,
      batchOf(
        [0n, 1n],
        random.shuffled(keys).map((key) => [key, { m: NOON }]),
      ),
    );
    const scanned: string[] = [];
    for await (const { key } of store.scan(ACME, NOON)) scanned.push(JSON.stringify(key));
    const expected = keys.toSorted(
      (a, b) =>
        Buffer.compare(Buffer.from(a.view), Buffer.from(b.view)) ||
        a.bucketMs - b.bucketMs ||
        Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)),
    );
    assert.deepEqual(
      scanned,
      expected.map(({ view, bucketMs, id }) => JSON.stringify({ view, bucketMs, id })),
    );
    await store.prune(ACME, NOON + 40 * DAY);
    const left: string[] = [];
    for await (const { key } of store.scan(ACME, NOON)) left.push(key.view);
    assert.deepEqual(new Set(left), new Set(['item:stats']));
  });

  clause('all of it outlives closing', async ({ store, reopen }) => {
    await claimAll(store, ACME, NOON);
    await store.apply(ACME, batchOf([0n, 9_007_199_254_740_993n], [[STATS, { click: 3 }]]));
    const again = await reopen();
    const answer = await again.read(ACME, [{ view: 'item:stats', id: 'i1' }]);
    assert.deepEqual(answer?.vector, [9_007_199_254_740_993n, 0n, 0n, 0n]);
    assert.equal(answer.prunedAtMs, NOON);
    assert.deepEqual(answer.found[0]?.[0]?.entries, new Map([['click', 3]]));
    const claim = await claimAll(again, ACME, NOON - 1);
    assert.deepEqual([claim.logIdentity, claim.epochs.get(0), claim.prunedAtMs], [LOG, 2, NOON]);
  });

  clause('a claim for another log is told which log it is, and changes no checkpoint', async ({ store }) => {
    await claimAll(store);
    await store.apply(ACME, batchOf([0n, 2n], []));
    const other = { logIdentity: 'other', partitionCount: 4, partitions: [0], prunedAtMs: 0 };
    const claim = await store.claim(ACME, other);
    assert.deepEqual([claim.logIdentity, claim.checkpoints], [LOG, [2n, 0n, 0n, 0n]]);
  });
}
