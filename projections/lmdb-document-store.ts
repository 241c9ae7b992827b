import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ABORT, open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import type { Json, JsonObject, PositionVector } from '#domain';
import { commitAll, hearingFailure } from '#log';
import type { Checkpoint } from './checkpoint-store.ts';
import type {
  DocumentBatch,
  DocumentId,
  DocumentPage,
  DocumentSet,
  DocumentStore,
  DocumentWrite,
  DocumentsApplied,
  KeptDocument,
} from './document-store.ts';
import { idOf, keyAfter, keyOf, prefixRange } from './lmdb-document-keys.ts';

/** Documents looked at, and keys removed, without letting anybody else in. */
const PAGE = 256;
const LINE_FEED = 10;

type StoredCheckpoint = { readonly log_identity: string; readonly vector: string };

/**
 * Opens the documents of a data directory, in an LMDB environment of their own. A batch and its checkpoint
 * are one transaction. A list with `where` reads every document under its prefix.
 */
export async function openLmdbDocumentStore(options: { readonly dataDir: string }): Promise<DocumentStore> {
  return new LmdbDocumentStore(join(options.dataDir, 'documents'));
}

class LmdbDocumentStore implements DocumentStore {
  readonly #env: RootDatabase<unknown, Buffer>;
  /** Key → vector as text, line feed, body as JSON: the vector can be compared without parsing the body. */
  readonly #documents: Database<Buffer, Buffer>;
  readonly #checkpoints: Database<StoredCheckpoint, Buffer>;

  constructor(path: string) {
    mkdirSync(path, { recursive: true });
    this.#env = open(path, { noSubdir: false, overlappingSync: false, maxDbs: 4 });
    this.#documents = this.#env.openDB({ name: 'documents', encoding: 'binary', keyEncoding: 'binary' });
    this.#checkpoints = this.#env.openDB({ name: 'checkpoints', encoding: 'json', keyEncoding: 'binary' });
  }

  async get(set: DocumentSet, ids: readonly DocumentId[]): Promise<readonly (KeptDocument | undefined)[]> {
    this.#renew();
    return ids.map((id) => {
      const value = this.#documents.getBinary(keyOf(set, id));
      return value && documentOf(id, value);
    });
  }

  async list(set: DocumentSet, page: DocumentPage): Promise<readonly KeptDocument[]> {
    const { prefix, after, limit } = page;
    const wanted = pathsOf(page.where);
    const unwanted = pathsOf(page.except);
    const range = prefixRange(set, prefix);
    if (after) range.start = laterOf(range.start, keyAfter(keyOf(set, after)));
    const found: KeptDocument[] = [];
    while (found.length < limit) {
      this.#renew();
      const read = [...this.#documents.getRange({ ...range, limit: PAGE })];
      for (const { key, value } of read) {
        const document = documentOf(idOf(key, set), value);
        const has = ([path, value]: Condition): boolean => memberAt(document.body, path) === value;
        const fits = wanted.every(has) && !unwanted.some(has);
        if (fits && found.push(document) === limit) return found;
        range.start = keyAfter(key);
      }
      if (read.length < PAGE) break;
      await setImmediate();
    }
    return found;
  }

  async count(set: DocumentSet, prefix?: DocumentId): Promise<number> {
    this.#renew();
    return this.#documents.getKeysCount(prefixRange(set, prefix));
  }

  async apply(set: DocumentSet, { writes, checkpoint }: DocumentBatch): Promise<DocumentsApplied> {
    const rows = writes.map((write) => ({ write, key: keyOf(set, write.id), value: valueOf(write) }));
    const passed: DocumentId[] = [];
    const transaction = (): unknown => {
      for (const { write, key } of rows) if (!this.#standsAt(key, write.from)) passed.push(write.id);
      if (passed.length > 0) return ABORT;
      for (const { key, value } of rows) this.#documents.putSync(key, value);
      if (checkpoint) this.#checkpoints.putSync(keyOf(set, []), storedOf(checkpoint));
      return undefined;
    };
    await hearingFailure(this.#env, async () => {
      await this.#env.transaction(transaction);
      if (passed.length === 0) await this.#env.flushed;
    });
    return passed.length > 0 ? { ok: false, reason: 'folded_elsewhere', ids: passed } : { ok: true };
  }

  async checkpoint(set: DocumentSet): Promise<Checkpoint | undefined> {
    this.#renew();
    const stored = this.#checkpoints.get(keyOf(set, []));
    return stored && { logIdentity: stored.log_identity, vector: vectorOf(stored.vector) };
  }

  async drop(set: DocumentSet): Promise<void> {
    const range = prefixRange(set);
    for (const database of [this.#checkpoints, this.#documents]) {
      for (;;) {
        const keys = [...database.getKeys({ ...range, limit: PAGE })];
        if (keys.length === 0) break;
        await commitAll(this.#env, () => {
          for (const key of keys) void database.remove(key);
        });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#env.close();
  }

  /** What was read earlier in this turn may be of an older commit than one another thread has told of. */
  #renew(): void {
    this.#env.resetReadTxn();
  }

  #standsAt(key: Buffer, from: PositionVector | undefined): boolean {
    const value = this.#documents.getBinary(key);
    if (!value || !from) return !value && !from;
    return value.toString('latin1', 0, value.indexOf(LINE_FEED)) === textOf(from);
  }
}

type Condition = readonly [path: readonly string[], value: Json];

function pathsOf(values: Readonly<Record<string, Json>> = {}): readonly Condition[] {
  return Object.entries(values).map(([path, value]) => [path.split('.'), value]);
}

function laterOf(one: Buffer, other: Buffer): Buffer {
  return Buffer.compare(one, other) > 0 ? one : other;
}

function memberAt(body: JsonObject, path: readonly string[]): Json | undefined {
  let at: Json | undefined = body;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, name))
      return undefined;
    at = (at as JsonObject)[name];
  }
  return at;
}

function valueOf({ vector, body }: DocumentWrite): Buffer {
  return Buffer.from(`${textOf(vector)}\n${JSON.stringify(body)}`);
}

function documentOf(id: DocumentId, value: Buffer): KeptDocument {
  const end = value.indexOf(LINE_FEED);
  return {
    id,
    vector: vectorOf(value.toString('latin1', 0, end)),
    body: JSON.parse(value.toString('utf8', end + 1)) as JsonObject,
  };
}

/** `17.0.5`; without trailing zeros, so that equal vectors are equal texts. */
function textOf(vector: PositionVector): string {
  return vector.join('.').replace(/(?:(?:^|\.)0)+$/, '');
}

function vectorOf(text: string): PositionVector {
  return text === '' ? [] : text.split('.').map(BigInt);
}

function storedOf({ logIdentity, vector }: Checkpoint): StoredCheckpoint {
  return { log_identity: logIdentity, vector: vector.join('.') };
}
