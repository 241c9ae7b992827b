import { parentPort, workerData } from 'node:worker_threads';
import {
  ITEMS,
  USER_PROFILES,
  hostProjectors,
  startDocumentProjector,
  startViewProjector,
} from '#projections';
import { openLmdbLogReader } from './log/lmdb-log-reader.ts';
import { openLmdbDocumentStore } from './projections/lmdb-document-store.ts';
import { openLmdbViewStore } from './projections/lmdb-view-store.ts';

// What platform.ts is to the process, this is to the thread in which projectors fold: it chooses their adapters.

const { dataDir, generation } = workerData as { readonly dataDir: string; readonly generation: number };

if (!parentPort) throw new Error('This module is started by main.ts, in a thread of its own.');

await hostProjectors(parentPort, async ({ onCommit, tenants, opened }) => {
  const log = opened.use(openLmdbLogReader({ dataDir, onCommit }));
  const common = { log, tenants, clock: Date.now, generation };
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  return {
    live_views: opened.use(startViewProjector({ ...common, views })),
    [ITEMS.name]: opened.use(startDocumentProjector({ ...common, documents, projection: ITEMS })),
    [USER_PROFILES.name]: opened.use(
      startDocumentProjector({ ...common, documents, projection: USER_PROFILES }),
    ),
  };
});
