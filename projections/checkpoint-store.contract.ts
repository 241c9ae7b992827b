import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tenantId } from '../test/tenant-id.ts';
import type { CheckpointStore } from './checkpoint-store.ts';

/** What a checkpoint store must promise; `reopen` closes one and opens the same again. */
export function checkpointStoreContract(
  name: string,
  open: () => Promise<{
    store: CheckpointStore;
    reopen: () => Promise<CheckpointStore>;
    close: () => Promise<void>;
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
  const acme = { projection: 'facts', generation: 1, tenant: tenantId('acme') };

  clause('what was never saved is undefined', async ({ store }) => {
    assert.equal(await store.load(acme), undefined);
  });

  clause('the last saved checkpoint is loaded, offsets beyond 2^53 included', async ({ store }) => {
    const checkpoint = {
      logIdentity: '9f5a',
      vector: [0n, 18_446_744_073_709_551_615n],
      deadLettered: [{ partition: 1, offset: 9_007_199_254_740_993n }],
    };
    await store.save(acme, { logIdentity: '9f5a', vector: [1n, 1n] });
    await store.save(acme, checkpoint);
    assert.deepEqual(await store.load(acme), checkpoint);
  });

  clause('projections, generations and tenants are kept apart', async ({ store }) => {
    const keys = [
      acme,
      { ...acme, projection: 'first_seen' },
      { ...acme, generation: 2 },
      { ...acme, tenant: tenantId('umbra') },
    ];
    for (const [index, key] of keys.entries())
      await store.save(key, { logIdentity: 'x', vector: [BigInt(index)] });
    for (const [index, key] of keys.entries()) {
      assert.deepEqual((await store.load(key))?.vector, [BigInt(index)]);
    }
  });

  clause('a removed checkpoint is as if it had never been saved, and no other is', async ({ store }) => {
    const second = { ...acme, generation: 2 };
    for (const key of [acme, second]) await store.save(key, { logIdentity: 'x', vector: [1n] });
    await store.remove(acme);
    await store.remove(acme);
    assert.equal(await store.load(acme), undefined);
    assert.deepEqual((await store.load(second))?.vector, [1n]);
  });

  clause('a saved checkpoint outlives closing', async ({ store, reopen }) => {
    await store.save(acme, { logIdentity: 'x', vector: [7n] });
    const again = await reopen();
    assert.deepEqual(await again.load(acme), { logIdentity: 'x', vector: [7n] });
  });
}
