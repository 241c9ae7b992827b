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
    readonly favorite_categories: readonly string[];
    readonly devices: Readonly<Record<string, number>>;
    /** Epoch ms; null before the first event. */
    readonly first_seen_at: number | null;
    readonly last_seen_at: number | null;
  };
  readonly preferences: { readonly category_scores: Readonly<Record<string, number>> };
  readonly properties: JsonObject;
  /** Time of the newest event folded in, epoch ms. */
  readonly updated_at: number;
  /** Lists rather than objects: every user has other categories and quarters, and objects of many shapes are slow. */
  readonly fold: {
    /** Name, count and points of one category after the other. */
    readonly categories: readonly (string | number)[];
    /** Quarter of an hour since 1970 and its events, one after the other. */
    readonly quarters: readonly number[];
    readonly property_stamps: Readonly<Record<string, Stamp>>;
  };
};

/** Writes a profile as JSON, equal profiles equally. */
export function profileDocument(profile: Profile): ProfileDocument {
  const { properties, firstSeenMs = null, lastSeenMs = null } = profile;
  const said = sorted(properties);
  return {
    features: {
      total_events: profile.events,
      total_watch_count: watchCount(profile),
      total_watch_duration_ms: profile.watchMs,
      action_counts: Object.fromEntries(sorted(profile.actions)),
      favorite_categories: favoriteCategories(profile),
      devices: Object.fromEntries(sorted(profile.devices)),
      first_seen_at: firstSeenMs,
      last_seen_at: lastSeenMs,
    },
    preferences: { category_scores: Object.fromEntries(sorted(categoryScores(profile))) },
    properties: Object.fromEntries(
      said.filter(([, { value }]) => value !== null).map(([name, { value }]) => [name, value]),
    ),
    updated_at: said.reduce((newest, [, { stamp }]) => Math.max(newest, stamp[0]), lastSeenMs ?? 0),
    fold: {
      categories: sorted(profile.categories).flatMap(([name, { count, points }]) => [name, count, points]),
      quarters: activeQuarters(profile).flat(),
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
  for (let at = 0; at < fold.categories.length; at += 3) {
    const [name, count, points] = fold.categories.slice(at, at + 3);
    profile.categories.set(String(name), { count: Number(count), points: Number(points) });
  }
  for (let at = 0; at < fold.quarters.length; at += 2) {
    profile.quarters.set(fold.quarters[at] ?? 0, fold.quarters[at + 1] ?? 0);
  }
  for (const [name, stamp] of Object.entries(fold.property_stamps)) {
    // Users name their properties, `constructor` among them.
    const value: Json | undefined = Object.hasOwn(properties, name) ? properties[name] : undefined;
    profile.properties.set(name, { value: value ?? null, stamp });
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

/** One fixed order, so that equal profiles are equal texts. */
function sorted<Value>(values: ReadonlyMap<string, Value>): [string, Value][] {
  return values.size < 2 ? [...values] : [...values].sort(([a], [b]) => (a < b ? -1 : 1));
}
