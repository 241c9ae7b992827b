import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { Fault } from '#domain';
import type { LoggedEvent, TenantId } from '#domain';
import { createRandom, seedOfRun } from '../test/random.ts';
import { GENERATION, dayOf, eventOf, openAsking } from './asking.contract.ts';
import type { Asking, Sketch } from './asking.contract.ts';
import { ANALYSES } from './analysis.ts';
import type { AnalysisName } from './analysis.ts';
import { createQueries } from './queries.ts';
import type { Answer } from './queries.ts';

const DAY_MS = 86_400_000;
const RANGE = { from: '2024-02-01', to: '2024-04-01' };
const NOW = '2024-03-20T12:34:56.789Z';
const FEBRUARY_MS = Date.UTC(2024, 1, 1);

type Asked = {
  readonly name: AnalysisName;
  readonly question: Readonly<Record<string, unknown>>;
  /** Whether facts from before the range are part of it. */
  readonly readsAll?: true;
};

/** Questions of every analysis: few users, items and words, so that many are equal in rank. */
const ASKED: readonly Asked[] = [
  { name: 'dashboard', question: RANGE, readsAll: true },
  { name: 'dashboard', question: { range: '30d', scenario_id: 'feed', now: NOW }, readsAll: true },
  { name: 'trend', question: { ...RANGE, interval: 'day', metrics: ['clicks', 'active_users', 'ctr'] } },
  { name: 'trend', question: { range: '7d', tz: 'Asia/Kolkata', now: NOW } },
  ...['item_id', 'scenario_id'].map((by): Asked => ({ name: 'distribution', question: { ...RANGE, by } })),
  { name: 'events', question: { ...RANGE, event: 'any', breakdown: 'os', interval: 'week', limit: 2 } },
  { name: 'events', question: { ...RANGE, event: 'click', measure: 'users', interval: 'day' } },
  ...['ordered', 'strict', 'any'].map((order): Asked => ({
    name: 'funnel',
    question: { ...RANGE, steps: [{ event: 'impression' }, { event: 'click' }], window: '7d', order },
  })),
  ...['first_ever', 'first_in_range', 'recurring'].map((cohort): Asked => ({
    name: 'retention',
    question: { ...RANGE, start: { event: 'impression' }, period: 'week', periods: 6, cohort, now: NOW },
  })),
  {
    name: 'retention',
    question: {
      ...RANGE,
      start: { event: 'impression', filters: [{ property: 'os', op: '=', value: 'ios' }] },
      now: NOW,
    },
    readsAll: true,
  },
  ...['clicks', 'ctr', 'conversions'].map((order): Asked => ({
    name: 'hot-items',
    question: { ...RANGE, order, limit: 3 },
  })),
  { name: 'behavior-analysis', question: { ...RANGE, scenario_type: 'ecommerce' } },
  { name: 'scenario-metrics', question: { ...RANGE, interval: 'week' } },
  { name: 'minutes', question: { from: '2024-03-04', to: '2024-03-05' } },
  { name: 'user-activity', question: { ...RANGE, user_id: 'u1' } },
  { name: 'item-stats', question: { ...RANGE, item_id: 'i1' } },
  { name: 'daily-stats', question: { date: '2024-03-04' } },
  { name: 'daily-stats', question: { now: NOW } },
  { name: 'range', question: { ...RANGE, tz: 'Europe/London' } },
];

const ACTIONS = ['impression', 'impression', 'click', 'order', 'purchase', 'play_end'] as const;

/** Records of three months over four partitions, in no order of time, most at instants that others share. */
function history(tenant: string, options: { readonly seed: number; readonly count: number }): LoggedEvent[] {
  const random = createRandom(options.seed);
  const next = [0n, 0n, 0n, 0n];
  return Array.from({ length: options.count }, () => {
    const day = random.pick([random.between(0, 90), 63, 64]);
    const at = Date.UTC(2024, 0, 1) + day * DAY_MS + random.below(24) * 3_600_000 + random.below(3);
    const user_id = `u${random.below(6)}`;
    const fate = random.next();
    const sketch: Sketch =
      fate < 0.1
        ? {
            kind: 'catalog',
            name: random.pick(['item_put', 'item_deleted']),
            item_id: `i${random.below(9)}`,
            at,
          }
        : fate < 0.3
          ? { name: random.pick(['pageview', 'beat']), user_id, at }
          : {
              kind: 'behaviour',
              name: random.pick(ACTIONS),
              user_id,
              item_id: `i${random.below(4)}`,
              scenario_id: random.pick(['feed', 'school']),
              scenario_type: random.pick(['ecommerce', 'education'] as const),
              context: { os: random.pick(['ios', 'android', 'other']) },
              watch_duration: random.pick([0.1, 12.3456, 7]),
              completion_rate: random.pick([0, 0.3333, 1]),
              amount: random.pick([0.1, 19.99]),
              currency: 'EUR',
              at,
            };
    const partition = random.below(4);
    const offset = next[partition] ?? 0n;
    next[partition] = offset + 1n;
    return { partition, offset, event: eventOf(tenant, sketch) };
  });
}

const renamed = (records: readonly LoggedEvent[], tenant_id: string): LoggedEvent[] =>
  records.map((record) => ({ ...record, event: { ...record.event, tenant_id } }));
/** Some of the days in the ranges. */
const days = Array.from({ length: 24 }, (_, index) => dayOf(Date.UTC(2024, 1, 20)) + index);
const bytes = ({ meta, ...data }: Answer): string =>
  JSON.stringify([data, meta.generation, meta.now, meta.range]);

describe('a pinned answer', () => {
  let asking: Asking;
  let tenant: TenantId;
  let twin: TenantId;
  /** Of each question the token and the bytes it stands for. */
  const given: { readonly asked: Asked; readonly token: string; readonly bytes: string }[] = [];
  const seed = seedOfRun();
  const all = history('pinned', { seed, count: 900 });
  const half = all.slice(0, 450);

  /** Asks as a process does that has just been started: nothing is remembered. */
  const ask = ({ name, question }: Asked, who: TenantId, more: object = {}): Promise<Answer> =>
    createQueries({
      facts: asking.facts,
      progress: {
        state: (of) => Promise.resolve(asking.state(of)),
        waitFor: () => Promise.resolve(true),
      },
      tenants: { get: (id) => ({ id, partitions: 4, createdAtMs: 0 }), position: () => 5n },
      clock: () => asking.nowMs,
      limits: { cacheLength: 0 },
    }).ask(name, { tenant: who, question: { ...question, ...more } });

  /** Every pinned answer, asked anew, is what was first given. */
  async function assertKept(when: string): Promise<void> {
    for (const { asked, token, bytes: expected } of given) {
      const answer = await ask(asked, tenant, { as_of: token });
      assert.equal(bytes(answer), expected, `${asked.name} ${JSON.stringify(asked.question)} ${when}`);
      assert.equal(answer.meta.as_of, token);
    }
  }

  async function take(who = tenant): Promise<void> {
    for (const asked of ASKED) {
      const answer = await ask(asked, who, { now: asked.question['now'] ?? NOW });
      const fixed = { ...asked, question: { ...asked.question, now: asked.question['now'] ?? NOW } };
      given.push({ asked: fixed, token: String(answer.meta.as_of), bytes: bytes(answer) });
    }
  }

  beforeAll(async () => {
    asking = await openAsking();
    asking.nowMs = Date.UTC(2024, 4, 1);
    tenant = await asking.put(half);
    // Holds just what the first tokens pin, and never anything else.
    twin = await asking.put(renamed(half, 'twin'));
    await asking.foldFirstSeen(tenant, [20n, 0n, 30n, 10n]);
  });
  after(() => asking[Symbol.asyncDispose]());

  test('there is one of every analysis', async (t) => {
    t.diagnostic(`seed ${seed}`);
    assert.deepEqual([...new Set(ASKED.map(({ name }) => name))].sort(), [...ANALYSES].sort());
    await take();
    const figures = new Set(given.map((each) => each.bytes));
    assert.ok(figures.size > given.length / 2, 'hardly any two have the same answer');
  });

  test('stays after late events, whatever has been folded of them', async () => {
    await asking.put(all.slice(450, 700));
    await assertKept('after later ingest');
    await asking.foldFirstSeen(tenant, asking.state(tenant).confirmed);
    await assertKept('after the fold of first events');
    const newest = await Promise.all(
      given.map(async ({ asked, bytes: old }) => bytes(await ask(asked, tenant)) !== old),
    );
    assert.ok(newest.filter(Boolean).length > given.length / 2, 'and the newest answers are others');
  });

  test('stays when its days are sealed, opened by late events and sealed again', async () => {
    assert.ok((await asking.seal(tenant, days)).length > 15);
    await assertKept('after sealing');
    await take();
    await asking.put(all.slice(700));
    await assertKept('after unsealing');
    assert.ok((await asking.seal(tenant, days)).length > 5);
    await assertKept('after sealing again');
  });

  test('is what facts give that never held more than it pins', async () => {
    for (const { asked, bytes: expected } of given.slice(0, ASKED.length)) {
      assert.equal(bytes(await ask(asked, twin)), expected, asked.name);
    }
  });

  test('without now is refused where the clock would change it', async () => {
    const token = String(given[0]?.token);
    const codesOf = async (name: AnalysisName, question: object): Promise<unknown> => {
      const asked = ask({ name, question: { ...question, as_of: token } }, tenant);
      const error = await asked.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) return undefined;
      assert.ok(error instanceof Fault);
      const errors = (error.details['errors'] ?? []) as { field: string; code: string }[];
      return errors.map(({ field, code }) => `${field} ${code}`).join();
    };
    for (const [name, question] of [
      ['dashboard', { range: '24h' }],
      ['trend', {}],
      ['events', { event: 'any', from: '2024-02-01' }],
      ['daily-stats', {}],
      // Its last week ends after the newest record the token pins was received.
      ['retention', { from: '2024-03-01', to: '2024-12-01', period: 'week', start: { event: 'click' } }],
    ] as const) {
      assert.equal(await codesOf(name, question), 'now required', name);
      assert.equal(await codesOf(name, { ...question, now: NOW }), undefined, name);
    }
    for (const [name, question] of [
      ['dashboard', RANGE],
      ['trend', { to: '2024-03-01' }],
      ['daily-stats', { date: '2024-03-04' }],
      ['retention', { from: '2024-02-05', to: '2024-02-26', period: 'week', start: { event: 'click' } }],
    ] as const) {
      assert.equal(await codesOf(name, question), undefined, name);
    }
  });

  test('as of an instant looks back from that instant', async () => {
    const asOf = '2024-03-05T06:00:00.000Z';
    const { meta } = await ask({ name: 'trend', question: { range: '24h', as_of: asOf } }, tenant);
    assert.deepEqual([meta.now, meta.range.from, meta.range.to], [asOf, '2024-03-04T06:00:00.000Z', asOf]);
    const day = await ask({ name: 'daily-stats', question: { as_of: asOf, tz: 'Asia/Tokyo' } }, tenant);
    assert.equal(day['date'], '2024-03-05');
    const month = await ask({ name: 'trend', question: { ...RANGE, as_of: asOf, now: NOW } }, tenant);
    assert.equal(month.meta.now, NOW);
  });

  test('stays when facts are let go elsewhere, and is refused where they are its own', async () => {
    assert.deepEqual(await asking.facts.dropBefore(GENERATION, FEBRUARY_MS), [202401]);
    asking.letGo(tenant, { beforeMs: FEBRUARY_MS, position: 9n });
    const refused = async (asked: Asked, as_of: string): Promise<unknown> => {
      const error: unknown = await ask(asked, tenant, { as_of }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return error instanceof Fault && [error.code, String(error.details['reason']).includes('let go')];
    };
    let kept = 0;
    for (const { asked, token, bytes: expected } of given) {
      if (asked.readsAll) {
        assert.deepEqual(await refused(asked, token), ['QUERY_PIN_UNAVAILABLE', true], asked.name);
        continue;
      }
      assert.equal(bytes(await ask(asked, tenant, { as_of: token })), expected, asked.name);
      kept++;
    }
    assert.ok(kept > 40, `${kept} kept`);
    const january: Asked = { name: 'range', question: { from: '2024-01-15', to: '2024-03-01' } };
    for (const asOf of [String(given[0]?.token), '2024-03-05']) {
      assert.deepEqual(await refused(january, asOf), ['QUERY_PIN_UNAVAILABLE', true]);
    }
  });
});
