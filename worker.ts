import { parentPort, workerData } from 'node:worker_threads';
import {
  ITEMS,
  USER_PROFILES,
  hostProjectors,
  startDocumentProjector,
  startHourLedgerProjector,
  startViewProjector,
} from '#projections';
import { openLmdbLogReader } from './log/lmdb-log-reader.ts';
import { openLmdbDocumentStore } from './projections/lmdb-document-store.ts';
import { openLmdbHourLedgerStore } from './projections/lmdb-hour-ledger-store.ts';
import { openLmdbViewStore } from './projections/lmdb-view-store.ts';

// What main.ts is to the process, this is to the thread in which projectors fold: it chooses their adapters.

const { dataDir, generation } = workerData as { readonly dataDir: string; readonly generation: number };

if (!parentPort) throw new Error('This module is started by main.ts, in a thread of its own.');

await hostProjectors(parentPort, async ({ onCommit, tenants, opened }) => {
  const log = opened.use(openLmdbLogReader({ dataDir, onCommit }));
  const common = { log, tenants, clock: Date.now, generation };
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  const hours = opened.use(openLmdbHourLedgerStore({ dataDir }));
  return {
    live_views: opened.use(startViewProjector({ ...common, views })),
    [ITEMS.name]: opened.use(startDocumentProjector({ ...common, documents, projection: ITEMS })),
    [USER_PROFILES.name]: opened.use(
      startDocumentProjector({ ...common, documents, projection: USER_PROFILES }),
    ),
    hour_ledger: opened.use(startHourLedgerProjector({ log, tenants, store: hours })),
  };
});
