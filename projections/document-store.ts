import type { Json, JsonObject, PositionVector, TenantId } from '#domain';
import type { Checkpoint } from './checkpoint-store.ts';

/** One build of a projection's documents. In MongoDB the collection `items_g1`. */
export type DocumentCollection = { readonly name: string; readonly generation: number };

/** Whose documents of which collection. */
export type DocumentSet = DocumentCollection & { readonly tenant: TenantId };

/** What names a document within its tenant: the members of the unique key, outermost first. */
export type DocumentId = readonly string[];

/** A document as it stands in the store. */
export type KeptDocument = {
  readonly id: DocumentId;
  /**
   * How far it was folded: every record before it that concerns the document is in the body. Trailing zeros
   * mean nothing.
   */
  readonly vector: PositionVector;
  readonly body: JsonObject;
};

/** A document as it shall stand, on condition that it stood at `from` before; undefined: not at all. */
export type DocumentWrite = KeptDocument & { readonly from: PositionVector | undefined };

export type DocumentBatch = {
  readonly writes: readonly DocumentWrite[];
  /** How far the whole projection has come once the writes are done. */
  readonly checkpoint?: Checkpoint;
};

/** `folded_elsewhere`: the documents named stood at another vector than their writer had read. */
export type DocumentsApplied =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'folded_elsewhere'; readonly ids: readonly DocumentId[] };

export type DocumentPage = {
  /** The first members of the ids wanted. @default all of the tenant's documents */
  readonly prefix?: DocumentId;
  /** Members of the body by path, `metadata.category`, that must equal these values. */
  readonly where?: Readonly<Record<string, Json>>;
  /** The same, for values that they must not equal. */
  readonly except?: Readonly<Record<string, Json>>;
  /** Only documents behind this id. */
  readonly after?: DocumentId;
  /** 1 to 1,000. */
  readonly limit: number;
};

/**
 * Keeps documents that are folded from a log, by collection, generation, tenant and id.
 *
 * Implement it for a new database: `document-store.contract.ts` is the definition of correct. A crash amid
 * `apply` may leave some of its documents written and others not; because every document says how far it was
 * folded, and no write passes another, folding the same records again mends it. Never answers a document of
 * another tenant.
 */
export interface DocumentStore extends AsyncDisposable {
  /** The documents in the order of the ids; undefined where there is none. */
  get(set: DocumentSet, ids: readonly DocumentId[]): Promise<readonly (KeptDocument | undefined)[]>;

  /** By id, member after member, each in the order of its UTF-8 bytes. */
  list(set: DocumentSet, page: DocumentPage): Promise<readonly KeptDocument[]>;

  /** How many documents the tenant has under the prefix. */
  count(set: DocumentSet, prefix?: DocumentId): Promise<number>;

  /**
   * Writes each document that stands at its `from`; durable when resolved. Where one does not, it is left as
   * it is and named, others may have been written, and the checkpoint is not. The checkpoint is never durable
   * before the documents.
   */
  apply(set: DocumentSet, batch: DocumentBatch): Promise<DocumentsApplied>;

  /** How far the projection of these documents has come; undefined before its first batch. */
  checkpoint(set: DocumentSet): Promise<Checkpoint | undefined>;

  /** Deletes a tenant's documents of a generation with their checkpoint; repeating it changes nothing. */
  drop(set: DocumentSet): Promise<void>;
}
