import { parentPort, workerData } from 'node:worker_threads';
import {
  HOUR_LEDGER,
  ITEMS,
  LIVE_VIEWS,
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

// What platform.ts is to the process, this is to the thread in which projectors fold: it chooses their adapters.

const { dataDir } = workerData as { readonly dataDir: string };

if (!parentPort) throw new Error('This module is started by main.ts, in a thread of its own.');

await hostProjectors(parentPort, async ({ onCommit, opened }) => {
  const log = opened.use(openLmdbLogReader({ dataDir, onCommit }));
  const common = { log, clock: Date.now };
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  const hours = opened.use(openLmdbHourLedgerStore({ dataDir }));
  return {
    [LIVE_VIEWS.name]: (generation) => startViewProjector({ ...common, views, generation }),
    [ITEMS.name]: (generation) =>
      startDocumentProjector({ ...common, documents, projection: ITEMS, generation }),
    [USER_PROFILES.name]: (generation) =>
      startDocumentProjector({ ...common, documents, projection: USER_PROFILES, generation }),
    [HOUR_LEDGER]: () => startHourLedgerProjector({ log, store: hours }),
  };
});
