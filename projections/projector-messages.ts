import type { PositionVector, TenantId } from '#domain';
import type { Pause } from './followed-tenant.ts';
import type { GenerationOf } from './read-model.ts';

/** One build of one projection's read model of one tenant. */
export type ProjectorOf = GenerationOf & { readonly projection: string };

/** What the thread of the log tells the thread in which projectors run. */
export type ToProjectors =
  /** To be followed from now on, no further than the limit. */
  | { readonly type: 'follow'; readonly of: ProjectorOf; readonly limit: PositionVector | undefined }
  /** The events of these tenants have moved; told once a turn of the event loop at most. */
  | { readonly type: 'committed'; readonly tenants: readonly TenantId[] }
  /** Somebody waits for a vector, until `give_up` with the same number. */
  | {
      readonly type: 'wait';
      readonly wait: number;
      readonly of: ProjectorOf;
      readonly vector: PositionVector;
    }
  | { readonly type: 'give_up'; readonly wait: number }
  | Ask
  /** End after the portion that is being applied. */
  | { readonly type: 'stop' };

/** What is asked under a number, and answered under it once it is done. */
export type Ask = Asked & { readonly ask: number };

export type Asked =
  | { readonly type: 'leave'; readonly of: ProjectorOf }
  | {
      readonly type: 'limit';
      readonly of: ProjectorOf;
      readonly to: PositionVector | 'here' | undefined;
    };

/** What comes back, in order: what the projectors have announced, and answers. */
export type FromProjectors = readonly (Announcement | Answer)[];

/** The answer to what was asked under the number; of `leave` the vector says nothing. */
export type Answer = { readonly ask: number; readonly vector: PositionVector };

/** What is announced on a channel by a projector in its thread, and again where the log is. */
export type Announcement =
  | {
      readonly channel: 'daybook:projections:applied';
      readonly message: ProjectorOf & { readonly logIdentity: string; readonly vector: PositionVector };
    }
  | { readonly channel: 'daybook:projections:paused'; readonly message: ProjectorOf & Pause }
  | { readonly channel: 'daybook:projections:pruned'; readonly message: ProjectorOf };

/** Every channel on which a projector announces. */
export const ANNOUNCED: readonly Announcement['channel'][] = [
  'daybook:projections:applied',
  'daybook:projections:paused',
  'daybook:projections:pruned',
];
