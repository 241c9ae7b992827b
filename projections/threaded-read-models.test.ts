import assert from 'node:assert/strict';
import type { TestSettings } from '../test/trouble.ts';
import { openLmdbDocumentStore } from './lmdb-document-store.ts';
import { openLmdbViewStore } from './lmdb-view-store.ts';
import { startProjectorThread } from './projector-thread.ts';
import { readModelContract } from './read-model.contract.ts';
import type { OpenReadModel, ReadModelPlace } from './read-model.contract.ts';
import { createThreadedReadModels } from './threaded-read-models.ts';

// Each of them, with the thread that folds all of them.
for (const projection of ['live_views', 'items', 'user_profiles']) {
  readModelContract(projection, (place) => open(projection, place));
}

async function open(projection: string, { dataDir, log, ...place }: ReadModelPlace): Promise<OpenReadModel> {
  const clock = (): number => Math.floor(place.clock());
  const opened = new AsyncDisposableStack();
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  const settings: TestSettings = {
    dataDir,
    nowMs: clock(),
    tuning: {},
    trouble: new Int32Array(new SharedArrayBuffer(8)),
  };
  const entry = new URL('../test/troubled-worker.ts', import.meta.url);
  const thread = opened.use(startProjectorThread({ entry, settings, log, clock }));
  const model = createThreadedReadModels({ thread, views, documents, clock }).find(
    (one) => one.projection === projection,
  );
  assert.ok(model);
  return {
    model,
    async spoil(of) {
      if (projection === 'live_views') {
        const key = { view: 'item:stats', bucketMs: 0, id: 'spoiled' } as const;
        const changes = [{ key, entries: new Map([['click', 1]]) }];
        await views.apply({ projection, ...of }, { steps: [], changes });
        return 'item:stats/spoiled';
      }
      const write = { id: ['spoiled', 'feed'], from: undefined, vector: [1n], body: { n: 1 } };
      await documents.apply({ name: projection, ...of }, { writes: [write] });
      return 'spoiled/feed';
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
