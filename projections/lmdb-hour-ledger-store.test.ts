import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hourLedgerStoreContract } from './hour-ledger-store.contract.ts';
import { openLmdbHourLedgerStore } from './lmdb-hour-ledger-store.ts';

hourLedgerStoreContract('lmdb', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-hours-'));
  let last = openLmdbHourLedgerStore({ dataDir });
  return {
    store: last,
    async reopen() {
      await last[Symbol.asyncDispose]();
      last = openLmdbHourLedgerStore({ dataDir });
      return last;
    },
    async close() {
      await last[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});
