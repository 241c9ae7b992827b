import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openLmdbViewStore } from './lmdb-view-store.ts';
import { ACME, batchOf, claimAll, keyOf, viewStoreContract } from './view-store.contract.ts';
import type { ViewStore } from './view-store.ts';

viewStoreContract('lmdb', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-views-'));
  let store = openLmdbViewStore({ dataDir });
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = openLmdbViewStore({ dataDir });
      return store;
    },
    async close() {
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});

const KILLS = 8;

/** Runs the child until it has told so many batches, kills it, and answers the last one told. */
async function runAndKill(dataDir: string, batches: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'lmdb-view-store.kill-child.ts'), dataDir],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  let left = batches;
  let last = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (--left === 0) child.kill('SIGKILL');
  }
  assert.equal(((await ended) as [number | null, string | null])[1], 'SIGKILL');
  return last;
}

test(`${KILLS} times kill -9 leave collections and checkpoint as of the same batch`, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-views-kill-'));
  t.after(() => rm(dataDir, { recursive: true }));
  for (let kill = 0; kill < KILLS; kill++) {
    const told = await runAndKill(dataDir, 1 + kill * 3);
    await using store = openLmdbViewStore({ dataDir });
    await checkBatches(store, { told, items: 200 });
  }
});

test('a thread that is ended at any instant of a batch leaves it whole or not at all, and the lock free', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-views-threads-'));
  const store = openLmdbViewStore({ dataDir });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  for (let round = 0; round < 12; round++) {
    const worker = new Worker(new URL('./lmdb-view-store.kill-child.ts', import.meta.url), {
      argv: [dataDir, '20000'],
      stdout: true,
    });
    const [line] = (await once(worker.stdout, 'data')) as [Buffer];
    const endAt = performance.now() + round * 11;
    while (performance.now() < endAt) await setImmediate();
    await worker.terminate();
    await checkBatches(store, { told: Number.parseInt(line.toString()), items: 20_000 });
  }
});

/** Every collection is as of the batch that the checkpoint names, and that is after the one that was told. */
async function checkBatches(
  store: ViewStore,
  { told, items }: { readonly told: number; readonly items: number },
): Promise<void> {
  const wanted = Array.from({ length: items }, (_, n) => ({ view: 'item:stats', id: `i${n}` }) as const);
  const answer = await store.read(ACME, wanted);
  const done = Number(answer?.vector[0] ?? 0n);
  assert.ok(done > told, 'what was told to be done is there');
  for (const [n, found] of answer?.found.entries() ?? []) {
    // Batch b added b + n, for b from 0 to done - 1.
    assert.equal(found[0]?.entries.get('click'), (done * (done - 1)) / 2 + done * n);
  }
}

test('a drop that was broken off leaves nothing that counts in a new claim', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-views-drop-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const changes = Array.from(
    { length: 1200 },
    (_, n) => [keyOf('item:stats', `i${n}`), { click: 1 }] as const,
  );
  {
    await using store = openLmdbViewStore({ dataDir });
    await claimAll(store);
    await store.apply(ACME, batchOf([0n, 1n], changes));
    // Closing while it runs leaves what its last page has not reached.
    void store.drop(ACME).catch(() => undefined);
    while (await store.read(ACME, [])) await setImmediate();
  }
  await using store = openLmdbViewStore({ dataDir });
  let left = 0;
  for await (const { entries } of store.scan(ACME, 0)) left += entries.size;
  assert.ok(left > 0, 'the drop was broken off');
  await claimAll(store);
  assert.deepEqual(await store.apply(ACME, batchOf([0n, 1n], changes)), { ok: true });
  for await (const { key, entries } of store.scan(ACME, 0)) assert.equal(entries.get('click'), 1, key.id);
});
