import { parentPort, workerData } from 'node:worker_threads';
import { openLmdbLogReader } from '../log/lmdb-log-reader.ts';
import { hostProjectors } from '../projections/hosted-projectors.ts';
import { ITEMS, USER_PROFILES } from '../projections/document-projection.ts';
import { startDocumentProjector } from '../projections/document-projector.ts';
import { openLmdbDocumentStore } from '../projections/lmdb-document-store.ts';
import { openLmdbViewStore } from '../projections/lmdb-view-store.ts';
import { TROUBLE } from './trouble.ts';
import type { TestSettings } from './trouble.ts';
import { startViewProjector } from '../projections/view-projector.ts';
import type { ViewBatch, ViewStore, ViewUpkeep } from '../projections/view-store.ts';

// The thread of a test: as worker.ts, on a store that gives the trouble that is asked for.

const { dataDir, nowMs, tuning, trouble, wrongFrom = Infinity } = workerData as TestSettings;

if (trouble[0] === TROUBLE.diesAtOnce) throw new Error('nothing works today');

/** The store, with the trouble that is asked for. */
function troubled(views: ViewStore & ViewUpkeep): ViewStore & ViewUpkeep {
  return {
    claim: (scope, claim) => views.claim(scope, claim),
    async apply(scope, batch) {
      if (trouble[0] === TROUBLE.fails) throw new Error('the store is down');
      if (trouble[0] === TROUBLE.neverEnds) return new Promise(() => undefined);
      // Some turns later, so that the step is at any point, done or under way.
      if (trouble[0] === TROUBLE.diesAmidSteps && trouble[1]!-- <= 0)
        endAfter(Math.floor(Math.random() * 40));
      return views.apply(scope, scope.generation < wrongFrom ? batch : heavier(batch));
    },
    read: (scope, wanted) => views.read(scope, wanted),
    scan: (scope, atMs) => views.scan(scope, atMs),
    prune: (scope, atMs) => views.prune(scope, atMs),
    drop: (scope) => views.drop(scope),
    [Symbol.asyncDispose]: () => views[Symbol.asyncDispose](),
  };
}

function heavier(batch: ViewBatch): ViewBatch {
  const changes = batch.changes.map(({ key, entries }) => ({
    key,
    entries:
      key.view === 'hot:items' ? new Map([...entries].map(([item, weight]) => [item, weight + 1])) : entries,
  }));
  return { ...batch, changes };
}

/** The projection, counting clicks twice. */
const twice: typeof USER_PROFILES = {
  ...USER_PROFILES,
  add(profile, step) {
    USER_PROFILES.add(profile, step);
    if ('action' in step && step.action === 'click') USER_PROFILES.add(profile, step);
  },
};

function endAfter(turns: number): void {
  if (turns === 0) throw new Error('the thread dies');
  setImmediate(endAfter, turns - 1);
}

// From the given instant on it moves, as what trickles in is flushed by it.
const clock = (): number => nowMs + Math.round(performance.now());

await hostProjectors(parentPort!, async ({ onCommit, opened }) => {
  const log = opened.use(openLmdbLogReader({ dataDir, onCommit }));
  const views = troubled(opened.use(openLmdbViewStore({ dataDir })));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  const common = { log, clock, tuning };
  return {
    live_views: (generation) => startViewProjector({ ...common, views, generation }),
    items: (generation) => startDocumentProjector({ ...common, documents, projection: ITEMS, generation }),
    user_profiles: (generation) => {
      const projection = generation < wrongFrom ? USER_PROFILES : twice;
      return startDocumentProjector({ ...common, documents, projection, generation });
    },
  };
});
