import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { LogBounds } from '#log';
import type { FollowedTenant, Pause } from './followed-tenant.ts';

/** How far a read model has come with a tenant's log. */
export type ProjectionState = {
  readonly logIdentity: string;
  /** Every record before it is in the read model (or among the dead letters, if it could not be taken). */
  readonly confirmed: PositionVector;
  /** The log's next offsets at the same moment. */
  readonly highWater: PositionVector;
  /** Epoch ms at which the oldest unconfirmed record was seen waiting; undefined when none waits. */
  readonly waitingSinceMs: number | undefined;
  /** Why the projector stands still, if it does. */
  readonly paused: Pause | undefined;
};

/** Tells readers how far a read model is, and lets them wait for a position. */
export interface ProjectionProgress<State extends ProjectionState = ProjectionState> {
  /** Undefined when the tenant has no log yet. */
  state(tenant: TenantId): Promise<State | undefined>;
  /**
   * Resolves true as soon as the confirmed vector covers `vector`, folding what waits; false when the signal
   * aborts first or the projector is paused.
   */
  waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}

/** The same of a read model in generations: of the one that is active whenever it is asked. */
export interface GenerationProgress<
  State extends ProjectionState = ProjectionState,
> extends ProjectionProgress<State> {
  /** Which generation is active. */
  generation(tenant: TenantId): number;
}

/** The state of a followed tenant beside where its log ends. */
export function stateOf(followed: FollowedTenant, bounds: LogBounds, nowMs: number): ProjectionState {
  const { logIdentity = bounds.identity, confirmed, waitingSinceMs = nowMs, paused } = followed;
  return {
    logIdentity,
    confirmed: bounds.next.map((_next, partition) => confirmed[partition] ?? 0n),
    highWater: bounds.next,
    waitingSinceMs: covers(confirmed, bounds.next) ? undefined : waitingSinceMs,
    paused,
  };
}
