import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import type { DocumentId, DocumentSet, DocumentStore, DocumentWrite } from './document-store.ts';

/** A place for documents; what is written through one opening is there in the next. */
export type DocumentStorage = AsyncDisposable & { open(): Promise<DocumentStore> };

const ACME: DocumentSet = { name: 'items', generation: 1, tenant: tenantId('acme') };
const UMBRA: DocumentSet = { ...ACME, tenant: tenantId('umbra') };
const APPLIED = { ok: true };

const first = (id: DocumentId, body: JsonObject = {}): DocumentWrite => ({
  id,
  from: undefined,
  vector: [1n],
  body,
});
const put = (store: DocumentStore, set: DocumentSet, ...writes: DocumentWrite[]) =>
  store.apply(set, { writes });

type Clause = (storage: DocumentStorage) => Promise<void>;

const CLAUSES = {
  'a document is answered as it was written, offsets beyond 2^53 and any JSON included': async (storage) => {
    const vector = [0n, 18_446_744_073_709_551_615n];
    const text = '{"__proto__":{"a":[1,null,"\\u0000"]},"constructor":1.5,"é":"\\ud83d\\ude00"}';
    const body = JSON.parse(text) as JsonObject;
    {
      await using store = await storage.open();
      const writes = [{ id: ['feed', 'i1'], from: undefined, vector, body }];
      assert.deepEqual(await store.apply(ACME, { writes }), APPLIED);
    }
    await using store = await storage.open();
    const [kept, none] = await store.get(ACME, [['feed', 'i1'], ['feed']]);
    assert.deepEqual(kept?.id, ['feed', 'i1']);
    assert.deepEqual(kept.vector, vector);
    assert.equal(JSON.stringify(kept.body), text.replace('\\ud83d\\ude00', '😀'));
    assert.equal(none, undefined);
  },

  'collections, generations and tenants with the same ids are kept apart': async (storage) => {
    await using store = await storage.open();
    const sets = [ACME, UMBRA, { ...ACME, generation: 11 }, { ...ACME, name: 'items2' }];
    for (const [n, set] of sets.entries()) await put(store, set, first(['feed', 'i1'], { n }));
    for (const [n, set] of sets.entries()) {
      assert.deepEqual((await store.get(set, [['feed', 'i1']]))[0]?.body, { n });
      assert.deepEqual(
        (await store.list(set, { limit: 10 })).map(({ body }) => body),
        [{ n }],
      );
      assert.equal(await store.count(set), 1);
    }
    // One tenant's id is the beginning of another's.
    assert.equal(await store.count({ ...ACME, tenant: tenantId('acm') }), 0);
    assert.deepEqual(await store.list({ ...ACME, tenant: tenantId('acm') }, { limit: 10 }), []);
  },

  'a write that was made from another vector changes nothing and is named': async (storage) => {
    await using store = await storage.open();
    const refused = (...ids: DocumentId[]) => ({ ok: false, reason: 'folded_elsewhere', ids });
    const write = (from: bigint[] | undefined, vector: bigint[], n: number): DocumentWrite => ({
      id: ['i1'],
      from,
      vector,
      body: { n },
    });
    const standing = async () => (await store.get(ACME, [['i1']]))[0]?.body['n'];
    assert.deepEqual(await put(store, ACME, write([1n], [2n], 0)), refused(['i1']));
    assert.equal(await standing(), undefined);
    assert.deepEqual(await put(store, ACME, write(undefined, [1n], 1)), APPLIED);
    assert.deepEqual(await put(store, ACME, write(undefined, [1n], 2)), refused(['i1']));
    assert.deepEqual(await put(store, ACME, write([1n, 1n], [2n], 3)), refused(['i1']));
    assert.equal(await standing(), 1);
    assert.deepEqual(await put(store, ACME, write([1n, 0n], [1n, 4n], 4)), APPLIED);
    assert.deepEqual(await put(store, ACME, write([1n, 4n, 0n], [10n], 5)), APPLIED);
    assert.equal(await standing(), 5);
  },

  'a refused batch leaves the checkpoint where it was': async (storage) => {
    await using store = await storage.open();
    const checkpoint = (next: bigint) => ({ logIdentity: 'log', vector: [next, 0n] });
    assert.equal(await store.checkpoint(ACME), undefined);
    await store.apply(ACME, { writes: [first(['i1'])], checkpoint: checkpoint(1n) });
    const refused = await store.apply(ACME, {
      writes: [first(['i2']), first(['i1'])],
      checkpoint: checkpoint(2n),
    });
    assert.deepEqual(refused, { ok: false, reason: 'folded_elsewhere', ids: [['i1']] });
    assert.deepEqual(await store.checkpoint(ACME), checkpoint(1n));
    assert.equal(await store.checkpoint(UMBRA), undefined);
    assert.equal(await store.checkpoint({ ...ACME, generation: 2 }), undefined);
  },

  'a checkpoint without documents outlives closing': async (storage) => {
    const checkpoint = { logIdentity: 'log', vector: [0n, 9_007_199_254_740_993n, 0n] };
    {
      await using store = await storage.open();
      assert.deepEqual(await store.apply(ACME, { writes: [], checkpoint }), APPLIED);
    }
    await using store = await storage.open();
    assert.deepEqual(await store.checkpoint(ACME), checkpoint);
    assert.equal(await store.count(ACME), 0);
  },

  'documents are listed in the order of their bytes, page by page, each once': async (storage) => {
    const part = fc.constantFrom(
      '',
      'a',
      'a\0',
      'a\0\0',
      'a\u0001',
      'ab',
      'b',
      'é',
      '\uffff',
      '😀',
      '/',
      '\0',
    );
    const id = fc.tuple(part, part);
    let tenants = 0;
    await using store = await storage.open();
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(id, { selector: (parts) => parts.join('\u0007'), maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        part,
        async (ids, limit, prefix) => {
          const set = { ...ACME, tenant: tenantId(`t${++tenants}`) };
          await put(store, set, ...ids.map((one) => first(one)));
          const bytes = (text: string): Buffer => Buffer.from(text);
          const expected = ids
            .filter(([scenario]) => scenario === prefix)
            .sort(([, a], [, b]) => Buffer.compare(bytes(a), bytes(b)));
          const listed: DocumentId[] = [];
          for (let after: DocumentId | undefined; ;) {
            const page = await store.list(set, { prefix: [prefix], limit, ...(after ? { after } : {}) });
            listed.push(...page.map((document) => document.id));
            after = page.at(-1)?.id;
            if (page.length < limit) break;
          }
          assert.deepEqual(listed, expected);
          assert.equal(await store.count(set, [prefix]), expected.length);
          assert.equal(await store.count(set), ids.length);
        },
      ),
      { numRuns: 30 },
    );
  },

  'a list takes only documents whose members have the wanted values': async (storage) => {
    await using store = await storage.open();
    const writes = Array.from({ length: 700 }, (_, n) =>
      first([`i${String(n).padStart(3, '0')}`], {
        status: n % 2 === 0 ? 'active' : 'deleted',
        metadata: { category: `c${n % 5}` },
        'metadata.category': 'a member whose name has a dot',
      }),
    );
    await put(store, ACME, ...writes);
    const where = { status: 'active', 'metadata.category': 'c3' };
    const found = await store.list(ACME, { where, limit: 1000 });
    assert.deepEqual(
      found.map(({ id }) => id[0]),
      writes.flatMap(({ id }, n) => (n % 2 === 0 && n % 5 === 3 ? id : [])),
    );
    const except = { 'metadata.category': 'c3', 'metadata.none': 'x' };
    const others = await store.list(ACME, { where: { status: 'active' }, except, limit: 1000 });
    assert.deepEqual(
      others.map(({ id }) => id[0]),
      writes.flatMap(({ id }, n) => (n % 2 === 0 && n % 5 !== 3 ? id : [])),
    );
    const next = await store.list(ACME, { where, limit: 2, after: found[60]!.id });
    assert.deepEqual(next, found.slice(61, 63));
    assert.deepEqual(await store.list(ACME, { where: { 'status.toString': 'active' }, limit: 5 }), []);
  },

  'of two who write from the same vector one wins': async (storage) => {
    await using store = await storage.open();
    await put(store, ACME, first(['i1']));
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        put(store, ACME, { id: ['i1'], from: [1n], vector: [2n], body: { n } }),
      ),
    );
    assert.equal(results.filter(({ ok }) => ok).length, 1);
    const winner = results.findIndex(({ ok }) => ok);
    assert.deepEqual((await store.get(ACME, [['i1']]))[0]?.body, { n: winner });
  },

  'dropping a generation of a tenant leaves nothing of it and everything else': async (storage) => {
    await using store = await storage.open();
    const second = { ...ACME, generation: 2 };
    const checkpoint = { logIdentity: 'log', vector: [1n] };
    const writes = Array.from({ length: 600 }, (_, n) => first([String(n)]));
    for (const set of [ACME, UMBRA, second]) await store.apply(set, { writes, checkpoint });
    for (let time = 0; time < 2; time++) {
      await store.drop(ACME);
      assert.equal(await store.count(ACME), 0);
      assert.equal(await store.checkpoint(ACME), undefined);
      for (const set of [UMBRA, second]) {
        assert.equal(await store.count(set), 600);
        assert.deepEqual(await store.checkpoint(set), checkpoint);
      }
    }
  },
} satisfies Record<string, Clause>;

/** The name of a promise that an adapter may say it cannot give. */
export type DocumentStoreClause = keyof typeof CLAUSES;

/** What every `DocumentStore` promises; an adapter lists what it cannot by the clause's name, with the reason. */
export function documentStoreContract(
  name: string,
  make: () => Promise<DocumentStorage>,
  cannot: Partial<Record<DocumentStoreClause, string>> = {},
): void {
  describe(`${name} keeps the contract of the document store`, () => {
    for (const [clause, check] of Object.entries(CLAUSES)) {
      const reason = cannot[clause as DocumentStoreClause];
      test(clause, reason === undefined ? {} : { skip: reason }, async () => {
        await using storage = await make();
        await check(storage);
      });
    }
  });
}
