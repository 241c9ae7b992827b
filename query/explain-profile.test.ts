import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Event, JsonObject, PositionVector, TenantId } from '#domain';
import { USER_PROFILES, startDocumentProjector } from '#projections';
import type { DocumentStore, FactState } from '#projections';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { openLmdbDocumentStore } from '../projections/lmdb-document-store.ts';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Door, Kept } from '../test/door.ts';
import { temporaryDir } from '../test/platform.ts';
import { createRandom, seedOfRun } from '../test/random.ts';
import { openAudited } from './audited.contract.ts';
import type { AuditedLog } from './audited.contract.ts';
import { createProfileExplanations } from './explain-profile.ts';
import type { ProfileExplanations, ProfileExplanationsOptions } from './explain-profile.ts';
import { GENERATION, TENANTS, putSome } from './lacking-facts.contract.ts';

const DAY = 86_400_000;

const [ACME, UMBRA] = TENANTS as [TenantId, TenantId];

type Explained = {
  readonly value: unknown;
  readonly recount: {
    readonly value: unknown;
    readonly equal: boolean | null;
    readonly records_read: number;
    readonly differences: readonly object[];
  };
  readonly total: { readonly events: number };
  readonly events?: readonly { readonly event_id: string; readonly counted: object }[];
  readonly records?: readonly { readonly raw: string; readonly user: string; readonly counted: object }[];
  readonly next_cursor: string | null;
  readonly sampled?: object;
};

/** Behaviour, page views and words about users of two tenants that share all their ids. */
function history(seed: number): readonly JsonObject[] {
  const random = createRandom(seed);
  return Array.from({ length: 500 }, (_, n) => {
    const whose = {
      tenant_id: random.pick(['acme', 'acme', 'umbra']),
      event_id: `e${n}`,
      user_id: `u${random.below(5)}`,
      timestamp: NOW_MS - random.below(50 * DAY),
    };
    const kind = random.below(10);
    if (kind === 0) {
      const plan = random.pick(['free', 'paid', null]);
      return { ...whose, kind: 'user', event_name: '$identify', properties: { plan, 'a.b': n } };
    }
    if (kind === 1) return { ...whose, event_name: 'pageview', context: { device_type: 'pc' } };
    return {
      ...whose,
      scenario_id: random.pick(['feed', 'shop']),
      item_id: `i${random.below(9)}`,
      action_type: random.pick(['impression', 'click', 'view', 'like', 'not_interest', 'order']),
      context: { device_type: random.pick(['mobile', 'tablet']) },
      extra_data: { category: random.pick(['travel', 'food', 'a.b']) },
    };
  });
}

const count = (events: readonly Event[], isOf: (event: Event) => boolean) => events.filter(isOf).length;
/** A count by name, which a profile has from the first event on that counts. */
const named = (n: number): number | null => (n === 0 ? null : n);
const isBehaviour = ({ kind }: Event): boolean => kind === 'behaviour';
const isSaid = ({ kind }: Event): boolean => kind === 'user';
const categoryOf = ({ extra_data: extra }: Event): unknown => extra?.['category'];
const shows = ({ event_name: name }: Event): boolean => ['click', 'view', 'like', 'order'].includes(name);
const newestOf = (events: readonly Event[]): number =>
  Math.max(...events.filter((event) => !isSaid(event)).map(({ timestamp }) => timestamp));
const quarterOf = (ms: number): number => Math.floor(ms / 900_000);

type Case = {
  readonly field: string;
  readonly expected: (events: readonly Event[]) => unknown;
  readonly isOf: (event: Event, all: readonly Event[]) => boolean;
  /** Only of these two scenarios is a profile asked for too. */
  readonly scenario?: string;
};

const CASES: readonly Case[] = [
  {
    field: 'features.total_events',
    expected: (events) => count(events, (event) => !isSaid(event)),
    isOf: (event) => !isSaid(event),
  },
  {
    field: 'features.action_counts.click',
    expected: (events) => named(count(events, ({ event_name: name }) => name === 'click')),
    isOf: ({ event_name: name }) => name === 'click',
  },
  {
    field: 'features.action_counts.like',
    scenario: 'shop',
    expected: (events) =>
      named(count(events, ({ event_name: name, scenario_id: id }) => name === 'like' && id === 'shop')),
    isOf: ({ event_name: name, scenario_id: id }) => name === 'like' && id === 'shop',
  },
  {
    field: 'features.category_counts.a.b',
    expected: (events) => count(events, (event) => shows(event) && categoryOf(event) === 'a.b'),
    isOf: (event) => (shows(event) || event.event_name === 'not_interest') && categoryOf(event) === 'a.b',
  },
  {
    field: 'features.devices.tablet',
    expected: (events) => named(count(events, ({ context }) => context?.device_type === 'tablet')),
    isOf: ({ context }) => context?.device_type === 'tablet',
  },
  {
    field: 'features.active_hours.7',
    expected: (events) => count(events, (event) => isActiveAt7(event, events)),
    isOf: (event, all) => isActiveAt7(event, all),
  },
  {
    field: 'preferences.category_scores.food',
    expected: (events) => {
      const points: Record<string, number> = {};
      const table: Record<string, number> = { click: 3, view: 1, like: 4, order: 10, not_interest: -5 };
      for (const event of events.filter(isBehaviour)) {
        const category = String(categoryOf(event));
        points[category] = (points[category] ?? 0) + (table[event.event_name] ?? 0);
      }
      const positive = Object.values(points).reduce((sum, each) => sum + Math.max(0, each), 0);
      return Math.round((Math.max(0, points['food'] ?? 0) * 10_000) / positive) / 10_000;
    },
    isOf: (event) => isBehaviour(event) && event.event_name !== 'impression',
  },
  {
    field: 'features.last_seen_at',
    expected: (events) => new Date(newestOf(events)).toISOString(),
    isOf: (event) => !isSaid(event),
  },
  {
    field: 'properties.plan',
    expected: (events) => said(events, 'plan'),
    isOf: isSaid,
  },
  {
    field: 'properties.a.b',
    scenario: 'feed',
    expected: (events) => said(events, 'a.b'),
    isOf: isSaid,
  },
];

function isActiveAt7(event: Event, all: readonly Event[]): boolean {
  if (isSaid(event) || new Date(event.timestamp).getUTCHours() !== 7) return false;
  return quarterOf(event.timestamp) > quarterOf(newestOf(all)) - 28 * 96;
}

/** The latest word of all, of which none are equally late. */
function said(events: readonly Event[], name: string): unknown {
  const latest = events.filter(isSaid).sort((a, b) => b.timestamp - a.timestamp)[0];
  return latest?.properties?.[name] ?? null;
}

describe('explanations of profiles', () => {
  const seed = seedOfRun();
  const opened = new AsyncDisposableStack();
  const kept = new Map<TenantId, readonly Kept[]>();
  let door: Door;
  let open: (over?: Partial<ProfileExplanationsOptions>) => ProfileExplanations;
  let documents: DocumentStore;
  let audited: AuditedLog;
  const recordsOf = (tenant: TenantId, user: string) =>
    kept
      .get(tenant)!
      .filter(({ value }) => value['user_id'] === user)
      .map(({ value, ...position }) => ({ event: value as unknown as Event, ...position }));

  before(async () => {
    door = opened.use(await openDoor());
    const dir = opened.use(await temporaryDir());
    documents = opened.use(await openLmdbDocumentStore({ dataDir: dir.path }));
    const facts = opened.use(await openChdbFactStore({ dataDir: dir.path }));
    await facts.prepare(GENERATION);
    audited = openAudited(door.log);
    const clock = (): number => NOW_MS;
    const profiles = opened.use(
      startDocumentProjector({
        log: door.log,
        documents,
        projection: USER_PROFILES,
        clock,
      }),
    );
    for (const id of TENANTS) profiles.follow(id);
    for (const event of history(seed)) {
      const { status, text } = await door.post('/api/v1/behaviors/track', event);
      assert.equal(status, 200, text);
    }
    const states = new Map<TenantId, FactState>();
    for (const tenant of TENANTS) {
      const own = await door.events(tenant);
      kept.set(tenant, own);
      const { next } = await door.log.bounds({ tenant, channel: 'events' });
      assert.ok(await profiles.waitFor(tenant, next, AbortSignal.timeout(30_000)));
      // The first half has reached the facts, and every fifth record of it is missing there.
      const confirmed = (next: PositionVector) => next.map((offset) => offset / 2n);
      const isThere = (index: number, isConfirmed: boolean) => isConfirmed && index % 5 !== 2;
      states.set(tenant, await putSome(facts, door, { tenant, own, confirmed, isThere }));
    }
    open = (over = {}) =>
      createProfileExplanations({
        documents,
        profiles,
        log: door.log,
        facts,
        progress: { state: (tenant) => Promise.resolve(states.get(tenant)) },
        history: audited.history,
        ...over,
      });
  });
  after(() => opened.disposeAsync());

  const ask = async (question: object, { tenant = ACME, over = {} } = {}) =>
    (await open(over).explain({ tenant, ...audited.asker, question: { ...question } })) as Explained;

  for (const tenant of TENANTS) {
    for (const { field, expected, isOf, scenario } of CASES) {
      test(`${field} of users of ${tenant} is what their events make`, async () => {
        for (const user of ['u0', 'u3', 'u4']) {
          const own = recordsOf(tenant, user);
          const events = own.map(({ event }) => event);
          const value = expected(events);
          const question = { user_id: user, field, ...(scenario && { scenario_id: scenario }) };
          const whole = await ask({ ...question, page_size: 1000 }, { tenant });
          const { records_read: read, ...recount } = whole.recount;
          assert.ok(read >= own.length);
          assert.deepEqual([whole.value, recount], [value, { value, equal: true, differences: [] }], user);
          const ids = events.filter((event) => isOf(event, events)).map(({ event_id: id }) => id);
          assert.deepEqual(
            whole.events?.map(({ event_id: id }) => id),
            ids,
          );
          assert.equal(whole.total.events, ids.length);
          const paged: string[] = [];
          for (let cursor: string | null | undefined; cursor !== null;) {
            const page: Explained = await ask(
              { ...question, page_size: 9, ...(cursor && { cursor }) },
              { tenant },
            );
            paged.push(...(page.events ?? []).map(({ event_id: id }) => id));
            cursor = page.next_cursor;
          }
          assert.deepEqual(paged, ids);
        }
      });
    }
  }

  test('a whole profile, over all scenarios and in one, equals its records', async () => {
    for (const scenario of [{}, { scenario_id: 'feed' }]) {
      const { recount, total } = await ask({ user_id: 'u1', tz: 'Asia/Kathmandu', ...scenario });
      assert.equal(recount.equal, true, JSON.stringify(recount));
      assert.ok(total.events > 10);
    }
  });

  test('down to the bytes that stand in the log', async (t) => {
    t.diagnostic(`seed ${seed}`);
    const question = { user_id: 'u2', field: 'properties.plan' };
    const { events = [] } = await ask(question);
    assert.deepEqual(audited.reads(ACME), [], 'no raw record has been shown');
    const asked = { ...question, level: 'records', page_size: 100 };
    const { records = [] } = await ask(asked);
    const own = recordsOf(ACME, 'u2').filter(({ event }) => isSaid(event));
    assert.deepEqual(
      records.map(({ raw }) => JSON.parse(raw) as unknown),
      own.map(({ event }) => event),
    );
    assert.deepEqual(
      records.map(({ user, counted }) => [user, counted]),
      events.map(({ counted }) => ['u2', counted]),
    );
    const read = {
      tenant: ACME,
      kind: 'explain',
      question: { analysis: 'profile', ...asked },
      reader: audited.asker.reader,
    };
    assert.deepEqual(audited.reads(ACME), [{ read, records: own.length }]);
  });

  test('what a document has lost or was given is named', async () => {
    const wrong: Pick<DocumentStore, 'get'> = {
      get: async (set, ids) =>
        (await documents.get(set, ids)).map(
          (found) =>
            found && {
              ...found,
              body: {
                ...found.body,
                features: { ...(found.body['features'] as JsonObject), total_events: 7000 },
                properties: { plan: 'gold' },
              },
            },
        ),
    };
    const over = { documents: wrong };
    const events = recordsOf(UMBRA, 'u1').map(({ event }) => event);
    const { recount } = await ask({ user_id: 'u1' }, { tenant: UMBRA, over });
    assert.equal(recount.equal, false);
    assert.deepEqual(
      recount.differences.filter((each) => (each as { field: string }).field !== 'properties.a.b'),
      [
        {
          field: 'features.total_events',
          kept: 7000,
          recounted: count(events, (event) => !isSaid(event)),
        },
        { field: 'properties.plan', kept: 'gold', recounted: said(events, 'plan') },
      ],
    );
    const lost = await ask(
      { user_id: 'u1', field: 'features.action_counts.click' },
      {
        over: {
          documents: {
            get: (_set: unknown, ids: readonly unknown[]) => Promise.resolve(ids.map(() => undefined)),
          },
        },
      },
    );
    assert.deepEqual([lost.value, lost.recount.equal], [null, false]);
  });

  test('a user nobody has heard of has nothing, and more records than may be read are sampled', async () => {
    const nobody = await ask({ user_id: 'nobody', field: 'features.total_events' });
    assert.deepEqual(
      [nobody.value, nobody.recount.equal, nobody.events, nobody.next_cursor],
      [0, true, [], null],
    );
    const cut = await ask({ user_id: 'u1', field: 'features.total_events' }, { over: { maxRecords: 10 } });
    assert.deepEqual(cut.recount, { equal: null, value: null, records_read: 10, differences: [] });
    assert.equal((cut.sampled as { records: number }).records, 10);
  });

  test('what cannot be explained is refused with what is wrong', async () => {
    for (const question of [
      {},
      { user_id: 'u1', field: 'features.nothing' },
      { user_id: 'u1', field: '__proto__' },
      { user_id: 'u1', tz: 'Mars' },
      { user_id: 'u1', cursor: 'x' },
      { user_id: 'u1', level: 'users' },
    ]) {
      const fault = await ask(question).catch((error: unknown) => error);
      assert.equal((fault as { code: string }).code, 'QUERY_INVALID', JSON.stringify(question));
    }
    const pinned = await ask({ user_id: 'u1', as_of: 'da1_x' }).catch((error: unknown) => error);
    assert.equal((pinned as { code: string }).code, 'QUERY_PIN_UNAVAILABLE');
  });
});
