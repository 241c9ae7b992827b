const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How one view is kept. */
export type ViewDefinition = {
  /** What a change does to a member that is there: sums add up, of instants the newest stays. */
  readonly merge: 'sum' | 'newest';
  /** Kept apart for each stretch of event time of this length; undefined: not by time. */
  readonly bucketMs?: number;
  /**
   * How long something is kept after its event time: a bucket after its end, a member with the newest instant
   * after that instant. Undefined: for ever.
   */
  readonly keepMs?: number;
  /** How many members are kept, those with the newest instants; of equal ones the greater names. */
  readonly cap?: number;
  /** Whether the sum over all ids is kept beside them, under the empty id. */
  readonly totals?: true;
};

const DEFINITIONS = {
  /** Scenario → item → weight of what happened to it in the minute. */
  'hot:items': { merge: 'sum', bucketMs: MINUTE, keepMs: DAY },
  /** Scenario → experiment, group, scenario type and measure → how much of it in the minute. */
  'metrics:realtime': { merge: 'sum', bucketMs: MINUTE, keepMs: 2 * HOUR, totals: true },
  /** Scenario → actor → events in the minute. */
  'visitors:minute': { merge: 'sum', bucketMs: MINUTE, keepMs: 2 * HOUR, totals: true },
  /** User → item → when last viewed. */
  'user:recent': { merge: 'newest', keepMs: 30 * DAY, cap: 100 },
  /** User and scenario → item → when last exposed. */
  exposed: { merge: 'newest', keepMs: DAY },
  /** Item → action → how often. */
  'item:stats': { merge: 'sum' },
  /** The day's counts, by kind and action. */
  'analytics:daily': { merge: 'sum', bucketMs: DAY, keepMs: 7 * DAY },
  /** The hour's counts, by kind and action. */
  'analytics:hourly': { merge: 'sum', bucketMs: HOUR, keepMs: 2 * DAY },
  /** Session → when last seen in the minute. */
  'analytics:active_sessions': { merge: 'newest', bucketMs: MINUTE, keepMs: 2 * HOUR },
  /** Why records were left out of all views → how many. */
  'views:left_out': { merge: 'sum' },
} as const satisfies Record<string, ViewDefinition>;

/** The live views by the name their keys begin with. */
export type ViewName = keyof typeof DEFINITIONS;
/** How each view is kept; `docs/live-views.md` shows it. */
export const VIEWS: Readonly<Record<ViewName, ViewDefinition>> = DEFINITIONS;
/** All views. */
export const VIEW_NAMES = Object.keys(DEFINITIONS) as readonly ViewName[];

/** Names one collection of members of a view. */
export type ViewKey = {
  readonly view: ViewName;
  /** Start of the bucket, a multiple of its length; 0 where a view has no buckets. */
  readonly bucketMs: number;
  /** Of what: an item, a scenario, …; empty for the whole tenant. */
  readonly id: string;
};

/** The bucket of a view in which an instant lies; 0 where the view has none. */
export function viewBucketOf(view: ViewName, timeMs: number): number {
  const { bucketMs } = VIEWS[view];
  return bucketMs === undefined ? 0 : timeMs - (timeMs % bucketMs);
}

/** Whether what a view keeps of an instant (its bucket, or a member with it) is no longer kept at another one. */
export function hasExpired(view: ViewName, timeMs: number, atMs: number): boolean {
  const { bucketMs, keepMs } = VIEWS[view];
  if (keepMs === undefined) return false;
  const endMs = bucketMs === undefined ? timeMs : viewBucketOf(view, timeMs) + bucketMs;
  return endMs + keepMs <= atMs;
}

/** Several names as one id that no other names make. */
export function joinIds(...ids: readonly string[]): string {
  return ids.map((id) => (/[%:]/.test(id) ? id.replaceAll('%', '%25').replaceAll(':', '%3A') : id)).join(':');
}

/** The names of {@link joinIds}. */
export function splitIds(joined: string): readonly string[] {
  return joined.split(':').map((id) => id.replaceAll('%3A', ':').replaceAll('%25', '%'));
}
