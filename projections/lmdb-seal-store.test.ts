import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbSealStore } from './lmdb-seal-store.ts';
import { sealStoreContract } from './seal-store.contract.ts';

sealStoreContract('lmdb', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-seals-'));
  const store = await openLmdbSealStore({ dataDir });
  let last = store;
  return {
    store,
    async reopen() {
      await last[Symbol.asyncDispose]();
      last = await openLmdbSealStore({ dataDir });
      return last;
    },
    async close() {
      await last[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});
