import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIONS } from './action.ts';
import type { Event, EventKind, Json } from './event.ts';
import type { LoggedEvent } from './event-filter.ts';
import { CATEGORY_NAMES, INTEREST_POINTS, categoryOf } from './interest.ts';
import {
  activeHours,
  activeQuarters,
  addToProfile,
  profileStepOf,
  createProfile,
  profileScopes,
  watchCount,
} from './profile.ts';
import type { Profile } from './profile.ts';
import { profileDocument, profileOf } from './profile-document.ts';
import { SCENARIO_TYPES, scenarioBranch } from './scenario.ts';
import { parseZone } from './time-buckets.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const START = Date.UTC(2024, 2, 4);

const event = (members: Partial<Event> & { readonly kind: EventKind }): Event => ({
  event_id: 'e',
  tenant_id: 'acme',
  event_name: 'click',
  user_id: 'u1',
  timestamp: START,
  server_time: 0,
  valid_status: 1,
  schema: '',
  schema_version: 1,
  ...members,
});

const drawn = fc.record({
  name: fc.constantFrom(...ACTIONS),
  kind: fc.constantFrom<EventKind>('behaviour', 'behaviour', 'behaviour', 'generic', 'user'),
  minutes: fc.integer({ min: 0, max: 60 * 24 * 60 }),
  category: fc.constantFrom(undefined, 'a', 'b', '__proto__', 'constructor', 'é', '7', '10'),
  device: fc.constantFrom(undefined, 'mobile' as const, 'pc' as const),
  watch: fc.constantFrom(undefined, 0.0004, 1.25, 3600),
  properties: fc.dictionary(
    fc.constantFrom('city', '__proto__', 'vip'),
    fc.constantFrom<Json>(null, 'x', 2, [1]),
    {
      noNullPrototype: true,
    },
  ),
});

const history = fc.array(drawn, { maxLength: 60 }).map((list): LoggedEvent[] =>
  list.map(({ name, kind, minutes, category, device, watch, properties }, index) => ({
    partition: index % 2,
    offset: BigInt(index),
    event: event({
      kind,
      event_name: name,
      timestamp: START + minutes * MINUTE,
      ...(category === undefined ? {} : { extra_data: Object.fromEntries([['category', category]]) }),
      ...(device === undefined ? {} : { context: { device_type: device } }),
      ...(watch === undefined ? {} : { watch_duration: watch }),
      ...(kind === 'user' ? { properties } : {}),
    }),
  })),
);

/** What a profile must say, by looking at all events at once. */
function byHand(events: readonly LoggedEvent[]): object {
  const active = events.map((logged) => logged.event).filter(({ kind }) => kind !== 'user');
  const behaviours = active.filter(({ kind }) => kind === 'behaviour');
  const tally = (values: readonly string[]): Record<string, number> =>
    Object.fromEntries(
      [...new Set(values)].map((value) => [value, values.filter((one) => one === value).length]),
    );
  const about = behaviours.flatMap(({ event_name, extra_data }) =>
    extra_data && INTEREST_POINTS[event_name as keyof typeof INTEREST_POINTS] !== 0
      ? [{ category: extra_data['category'] as string, points: INTEREST_POINTS[event_name as 'click'] }]
      : [],
  );
  const categories = [...new Set(about.map(({ category }) => category))];
  const liked = (category: string): number =>
    about.filter((one) => one.category === category && one.points > 0).length;
  const pointsOf = (category: string): number =>
    about.filter((one) => one.category === category).reduce((sum, { points }) => sum + points, 0);
  const total = categories.reduce((sum, category) => sum + Math.max(0, pointsOf(category)), 0);
  const times = active.map(({ timestamp }) => timestamp);
  const newest = Math.max(...times);
  const quarterOf = (ms: number): number => (ms - (ms % (15 * MINUTE))) / (15 * MINUTE);
  const words = events
    .filter((logged) => logged.event.kind === 'user')
    .flatMap(({ event: { timestamp, properties = {} }, partition, offset }) =>
      Object.entries(properties).map(([name, value]) => ({ name, value, timestamp, partition, offset })),
    )
    .sort((a, b) => a.timestamp - b.timestamp || a.partition - b.partition || Number(a.offset - b.offset));
  return {
    total_events: active.length,
    watch_ms: behaviours.reduce((sum, one) => sum + Math.round((one.watch_duration ?? 0) * 1000), 0),
    action_counts: tally(behaviours.map(({ event_name }) => event_name)),
    category_counts: Object.fromEntries(categories.map((category) => [category, liked(category)])),
    favorites: categories
      .filter((category) => liked(category) > 0)
      .sort((a, b) => liked(b) - liked(a) || Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .slice(0, 5),
    scores: Object.fromEntries(
      categories.map((category) => [
        category,
        total === 0 ? 0 : Math.round((Math.max(0, pointsOf(category)) / total) * 10_000) / 10_000,
      ]),
    ),
    quarters: tally(
      times.filter((ms) => quarterOf(newest) - quarterOf(ms) < 28 * 96).map((ms) => String(quarterOf(ms))),
    ),
    devices: tally(active.flatMap(({ context }) => context?.device_type ?? [])),
    first: times.length === 0 ? null : Math.min(...times),
    last: times.length === 0 ? null : newest,
    properties: Object.fromEntries(
      [...new Map(words.map(({ name, value }) => [name, value]))].filter(([, value]) => value !== null),
    ),
  };
}

function said(profile: Profile): object {
  const { features, preferences, properties } = profileDocument(profile);
  return {
    total_events: features.total_events,
    watch_ms: features.total_watch_duration_ms,
    action_counts: features.action_counts,
    category_counts: Object.fromEntries([...profile.categories].map(([name, { count }]) => [name, count])),
    favorites: features.favorite_categories,
    scores: preferences.category_scores,
    quarters: Object.fromEntries(activeQuarters(profile)),
    devices: features.devices,
    first: features.first_seen_at,
    last: features.last_seen_at,
    properties,
  };
}

function fold(profile: Profile, events: readonly LoggedEvent[]): Profile {
  for (const logged of events) addToProfile(profile, profileStepOf(logged));
  return profile;
}

test('a profile says what a look at all its events says', () => {
  fc.assert(
    fc.property(history, (events) => {
      assert.deepEqual(said(fold(createProfile(), events)), byHand(events));
    }),
  );
});

test('neither the order of events nor putting the profile down in between changes a byte of it', () => {
  const shuffled = history.chain((events) =>
    fc.tuple(
      fc.constant(events),
      fc.shuffledSubarray(events, { minLength: events.length }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    ),
  );
  fc.assert(
    fc.property(shuffled, ([events, other, sizes]) => {
      const expected = JSON.stringify(profileDocument(fold(createProfile(), events)));
      let document: string | undefined;
      for (let at = 0, n = 0; at < other.length || document === undefined; n++) {
        const batch = other.slice(at, (at += sizes[n % sizes.length]!));
        const before = document === undefined ? undefined : (JSON.parse(document) as never);
        document = JSON.stringify(profileDocument(fold(profileOf(before), batch)));
      }
      assert.equal(document, expected);
    }),
  );
});

test('active hours are those of the zone at the time, on both sides of a change of its clocks', () => {
  const profile = createProfile();
  // 01:00 UTC is 02:00 in Berlin the day before the clocks change, and 03:00 after.
  for (const day of [30, 31]) {
    const timestamp = Date.UTC(2024, 2, day, 1, 0);
    addToProfile(
      profile,
      profileStepOf({ partition: 0, offset: 0n, event: event({ kind: 'generic', timestamp }) }),
    );
  }
  const hoursIn = (zone: string): number[] =>
    activeHours(profile, parseZone(zone)!).flatMap((events, hour) => (events > 0 ? [hour, events] : []));
  assert.deepEqual(hoursIn('Europe/Berlin'), [2, 1, 3, 1]);
  assert.deepEqual(hoursIn('UTC'), [1, 2]);
  assert.deepEqual(hoursIn('Asia/Kathmandu'), [6, 2]);
});

test('activity is kept for 28 days up to the newest event, and sums for ever', () => {
  const days = [0, 1, 28, 29];
  const profile = fold(
    createProfile(),
    days.map((day) => ({
      partition: 0,
      offset: 0n,
      event: event({ kind: 'generic', timestamp: START + day * 24 * HOUR }),
    })),
  );
  const { features } = profileDocument(profile);
  assert.equal(activeQuarters(profile).length, 2);
  assert.equal(features.total_events, 4);
  assert.equal(features.first_seen_at, START);
});

test('what started and ended was watched once, also when only one of the two was told', () => {
  const watched = (...names: string[]): number =>
    watchCount(
      fold(
        createProfile(),
        names.map((event_name, offset) => ({
          partition: 0,
          offset: BigInt(offset),
          event: event({ kind: 'behaviour', event_name }),
        })),
      ),
    );
  assert.equal(watched('play', 'play_end', 'play', 'complete', 'pause'), 2);
  assert.equal(watched('play_end', 'read_end', 'read_end', 'read'), 3);
  assert.equal(watched('learn', 'trial', 'impression', 'view'), 2);
});

test('an event counts for its user over all scenarios and in its own; what is said of a user has no scenario', () => {
  const scopes = (members: Partial<Event> & { kind: EventKind }): readonly string[] =>
    profileScopes(event(members));
  assert.deepEqual(scopes({ kind: 'behaviour', scenario_id: 'feed' }), ['', 'feed']);
  assert.deepEqual(scopes({ kind: 'generic' }), ['']);
  assert.deepEqual(scopes({ kind: 'user', scenario_id: 'feed' }), ['']);
  assert.deepEqual(scopes({ kind: 'catalog', scenario_id: 'feed' }), []);
  const { user_id: _, ...nobody } = event({ kind: 'generic', device_id: 'd1' });
  assert.deepEqual(profileScopes(nobody), []);
});

test('every scenario type finds its category under its own name first', () => {
  const firsts = ['category', 'category_path', 'news_type', 'genre', 'category', 'topic', 'topic'];
  for (const [index, name] of firsts.entries()) {
    const type = SCENARIO_TYPES[index]!;
    assert.equal(CATEGORY_NAMES[type][0], name);
    const scenario_data = {
      [scenarioBranch(type)]: { [name]: 'own', category: name === 'category' ? 'own' : 'other' },
    };
    const extra_data = { [name]: 'extra' };
    const about = { kind: 'behaviour', scenario_type: type } as const;
    assert.equal(categoryOf(event({ ...about, scenario_data, extra_data })), 'own');
    assert.equal(categoryOf(event({ ...about, extra_data, properties: { [name]: 'p' } })), 'extra');
    assert.equal(categoryOf(event({ ...about, properties: { [name]: 'p' } })), 'p');
    assert.equal(categoryOf(event({ ...about, properties: { [name]: '' } })), undefined);
    assert.equal(categoryOf(event({ ...about, properties: { [name]: 'x'.repeat(256) } })), undefined);
  }
});
