import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '#domain';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';
import { waitUntilVisible } from './asking.ts';
import type { Question } from './asking.ts';
import { makeHistory } from './history.ts';
import type { Input } from './history.ts';
import { settle } from './ledger.ts';
import type { Answer, Kept } from './ledger.ts';
import { dayIn, funnelUsers, retentionValues } from './oracles.ts';
import { sendAll } from './sending.ts';

const TENANTS = ['acme', 'globex'] as const;
const FROM_MS = Date.UTC(2024, 2, 1);
const TO_MS = Date.UTC(2024, 4, 1);
const RANGE = { from: new Date(FROM_MS).toISOString(), to: new Date(TO_MS).toISOString() };

type Entry = {
  readonly user?: string | null;
  readonly item?: string | null;
  readonly value?: number;
  readonly events?: number;
  readonly position?: { readonly partition: number; readonly offset: string };
  readonly headers?: { readonly event_id: string };
};
type Explained = {
  readonly value: number;
  readonly users?: readonly Entry[];
  readonly items?: readonly Entry[];
  readonly events?: readonly Entry[];
  readonly records?: readonly Entry[];
  readonly next_cursor: string | null;
  readonly recount?: { readonly equal: boolean; readonly value: unknown; readonly sampled?: object };
  readonly meta: { readonly as_of: string };
};

async function explain(platform: Platform, analysis: string, question: Question): Promise<Explained> {
  const reply = await platform.post(`/api/analytics/${analysis}/explain`, question);
  assert.equal(reply.status, 200, `${analysis} ${JSON.stringify(question)}: ${reply.text.slice(0, 1000)}`);
  return reply.body as Explained;
}

/** Every page of a level; no entry may come twice. */
async function pages(platform: Platform, analysis: string, question: Question): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (let next: string | null | undefined; next !== null;) {
    const page = await explain(platform, analysis, { ...question, ...(next ? { cursor: next } : {}) });
    entries.push(...(page.users ?? page.items ?? page.events ?? page.records ?? []));
    next = page.next_cursor;
  }
  const keys = entries.map(({ user, item, position }) => JSON.stringify(position ?? [user, item]));
  assert.equal(new Set(keys).size, keys.length, `${analysis} ${JSON.stringify(question)}`);
  return entries;
}

const person = (event: Event): string => event.user_id ?? event.device_id ?? event.session_id ?? '';
const placeOf = ({ partition, offset }: Kept): string => `${partition}:${offset}`;

/** The positions of each person's events, by a list of what was kept. */
function placesBy(kept: readonly Kept[], holds: (event: Event) => boolean): Map<string, string[]> {
  const own = kept.filter(({ event }) => holds(event));
  const groups = Map.groupBy(own, ({ event }) => person(event));
  return new Map([...groups].map(([who, list]) => [who, list.map(placeOf).sort()]));
}

test('explanations over a generated history equal its own ledger, and stay when more comes', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed} (repeat with DAYBOOK_TEST_SEED=${seed})`);
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path, env: { DAYBOOK_LOG_LEVEL: 'error' } });
  const { inputs } = makeHistory({ seed, tenants: TENANTS, events: 6_000, fromMs: FROM_MS, toMs: TO_MS });
  const answers = new Map<number, Answer>();
  const send = async (some: readonly Input[]): Promise<void> => {
    const random = createRandom(seed);
    for (const [index, answer] of await sendAll(platform, some, { random, inFlight: 8, singles: 0.1 })) {
      answers.set(index, answer);
    }
    for (const tenant of TENANTS) {
      const receipts = some.flatMap((input) => {
        const { partition, offset, token } = answers.get(input.index) ?? {};
        if (input.tenant !== tenant || partition === undefined || offset === undefined) return [];
        return [{ partition, offset, token }];
      });
      await waitUntilVisible(platform, tenant, receipts);
    }
  };
  const half = inputs.filter(({ eventId }) => eventId.charCodeAt(eventId.length - 1) % 2 === 0);
  await send(half);
  const early = { tenant_id: 'acme', ...RANGE, cell: { figure: 'active_users' }, page_size: 1000 };
  const before = await explain(platform, 'dashboard', early);
  await send(inputs.filter((input) => !half.includes(input)));
  const { accepted, problems } = settle(inputs, answers);
  assert.deepEqual(problems, []);

  const after = await explain(platform, 'dashboard', { ...early, as_of: before.meta.as_of });
  assert.deepEqual(
    [after.value, after.users, after.recount],
    [before.value, before.users, before.recount],
    'as of the earlier token nothing has changed',
  );

  for (const tenant of TENANTS) {
    const kept = accepted.get(tenant) ?? [];
    const asked = { tenant_id: tenant, ...RANGE, page_size: 97 };
    const check = async (analysis: string, question: Question, expected: Map<string, string[]>) => {
      const whole = await explain(platform, analysis, question);
      assert.equal(whole.recount?.equal, true, JSON.stringify(whole.recount));
      assert.deepEqual([whole.recount.value, whole.recount.sampled], [whole.value, undefined]);
      const users = await pages(platform, analysis, question);
      assert.deepEqual(
        new Map(users.map(({ user, events }) => [user ?? '', events])),
        new Map([...expected].map(([who, places]) => [who, places.length])),
      );
      for (const [who, places] of [...expected].slice(0, 10)) {
        const down = { ...question, user: who, level: 'records', page_size: 7 };
        const records = await pages(platform, analysis, down);
        const found = records.map(({ position }) => `${position?.partition}:${position?.offset}`);
        assert.deepEqual(found.sort(), places, who);
        const ids = new Map(kept.map((one) => [placeOf(one), one.event.event_id]));
        for (const { position, headers } of records) {
          assert.equal(headers?.event_id, ids.get(`${position?.partition}:${position?.offset}`));
        }
      }
    };
    const clicked = (event: Event): boolean => event.kind === 'behaviour' && event.event_name === 'click';
    await check('dashboard', { ...asked, cell: 'total_clicks' }, placesBy(kept, clicked));
    await check(
      'dashboard',
      { ...asked, cell: 'active_users' },
      placesBy(kept, (event) => event.kind !== 'catalog' && person(event) !== ''),
    );
    const day = dayIn('America/New_York');
    const series = { ...asked, tz: 'America/New_York', event: 'click', interval: 'day', measure: 'users' };
    await check(
      'events',
      { ...series, cell: { time: '2024-03-15' } },
      placesBy(kept, (event) => clicked(event) && day(event.timestamp) === '2024-03-15'),
    );

    const names = ['impression', 'click', 'view'];
    const funnel = { ...asked, steps: names.map((event) => ({ event })), window: '7d' };
    const reached = funnelUsers(kept, {
      fromMs: FROM_MS,
      toMs: TO_MS,
      steps: names.map((name) => (event: Event) => event.event_name === name),
      windowMs: 7 * 86_400_000,
    });
    for (const [index, expected] of reached.entries()) {
      const cell = { step: index + 1 };
      const whole = await explain(platform, 'funnel', { ...funnel, cell });
      assert.deepEqual([whole.value, whole.recount?.value, whole.recount?.equal], [expected, expected, true]);
      const users = await pages(platform, 'funnel', { ...funnel, cell });
      assert.deepEqual(
        [users.length, new Set(users.map(({ events }) => events))],
        [expected, new Set([index + 1])],
      );
    }

    const cohorts = retentionValues(
      kept.map(({ event }) => event),
      {
        fromMs: FROM_MS,
        toMs: TO_MS,
        timeZone: 'UTC',
        periods: 2,
        starts: ({ event_name: name }) => name === 'impression',
        returns: ({ kind }) => kind !== 'catalog',
      },
    );
    const retention = { ...asked, start: { event: 'impression' }, cohort: 'first_in_range', periods: 2 };
    const [date, { size, values }] = [...cohorts].sort((a, b) => b[1].size - a[1].size)[0]!;
    for (const [period, expected] of [[undefined, size] as const, ...values.entries()]) {
      const cell = { cohort: date, ...(period === undefined ? {} : { period }) };
      const whole = await explain(platform, 'retention', { ...retention, cell });
      assert.deepEqual([whole.value, whole.recount?.value, whole.recount?.equal], [expected, expected, true]);
      assert.equal((await pages(platform, 'retention', { ...retention, cell })).length, expected);
    }
  }
});
