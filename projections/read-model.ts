import type { GenerationComparison, PositionVector, RebuildScope, TenantId } from '#domain';
import type { ProjectionState } from './projection-progress.ts';

export type { GenerationComparison, GenerationDifference, RebuildScope } from '#domain';

/** One build of one tenant's read model. */
export type GenerationOf = { readonly tenant: TenantId; readonly generation: number };

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
   * Whether it can be read as of a vector that it has left behind, so that two generations can be compared
   * while both go on.
   * @default false
   */
  readonly asOf?: boolean;

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
    rest: { readonly scope: RebuildScope; readonly vector: PositionVector; readonly signal?: AbortSignal },
  ): Promise<void>;

  /** Compares two generations as of a vector at which both stand, or that both cover where it can be read as of one. */
  compare(
    active: GenerationOf,
    candidate: GenerationOf,
    vector: PositionVector,
    signal: AbortSignal,
  ): Promise<GenerationComparison>;

  /** Removes everything the generation holds of the tenant, after it has been left. Repeating it changes nothing. */
  drop(of: GenerationOf): Promise<void>;
}
