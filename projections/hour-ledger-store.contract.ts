import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TenantId } from '#domain';
import type { DayCounts, HourLedgerStore, LedgerKey } from './hour-ledger-store.ts';

/** What a store of the hour ledger must promise; `reopen` closes one and opens the same again. */
export function hourLedgerStoreContract(
  name: string,
  open: () => Promise<{
    readonly store: HourLedgerStore;
    readonly reopen: () => Promise<HourLedgerStore>;
    readonly close: () => Promise<void>;
  }>,
): void {
  const clause = (
    promise: string,
    check: (opened: Awaited<ReturnType<typeof open>>) => Promise<void>,
  ): void => {
    test(`${name}: ${promise}`, async (t) => {
      const opened = await open();
      t.after(opened.close);
      await check(opened);
    });
  };
  const acme: LedgerKey = { tenant: 'acme' as TenantId, logIdentity: '9f5a' };
  const umbra: LedgerKey = { tenant: 'umbra' as TenantId, logIdentity: '9f5b' };
  /** So many records in the first hour of a day. */
  const early = (day: number, count: number): DayCounts => ({
    day,
    hours: [count, ...Array<number>(23).fill(0)],
  });
  const all = { partition: 0, fromDay: -1_000_000, toDay: 1_000_000 };

  clause('nothing has been counted at first', async ({ store }) => {
    assert.deepEqual(await store.progress(acme), { strides: [], letters: 0n });
    assert.deepEqual(await store.totals(acme, { ...all, strides: 3 }), []);
    assert.deepEqual(await store.letters(acme, { fromHour: -100, toHour: 100 }), []);
    assert.deepEqual(await store.poisoned(acme, 1), []);
  });

  clause('the totals of a day are those of the last stride that had any of it', async ({ store, reopen }) => {
    const totals = [[early(5, 4096)], [early(-3, 96), early(7, 4000)], [early(5, 8192)]];
    assert.equal(await store.addStrides(acme, { partition: 1, first: 0, totals }), true);
    const kept = await reopen();
    assert.deepEqual((await kept.progress(acme)).strides, [0, 3]);
    const at = async (strides: number, fromDay = -10, toDay = 10) =>
      kept.totals(acme, { partition: 1, strides, fromDay, toDay });
    assert.deepEqual(await at(0), []);
    assert.deepEqual(await at(1), [early(5, 4096)]);
    assert.deepEqual(await at(2), [early(-3, 96), early(5, 4096), early(7, 4000)]);
    assert.deepEqual(await at(3), [early(-3, 96), early(5, 8192), early(7, 4000)]);
    assert.deepEqual(await at(3, 5, 7), [early(5, 8192)]);
    assert.deepEqual(await kept.stridesOf(acme, { partition: 1, fromDay: 5, toDay: 6 }), [0, 2]);
    assert.deepEqual(await kept.stridesOf(acme, { partition: 0, fromDay: 5, toDay: 6 }), []);
  });

  clause('a step that does not come next changes nothing', async ({ store }) => {
    const totals = [[early(5, 4096)]];
    assert.equal(await store.addStrides(acme, { partition: 0, first: 1, totals }), false);
    assert.equal(await store.addStrides(acme, { partition: 0, first: 0, totals }), true);
    assert.equal(await store.addStrides(acme, { partition: 0, first: 0, totals: [[early(5, 1)]] }), false);
    assert.deepEqual(await store.totals(acme, { ...all, strides: 9 }), [early(5, 4096)]);
    const letters = { counts: [{ hour: 1, reason: 'required', letters: 2 }], poisoned: [] };
    assert.equal(await store.addLetters(acme, { from: 1n, to: 2n, ...letters }), false);
    assert.equal(await store.addLetters(acme, { from: 0n, to: 2n, ...letters }), true);
    assert.equal(await store.addLetters(acme, { from: 0n, to: 2n, ...letters }), false);
    assert.deepEqual(await store.letters(acme, { fromHour: 1, toHour: 2 }), letters.counts);
  });

  clause('letters of an hour and reason add up', async ({ store, reopen }) => {
    const step = (from: bigint, hour: number, reason: string, letters: number) =>
      store.addLetters(acme, {
        from,
        to: from + BigInt(letters),
        counts: [{ hour, reason, letters }],
        poisoned: [],
      });
    await step(0n, 10, 'required', 2);
    await step(2n, 10, 'required', 3);
    await step(5n, 10, 'conflict', 1);
    await step(6n, 11, 'required', 1);
    await step(7n, -2, 'required', 1);
    const kept = await reopen();
    assert.equal((await kept.progress(acme)).letters, 8n);
    assert.deepEqual(await kept.letters(acme, { fromHour: 10, toHour: 11 }), [
      { hour: 10, reason: 'conflict', letters: 1 },
      { hour: 10, reason: 'required', letters: 5 },
    ]);
    assert.deepEqual(await kept.letters(acme, { fromHour: -5, toHour: 0 }), [
      { hour: -2, reason: 'required', letters: 1 },
    ]);
  });

  clause('a poisoned record is one however often it is named', async ({ store }) => {
    const poisoned = { generation: 2, partition: 1, offset: 70_000n, hour: 480_000 };
    await store.addLetters(acme, { from: 0n, to: 2n, counts: [], poisoned: [poisoned, poisoned] });
    await store.addLetters(acme, { from: 2n, to: 3n, counts: [], poisoned: [poisoned] });
    assert.deepEqual(await store.poisoned(acme, 2), [poisoned]);
    assert.deepEqual(await store.poisoned(acme, 1), []);
  });

  clause('tenants and logs do not share anything', async ({ store }) => {
    const later = { ...acme, logIdentity: 'another' };
    for (const [index, key] of [acme, umbra, later].entries()) {
      const day = early(5, 1000 * (index + 1));
      await store.addStrides(key, { partition: 0, first: 0, totals: [[day]] });
      const counts = [{ hour: 3, reason: 'required', letters: index + 1 }];
      const poisoned = [{ generation: 1, partition: 0, offset: BigInt(index), hour: 3 }];
      await store.addLetters(key, { from: 0n, to: 1n, counts, poisoned });
    }
    for (const [index, key] of [acme, umbra, later].entries()) {
      assert.deepEqual(await store.totals(key, { ...all, strides: 1 }), [early(5, 1000 * (index + 1))]);
      const [letters] = await store.letters(key, { fromHour: 0, toHour: 9 });
      assert.equal(letters?.letters, index + 1);
      assert.deepEqual(
        (await store.poisoned(key, 1)).map(({ offset }) => offset),
        [BigInt(index)],
      );
    }
  });
}
