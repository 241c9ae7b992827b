import type { PositionVector, RebuildScope, TenantId } from '#domain';
import type { GenerationOf } from './read-model.ts';
import type { SealedDay } from './seals.ts';

/** How much stands somewhere, and a number that is equal for equal content, whatever its order. */
export type Tally = { readonly rows: bigint; readonly checksum: bigint };

/** A row that two generations do not have alike. */
export type RowDifference = {
  readonly day: number;
  readonly partition: number;
  readonly offset: bigint;
  /** The columns that differ with both values; undefined when only one of the two has the row. */
  readonly columns: readonly { readonly name: string; readonly active: string; readonly candidate: string }[];
  readonly only: 'active' | 'candidate' | undefined;
};

/**
 * What is done with whole generations of facts: comparing them, copying from one into another, removing them.
 *
 * Implement it for a new engine beside its `FactStore`: `read-model.contract.ts`, run over both by
 * `fact-read-model.test.ts`, is the definition of correct.
 */
export interface FactGenerations {
  /** Years and months (202403) of which the generation may have rows of the tenant, ascending. */
  months(of: GenerationOf): Promise<readonly number[]>;

  /** What the facts of a month hold before the vector, per day since 1970 in UTC; copies of a row count once. */
  tallyMonth(of: GenerationOf, month: number, vector: PositionVector): Promise<ReadonlyMap<number, Tally>>;

  /** What the slices of sealed days hold, per day; who was counted as different is compared by how many. */
  tallySlices(of: GenerationOf, sealed: readonly SealedDay[]): Promise<ReadonlyMap<number, Tally>>;

  /** The first rows by position, of each of the days at most `limit`, in which the two differ before the vector. */
  differingRows(
    active: GenerationOf,
    candidate: GenerationOf,
    where: { readonly days: readonly number[]; readonly vector: PositionVector; readonly limit: number },
  ): Promise<readonly RowDifference[]>;

  /** Copies the rows before the vector that lie outside of the scope and are not there yet. */
  copyRest(
    from: GenerationOf,
    to: GenerationOf,
    rest: { readonly scope: RebuildScope; readonly vector: PositionVector; readonly signal?: AbortSignal },
  ): Promise<void>;

  /** Removes every row and slice of the tenant; dear, because it rewrites their months. */
  removeTenant(of: GenerationOf): Promise<void>;

  /** Removes the tables of a generation; `prepare` makes them anew. */
  removeGeneration(generation: number): Promise<void>;

  /** Lets the documented views show these generations of these tenants, and `rest` of all others. */
  show(active: { readonly rest: number; readonly others: ReadonlyMap<TenantId, number> }): Promise<void>;
}
