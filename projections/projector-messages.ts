import type { PositionVector, Tenant, TenantId } from '#domain';
import type { Pause } from './followed-tenant.ts';

/** What the thread of the log tells the thread in which projectors run. */
export type ToProjectors =
  /** A tenant to follow from now on. */
  | { readonly type: 'tenant'; readonly tenant: Tenant }
  /** The events of these tenants have moved; told once a turn of the event loop at most. */
  | { readonly type: 'committed'; readonly tenants: readonly TenantId[] }
  /** Somebody waits for a vector, until `give_up` with the same number. */
  | {
      readonly type: 'wait';
      readonly wait: number;
      readonly projection: string;
      readonly tenant: TenantId;
      readonly vector: PositionVector;
    }
  | { readonly type: 'give_up'; readonly wait: number }
  /** End after the portion that is being applied. */
  | { readonly type: 'stop' };

/** What comes back: what the projectors have announced, in order. */
export type FromProjectors = readonly Announcement[];

/** What is announced on a channel by a projector in its thread, and again where the log is. */
export type Announcement =
  | {
      readonly channel: 'daybook:projections:applied';
      readonly message: OfTenant & { readonly logIdentity: string; readonly vector: PositionVector };
    }
  | { readonly channel: 'daybook:projections:paused'; readonly message: OfTenant & Pause }
  | { readonly channel: 'daybook:projections:pruned'; readonly message: OfTenant };

type OfTenant = { readonly projection: string; readonly generation: number; readonly tenant: TenantId };

/** Every channel on which a projector announces. */
export const ANNOUNCED: readonly Announcement['channel'][] = [
  'daybook:projections:applied',
  'daybook:projections:paused',
  'daybook:projections:pruned',
];
