import { openLmdbViewStore } from './lmdb-view-store.ts';
import { ACME, claimAll, keyOf } from './view-store.contract.ts';

// A process, or a thread, to be killed: folds one batch after the other into the same collections and tells each that is done.

const [dataDir = '', items = '200'] = process.argv.slice(2);
const store = openLmdbViewStore({ dataDir });
const { epochs, checkpoints } = await claimAll(store);

for (let next = checkpoints[0] ?? 0n; ; next++) {
  const step = { partition: 0, epoch: epochs.get(0) ?? 0, from: next, to: next + 1n };
  const changes = Array.from({ length: Number(items) }, (_, n) => ({
    key: keyOf('item:stats', `i${n}`),
    entries: new Map([['click', Number(next) + n]]),
  }));
  const applied = await store.apply(ACME, { steps: [step], changes });
  if (!applied.ok) throw new Error(applied.reason);
  process.stdout.write(`${next}\n`);
}
