import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TenantId } from '#domain';
import type { SealEntry, SealKey, SealStore } from './seal-store.ts';

/** What a seal store must promise; `reopen` closes one and opens the same again. */
export function sealStoreContract(
  name: string,
  open: () => Promise<{
    store: SealStore;
    reopen: () => Promise<SealStore>;
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
  const acme: SealKey = { generation: 1, tenant: 'acme' as TenantId, logIdentity: '9f5a' };
  const sealed: SealEntry = {
    day: 19_786,
    seal: 3,
    triedAtMs: 1_709_510_400_000,
    sealed: {
      vector: [0n, 18_446_744_073_709_551_615n],
      counts: [9_007_199_254_740_993n, 0n, 2n, 9_007_199_254_740_993n],
    },
  };

  clause('what was never saved is undefined, and no entries are not', async ({ store }) => {
    assert.equal(await store.load(acme), undefined);
    await store.save(acme, []);
    assert.deepEqual(await store.load(acme), []);
  });

  clause('entries come back by day, before 1970 and beyond 2^53 included', async ({ store }) => {
    await store.save(acme, [sealed, { day: -3, seal: 0 }, { day: 0, seal: 1 }]);
    assert.deepEqual(await store.load(acme), [{ day: -3, seal: 0 }, { day: 0, seal: 1 }, sealed]);
  });

  clause('of two saves of a day the one called later stays, whichever is awaited', async ({ store }) => {
    const { sealed: _, ...opened } = sealed;
    const first = store.save(acme, [sealed]);
    await store.save(acme, [opened]);
    await first;
    assert.deepEqual(await store.load(acme), [opened]);
  });

  clause('generations, tenants and logs are kept apart', async ({ store }) => {
    const keys: SealKey[] = [
      acme,
      { ...acme, generation: 2 },
      { ...acme, tenant: 'umbra' as TenantId },
      { ...acme, logIdentity: '9f5b' },
    ];
    for (const [day, key] of keys.entries()) await store.save(key, [{ day, seal: 0 }]);
    for (const [day, key] of keys.entries()) assert.deepEqual(await store.load(key), [{ day, seal: 0 }]);
  });

  clause('a tenant of a generation is removed, of every log, and nobody else', async ({ store }) => {
    const others: SealKey[] = [
      { ...acme, generation: 2 },
      { ...acme, tenant: 'acme2' as TenantId },
      { ...acme, tenant: 'acm' as TenantId },
    ];
    for (const key of [acme, { ...acme, logIdentity: '0000' }, ...others]) {
      await store.save(key, [{ day: -3, seal: 0 }, sealed]);
    }
    await store.remove({ generation: 1, tenant: acme.tenant });
    await store.remove({ generation: 1, tenant: acme.tenant });
    assert.equal(await store.load(acme), undefined);
    assert.equal(await store.load({ ...acme, logIdentity: '0000' }), undefined);
    for (const key of others) assert.equal((await store.load(key))?.length, 2);
  });

  clause('what was saved outlives closing', async ({ store, reopen }) => {
    await store.save(acme, [sealed]);
    assert.deepEqual(await (await reopen()).load(acme), [sealed]);
  });
}
