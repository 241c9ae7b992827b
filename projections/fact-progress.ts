import type { PositionVector, TenantId } from '#domain';
import type { Horizon } from './facts-horizon.ts';
import type { ProjectionProgress, ProjectionState } from './projection-progress.ts';
import type { SealedDay } from './seals.ts';

/** How far the active generation of a tenant's facts has come. */
export type FactState = ProjectionState & {
  readonly generation: number;
  /** How far the kept `first_seen` fold has come; never beyond `confirmed`. */
  readonly firstSeen: PositionVector;
  /** The days whose aggregates stand in slices, as of `confirmed`. @default none */
  readonly sealed?: readonly SealedDay[];
  /** From when on facts are kept; undefined when all are. */
  readonly horizon: Horizon | undefined;
};

/** Tells readers how far the facts are, and lets them wait for a position. */
export interface FactProgress extends ProjectionProgress<FactState> {
  /**
   * How far another generation than the active one is; undefined when it is not kept.
   * @default none is kept
   */
  kept?(tenant: TenantId, generation: number): Promise<FactState | undefined>;
}
