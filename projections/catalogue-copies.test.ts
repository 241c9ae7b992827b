import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CatalogueEntry } from '#domain';
import { temporaryDir } from '../test/platform.ts';
import { tenantId } from '../test/tenant-id.ts';
import { startCatalogueCopies } from './catalogue-copies.ts';
import type { DocumentStore } from './document-store.ts';
import { openLmdbDocumentStore } from './lmdb-document-store.ts';

const ACME = tenantId('acme');
const SCENARIOS = { name: 'scenarios', generation: 1, tenant: ACME };

const entry = (version: number, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  kind: 'scenario',
  tenant: ACME,
  id: ['feed'],
  version,
  status: 'active',
  members: { name: `v${version}` },
  createdAtMs: 1,
  updatedAtMs: version,
  ...more,
});

/** Entries as the control plane announces them. */
function announcing(): {
  onEntry: (listener: (entry: CatalogueEntry) => void) => Disposable;
  tell: (entry: CatalogueEntry) => void;
} {
  const listeners = new Set<(entry: CatalogueEntry) => void>();
  return {
    onEntry: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    tell: (told) => {
      for (const listener of listeners) listener(told);
    },
  };
}

async function namesIn(documents: DocumentStore, set = SCENARIOS): Promise<unknown[]> {
  return (await documents.list(set, { limit: 10 })).map(({ body }) => [body['name'], body['version']]);
}

test('every entry has a document of its newest version, and an older one never passes it', async () => {
  await using dir = await temporaryDir();
  await using documents = await openLmdbDocumentStore({ dataDir: dir.path });
  const catalogue = announcing();
  await using copies = startCatalogueCopies({ catalogue, documents });
  catalogue.tell(entry(1));
  catalogue.tell(entry(2));
  catalogue.tell(entry(1, { tenant: tenantId('umbra') }));
  catalogue.tell(entry(1, { kind: 'model_config', id: ['feed', 'm'] }));
  await copies.settled();
  assert.deepEqual(await namesIn(documents), [['v2', 2]]);
  assert.deepEqual(await namesIn(documents, { ...SCENARIOS, tenant: tenantId('umbra') }), [['v1', 1]]);
  assert.deepEqual(await namesIn(documents, { ...SCENARIOS, name: 'model_configs' }), [['v1', 1]]);
  // As after a restart: told from the beginning.
  catalogue.tell(entry(1));
  await copies.settled();
  assert.deepEqual(await namesIn(documents), [['v2', 2]]);
  catalogue.tell(entry(3));
  await copies.settled();
  assert.deepEqual(await namesIn(documents), [['v3', 3]]);
});

test('a store that fails is tried again until every copy is there', async () => {
  await using dir = await temporaryDir();
  await using documents = await openLmdbDocumentStore({ dataDir: dir.path });
  let failures = 3;
  const failing: DocumentStore = {
    get: documents.get.bind(documents),
    list: documents.list.bind(documents),
    count: documents.count.bind(documents),
    checkpoint: documents.checkpoint.bind(documents),
    drop: documents.drop.bind(documents),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    apply: (set, batch) => {
      if (failures-- > 0) return Promise.reject(new Error('away'));
      return documents.apply(set, batch);
    },
  };
  const catalogue = announcing();
  await using copies = startCatalogueCopies({ catalogue, documents: failing, retryAfterMs: 1 });
  catalogue.tell(entry(1));
  catalogue.tell(entry(1, { id: ['shop'] }));
  await copies.settled();
  assert.deepEqual(await namesIn(documents), [
    ['v1', 1],
    ['v1', 1],
  ]);
  assert.ok(failures < 0);
});
