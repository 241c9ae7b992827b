import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deadLetterStoreContract } from './dead-letter-store.contract.ts';
import { openLmdbDeadLetterStore } from './lmdb-dead-letter-store.ts';

deadLetterStoreContract('lmdb', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-dead-letters-'));
  let store = await openLmdbDeadLetterStore({ dataDir });
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = await openLmdbDeadLetterStore({ dataDir });
      return store;
    },
    async close() {
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});
