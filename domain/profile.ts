import { canonicalAction } from './action.ts';
import type { ActionType } from './action.ts';
import type { Event, Json, JsonObject } from './event.ts';
import { compareText } from './event-filter.ts';
import type { LoggedEvent } from './event-filter.ts';
import { INTEREST_POINTS, categoryOf } from './interest.ts';
import { isLater, stampOf } from './stamp.ts';
import type { Stamp } from './stamp.ts';
import type { Zone } from './time-buckets.ts';

/** Stands for the profile of a user over all scenarios. */
export const ALL_SCENARIOS = '';

const QUARTER_MS = 900_000;
/** Quarters of an hour up to the newest one of which activity is kept: 28 days. */
const KEPT_QUARTERS = 28 * 96;
const FAVORITES = 5;

/**
 * What the log tells of one user, over all scenarios or in one. Everything in it is a sum, a smallest, a
 * largest or a latest value, so it does not depend on the order in which events are folded; each event must
 * be folded once.
 */
export type Profile = {
  /** How often each action was done. */
  readonly actions: Map<string, number>;
  /** Behaviours and generic events. */
  events: number;
  /** Sum of the normalised durations, each rounded to the ms. */
  watchMs: number;
  /** By category: behaviours that show interest in it, and the interest points of all. */
  readonly categories: Map<string, { count: number; points: number }>;
  /** Events by quarter of an hour since 1970, so that any time zone can be applied when read. */
  readonly quarters: Map<number, number>;
  readonly devices: Map<string, number>;
  firstSeenMs: number | undefined;
  lastSeenMs: number | undefined;
  /** What `user` events said of the user; null where the latest word took it away. */
  readonly properties: Map<string, { readonly value: Json; readonly stamp: Stamp }>;
};

/** A profile of nobody's events. */
export function createProfile(): Profile {
  return {
    actions: new Map(),
    events: 0,
    watchMs: 0,
    categories: new Map(),
    quarters: new Map(),
    devices: new Map(),
    firstSeenMs: undefined,
    lastSeenMs: undefined,
    properties: new Map(),
  };
}

/**
 * The scenarios in whose profiles of its user an event counts, {@link ALL_SCENARIOS} among them; none when it
 * is about no user. What is said of a user holds in all scenarios.
 */
export function profileScopes(event: Event): readonly string[] {
  if (event.user_id === undefined || event.kind === 'catalog') return [];
  if (event.kind === 'user' || event.scenario_id === undefined) return [ALL_SCENARIOS];
  return [ALL_SCENARIOS, event.scenario_id];
}

/** What of an event a profile is folded from: little enough for many to wait in memory. */
export type ProfileStep =
  | { readonly stamp: Stamp; readonly properties: JsonObject }
  | {
      readonly timestamp: number;
      readonly device: string | undefined;
      /** Undefined for a generic event. */
      readonly action: ActionType | undefined;
      readonly watchMs: number;
      /** Undefined where the action says nothing about it. */
      readonly category: string | undefined;
    };

/** Takes out of an event what {@link addToProfile} needs of it. */
export function profileStepOf(logged: LoggedEvent): ProfileStep {
  const { event } = logged;
  if (event.kind === 'user') return { stamp: stampOf(logged), properties: event.properties ?? {} };
  const action = event.kind === 'behaviour' ? canonicalAction(event.event_name) : undefined;
  return {
    timestamp: event.timestamp,
    device: event.context?.device_type,
    action,
    watchMs: action === undefined ? 0 : Math.round((event.watch_duration ?? 0) * 1000),
    category: action === undefined || INTEREST_POINTS[action] === 0 ? undefined : categoryOf(event),
  };
}

/** Folds one event into the profile, which it changes. */
export function addToProfile(profile: Profile, step: ProfileStep): void {
  if ('properties' in step) describe(profile, step);
  else count(profile, step);
}

function describe({ properties: known }: Profile, { stamp, properties }: StepOf<'properties'>): void {
  for (const [name, value] of Object.entries(properties)) {
    if (isLater(stamp, known.get(name)?.stamp)) known.set(name, { value, stamp });
  }
}

function count(
  profile: Profile,
  { timestamp, device, action, watchMs, category }: StepOf<'timestamp'>,
): void {
  profile.events++;
  profile.firstSeenMs = Math.min(profile.firstSeenMs ?? timestamp, timestamp);
  profile.lastSeenMs = Math.max(profile.lastSeenMs ?? timestamp, timestamp);
  increment(profile.quarters, Math.floor(timestamp / QUARTER_MS));
  if (device !== undefined) increment(profile.devices, device);
  if (action === undefined) return;
  increment(profile.actions, action);
  profile.watchMs += watchMs;
  if (category !== undefined) addInterest(profile, category, INTEREST_POINTS[action]);
}

function addInterest({ categories }: Profile, category: string, points: number): void {
  const known = categories.get(category) ?? { count: 0, points: 0 };
  categories.set(category, { count: known.count + (points > 0 ? 1 : 0), points: known.points + points });
}

type StepOf<Member extends string> = Extract<ProfileStep, Readonly<Record<Member, unknown>>>;

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/**
 * How often the user consumed something: plays, reads, lessons and trials. Of a start and an end that are both
 * reported one counts, also where only one of the two is.
 */
export function watchCount({ actions }: Profile): number {
  const times = (action: ActionType): number => actions.get(action) ?? 0;
  return (
    Math.max(times('play'), times('play_end')) +
    Math.max(times('read'), times('read_end')) +
    times('learn') +
    times('trial')
  );
}

/** The five categories with the most behaviours that show interest; equal ones in the order of their bytes. */
export function favoriteCategories({ categories }: Profile): readonly string[] {
  return [...categories]
    .filter(([, { count }]) => count > 0)
    .sort(([a, one], [b, other]) => other.count - one.count || compareText(a, b))
    .slice(0, FAVORITES)
    .map(([name]) => name);
}

/** Share of each category in all interest points, 0 to 1 with four decimals; what is refused has 0. */
export function categoryScores({ categories }: Profile): ReadonlyMap<string, number> {
  let total = 0;
  for (const { points } of categories.values()) total += Math.max(0, points);
  return new Map(
    [...categories].map(([name, { points }]) => [
      name,
      total === 0 ? 0 : Math.round((Math.max(0, points) * 10_000) / total) / 10_000,
    ]),
  );
}

/** The kept quarters: of the 28 days that end with the user's newest event, oldest first. */
export function activeQuarters({
  quarters,
  lastSeenMs = 0,
}: Profile): readonly (readonly [number, number])[] {
  const oldest = Math.floor(lastSeenMs / QUARTER_MS) - KEPT_QUARTERS;
  return [...quarters].filter(([quarter]) => quarter > oldest).sort(([a], [b]) => a - b);
}

/** Events of those days by hour of the zone's wall clock, 24 counts. */
export function activeHours(profile: Profile, zone: Zone): readonly number[] {
  const hours = Array.from({ length: 24 }, () => 0);
  for (const [quarter, events] of activeQuarters(profile)) {
    const startMs = quarter * QUARTER_MS;
    const hour = new Date(startMs + zone.offsetAt(startMs)).getUTCHours();
    hours[hour] = (hours[hour] ?? 0) + events;
  }
  return hours;
}
