import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIONS, HOT_WEIGHTS } from '#domain';
import type { Event, EventKind } from '#domain';
import { foldLiveViews } from './live-views.ts';
import { ViewChanges } from './view-changes.ts';
import { mergeEntries } from './view-entries.ts';
import { VIEWS, hasExpired } from './views.ts';
import type { ViewName } from './views.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOON = Date.UTC(2026, 6, 1, 12);

function eventOf(more: Partial<Event> = {}): Event {
  const action = more.action_type ?? 'click';
  return {
    event_id: 'e',
    tenant_id: 'acme',
    kind: 'behaviour',
    event_name: action,
    action_type: action,
    scenario_id: 'feed',
    scenario_type: 'video',
    user_id: 'u1',
    item_id: 'i1',
    timestamp: NOON,
    server_time: NOON,
    valid_status: 1,
    schema: 'envelope.behaviour',
    schema_version: 1,
    ...more,
  };
}

function genericOf(name: string, more: Partial<Event> = {}): Event {
  const { action_type: _, item_id: __, scenario_type: ___, ...rest } = eventOf(more);
  return { ...rest, kind: 'generic', event_name: name };
}

type Content = Map<string, ReadonlyMap<string, number>>;

/** Folds each run of events by itself and merges what they change. */
function contentOf(runs: readonly (readonly Event[])[], prunedAtMs = 0): Content {
  const content: Content = new Map();
  for (const run of runs) {
    const changes = new ViewChanges(prunedAtMs);
    for (const event of run) foldLiveViews(event, changes);
    for (const { key, entries } of changes.list()) {
      const name = `${key.view} ${key.bucketMs} ${key.id}`;
      content.set(name, mergeEntries(VIEWS[key.view], new Map(content.get(name)), entries));
    }
  }
  return content;
}

/** Plain and sorted, with what has expired at the instant left out. */
function aliveAt(content: Content, atMs: number): unknown {
  return [...content]
    .map(([name, entries]) => {
      const [view, bucket] = name.split(' ') as [ViewName, string];
      const bucketed = VIEWS[view].bucketMs !== undefined;
      const alive = [...entries].filter(
        ([, amount]) => VIEWS[view].merge === 'sum' || bucketed || !hasExpired(view, amount, atMs),
      );
      return bucketed && hasExpired(view, Number(bucket), atMs) ? [name, []] : [name, alive.sort()];
    })
    .filter(([, alive]) => alive!.length > 0)
    .sort();
}

const SOME_EVENT: fc.Arbitrary<Event> = fc
  .record({
    action: fc.constantFrom(...ACTIONS),
    kind: fc.constantFrom<EventKind>('behaviour', 'behaviour', 'behaviour', 'generic', 'user', 'catalog'),
    scenario: fc.constantFrom('feed', 'shop', undefined),
    type: fc.constantFrom('video', 'education', undefined),
    user: fc.constantFrom('u1', 'u2', 'u:3', undefined),
    session: fc.constantFrom('s1', 's2', undefined),
    item: fc.integer({ min: 0, max: 130 }),
    experiment: fc.constantFrom('', 'ranker', undefined),
    seconds: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
    agoMs: fc.oneof(fc.integer({ min: -DAY, max: 3 * MINUTE }), fc.integer({ min: 0, max: 40 * DAY })),
  })
  .map(({ kind, action, ...chosen }) => {
    const members: Record<string, unknown> = {
      ...eventOf({ action_type: action, timestamp: NOON - chosen.agoMs, item_id: `i${chosen.item}` }),
      kind,
      scenario_id: chosen.scenario,
      scenario_type: chosen.type,
      user_id: chosen.user,
      session_id: chosen.session,
      experiment_id: chosen.experiment,
      experiment_group: 'b',
      watch_duration: chosen.seconds === undefined ? undefined : chosen.seconds / 7,
      ...(kind === 'behaviour' ? {} : { event_name: 'pageview', action_type: undefined }),
    };
    // As it comes out of JSON: what is not there is no member.
    return JSON.parse(JSON.stringify(members)) as Event;
  });

test('any order and any cutting into runs give the same views', () => {
  fc.assert(
    fc.property(
      fc.array(SOME_EVENT, { maxLength: 250 }).chain((events) =>
        fc.record({
          events: fc.constant(events),
          shuffled: fc.shuffledSubarray(events, { minLength: events.length }),
          cuts: fc.array(fc.integer({ min: 0, max: events.length }), { maxLength: 6 }),
        }),
      ),
      ({ events, shuffled, cuts }) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), events.length];
        const runs = edges.slice(1).map((edge, index) => shuffled.slice(edges[index], edge));
        assert.deepEqual(aliveAt(contentOf(runs), 0), aliveAt(contentOf([events]), 0));
      },
    ),
    { numRuns: 150 },
  );
});

test('what had expired at a recorded instant may be left out: at that instant and later all reads the same', () => {
  fc.assert(
    fc.property(
      fc.array(SOME_EVENT, { maxLength: 150 }),
      fc.integer({ min: 0, max: 3 * DAY }),
      (events, laterMs) => {
        const all = aliveAt(contentOf([events]), NOON + laterMs);
        assert.deepEqual(aliveAt(contentOf([events], NOON), NOON + laterMs), all);
      },
    ),
    { numRuns: 150 },
  );
});

test('an import of the last thirty days writes no minute, session or exposure that has expired', () => {
  const events = Array.from({ length: 3000 }, (_, n) =>
    eventOf({
      timestamp: NOON - n * 864_000,
      session_id: `s${n}`,
      action_type: n % 2 ? 'impression' : 'order',
    }),
  );
  const names = [...contentOf([events], NOON).keys()].map((name) => name.split(' ')[0]);
  const bucketsOf = (view: ViewName) => names.filter((name) => name === view).length;
  // One event every 14.4 minutes: a hundred a day, half of them orders, and 121 minutes that end in two hours.
  assert.equal(bucketsOf('hot:items'), 51);
  assert.equal(bucketsOf('analytics:active_sessions'), 9);
  assert.equal(bucketsOf('analytics:daily'), 8);
  assert.equal(bucketsOf('analytics:hourly'), 49);
});

test('one event of each sort changes what it should', () => {
  const content = contentOf([
    [
      eventOf({ action_type: 'impression', session_id: 's1' }),
      eventOf({ action_type: 'order', timestamp: NOON + 59_999 }),
      eventOf({ action_type: 'like', timestamp: NOON + MINUTE, scenario_id: 'shop' }),
      genericOf('pageview', { user_id: 'u2' }),
      eventOf({ kind: 'catalog', item_id: 'i9' }),
    ],
  ]);
  assert.deepEqual(
    Object.fromEntries([...content].map(([name, entries]) => [name, Object.fromEntries(entries)])),
    {
      [`hot:items ${NOON} feed`]: { i1: 10 },
      [`hot:items ${NOON + MINUTE} shop`]: { i1: 4 },
      [`metrics:realtime ${NOON} feed`]: {
        '::video:events': 2,
        '::video:impression': 1,
        '::video:order': 1,
        ':::events': 1,
        ':::pv': 1,
      },
      [`metrics:realtime ${NOON} `]: {
        '::video:events': 2,
        '::video:impression': 1,
        '::video:order': 1,
        ':::events': 1,
        ':::pv': 1,
      },
      [`metrics:realtime ${NOON + MINUTE} shop`]: { '::video:events': 1, '::video:like': 1 },
      [`metrics:realtime ${NOON + MINUTE} `]: { '::video:events': 1, '::video:like': 1 },
      [`visitors:minute ${NOON} feed`]: { u1: 2, u2: 1 },
      [`visitors:minute ${NOON} `]: { u1: 2, u2: 1 },
      [`visitors:minute ${NOON + MINUTE} shop`]: { u1: 1 },
      [`visitors:minute ${NOON + MINUTE} `]: { u1: 1 },
      'exposed 0 u1:feed': { i1: NOON },
      'item:stats 0 i1': { impression: 1, order: 1, like: 1 },
      [`analytics:daily ${NOON - DAY / 2} `]: {
        events: 4,
        behaviour: 3,
        generic: 1,
        impression: 1,
        order: 1,
        like: 1,
      },
      [`analytics:hourly ${NOON} `]: {
        events: 4,
        behaviour: 3,
        generic: 1,
        impression: 1,
        order: 1,
        like: 1,
      },
      [`analytics:active_sessions ${NOON} `]: { s1: NOON },
    },
  );
});

test('an event of an experiment counts in total and for its group; durations and rates are whole numbers', () => {
  const content = contentOf([
    [
      eventOf({
        action_type: 'play_end',
        experiment_id: 'rank:er',
        experiment_group: 'b',
        watch_duration: 1.2346,
        completion_rate: 0.3333333,
      }),
    ],
  ]);
  const under = (prefix: string) => ({
    [`${prefix}:video:events`]: 1,
    [`${prefix}:video:play_end`]: 1,
    [`${prefix}:video:watch_count`]: 1,
    [`${prefix}:video:watch_ms`]: 1235,
    [`${prefix}:video:completion_count`]: 1,
    [`${prefix}:video:completion_millionths`]: 333_333,
  });
  assert.deepEqual(Object.fromEntries(content.get(`metrics:realtime ${NOON} feed`) ?? []), {
    ...under(':'),
    ...under('rank%3Aer:b'),
  });
});

test('an event without a time changes nothing and says so', () => {
  const changes = new ViewChanges(0);
  for (const timestamp of [undefined, null, 'now', -1, 1.5, Number.MAX_VALUE]) {
    assert.equal(foldLiveViews({ ...eventOf(), timestamp } as unknown as Event, changes), false);
  }
  assert.deepEqual(changes.list().length, 0);
});

test('every action has a weight, a whole number', () => {
  assert.deepEqual(Object.keys(HOT_WEIGHTS).sort(), [...ACTIONS].sort());
  assert.ok(Object.values(HOT_WEIGHTS).every((weight) => Number.isInteger(weight) && weight >= 0));
  const { impression, view, click, like, add_cart: cart, order } = HOT_WEIGHTS;
  assert.deepEqual([impression, view, click, like, cart, order], [0, 1, 3, 4, 6, 10]);
});
