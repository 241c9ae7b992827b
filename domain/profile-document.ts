import type { Json, JsonObject } from './event.ts';
import { activeQuarters, categoryScores, createProfile, favoriteCategories, watchCount } from './profile.ts';
import type { Profile } from './profile.ts';
import type { Stamp } from './stamp.ts';

/** The names under which a profile is kept (MG-03); `fold` is what folding on needs beside them. */
export type ProfileDocument = {
  readonly features: {
    readonly total_events: number;
    readonly total_watch_count: number;
    readonly total_watch_duration_ms: number;
    readonly action_counts: Readonly<Record<string, number>>;
    readonly category_counts: Readonly<Record<string, number>>;
    readonly favorite_categories: readonly string[];
    /** Events by quarter of an hour since 1970. */
    readonly active_quarters: Readonly<Record<string, number>>;
    readonly devices: Readonly<Record<string, number>>;
    /** Epoch ms; null before the first event. */
    readonly first_seen_at: number | null;
    readonly last_seen_at: number | null;
  };
  readonly preferences: { readonly category_scores: Readonly<Record<string, number>> };
  readonly properties: JsonObject;
  /** Time of the newest event folded in, epoch ms. */
  readonly updated_at: number;
  readonly fold: {
    readonly category_points: Readonly<Record<string, number>>;
    readonly property_stamps: Readonly<Record<string, Stamp>>;
  };
};

/** Writes a profile as JSON, equal profiles equally. */
export function profileDocument(profile: Profile): ProfileDocument {
  const { categories, properties, firstSeenMs = null, lastSeenMs = null } = profile;
  const said = sorted(properties);
  const counted = sorted(categories);
  const newest = said.reduce((at, [, { stamp }]) => Math.max(at, stamp[0]), lastSeenMs ?? 0);
  return {
    features: {
      total_events: profile.events,
      total_watch_count: watchCount(profile),
      total_watch_duration_ms: profile.watchMs,
      action_counts: Object.fromEntries(sorted(profile.actions)),
      category_counts: Object.fromEntries(counted.map(([name, { count }]) => [name, count])),
      favorite_categories: favoriteCategories(profile),
      active_quarters: Object.fromEntries(activeQuarters(profile)),
      devices: Object.fromEntries(sorted(profile.devices)),
      first_seen_at: firstSeenMs,
      last_seen_at: lastSeenMs,
    },
    preferences: { category_scores: Object.fromEntries(sorted(categoryScores(profile))) },
    properties: Object.fromEntries(
      said.filter(([, { value }]) => value !== null).map(([name, { value }]) => [name, value]),
    ),
    updated_at: newest,
    fold: {
      category_points: Object.fromEntries(counted.map(([name, { points }]) => [name, points])),
      property_stamps: Object.fromEntries(said.map(([name, { stamp }]) => [name, stamp])),
    },
  };
}

/** Takes a profile up again where {@link profileDocument} left it. */
export function profileOf(document: ProfileDocument | undefined): Profile {
  const profile = createProfile();
  if (!document) return profile;
  const { features, properties, fold } = document;
  fill(profile.actions, features.action_counts);
  fill(profile.devices, features.devices);
  for (const [name, points] of Object.entries(fold.category_points)) {
    profile.categories.set(name, { count: own(features.category_counts, name) ?? 0, points });
  }
  for (const [quarter, events] of Object.entries(features.active_quarters)) {
    profile.quarters.set(Number(quarter), events);
  }
  for (const [name, stamp] of Object.entries(fold.property_stamps)) {
    profile.properties.set(name, { value: own<Json>(properties, name) ?? null, stamp });
  }
  profile.events = features.total_events;
  profile.watchMs = features.total_watch_duration_ms;
  profile.firstSeenMs = features.first_seen_at ?? undefined;
  profile.lastSeenMs = features.last_seen_at ?? undefined;
  return profile;
}

function fill(counts: Map<string, number>, members: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(members)) counts.set(name, count);
}

/** Users name their categories and properties, `constructor` among them. */
function own<Value>(members: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** One fixed order, so that equal profiles are equal texts. */
function sorted<Value>(values: ReadonlyMap<string, Value>): [string, Value][] {
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1));
}
