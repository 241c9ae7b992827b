import type { PositionVector, TenantId } from '#domain';

/** How many events a slice counts: by hour, by item, by experiment, by day. */
export type SliceCounts = readonly [hours: bigint, items: bigint, experiments: bigint, days: bigint];

/** One writing of one day of one tenant. */
export type Slice = {
  readonly tenant: TenantId;
  /** Days since 1970 in UTC. */
  readonly day: number;
  /** Names the writing; no two of a tenant have the same. */
  readonly seal: number;
};

/** A slice as it stands, whole or not. */
export type StoredSlice = { readonly day: number; readonly seal: number; readonly counts: SliceCounts };

/**
 * Keeps aggregates of whole days beside the facts of a generation, each writing under a seal of its own, so
 * that a half-written one is never seen and one that is being read is never changed.
 *
 * Implement it for a new engine: `slice-store.contract.ts` is the definition of correct.
 */
export interface SliceStore {
  /**
   * Aggregates the facts of the day before the vector and writes them under the seal. Reads them back: throws
   * `FACTS_ROWS_MISSING` when not every event is counted; then any part of it may stand under that seal.
   */
  writeSlice(generation: number, slice: Slice & { readonly vector: PositionVector }): Promise<SliceCounts>;

  /** What stands, half-written slices included. */
  storedSlices(generation: number, tenant: TenantId): Promise<readonly StoredSlice[]>;

  /** Removes the slices with these seals; dear, because it rewrites their months. */
  removeSlices(generation: number, tenant: TenantId, seals: readonly number[]): Promise<void>;

  /** The days of which there are facts before the vector, ascending; dear, because it reads all of them. */
  daysOfFacts(generation: number, tenant: TenantId, vector: PositionVector): Promise<readonly number[]>;
}
