import type { PositionVector, TenantId } from '#domain';
import type { Pause } from './followed-tenant.ts';
import type { ViewScope } from './view-store.ts';

/** How far the active generation of a tenant's live views has come. */
export type ViewState = {
  /** What to read them by. */
  readonly scope: ViewScope;
  readonly logIdentity: string;
  /** Every record before it is in the views. */
  readonly confirmed: PositionVector;
  /** The log's next offsets at the same moment. */
  readonly highWater: PositionVector;
  /** Epoch ms at which the oldest unconfirmed record was seen waiting; undefined when none waits. */
  readonly waitingSinceMs: number | undefined;
  /** Why the projector stands still, if it does. */
  readonly paused: Pause | undefined;
};

/** Tells readers how far the live views are, and lets them wait for a position. */
export interface ViewProgress {
  /** Undefined when the tenant has no log yet. */
  state(tenant: TenantId): Promise<ViewState | undefined>;
  /**
   * Resolves true as soon as the confirmed vector covers `vector`, folding what waits; false when the signal
   * aborts first or the projector is paused.
   */
  waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}
