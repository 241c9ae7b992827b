import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ACTIONS, CATEGORY_NAMES, SCENARIO_TYPES, canonicalJson, scenarioBranch } from '#domain';
import type { Event, Json, JsonObject } from '#domain';
import { ITEMS, USER_PROFILES } from './document-projection.ts';
import type { DocumentProjection } from './document-projection.ts';
import { LIVE_VIEWS, PAGE_VIEW_NAMES, foldLiveViews } from './live-views.ts';
import { ViewChanges } from './view-changes.ts';
import { mergeEntries } from './view-entries.ts';
import { VIEWS } from './views.ts';

const NOON = Date.UTC(2026, 6, 1, 12);
const MINUTE = 60_000;

/**
 * What the table below is folded to, by projection and version. A row is never changed: who folds to something
 * else raises the version beside the projection and adds a row, so that what was folded before is told apart and
 * its rebuild is offered.
 */
const FOLDED: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  live_views: { 1: 'b55136709aa7391f' },
  user_profiles: { 1: 'da9d29330ad0c2de' },
  items: { 1: '41692ee517f30b1c' },
};

const first: Event = {
  event_id: 'e0',
  tenant_id: 'acme',
  kind: 'behaviour',
  event_name: 'click',
  action_type: 'click',
  scenario_id: 'feed',
  scenario_type: 'video',
  user_id: 'u1',
  session_id: 's1',
  item_id: 'i1',
  context: { device_type: 'mobile' },
  scenario_data: { video_data: { category: 'travel' } },
  timestamp: NOON,
  server_time: NOON,
  valid_status: 1,
  schema: 'envelope.behaviour',
  schema_version: 1,
};

function generic(name: string, index: number): Event {
  const { action_type: _, item_id: __, scenario_data: ___, ...rest } = first;
  return { ...rest, kind: 'generic', event_name: name, timestamp: NOON - index * MINUTE };
}

/** Every action in every scenario type, with and without the members that count. */
const behaviours = SCENARIO_TYPES.flatMap((type, row) =>
  ACTIONS.map((action, column): Event => {
    const index = row * ACTIONS.length + column;
    const names = CATEGORY_NAMES[type];
    const categories = Object.fromEntries(names.map((name, at) => [name, `${name} ${(index + at) % 4}`]));
    return {
      ...first,
      event_id: `b${index}`,
      event_name: action,
      action_type: action,
      scenario_id: ['feed', 'shop', 'a:b%'][index % 3]!,
      scenario_type: type,
      user_id: `u${index % 4}`,
      session_id: `s${index % 11}`,
      item_id: `i${index % 13}`,
      timestamp: NOON - index * 7 * MINUTE - index,
      scenario_data: index % 3 === 0 ? { [scenarioBranch(type)]: categories } : {},
      extra_data: index % 3 === 1 ? categories : {},
      properties: index % 3 === 2 ? categories : {},
      ...(index % 2 === 0 ? { watch_duration: index / 8 } : {}),
      ...(index % 5 === 0 ? { completion_rate: (index % 9) / 8 } : {}),
      ...(index % 4 === 0 ? { experiment_id: 'ranker', experiment_group: `g${index % 3}` } : {}),
    };
  }),
);

const TABLE: readonly Event[] = [
  first,
  ...behaviours,
  // More than are kept of a user.
  ...Array.from({ length: 130 }, (_, index): Event => ({
    ...first,
    event_name: 'view',
    action_type: 'view',
    user_id: 'u9',
    item_id: `seen${index}`,
    timestamp: NOON - ((index * 37) % 130) * 1000,
  })),
  ...[...PAGE_VIEW_NAMES, 'signed_up'].map(generic),
  ...[{ plan: 'free', seats: 3 }, { plan: null, city: 'Oslo' }, { plan: 'paid' }].map(
    (properties: JsonObject, index): Event => ({ ...generic('identify', index), kind: 'user', properties }),
  ),
  ...['item_created', 'item_changed', 'item_replaced', 'item_deleted', 'item_removed', 'other'].flatMap(
    (name, at) =>
      ['i1', 'i2', `i${name}`].map((item, index): Event => ({
        ...generic(name, (at * 5 + index) % 7),
        kind: 'catalog',
        item_id: item,
        properties: {
          title: `${name} ${index}`,
          status: index === 1 ? 'hidden' : null,
          embedding: [at, index],
        },
      })),
  ),
  { ...first, timestamp: -1 },
];

/** Folded in two portions, as a projector does. */
function viewsOf(events: readonly Event[]): Json {
  const content = new Map<string, ReadonlyMap<string, number>>();
  for (const portion of [events.slice(0, 200), events.slice(200)]) {
    const changes = new ViewChanges(0);
    for (const event of portion) foldLiveViews(event, changes);
    for (const { key, entries } of changes.list()) {
      const name = `${key.view} ${key.bucketMs} ${key.id}`;
      content.set(name, mergeEntries(VIEWS[key.view], new Map(content.get(name)), entries));
    }
  }
  return Object.fromEntries([...content].map(([name, entries]) => [name, Object.fromEntries(entries)]));
}

/** Each document is written and taken up again in the middle. */
function documentsOf<State>(projection: DocumentProjection<State>, events: readonly Event[]): JsonObject {
  const bodies = new Map<string, JsonObject>();
  for (const [index, event] of events.entries()) {
    for (const id of projection.idsOf(event)) {
      const name = id.join('/');
      const state = projection.stateOf(bodies.get(name));
      projection.add(state, projection.stepOf({ partition: index % 3, offset: BigInt(index), event }));
      bodies.set(name, projection.bodyOf(state, { tenant: 'acme', id }));
    }
  }
  return JSON.parse(JSON.stringify(Object.fromEntries(bodies))) as JsonObject;
}

for (const { name, version, content } of [
  { ...LIVE_VIEWS, content: { how: VIEWS as unknown as Json, content: viewsOf(TABLE) } },
  { ...USER_PROFILES, content: documentsOf(USER_PROFILES, TABLE) },
  { ...ITEMS, content: documentsOf(ITEMS, TABLE) },
]) {
  test(`${name} of this version are folded as they were when it was given its number`, () => {
    const digest = createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 16);
    assert.equal(
      digest,
      FOLDED[name]?.[version],
      `${name} are folded to something else: raise the version of the projection and add its row, ${digest}.`,
    );
    assert.equal(Math.max(...Object.keys(FOLDED[name] ?? {}).map(Number)), version);
  });
}

test('one click is folded into the views as their page says', () => {
  assert.deepEqual(viewsOf([first]), {
    [`hot:items ${NOON} feed`]: { i1: 3 },
    [`metrics:realtime ${NOON} feed`]: { '::video:events': 1, '::video:click': 1 },
    [`metrics:realtime ${NOON} `]: { '::video:events': 1, '::video:click': 1 },
    [`visitors:minute ${NOON} feed`]: { u1: 1 },
    [`visitors:minute ${NOON} `]: { u1: 1 },
    'user:recent 0 u1': { i1: NOON },
    'item:stats 0 i1': { click: 1 },
    [`analytics:daily ${Date.UTC(2026, 6, 1)} `]: { events: 1, behaviour: 1, click: 1 },
    [`analytics:hourly ${NOON} `]: { events: 1, behaviour: 1, click: 1 },
    [`analytics:active_sessions ${NOON} `]: { s1: NOON },
  });
});

test('one click and one item are folded into documents as their page says', () => {
  const profile = {
    tenant_id: 'acme',
    user_id: 'u1',
    features: {
      total_events: 1,
      total_watch_count: 0,
      total_watch_duration_ms: 0,
      action_counts: { click: 1 },
      favorite_categories: ['travel'],
      devices: { mobile: 1 },
      first_seen_at: NOON,
      last_seen_at: NOON,
    },
    preferences: { category_scores: { travel: 1 } },
    properties: {},
    updated_at: NOON,
    fold: { categories: ['travel', 1, 3], quarters: [NOON / (15 * MINUTE), 1], property_stamps: {} },
  };
  assert.deepEqual(documentsOf(USER_PROFILES, [first]), {
    'u1/': { ...profile, scenario_id: '' },
    'u1/feed': { ...profile, scenario_id: 'feed' },
  });
  const created: Event = {
    ...first,
    kind: 'catalog',
    event_name: 'item_created',
    properties: { title: 'A' },
  };
  assert.deepEqual(documentsOf(ITEMS, [created]), {
    'feed/i1': {
      tenant_id: 'acme',
      scenario_id: 'feed',
      item_id: 'i1',
      metadata: { title: 'A' },
      status: 'active',
      version: 1,
      created_at: NOON,
      updated_at: NOON,
      fold: {
        replaced_at: [NOON, 0, '0'],
        deleted_at: null,
        status: null,
        stamps: { title: [NOON, 0, '0'] },
      },
    },
  });
});
