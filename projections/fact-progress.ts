import type { PositionVector, TenantId } from '#domain';
import type { Horizon } from './facts-horizon.ts';
import type { SealedDay } from './seals.ts';

/** How far the active generation of a tenant's facts has come. */
export type FactState = {
  readonly generation: number;
  readonly logIdentity: string;
  /** Every record before it is in the facts (or among the dead letters, if poison). */
  readonly confirmed: PositionVector;
  /** How far the kept `first_seen` fold has come; never beyond `confirmed`. */
  readonly firstSeen: PositionVector;
  /** The log's next offsets at the same moment. */
  readonly highWater: PositionVector;
  /** The days whose aggregates stand in slices, as of `confirmed`. @default none */
  readonly sealed?: readonly SealedDay[];
  /** Epoch ms at which the oldest unconfirmed record was seen waiting; undefined when none waits. */
  readonly waitingSinceMs: number | undefined;
  /** From when on facts are kept; undefined when all are. */
  readonly horizon: Horizon | undefined;
  /** Why the projector stands still, if it does. */
  readonly paused:
    { readonly reason: string; readonly partition: number; readonly offset: bigint } | undefined;
};

/** Tells readers how far the facts are, and lets them wait for a position. */
export interface FactProgress {
  /** Undefined when the tenant has no log yet. */
  state(tenant: TenantId): Promise<FactState | undefined>;
  /**
   * Resolves true as soon as the confirmed vector covers `vector`, flushing what waits; false when the signal
   * aborts first or the projector is paused.
   */
  waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}
