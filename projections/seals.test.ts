import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { TenantId } from '#domain';
import type { LogRecord } from '#log';
import { openLmdbSealStore } from './lmdb-seal-store.ts';
import type { SealStore } from './seal-store.ts';
import { Seals, daysOf } from './seals.ts';
import type { SliceCounts, SliceStore, StoredSlice } from './slice-store.ts';

const ACME = 'acme' as TenantId;
const LOG = '9f5a';
const COUNTS: SliceCounts = [4n, 2n, 0n, 4n];
const ALWAYS = { day: Infinity, triedBeforeMs: Infinity };

/** Slices of which only what they answer matters here. */
type Shelf = SliceStore & { stored: StoredSlice[]; removed: number[]; days: number[] };

function shelf(): Shelf {
  const slices: Shelf = {
    stored: [],
    removed: [],
    days: [],
    writeSlice: async (_generation, { day, seal }) => {
      slices.stored.push({ day, seal, counts: COUNTS });
      return COUNTS;
    },
    storedSlices: async () => slices.stored,
    removeSlices: async (_generation, _tenant, seals) => {
      slices.removed.push(...seals);
      slices.stored = slices.stored.filter(({ seal }) => !seals.includes(seal));
    },
    daysOfFacts: async () => slices.days,
  };
  return slices;
}

async function openStore(t: TestContext): Promise<SealStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-seals-'));
  const store = await openLmdbSealStore({ dataDir });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return store;
}

async function openSeals(store: SealStore, slices: Shelf, confirmed = [0n, 0n]): Promise<Seals> {
  const seals = new Seals({ store, slices, generation: 1 });
  await seals.open(ACME, LOG, confirmed);
  return seals;
}

async function sealed(seals: Seals, slices: Shelf, day: number, vector: readonly bigint[]): Promise<boolean> {
  const seal = await seals.reserve(ACME, day, 1000);
  const counts = await slices.writeSlice(1, { tenant: ACME, day, seal, vector });
  return seals.settle(ACME, { day, seal, vector, counts });
}

const sealedDays = (seals: Seals): number[] => seals.sealed(ACME).map(({ day }) => day);

test('a day is open from its first record on, sealed by a slice that counts it, and opened by a later record', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const seals = await openSeals(store, slices);
  await seals.note(ACME, 0, new Map([[10, 4n]]));
  await seals.note(ACME, 1, new Map([[10, 0n]]));
  assert.deepEqual(seals.due(ACME, ALWAYS), [10]);
  assert.ok(await sealed(seals, slices, 10, [5n, 1n]));
  assert.deepEqual(seals.sealed(ACME), [{ day: 10, seal: 1, vector: [5n, 1n] }]);
  // What it counts already is inserted again after a crash.
  await seals.note(ACME, 0, new Map([[10, 4n]]));
  assert.deepEqual(sealedDays(seals), [10]);
  await seals.note(ACME, 1, new Map([[10, 1n]]));
  assert.deepEqual(sealedDays(seals), []);
});

test('that a day is open again is durable before the records may be inserted', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const seals = await openSeals(store, slices);
  await seals.note(ACME, 0, new Map([[10, 4n]]));
  await sealed(seals, slices, 10, [5n, 0n]);
  await seals.note(ACME, 0, new Map([[10, 5n]]));
  assert.deepEqual(sealedDays(await openSeals(store, slices)), []);
});

test('a slice does not seal a day of which records are on their way that it does not count', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const seals = await openSeals(store, slices);
  await seals.note(ACME, 0, new Map([[10, 4n]]));
  assert.equal(await sealed(seals, slices, 10, [4n, 0n]), false);
  assert.ok(await sealed(seals, slices, 10, [5n, 0n]));
});

test('records noted while a day is being sealed leave it open', async (t) => {
  const slices = shelf();
  const real = await openStore(t);
  let between: () => Promise<void> = async () => undefined;
  const store: SealStore = {
    load: (key) => real.load(key),
    save: async (key, entries) => {
      const saving = real.save(key, entries);
      if (entries.some((entry) => entry.sealed)) await between();
      await saving;
    },
    remove: (of) => real.remove(of),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const seals = await openSeals(store, slices);
  await seals.note(ACME, 0, new Map([[10, 4n]]));
  between = () => seals.note(ACME, 0, new Map([[10, 5n]]));
  await sealed(seals, slices, 10, [5n, 0n]);
  assert.deepEqual(sealedDays(seals), []);
  assert.deepEqual(sealedDays(await openSeals(real, slices)), []);
  between = async () => undefined;
  // The record that came in between is still on its way.
  assert.equal(await sealed(seals, slices, 10, [5n, 0n]), false);
  assert.ok(await sealed(seals, slices, 10, [6n, 0n]));
});

test('a seal that could not be kept leaves the day open', async (t) => {
  const slices = shelf();
  const real = await openStore(t);
  const store: SealStore = {
    load: (key) => real.load(key),
    save: (key, entries) =>
      entries.some((entry) => entry.sealed) ? Promise.reject(new Error('no space')) : real.save(key, entries),
    remove: (of) => real.remove(of),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const seals = await openSeals(store, slices);
  await seals.note(ACME, 0, new Map([[10, 4n]]));
  await assert.rejects(sealed(seals, slices, 10, [5n, 0n]), /no space/);
  assert.deepEqual(sealedDays(seals), []);
  assert.deepEqual(seals.due(ACME, ALWAYS), [10]);
});

test('no seal is given out twice, whatever became of the first', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const given = new Set<number>();
  for (let round = 0; round < 3; round++) {
    const seals = await openSeals(store, slices);
    await seals.note(ACME, 0, new Map([[10, 4n]]));
    given.add(await seals.reserve(ACME, 10, 0));
    given.add(await seals.reserve(ACME, 10, 0));
  }
  assert.equal(given.size, 6);
});

test('on opening, days whose slices are not whole are open, and slices no seal names are removed', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const first = await openSeals(store, slices);
  for (const day of [10, 11, 12]) {
    await first.note(ACME, 0, new Map([[day, BigInt(day)]]));
    assert.ok(await sealed(first, slices, day, [BigInt(day) + 1n, 0n]));
  }
  slices.stored = slices.stored
    .filter(({ day }) => day !== 11)
    .map((slice) => (slice.day === 12 ? { ...slice, counts: [4n, 1n, 0n, 4n] } : slice));
  slices.stored.push({ day: 10, seal: 99, counts: COUNTS });
  const seals = await openSeals(store, slices);
  assert.deepEqual(sealedDays(seals), [10]);
  assert.deepEqual(seals.due(ACME, ALWAYS), [11, 12]);
  assert.deepEqual(slices.removed.sort(), [3, 99]);
  assert.ok((await seals.reserve(ACME, 11, 0)) > 99);
});

test('when nothing is known of a tenant that has facts, its days are those of the facts', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  slices.days = [10, 12];
  const seals = await openSeals(store, slices, [7n, 0n]);
  assert.deepEqual(seals.due(ACME, ALWAYS), [10, 12]);
});

test('due are open days before the given one that have rested, none before 1970', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const seals = await openSeals(store, slices);
  await seals.note(ACME, 0, new Map([-1, 0, 10, 11, 12].map((day) => [day, 4n])));
  await seals.reserve(ACME, 10, 5000);
  assert.deepEqual(seals.due(ACME, { day: 12, triedBeforeMs: 4999 }), [0, 11]);
  assert.deepEqual(seals.due(ACME, { day: 12, triedBeforeMs: 5000 }), [0, 10, 11]);
});

test('the days of records are those of their times, each with its last offset', () => {
  const DAY_MS = 86_400_000;
  const time = fc.oneof(
    fc.integer({ min: -3 * DAY_MS, max: 3 * DAY_MS }),
    fc.integer({ min: -3, max: 3 }).map((day) => day * DAY_MS),
  );
  fc.assert(
    fc.property(fc.array(time, { maxLength: 40 }), (times) => {
      const records = times.map((timestampMs, index) => ({
        offset: 100n + BigInt(index),
        headers: { timestampMs },
      }));
      const expected = new Map<string, bigint>();
      for (const { offset, headers } of records) {
        expected.set(new Date(headers.timestampMs).toISOString().slice(0, 10), offset);
      }
      const days = [...daysOf(records as unknown as LogRecord[])].map(([day, last]) => {
        return [new Date(day * DAY_MS).toISOString().slice(0, 10), last] as const;
      });
      assert.deepEqual(new Map(days), expected);
      assert.equal(days.length, expected.size);
    }),
  );
});

test('all is sealed before an instant when every day that ended by then is, and the tenant is known', async (t) => {
  const [store, slices] = [await openStore(t), shelf()];
  const seals = await openSeals(store, slices);
  const before = (day: number): boolean => seals.isSealedBefore(ACME, day * 86_400_000);
  assert.equal(seals.isSealedBefore('other' as TenantId, 0), false);
  assert.equal(before(10), true);
  await seals.note(ACME, 0, new Map([[9, 0n]]));
  await seals.note(ACME, 0, new Map([[10, 1n]]));
  assert.equal(before(9), true);
  assert.equal(before(10), false);
  assert.ok(await sealed(seals, slices, 9, [2n, 0n]));
  assert.equal(before(10), true);
  assert.equal(before(11), false);
});
