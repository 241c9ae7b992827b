import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointStoreContract } from './checkpoint-store.contract.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';

checkpointStoreContract('lmdb', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-checkpoints-'));
  let store = await openLmdbCheckpointStore({ dataDir });
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = await openLmdbCheckpointStore({ dataDir });
      return store;
    },
    async close() {
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});
