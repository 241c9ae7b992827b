import {
  INTEREST_POINTS,
  addToProfile,
  canonicalAction,
  categoryOf,
  createProfile,
  profileStepOf,
} from '#domain';
import type { Event, LoggedEvent, Profile, Zone } from '#domain';
import { shownProfile } from './documents.ts';

type Members = Readonly<Record<string, unknown>>;

/** Members whose own members users name, so that what follows is one name, dots and all. */
const NAMED = [
  'features.action_counts',
  'features.category_counts',
  'features.devices',
  'features.active_hours',
  'preferences.category_scores',
  'properties',
];
const FIELDS = [
  ...NAMED,
  'features',
  'preferences',
  'updated_at',
  ...[
    'total_events',
    'total_watch_count',
    'total_watch_duration',
    'favorite_categories',
    'first_seen_at',
    'last_seen_at',
  ].map((name) => `features.${name}`),
];

/** How far before the newest event hours are active: 28 days in quarters of an hour. */
const ACTIVE_MS = 28 * 86_400_000;
const QUARTER_MS = 900_000;

/** One field of a profile, or a member of one. */
export type ProfileField = {
  /** Whether `user` events are part of it in every scenario, and not only in the profile over all. */
  readonly isSaid: boolean;
  /** As it is answered; null where there is none. */
  valueIn(shown: object): unknown;
  /** What an event adds to it or says of it; undefined when it does not depend on the event. */
  countedOf(logged: LoggedEvent, newestMs: number): Members | undefined;
};

/** Takes the name of a field, such as `features.action_counts.click`; undefined when profiles have none such. */
export function profileField(name: string, zone: Zone): ProfileField | undefined {
  const of = NAMED.find((each) => name.startsWith(`${each}.`));
  const member = of && name.slice(of.length + 1);
  const field = of ?? name;
  if (!FIELDS.includes(field)) return undefined;
  const valueIn = (shown: object): unknown => {
    const value = field
      .split('.')
      .reduce<unknown>((inner, key) => (inner as Members | undefined)?.[key], shown);
    if (member === undefined) return value ?? null;
    return Object.hasOwn(value ?? {}, member) ? (value as Members)[member] : null;
  };
  const isActive = ({ timestamp }: Event, newestMs: number) =>
    Math.floor(timestamp / QUARTER_MS) > Math.floor((newestMs - ACTIVE_MS) / QUARTER_MS);
  return {
    isSaid: field === 'properties',
    valueIn,
    countedOf(logged, newestMs) {
      const { event } = logged;
      if (field === 'properties') return said(event, member);
      if (field === 'features.active_hours' && !isActive(event, newestMs)) return undefined;
      if (field === 'features.favorite_categories' || field.startsWith('preferences'))
        return interestOf(event);
      const alone = shownAlone(logged, zone);
      const value = valueIn(alone);
      return same(value, valueIn(shownProfile(createProfile(), zone))) ? undefined : { [name]: value };
    },
  };
}

/** Where two values as they are answered differ, member by member. */
export function differencesOf(
  kept: unknown,
  recounted: unknown,
  path = '',
): readonly { readonly field: string; readonly kept: unknown; readonly recounted: unknown }[] {
  if (same(kept, recounted)) return [];
  if (!isMembers(kept) || !isMembers(recounted)) return [{ field: path, kept, recounted }];
  const names = new Set([...Object.keys(kept), ...Object.keys(recounted)]);
  return [...names].flatMap((name) =>
    differencesOf(kept[name] ?? null, recounted[name] ?? null, path === '' ? name : `${path}.${name}`),
  );
}

/** The profile of the events alone, apart from every store. */
export function foldProfile(events: readonly LoggedEvent[]): Profile {
  const profile = createProfile();
  for (const logged of events) addToProfile(profile, profileStepOf(logged));
  return profile;
}

function shownAlone(logged: LoggedEvent, zone: Zone): object {
  return shownProfile(foldProfile([logged]), zone);
}

/** What a `user` event says of one property, or of any; null takes it away. */
function said({ kind, properties = {} }: Event, name: string | undefined): Members | undefined {
  if (kind !== 'user') return undefined;
  if (name === undefined) return Object.keys(properties).length > 0 ? properties : undefined;
  return Object.hasOwn(properties, name) ? { [name]: properties[name] } : undefined;
}

/** Every category's points are part of each one's share. */
function interestOf(event: Event): Members | undefined {
  const action = event.kind === 'behaviour' ? canonicalAction(event.event_name) : undefined;
  const points = action === undefined ? 0 : INTEREST_POINTS[action];
  const category = points === 0 ? undefined : categoryOf(event);
  return category === undefined ? undefined : { category, points };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
