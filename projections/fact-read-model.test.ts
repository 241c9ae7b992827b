import { openChdbFactStore } from './chdb-fact-store.ts';
import { openFactReadModel } from './fact-read-model.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';
import { openLmdbSealStore } from './lmdb-seal-store.ts';
import { readModelContract } from './read-model.contract.ts';

const SPOILED_MS = Date.UTC(2024, 2, 5, 13);

readModelContract('facts', async ({ dataDir, log, clock }) => {
  const opened = new AsyncDisposableStack();
  const facts = opened.use(await openChdbFactStore({ dataDir }));
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const seals = opened.use(await openLmdbSealStore({ dataDir }));
  const model = opened.use(openFactReadModel({ log, facts, checkpoints, seals, clock }));
  return {
    model,
    async spoil({ tenant, generation }) {
      const event = { tenant_id: tenant, kind: 'generic', event_name: 'spoiled', timestamp: SPOILED_MS };
      const line = Buffer.from(JSON.stringify({ log_partition: 0, log_offset: 0, ...event }));
      await facts.insert(generation, [{ tenant, partition: 0, offsets: [0n], lines: [line] }]);
      return '2024-03-05';
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
});
