import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tenantId } from '../test/tenant-id.ts';
import type { DeadLetterStore } from './dead-letter-store.ts';

type Opened = {
  readonly store: DeadLetterStore;
  readonly reopen: () => Promise<DeadLetterStore>;
  readonly close: () => Promise<void>;
};

/** What a store of dead letters' places must promise; `reopen` closes one and opens the same again. */
export function deadLetterStoreContract(name: string, open: () => Promise<Opened>): void {
  const clause = (promise: string, check: (opened: Opened) => Promise<void>): void => {
    test(`${name}: ${promise}`, async (t) => {
      const opened = await open();
      t.after(opened.close);
      await check(opened);
    });
  };
  const acme = tenantId('acme');
  // Ends where the other begins, as a careless key would.
  const acm = tenantId('acm');
  const one = new Uint8Array(16).fill(1);
  const other = new Uint8Array(16).fill(255);
  const at = (next: bigint, logIdentity = 'log-1') => ({ logIdentity, next });

  clause('nothing is known of a tenant before the first entry', async ({ store }) => {
    assert.equal(await store.checkpoint(acme), undefined);
    assert.deepEqual(await store.find(acme, one, 10), { offsets: [], total: 0 });
  });

  clause('the newest come first, as many as asked for, and all are counted', async ({ store }) => {
    const far = 9_007_199_254_740_993n;
    await store.add(
      acme,
      [0n, 1n, 255n, 256n].map((offset) => ({ digest: one, offset })),
      at(257n),
    );
    await store.add(acme, [{ digest: one, offset: far }], at(far + 1n));
    assert.deepEqual(await store.find(acme, one, 3), { offsets: [far, 256n, 255n], total: 5 });
    assert.deepEqual(await store.find(acme, one, 9), { offsets: [far, 256n, 255n, 1n, 0n], total: 5 });
    assert.deepEqual(await store.checkpoint(acme), at(far + 1n));
  });

  clause('digests and tenants are kept apart', async ({ store }) => {
    await store.add(acme, [{ digest: one, offset: 3n }], at(4n));
    await store.add(acme, [{ digest: other, offset: 4n }], at(5n));
    await store.add(acm, [{ digest: one, offset: 7n }], at(8n, 'log-2'));
    assert.deepEqual((await store.find(acme, one, 9)).offsets, [3n]);
    assert.deepEqual((await store.find(acme, other, 9)).offsets, [4n]);
    assert.deepEqual((await store.find(acm, one, 9)).offsets, [7n]);
    assert.deepEqual(await store.find(acm, other, 9), { offsets: [], total: 0 });
    assert.deepEqual(await store.checkpoint(acm), at(8n, 'log-2'));
  });

  clause('an entry added twice is there once', async ({ store }) => {
    await store.add(acme, [{ digest: one, offset: 0n }], at(1n));
    await store.add(acme, [{ digest: one, offset: 0n }], at(1n));
    assert.deepEqual(await store.find(acme, one, 9), { offsets: [0n], total: 1 });
  });

  clause('another log, or the same one from earlier on, begins anew', async ({ store }) => {
    await store.add(acm, [{ digest: one, offset: 1n }], at(2n, 'log-2'));
    await store.add(acme, [{ digest: one, offset: 5n }], at(6n));
    await store.add(acme, [{ digest: other, offset: 0n }], at(1n));
    assert.deepEqual((await store.find(acme, one, 9)).offsets, []);
    assert.deepEqual((await store.find(acme, other, 9)).offsets, [0n]);
    await store.add(acme, [{ digest: one, offset: 6n }], at(7n, 'log-3'));
    assert.deepEqual((await store.find(acme, other, 9)).offsets, []);
    assert.deepEqual((await store.find(acme, one, 9)).offsets, [6n]);
    assert.deepEqual((await store.find(acm, one, 9)).offsets, [1n]);
  });

  clause('entries and checkpoint outlive closing', async ({ store, reopen }) => {
    await store.add(acme, [{ digest: one, offset: 2n }], at(3n));
    const again = await reopen();
    assert.deepEqual((await again.find(acme, one, 9)).offsets, [2n]);
    assert.deepEqual(await again.checkpoint(acme), at(3n));
  });
}
