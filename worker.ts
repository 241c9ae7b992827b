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
import type { StartProjector } from '#projections';
import { openLmdbLogReader } from './log/lmdb-log-reader.ts';
import { openLmdbDocumentStore } from './projections/lmdb-document-store.ts';
import { openLmdbHourLedgerStore } from './projections/lmdb-hour-ledger-store.ts';
import { openLmdbViewStore } from './projections/lmdb-view-store.ts';

// What platform.ts is to the process, this is to a thread in which projectors fold: it chooses their adapters.

const { dataDir, projections } = workerData as {
  readonly dataDir: string;
  /** Which of them are folded in this thread. */
  readonly projections: readonly string[];
};

if (!parentPort) throw new Error('This module is started by main.ts, in a thread of its own.');

await hostProjectors(parentPort, async ({ onCommit, opened }) => {
  const log = opened.use(openLmdbLogReader({ dataDir, onCommit }));
  const common = { log, clock: Date.now };
  const starts: Record<string, StartProjector> = {};
  const folds = (name: string): boolean => projections.includes(name);
  if (folds(LIVE_VIEWS.name)) {
    const views = opened.use(openLmdbViewStore({ dataDir }));
    starts[LIVE_VIEWS.name] = (generation) => startViewProjector({ ...common, views, generation });
  }
  if (folds(ITEMS.name) || folds(USER_PROFILES.name)) {
    const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
    starts[ITEMS.name] = (generation) =>
      startDocumentProjector({ ...common, documents, projection: ITEMS, generation });
    starts[USER_PROFILES.name] = (generation) =>
      startDocumentProjector({ ...common, documents, projection: USER_PROFILES, generation });
  }
  if (folds(HOUR_LEDGER)) {
    const store = opened.use(openLmdbHourLedgerStore({ dataDir }));
    starts[HOUR_LEDGER] = () => startHourLedgerProjector({ log, store });
  }
  return starts;
});
