import type { PositionVector, TenantId } from '#domain';
import type { ViewKey, ViewName } from './views.ts';

/** One build of one projection's views of one tenant. */
export type ViewScope = {
  readonly projection: string;
  readonly generation: number;
  readonly tenant: TenantId;
};

/** What becomes of one collection: each member's number is merged as its view says. */
export type ViewChange = { readonly key: ViewKey; readonly entries: ReadonlyMap<string, number> };

/** That a batch folds the records `[from, to)` of a partition. */
export type ViewStep = {
  readonly partition: number;
  /** Of the claim under which it was folded. */
  readonly epoch: number;
  readonly from: bigint;
  readonly to: bigint;
};

/** Changes and the steps they come from; each partition and each key at most once. */
export type ViewBatch = {
  readonly steps: readonly ViewStep[];
  readonly changes: readonly ViewChange[];
};

export type ViewApplied =
  | { readonly ok: true }
  /** A partition does not stand where the batch begins; it was folded already, or not from there. */
  | { readonly ok: false; readonly reason: 'checkpoint_differs'; readonly checkpoints: PositionVector }
  /** Somebody else has claimed a partition since. */
  | { readonly ok: false; readonly reason: 'epoch_superseded'; readonly partition: number };

/** Where a scope stands when it has been claimed. */
export type ViewClaim = {
  /** The log its checkpoints belong to: the one given with the first claim. */
  readonly logIdentity: string;
  /** Per partition of the log; 0 where nothing has been folded. */
  readonly checkpoints: PositionVector;
  /** The epoch of each claimed partition, higher than any before. */
  readonly epochs: ReadonlyMap<number, number>;
  /** What had expired at that instant may be missing. Epoch ms. */
  readonly prunedAtMs: number;
};

/** What of a view is wanted. Without a range all of it. */
export type ViewWanted = {
  readonly view: ViewName;
  readonly id: string;
  /** Buckets that start in `[fromMs, toMs)`; of views without buckets, members whose instant lies therein. */
  readonly range?: { readonly fromMs: number; readonly toMs: number };
  /** Whether the number of members is enough, which is much cheaper. */
  readonly sizesOnly?: boolean;
};

/** One collection that was found; empty ones are left out. */
export type ViewFound = {
  readonly bucketMs: number;
  readonly size: number;
  /** Member → number; empty where only sizes were wanted. */
  readonly entries: ReadonlyMap<string, number>;
};

/** All that was wanted, as of one vector. */
export type ViewAnswer = {
  readonly vector: PositionVector;
  readonly prunedAtMs: number;
  /** For each wanted one, in order, what was found, the oldest bucket first. */
  readonly found: readonly (readonly ViewFound[])[];
};

/**
 * Keeps live views: collections of members with a whole number each, and with them how far the log has been
 * folded into them.
 *
 * Implement it for a new storage: `view-store.contract.ts` is the definition of correct. Nothing in it reads a
 * clock. A collection is a hash (Redis: HINCRBY) or, where the newest instant stays, a sorted set (Redis:
 * ZADD GT); all keys of a tenant lie together, so that a batch is one atomic step.
 */
export interface ViewStore extends AsyncDisposable {
  /**
   * Takes partitions over: from now on only batches with the new epochs are applied to them. Changes of what
   * has expired at `prunedAtMs` need not be given any more; the later one of this and the recorded instant is
   * recorded.
   */
  claim(
    scope: ViewScope,
    claim: {
      readonly logIdentity: string;
      readonly partitionCount: number;
      readonly partitions: readonly number[];
      readonly prunedAtMs: number;
    },
  ): Promise<ViewClaim>;
  /** Applies all changes and moves all checkpoints in one durable step, or does nothing and says why. */
  apply(scope: ViewScope, batch: ViewBatch): Promise<ViewApplied>;
  /** Reads everything wanted at one instant of the store. Undefined when nobody has claimed the scope. */
  read(scope: ViewScope, wanted: readonly ViewWanted[]): Promise<ViewAnswer | undefined>;
}

/** What of a collection is alive at an instant. */
export type ViewContent = { readonly key: ViewKey; readonly entries: ReadonlyMap<string, number> };

/** The upkeep of a {@link ViewStore}; may run beside everything else. */
export interface ViewUpkeep {
  /**
   * All that is alive at the instant, for the comparison of two generations: by the name of the view, bucket, and
   * id in the order of its UTF-8 bytes. Read in short steps, between which others get their turn.
   */
  scan(scope: ViewScope, atMs: number): AsyncIterable<ViewContent>;
  /** Records the instant, then removes what has expired at it. Answers how many collections it changed. */
  prune(scope: ViewScope, atMs: number): Promise<number>;
  /** Removes everything of the scope, checkpoints and epochs too. */
  drop(scope: ViewScope): Promise<void>;
}
