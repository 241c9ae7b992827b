import { documentStoreContract } from './document-store.contract.ts';
import { temporaryDir } from '../test/platform.ts';
import { openLmdbDocumentStore } from './lmdb-document-store.ts';

documentStoreContract('the embedded document store', async () => {
  const directory = await temporaryDir();
  return {
    open: () => openLmdbDocumentStore({ dataDir: directory.path }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});
