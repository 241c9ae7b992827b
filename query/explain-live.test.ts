import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { actorOf, formatAsOf } from '#domain';
import type { Event, PositionVector, Tenant, TenantId } from '#domain';
import { startViewProjector } from '#projections';
import type { FactState, ViewStore, ViewWanted } from '#projections';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { openLmdbViewStore } from '../projections/lmdb-view-store.ts';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Door, Kept } from '../test/door.ts';
import {
  exposuresOf,
  itemCountersOf,
  liveHotItemsOf,
  liveMetricsOf,
  liveMinutesOf,
  liveSessionsOf,
  liveStatsOf,
  recentViewsOf,
} from '../test/invariants/live-oracles.ts';
import { temporaryDir } from '../test/platform.ts';
import { createRandom, seedOfRun } from '../test/random.ts';
import { openAudited } from './audited.contract.ts';
import type { AuditedLog } from './audited.contract.ts';
import { createLiveExplanations } from './explain-live.ts';
import type { LiveExplanations, LiveExplanationsOptions } from './explain-live.ts';
import { GENERATION, TENANTS, putSome } from './lacking-facts.contract.ts';
import { createLiveQuestions } from './live-questions.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ACTIONS = ['impression', 'impression', 'click', 'view', 'play_end', 'like', 'add_cart', 'order'];

const [ACME] = TENANTS as [TenantId];

type Listed = {
  readonly value: unknown;
  readonly recount: {
    readonly value: unknown;
    readonly equal: boolean | null;
    readonly records_read: number;
  };
  readonly total: { readonly users: number; readonly events: number; readonly sums?: object };
  readonly users?: readonly { readonly user: string; readonly events: number }[];
  readonly events?: readonly Row[];
  readonly records?: readonly (Row & {
    readonly raw: string;
    readonly headers: object;
    readonly user: string;
    readonly counted: object;
  })[];
  readonly next_cursor: string | null;
  readonly sampled?: object;
  readonly meta: { readonly as_of: string | null; readonly now: string };
};
type Row = {
  readonly position: { readonly partition: number; readonly offset: string };
  readonly event_id: string;
};

/** Two tenants that share all their ids, with behaviours, page views, catalogue entries and sessions. */
function history(seed: number): readonly object[] {
  const random = createRandom(seed);
  return Array.from({ length: 1200 }, (_, n) => {
    const timestamp = NOW_MS - random.pick([random.below(70 * MINUTE), random.below(3 * DAY)]);
    const whose = {
      tenant_id: random.pick(['acme', 'acme', 'umbra']),
      event_id: `e${n}`,
      user_id: `u${random.below(9)}`,
      timestamp,
      ...(random.chance(0.5) ? { session_id: `s${random.below(60)}` } : {}),
    };
    if (random.chance(0.1)) return { ...whose, event_name: random.pick(['pageview', 'beat']) };
    return {
      ...whose,
      scenario_id: random.pick(['feed', 'shop']),
      item_id: `i${random.below(12)}`,
      action_type: random.pick(ACTIONS),
      context: { device_type: 'mobile' },
      ...(random.chance(0.3) ? { experiment_id: 'ranker', experiment_group: random.pick(['a', 'b']) } : {}),
    };
  });
}

/** A figure, where it stands in what an oracle says, and which events it must be made of. */
type Case = {
  readonly name: string;
  readonly question: Readonly<Record<string, string | number>>;
  readonly expected: (events: readonly Event[]) => unknown;
  readonly isOf: (event: Event) => boolean;
};

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE);
const inMinutes = (count: number) => (event: Event) =>
  minuteOf(event.timestamp) > minuteOf(NOW_MS) - count && minuteOf(event.timestamp) <= minuteOf(NOW_MS);
const inLastHour = inMinutes(60);
const row = (list: unknown, member: string, value: unknown) =>
  (list as Record<string, unknown>[]).find((each) => each[member] === value);
/** A member of what an oracle says, however deep. */
const of = (answer: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], answer);

const CASES: readonly Case[] = [
  ...['i1', 'i5', 'nothing'].map((item): Case => ({
    name: 'hotItems',
    question: { scenario_id: 'feed', item_id: item, half_life: '10m' },
    expected: (events) =>
      row(
        of(
          liveHotItemsOf(events, { atMs: NOW_MS, scenarioId: 'feed', halfLifeMs: 600_000, limit: 99 }),
          'items',
        ),
        'item_id',
        item,
      )?.['score'] ?? 0,
    isOf: (event) =>
      inLastHour(event) &&
      event.scenario_id === 'feed' &&
      event.item_id === item &&
      event.action_type !== undefined &&
      event.action_type !== 'impression',
  })),
  {
    name: 'realtimeMetrics',
    question: { scenario_id: 'shop', cell: 'ctr' },
    expected: (events) =>
      of(liveMetricsOf(events, { atMs: NOW_MS, scenarioId: 'shop', minutes: 60 }), 'total', 'ctr'),
    isOf: (event) =>
      inLastHour(event) && event.scenario_id === 'shop' && ['impression', 'click'].includes(event.event_name),
  },
  {
    name: 'realtimeMetrics',
    question: { cell: 'conversions', experiment_id: 'ranker', group: 'b', minutes: 30 },
    expected: (events) =>
      row(of(liveMetricsOf(events, { atMs: NOW_MS, minutes: 30 }), 'experiments'), 'group', 'b')?.[
        'conversions'
      ],
    isOf: (event) => inMinutes(30)(event) && event.experiment_group === 'b' && event.event_name === 'order',
  },
  {
    name: 'realtimeMetrics',
    question: { cell: 'pv' },
    expected: (events) => of(liveMetricsOf(events, { atMs: NOW_MS, minutes: 60 }), 'total', 'pv'),
    isOf: (event) => inLastHour(event) && ['view', 'pageview'].includes(event.event_name),
  },
  ...(['uv', 'events', 'ctr'] as const).map((cell): Case => ({
    name: 'realtimeMinutes',
    question: { cell, minute: NOW_MS - 7 * MINUTE, scenario_id: 'feed' },
    expected: (events) =>
      row(
        of(liveMinutesOf(events, { atMs: NOW_MS, scenarioId: 'feed', minutes: 60 }), 'minutes'),
        'minute',
        NOW_MS - 7 * MINUTE,
      )?.[cell],
    isOf: (event) =>
      minuteOf(event.timestamp) === minuteOf(NOW_MS - 7 * MINUTE) &&
      event.scenario_id === 'feed' &&
      (cell !== 'ctr' || ['impression', 'click'].includes(event.event_name)),
  })),
  {
    name: 'realtimeStats',
    question: { cell: 'today.actions.click' },
    expected: (events) => of(liveStatsOf(events, NOW_MS), 'today', 'actions', 'click'),
    isOf: (event) =>
      Math.floor(event.timestamp / DAY) === Math.floor(NOW_MS / DAY) && event.event_name === 'click',
  },
  {
    name: 'realtimeStats',
    question: { cell: 'daily.kinds.generic', start: NOW_MS - DAY },
    expected: (events) =>
      of(
        row(of(liveStatsOf(events, NOW_MS), 'daily'), 'start', Math.floor(NOW_MS / DAY - 1) * DAY),
        'kinds',
        'generic',
      ),
    isOf: (event) =>
      Math.floor(event.timestamp / DAY) === Math.floor(NOW_MS / DAY) - 1 && event.kind === 'generic',
  },
  {
    name: 'realtimeStats',
    question: { cell: 'hourly.events', start: new Date(NOW_MS - 5 * HOUR + 1).toISOString() },
    expected: (events) =>
      row(of(liveStatsOf(events, NOW_MS), 'hourly'), 'start', NOW_MS - 5 * HOUR)?.['events'],
    isOf: ({ timestamp }) => Math.floor(timestamp / HOUR) === NOW_MS / HOUR - 5,
  },
  {
    name: 'realtimeStats',
    question: { cell: 'last_hour.watches' },
    expected: (events) => of(liveStatsOf(events, NOW_MS), 'last_hour', 'watches'),
    isOf: (event) => inLastHour(event) && event.watch_duration !== undefined,
  },
  {
    name: 'activeSessions',
    question: {},
    expected: (events) => of(liveSessionsOf(events, NOW_MS, 1000), 'active'),
    isOf: (event) => inMinutes(31)(event) && event.session_id !== undefined,
  },
  {
    name: 'recentViews',
    question: { user_id: 'u3', item_id: 'i4' },
    expected: (events) =>
      isoOf(row(of(recentViewsOf(events, 'u3', NOW_MS), 'items'), 'item_id', 'i4')?.['viewed_at']),
    isOf: (event) =>
      event.user_id === 'u3' && event.item_id === 'i4' && ['click', 'view'].includes(event.event_name),
  },
  {
    name: 'exposures',
    question: { user_id: 'u3', scenario_id: 'feed' },
    expected: (events) =>
      of(exposuresOf(events, { userId: 'u3', scenarioId: 'feed', atMs: NOW_MS }), 'exposed'),
    isOf: (event) =>
      event.user_id === 'u3' &&
      event.scenario_id === 'feed' &&
      event.event_name === 'impression' &&
      event.timestamp > NOW_MS - DAY,
  },
  {
    name: 'itemStats',
    question: { item_id: 'i5', cell: 'add_cart_count' },
    expected: (events) => of(itemCountersOf(events, 'i5'), 'stats', 'add_cart_count'),
    isOf: ({ item_id: item, event_name: name }) => item === 'i5' && name === 'add_cart',
  },
];

const isoOf = (ms: unknown): unknown => (typeof ms === 'number' ? new Date(ms).toISOString() : null);

describe('explanations of figures from the live views', () => {
  const seed = seedOfRun();
  const opened = new AsyncDisposableStack();
  const kept = new Map<TenantId, readonly Kept[]>();
  let door: Door;
  let open: (over?: Partial<LiveExplanationsOptions>, views?: Pick<ViewStore, 'read'>) => LiveExplanations;
  let views: ViewStore;
  const states = new Map<TenantId, FactState>();
  let audited: AuditedLog;
  const eventsOf = (tenant: TenantId): readonly Event[] =>
    kept.get(tenant)!.map(({ value }) => value as unknown as Event);

  before(async () => {
    door = opened.use(await openDoor());
    const dir = opened.use(await temporaryDir());
    const store = opened.use(openLmdbViewStore({ dataDir: dir.path }));
    views = store;
    const facts = opened.use(await openChdbFactStore({ dataDir: dir.path }));
    await facts.prepare(GENERATION);
    audited = openAudited(door.log);
    const known = TENANTS.map((id): Tenant => ({ id, partitions: 4, createdAtMs: 0 }));
    const clock = (): number => NOW_MS;
    const progress = opened.use(startViewProjector({ log: door.log, views: store, clock }));
    for (const id of TENANTS) progress.follow(id);
    for (const event of history(seed)) {
      const { status } = await door.post('/api/v1/behaviors/track', event as never);
      assert.equal(status, 200);
    }
    const tenants = { get: (id: string) => known.find((tenant) => tenant.id === id), position: () => 3n };
    for (const tenant of TENANTS) {
      const own = await door.events(tenant);
      kept.set(tenant, own);
      const { next } = await door.log.bounds({ tenant, channel: 'events' });
      assert.ok(await progress.waitFor(tenant, next, AbortSignal.timeout(30_000)));
      // Every seventh record is missing from the facts, which hold more than they say.
      const confirmed = (next: PositionVector) => next.map((offset) => (offset * 3n) / 4n);
      const isThere = (index: number): boolean => index % 7 !== 3;
      states.set(tenant, await putSome(facts, door, { tenant, own, confirmed, isThere }));
    }
    open = (over = {}, read = store) =>
      createLiveExplanations({
        live: createLiveQuestions({ views: read, progress, tenants, clock }),
        log: door.log,
        facts,
        progress: { state: (tenant) => Promise.resolve(states.get(tenant)) },
        history: audited.history,
        ...over,
      });
  });
  after(() => opened.disposeAsync());

  const ask = async (explanations: LiveExplanations, name: string, question: object, tenant = ACME) =>
    (await explanations.explain(name, { tenant, ...audited.asker, question: { ...question } })) as Listed;

  for (const tenant of TENANTS) {
    for (const { name, question, expected, isOf } of CASES) {
      test(`${name} ${JSON.stringify(question)} of ${tenant} is what its events make`, async () => {
        const explanations = open();
        const value = expected(eventsOf(tenant)) ?? null;
        const whole = await ask(
          explanations,
          name,
          { ...question, level: 'events', page_size: 1000 },
          tenant,
        );
        const { records_read: read, ...recount } = whole.recount;
        assert.deepEqual([whole.value, recount], [value, { value, equal: true }]);
        const own = kept.get(tenant)!.filter(({ value: event }) => isOf(event as unknown as Event));
        assert.ok(read >= own.length);
        const places = own.map(({ partition, offset }) => `${partition}/${String(offset)}`);
        assert.deepEqual(whole.events?.map(placeOf), places);
        assert.equal(whole.total.events, own.length);
        const users = Map.groupBy(own, ({ value: event }) => actorOf(event as unknown as Event));
        const listed = await pages(explanations, tenant, { name, question: { ...question, page_size: 2 } });
        assert.deepEqual(
          listed.flatMap((page) => page.users ?? []).map(({ user, events }) => [user, events]),
          [...users].map(([user, events]) => [user, events.length]).sort(([a], [b]) => (a! < b! ? -1 : 1)),
        );
        const events = await pages(explanations, tenant, {
          name,
          question: { ...question, level: 'events', page_size: 7 },
        });
        assert.deepEqual(events.flatMap((page) => page.events ?? []).map(placeOf), places);
      });
    }
  }

  test('one user, down to the bytes that stand in the log, and who read them', async (t) => {
    t.diagnostic(`seed ${seed}`);
    const explanations = open();
    const question = { cell: 'today.events', user: 'u2', page_size: 100 };
    await ask(explanations, 'realtimeStats', question);
    await ask(explanations, 'realtimeStats', { ...question, level: 'events' });
    assert.deepEqual(audited.reads(ACME), [], 'no raw record has been shown');
    const asked = { ...question, level: 'records' };
    const { records = [] } = await ask(explanations, 'realtimeStats', asked);
    const own = kept
      .get(ACME)!
      .filter(
        ({ value }) => value['user_id'] === 'u2' && Number(value['timestamp']) >= NOW_MS - (NOW_MS % DAY),
      );
    assert.ok(own.length > 3);
    assert.deepEqual(
      records.map(({ raw }) => JSON.parse(raw) as unknown),
      own.map(({ value }) => value),
    );
    const [first] = records;
    assert.equal((first?.headers as { schema: string }).schema, own[0]?.value['schema']);
    assert.deepEqual([first?.user, first?.counted], ['u2', { events: 1 }]);
    const read = {
      tenant: ACME,
      kind: 'explain',
      question: { analysis: 'realtimeStats', ...asked },
      reader: audited.asker.reader,
    };
    assert.deepEqual(audited.reads(ACME), [{ read, records: own.length }]);
    audited.isBroken = true;
    await assert.rejects(ask(explanations, 'realtimeStats', asked), /not recorded/);
    audited.isBroken = false;
  });

  test('a view that does not hold what the log says is told apart', async () => {
    const wrong: Pick<ViewStore, 'read'> = {
      async read(scope, wanted: readonly ViewWanted[]) {
        const answer = await views.read(scope, wanted);
        return (
          answer && {
            ...answer,
            found: answer.found.map((found) =>
              found.map((each) => ({
                ...each,
                entries: new Map(
                  [...each.entries].map(([member, n]) => [member, member === 'like' ? n + 1 : n]),
                ),
              })),
            ),
          }
        );
      },
    };
    const { value, recount } = await ask(open({}, wrong), 'itemStats', { item_id: 'i5', cell: 'like_count' });
    const likes = of(itemCountersOf(eventsOf(ACME), 'i5'), 'stats', 'like_count') as number;
    const { records_read: _, ...again } = recount;
    assert.deepEqual([value, again], [likes + 1, { value: likes, equal: false }]);
  });

  test('a page keeps to the vector of the first one while the log grows', async () => {
    const explanations = open();
    const question = { item_id: 'i5', cell: 'impression_count', level: 'events', page_size: 4 };
    const first = await ask(explanations, 'itemStats', question);
    await door.post('/api/v1/behaviors/track', {
      tenant_id: ACME,
      event_id: 'later',
      scenario_id: 'feed',
      user_id: 'u1',
      item_id: 'i5',
      action_type: 'impression',
      timestamp: NOW_MS,
      context: { device_type: 'mobile' },
    });
    const all = [first, ...(await pages(explanations, ACME, { name: 'itemStats', question, after: first }))];
    assert.equal(all.flatMap((page) => page.events ?? []).length, first.value);
    assert.ok(all.every((page) => page.meta.as_of === first.meta.as_of && page.meta.now === first.meta.now));
  });

  test('more records than may be read are sampled, and said to be', async () => {
    const { sampled, recount, events } = await ask(open({ maxRecords: 50 }), 'realtimeStats', {
      cell: 'today.events',
      level: 'events',
    });
    assert.equal((sampled as { records: number }).records, 50);
    assert.deepEqual(recount, { equal: null, value: null, records_read: 50 });
    assert.ok(events && events.length > 0 && events.length <= 50);
  });

  test('what cannot be explained is refused with what is wrong', async () => {
    const refused = async (name: string, question: object) => {
      const fault = await ask(open(), name, question).catch((error: unknown) => error);
      return (fault as { code: string }).code;
    };
    const token = formatAsOf({
      logIdentity: '018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10',
      generation: 1,
      controlPosition: 0n,
      vector: [9n, 9n, 9n, 9n],
    });
    const page = { item_id: 'i1', cell: 'impression_count', level: 'events', page_size: 1 };
    const { next_cursor: cursor } = await ask(open(), 'itemStats', page);
    const members = JSON.parse(Buffer.from(cursor!, 'base64url').toString()) as object;
    const foreign = Buffer.from(JSON.stringify({ ...members, v: token })).toString('base64url');
    for (const [name, question] of [
      ['hotItems', { scenario_id: 'feed' }],
      ['realtimeMetrics', { cell: 'ctrr' }],
      ['realtimeMetrics', { cell: '__proto__' }],
      ['realtimeMinutes', { cell: 'uv', minute: 'soon' }],
      ['realtimeMinutes', { cell: 'watches', minute: NOW_MS }],
      ['realtimeStats', { cell: 'daily.events' }],
      ['realtimeStats', { cell: 'left_out.no_time' }],
      ['itemStats', { item_id: 'i1', cell: 'click' }],
      ['itemStats', { item_id: 'i1', cell: 'click_count', cursor: 'x' }],
      ['itemStats', { ...page, cursor: foreign }],
      ['itemStats', { ...page, item_id: 'i2', cursor }],
      ['itemStats', { ...page, level: 'records', page_size: 101 }],
      ['itemStats', { item_id: 'i1', cell: 'click_count', level: 'bytes' }],
    ] as const) {
      assert.equal(await refused(name, question), 'QUERY_INVALID', `${name} ${JSON.stringify(question)}`);
    }
    assert.equal(
      await refused('itemStats', { item_id: 'i1', cell: 'click_count', as_of: token }),
      'QUERY_PIN_UNAVAILABLE',
    );
  });

  async function pages(
    explanations: LiveExplanations,
    tenant: TenantId,
    { name, question, after }: { name: string; question: object; after?: Listed },
  ): Promise<readonly Listed[]> {
    const found: Listed[] = [];
    let cursor = after ? after.next_cursor : undefined;
    while (cursor !== null) {
      const page: Listed = await ask(explanations, name, { ...question, ...(cursor && { cursor }) }, tenant);
      found.push(page);
      cursor = page.next_cursor;
    }
    return found;
  }
});

function placeOf({ position: { partition, offset } }: Row): string {
  return `${partition}/${offset}`;
}
