import type { PositionVector, TenantId } from '#domain';
import type { ProjectionState } from './projection-progress.ts';

/** One build of one tenant's read model. */
export type GenerationOf = { readonly tenant: TenantId; readonly generation: number };

/** What of a read model is folded anew; what is outside is copied from the active generation. */
export type RebuildScope =
  | { readonly kind: 'all' }
  /** The events of one name. */
  | { readonly kind: 'event'; readonly event: string }
  /** Offsets `[from, to)` of one partition. */
  | { readonly kind: 'offsets'; readonly partition: number; readonly from: bigint; readonly to: bigint }
  /** Event times `[fromMs, toMs)`, epoch ms. */
  | { readonly kind: 'time'; readonly fromMs: number; readonly toMs: number };

/** One thing in which two generations differ at the same vector. */
export type GenerationDifference = {
  /**
   * Where they differ, in words a person can look up and accept by: `2024-03-05` (a day of facts),
   * `hot:items/2024-03-05T10:01:00.000Z/feed` (a collection of a view), `u1/feed` (a document).
   */
  readonly name: string;
  /** What the active generation has there; null when it has nothing. */
  readonly active: string | null;
  /** What the other one has there. */
  readonly candidate: string | null;
  /** Up to a few records, members or fields that show it. */
  readonly examples: readonly string[];
};

/** What came of comparing two generations. */
export type GenerationComparison = {
  /** How many days, collections or documents were compared. */
  readonly compared: number;
  /** How many of them differ. */
  readonly different: number;
  /** The first of them by name, at most 1000. */
  readonly differences: readonly GenerationDifference[];
  /** Equal content gives equal checksums, whatever the order and the number of the generation. */
  readonly checksums: { readonly active: string; readonly candidate: string };
};

/**
 * A read model that exists in numbered generations, seen by whoever rebuilds, verifies and drops them. Each
 * generation of each tenant is kept current by itself and knows its own checkpoint.
 *
 * Implement it for a new kind of read model; `read-model.contract.ts` is the definition of correct.
 */
export interface ReadModel {
  /** Name of the projection: `facts`, `live_views`, `user_profiles`, `items`. */
  readonly projection: string;
  /** Raised whenever its logic changes, so that a read model folded by older logic is told apart. */
  readonly version: number;
  /** Which scopes besides the whole it can be rebuilt in; a fold that adds up cannot be taken back in part. */
  readonly scopes: readonly Exclude<RebuildScope['kind'], 'all'>[];

  /**
   * Begins or goes on to fold the tenant's log into the generation, from its checkpoint; calling it again
   * changes nothing. With `limit` never beyond that vector.
   */
  follow(of: GenerationOf, limit?: PositionVector): Promise<void>;

  /**
   * Opens the generation where it stands and folds nothing into it: the reason is that of its state, and stands
   * beside every answer. `follow` lets it go on.
   */
  standStill(of: GenerationOf, reason: string): Promise<void>;

  /** Where the generation stands; undefined when it is not followed or the tenant has no log. */
  state(of: GenerationOf): Promise<ProjectionState | undefined>;

  /** True once the generation covers the vector; false when it is paused or the signal aborts. */
  waitFor(of: GenerationOf, vector: PositionVector, signal: AbortSignal): Promise<boolean>;

  /**
   * Lets the generation come no further than a vector; with `here` no further than where it stands, which is
   * answered once nothing is in flight. Undefined lets it go on.
   */
  limit(of: GenerationOf, to: PositionVector | 'here' | undefined): Promise<PositionVector>;

  /** Stops folding into the generation; what it holds stays. */
  leave(of: GenerationOf): Promise<void>;

  /**
   * Copies what lies outside of the scope, of records before the vector, from one generation into another new
   * one, so that following it folds the rest. Repeating it changes nothing. Only for kinds in `scopes`.
   */
  copyRest(
    from: GenerationOf,
    to: GenerationOf,
    rest: { readonly scope: RebuildScope; readonly vector: PositionVector },
  ): Promise<void>;

  /** Compares two generations as of a vector at which both stand (facts: that both cover). */
  compare(
    active: GenerationOf,
    candidate: GenerationOf,
    vector: PositionVector,
    signal: AbortSignal,
  ): Promise<GenerationComparison>;

  /** Removes everything the generation holds of the tenant, after it has been left. Repeating it changes nothing. */
  drop(of: GenerationOf): Promise<void>;
}
