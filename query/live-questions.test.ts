import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { Fault, parseTenantId } from '#domain';
import type { Tenant, TenantId } from '#domain';
import { startViewProjector } from '#projections';
import { openLmdbViewStore } from '../projections/lmdb-view-store.ts';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Door } from '../test/door.ts';
import { temporaryDir } from '../test/platform.ts';
import { createRandom } from '../test/random.ts';
import { createLiveRouter } from './http-live.ts';
import { createLiveQuestions } from './live-questions.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** What the test has sent. */
type Sent = {
  readonly tenant_id: string;
  readonly event_id: string;
  readonly scenario_id: string;
  readonly user_id: string;
  readonly item_id: string;
  readonly action_type: string;
  readonly timestamp: number;
  readonly session_id?: string;
  readonly experiment_id?: string;
  readonly experiment_group?: string;
};

type Reply = { readonly status: number; readonly body: Record<string, unknown> };
type Ask = (path: string, headers?: Record<string, string>) => Promise<Reply>;

const TENANTS = ['acme', 'umbra'].map((name): TenantId => {
  const parsed = parseTenantId(name);
  assert.ok(parsed.ok);
  return parsed.tenant;
});

/** A door, a projector behind it, and the live questions over HTTP, at the door's fixed time. */
async function openLive(): Promise<AsyncDisposable & { readonly door: Door; readonly ask: Ask }> {
  const opened = new AsyncDisposableStack();
  const door = opened.use(await openDoor());
  const dir = opened.use(await temporaryDir());
  const views = opened.use(openLmdbViewStore({ dataDir: dir.path }));
  const known = TENANTS.map((id): Tenant => ({ id, partitions: 4, createdAtMs: 0 }));
  const clock = (): number => NOW_MS;
  const progress = opened.use(startViewProjector({ log: door.log, views, clock }));
  for (const tenant of TENANTS) progress.follow(tenant);
  const tenants = { get: (id: string) => known.find((tenant) => tenant.id === id), position: () => 3n };
  const app = express();
  app.use(createLiveRouter(createLiveQuestions({ views, progress, tenants, clock })));
  app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    const fault = error instanceof Fault ? error : new Fault('INTERNAL', String(error));
    res.status(500).json({ code: fault.code, message: fault.message, ...fault.details });
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/analytics`;
  return {
    door,
    ask: async (path, headers = {}) => {
      const reply = await fetch(`${base}/${path}`, { headers });
      return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function send(door: Door, events: readonly Sent[]): Promise<void> {
  for (let at = 0; at < events.length; at += 100) {
    const batch = events
      .slice(at, at + 100)
      .map((event) => ({ ...event, context: { device_type: 'mobile' } }));
    const { status, body } = await door.post('/api/v1/behaviors/track/batch', { events: batch });
    assert.deepEqual([status, body['failed']], [200, 0], JSON.stringify(body).slice(0, 500));
  }
}

/** Random behaviours of the last hours of two tenants that share all their ids; none is earlier than two days. */
function history(seed: number): Sent[] {
  const random = createRandom(seed);
  const actions = ['impression', 'impression', 'click', 'view', 'like', 'add_cart', 'order', 'purchase'];
  return Array.from({ length: 1500 }, (_, n) => ({
    tenant_id: random.pick(['acme', 'acme', 'umbra']),
    event_id: `e${n}`,
    scenario_id: random.pick(['feed', 'shop']),
    user_id: `u${random.below(9)}`,
    item_id: `i${random.below(12)}`,
    action_type: random.pick(actions),
    timestamp: NOW_MS - random.pick([random.below(70 * MINUTE), random.below(2 * DAY)]),
    ...(random.chance(0.5) ? { session_id: `s${random.below(400)}` } : {}),
    ...(random.chance(0.3) ? { experiment_id: 'ranker', experiment_group: random.pick(['a', 'b']) } : {}),
  }));
}

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE);
const CURRENT = minuteOf(NOW_MS);
/** In the 60 minutes that end with the current one. */
const inLastHour = ({ timestamp }: Sent): boolean =>
  minuteOf(timestamp) > CURRENT - 60 && minuteOf(timestamp) <= CURRENT;
const count = (events: readonly Sent[], action: string): number =>
  events.filter(({ action_type: own }) => own === action).length;
const percent = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.round((part * 10_000) / whole) / 100;

describe('live questions over a door and its projector', () => {
  const sent = history(20_260_701);
  const of = (tenant: string): Sent[] => sent.filter(({ tenant_id: own }) => own === tenant);
  let live: Awaited<ReturnType<typeof openLive>>;
  let ask: Ask;

  before(async () => {
    live = await openLive();
    ({ ask } = live);
    await send(live.door, sent);
    for (const tenant of TENANTS) await ask(`realtime/stats?tenant_id=${tenant}&wait_for=latest&timeout=30s`);
  });
  after(() => live[Symbol.asyncDispose]());

  for (const tenant of ['acme', 'umbra']) {
    test(`hot items of ${tenant} are ranked as a list of its events says`, async () => {
      const weights: Record<string, number> = {
        click: 3,
        view: 1,
        like: 4,
        add_cart: 6,
        order: 10,
        purchase: 10,
      };
      const scores = new Map<string, number>();
      for (const event of of(tenant).filter(inLastHour)) {
        if (event.scenario_id !== 'feed') continue;
        const ageMs = NOW_MS - minuteOf(event.timestamp) * MINUTE;
        const gain = (weights[event.action_type] ?? 0) * Math.pow(0.5, ageMs / (15 * MINUTE));
        if (gain > 0) scores.set(event.item_id, (scores.get(event.item_id) ?? 0) + gain);
      }
      const expected = [...scores].sort(([, a], [, b]) => b - a).slice(0, 5);
      const { body } = await ask(`realtime/hot-items?tenant_id=${tenant}&scenario_id=feed&limit=5`);
      const items = body['items'] as { rank: number; item_id: string; score: number }[];
      assert.deepEqual(
        items.map(({ rank, item_id: item }) => [rank, item]),
        expected.map(([item], index) => [index + 1, item]),
      );
      for (const [index, [, score]] of expected.entries())
        assert.ok(Math.abs(items[index]!.score - score) < 0.0001);
    });

    test(`metrics of ${tenant} are those of its last 60 minutes, in total and by experiment`, async () => {
      for (const scenario of ['feed', undefined]) {
        const events = of(tenant)
          .filter(inLastHour)
          .filter((event) => scenario === undefined || event.scenario_id === scenario);
        const query = scenario === undefined ? '' : `&scenario_id=${scenario}`;
        const { body } = await ask(`realtime/metrics?tenant_id=${tenant}${query}`);
        const figures = (some: readonly Sent[]) => ({
          events: some.length,
          pv: count(some, 'view'),
          impressions: count(some, 'impression'),
          clicks: count(some, 'click'),
          ctr: percent(count(some, 'click'), count(some, 'impression')),
          conversions: count(some, 'order'),
          purchase_rate: percent(count(some, 'purchase'), count(some, 'impression')),
        });
        assertIncludes(body['total'], figures(events));
        const experiments = body['experiments'] as { experiment_id: string; group: string }[];
        assert.deepEqual(
          experiments.map(({ experiment_id: id, group }) => `${id} ${group}`),
          ['ranker a', 'ranker b'],
        );
        for (const own of experiments) {
          const group = events.filter(
            (event) => event.experiment_id === 'ranker' && event.experiment_group === own.group,
          );
          assertIncludes(own, figures(group));
        }
      }
    });

    test(`minutes of ${tenant} count page views and different visitors`, async () => {
      const { body } = await ask(`realtime/minutes?tenant_id=${tenant}`);
      const expected = Array.from({ length: 60 }, (_, index) => {
        const minute = CURRENT - 59 + index;
        const events = of(tenant).filter(({ timestamp }) => minuteOf(timestamp) === minute);
        return {
          minute: new Date(minute * MINUTE).toISOString(),
          events: events.length,
          pv: count(events, 'view'),
          uv: new Set(events.map(({ user_id: user }) => user)).size,
          impressions: count(events, 'impression'),
          clicks: count(events, 'click'),
          ctr: percent(count(events, 'click'), count(events, 'impression')),
          conversions: count(events, 'order'),
        };
      });
      assert.deepEqual(body['minutes'], expected);
    });

    test(`sessions, recent views, exposures and item counts of ${tenant} are its own`, async () => {
      const events = of(tenant);
      const newest = (some: readonly Sent[], member: 'item_id' | 'session_id') => {
        const times = new Map<string, number>();
        for (const event of some) {
          const name = event[member] ?? '';
          times.set(name, Math.max(event.timestamp, times.get(name) ?? 0));
        }
        return [...times]
          .sort(([, a], [, b]) => b - a)
          .map(([name, at]) => [name, new Date(at).toISOString()]);
      };
      const listed = (body: Record<string, unknown>, member: string) =>
        (body[member] as Record<string, string>[]).map((row) => Object.values(row));
      const sessions = await ask(`realtime/sessions?tenant_id=${tenant}&limit=1000`);
      const active = events.filter(
        ({ timestamp, session_id: session }) => session !== undefined && timestamp > NOW_MS - 30 * MINUTE,
      );
      assert.deepEqual(listed(sessions.body, 'sessions'), newest(active, 'session_id'));
      assert.equal(sessions.body['active'], newest(active, 'session_id').length);
      const recent = await ask(`users/u3/recent-views?tenant_id=${tenant}&limit=100`);
      const viewed = events.filter(
        ({ user_id: user, action_type: action }) => user === 'u3' && ['click', 'view'].includes(action),
      );
      assert.deepEqual(listed(recent.body, 'items'), newest(viewed, 'item_id'));
      const exposed = await ask(`users/u3/exposures?tenant_id=${tenant}&scenario_id=shop`);
      const shown = events.filter(
        (event) =>
          event.user_id === 'u3' &&
          event.scenario_id === 'shop' &&
          event.action_type === 'impression' &&
          event.timestamp > NOW_MS - DAY,
      );
      assert.deepEqual(listed(exposed.body, 'items'), newest(shown, 'item_id'));
      const stats = (await ask(`items/i5/stats?tenant_id=${tenant}`)).body['stats'] as Record<string, number>;
      const own = events.filter(({ item_id: item }) => item === 'i5');
      assert.equal(Object.keys(stats).length, 38);
      for (const action of ['impression', 'click', 'view', 'like', 'order', 'share'])
        assert.equal(stats[`${action}_count`], count(own, action), action);
    });

    test(`stats of ${tenant} count its days and hours`, async () => {
      const { body } = await ask(`realtime/stats?tenant_id=${tenant}`);
      const within = (startMs: number, lengthMs: number) =>
        of(tenant).filter(({ timestamp }) => timestamp >= startMs && timestamp < startMs + lengthMs).length;
      const counted = (member: string) =>
        (body[member] as { start: string; events: number }[]).map(({ start, events }) => [start, events]);
      const expected = (first: number, buckets: number, lengthMs: number) =>
        Array.from({ length: buckets }, (_, n) => [
          new Date(first + n * lengthMs).toISOString(),
          within(first + n * lengthMs, lengthMs),
        ]);
      assert.deepEqual(counted('daily'), expected(Date.UTC(2026, 5, 25), 7, DAY));
      assert.deepEqual(counted('hourly'), expected(NOW_MS - 47 * 3_600_000, 48, 3_600_000));
      assert.deepEqual(body['left_out'], {});
    });
  }

  test('every answer says what it reflects', async () => {
    const { body } = await ask('realtime/minutes?tenant_id=acme');
    const meta = body['meta'] as Record<string, unknown>;
    assert.match(String(meta['vector']), /^da1_/);
    assert.deepEqual(
      [meta['as_of'], meta['generation'], meta['lag'], meta['data_source'], meta['at'], meta['horizon']],
      [null, 1, { events: 0, ms: 0 }, 'live_views', '2026-07-01T12:00:00.000Z', '2026-07-01T12:00:00.000Z'],
    );
  });

  test('a tenant without events is answered with zeros and a notice', async () => {
    for (const path of [
      'realtime/hot-items?scenario_id=feed&',
      'realtime/metrics?',
      'realtime/minutes?minutes=2&',
      'realtime/stats?',
      'realtime/sessions?',
      'users/u1/recent-views?',
      'users/u1/exposures?scenario_id=feed&',
      'items/i1/stats?',
    ]) {
      const { status, body } = await ask(`${path}tenant_id=nobody`);
      assert.equal(status, 200, path);
      assert.match((body['meta'] as { notice: string }).notice, /no event/);
      const figures = JSON.stringify({ ...body, meta: undefined }).match(/:(\d+)[,}]/g) ?? [];
      assert.ok(
        figures.every((figure) => /^:(0|900000)[,}]$/.test(figure)),
        `${path} ${figures.join()}`,
      );
    }
  });

  test('an instant in the past is answered as far as things are kept, and refused beyond', async () => {
    const at = NOW_MS - 50 * MINUTE;
    const { body } = await ask(`realtime/minutes?tenant_id=acme&minutes=1&at=${at}`);
    const events = of('acme').filter(({ timestamp }) => minuteOf(timestamp) === minuteOf(at)).length;
    assert.equal((body['minutes'] as { events: number }[])[0]?.events, events);
    for (const path of [
      `realtime/minutes?tenant_id=acme&at=${NOW_MS - 3 * 60 * MINUTE}`,
      `realtime/hot-items?tenant_id=acme&scenario_id=feed&at=${NOW_MS - 2 * DAY}`,
      `users/u1/exposures?tenant_id=acme&scenario_id=feed&at=${NOW_MS - 1}`,
    ]) {
      const refused = await ask(path);
      assert.equal(refused.body['code'], 'QUERY_PIN_UNAVAILABLE', path);
      assert.equal(refused.body['horizon'], '2026-07-01T12:00:00.000Z');
    }
  });

  test('what cannot be answered is refused with the reason', async () => {
    const refused = async (path: string, headers = {}) => (await ask(path, headers)).body['code'];
    const token = ((await ask('realtime/stats?tenant_id=acme')).body['meta'] as { vector: string }).vector;
    assert.equal(await refused(`realtime/stats?tenant_id=acme&as_of=${token}`), 'QUERY_PIN_UNAVAILABLE');
    assert.equal(await refused('realtime/hot-items?tenant_id=acme'), 'QUERY_INVALID');
    assert.equal(await refused('realtime/minutes?tenant_id=acme&minutes=61'), 'QUERY_INVALID');
    assert.equal(await refused('realtime/minutes?tenant_id=acme&at=soon'), 'QUERY_INVALID');
    assert.equal(
      await refused('realtime/hot-items?tenant_id=acme&scenario_id=feed&half_life=0s'),
      'QUERY_INVALID',
    );
    assert.equal(await refused('realtime/stats?tenant_id=acme&wait_for=soon'), 'QUERY_INVALID');
    assert.equal(await refused('realtime/stats'), 'TENANT_INVALID');
    const header = { 'x-tenant-id': 'umbra' };
    assert.equal(await refused('realtime/stats?tenant_id=acme', header), 'TENANT_MISMATCH');
  });

  test('a late event is in its minute as soon as its receipt is waited for', async () => {
    const at = NOW_MS - 20 * MINUTE;
    const path = `realtime/minutes?tenant_id=acme&scenario_id=late&minutes=21`;
    const first = (body: Record<string, unknown>) => (body['minutes'] as { events: number; uv: number }[])[0];
    assert.deepEqual(pick(first((await ask(path)).body)), [0, 0]);
    for (const [n, user] of ['u1', 'u2', 'u1'].entries()) {
      const { body } = await live.door.post('/api/v1/behaviors/track', {
        tenant_id: 'acme',
        event_id: `late-${n}`,
        scenario_id: 'late',
        user_id: user,
        item_id: 'i1',
        action_type: 'click',
        timestamp: at,
        context: { device_type: 'mobile' },
      });
      const { token } = body['receipt'] as { token: string };
      const answer = await ask(`${path}&wait_for=${token}&timeout=30s`);
      assert.deepEqual(pick(first(answer.body)), [n + 1, Math.min(n + 1, 2)]);
    }
  });
});

function pick(minute: { events: number; uv: number } | undefined): unknown {
  return [minute?.events, minute?.uv];
}

/** The members that are expected, and whatever else. */
function assertIncludes(found: unknown, expected: object): void {
  const own = Object.keys(expected).map((name) => [name, (found as Record<string, unknown>)[name]]);
  assert.deepEqual(Object.fromEntries(own), expected);
}
