import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLmdbStreamStore } from './lmdb-stream-store.ts';
import { streamStoreContract } from './stream-store.contract.ts';
import type { StreamStorage } from './stream-store.contract.ts';

async function temporary(): Promise<AsyncDisposable & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-streams-'));
  return { dataDir, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }) };
}

streamStoreContract('the embedded control plane', async (): Promise<StreamStorage> => {
  const directory = await temporary();
  return {
    open: () => openLmdbStreamStore({ dataDir: directory.dataDir }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

test('an event is stamped by the clock that was handed in', async () => {
  await using directory = await temporary();
  await using store = await openLmdbStreamStore({ ...directory, clock: () => 1234 });
  await store.append('s', [{ id: 'a', type: 'happened', data: {}, metadata: {} }], 'any');
  for await (const { recordedAtMs } of store.read('s')) assert.equal(recordedAtMs, 1234);
});
