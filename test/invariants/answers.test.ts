import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Event } from '#domain';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';
import { ask, askGet, readTable, waitUntilVisible } from './asking.ts';
import type { EventsAnswer, FunnelAnswer, RetentionAnswer } from './asking.ts';
import { makeHistory } from './history.ts';
import { settle } from './ledger.ts';
import type { Settled } from './ledger.ts';
import { countOf, dayIn, funnelUsers, retentionValues } from './oracles.ts';
import { funnelQuestions, retentionQuestions } from './questions.ts';
import type { Compared } from './questions.ts';
import { sendAll } from './sending.ts';
import {
  dashboardQuestions,
  distributionQuestions,
  eventsQuestions,
  trendQuestions,
} from './series-questions.ts';

const TENANTS = ['acme', 'globex', 'initech'] as const;
const FROM_MS = Date.UTC(2023, 2, 1);
const TO_MS = Date.UTC(2025, 2, 1);
const EVENTS = 200_000;
const DAY_MS = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString();

describe('answers over a generated history equal brute force over its own ledger', () => {
  const seed = seedOfRun();
  let dir: Awaited<ReturnType<typeof temporaryDir>>;
  let platform: Platform;
  let settled: Settled;
  const took: number[] = [];
  const ledgerOf = (tenant: string): readonly Event[] =>
    settled.accepted.get(tenant)!.map(({ event }) => event);

  before(async () => {
    dir = await temporaryDir();
    platform = await startPlatform({ dataDir: dir.path, env: { DAYBOOK_LOG_LEVEL: 'error' } });
    const { inputs } = makeHistory({
      seed,
      tenants: TENANTS,
      events: EVENTS,
      fromMs: FROM_MS,
      toMs: TO_MS,
    });
    took.push(performance.now());
    const answers = await sendAll(platform, inputs, {
      random: createRandom(seed),
      inFlight: 12,
      singles: 0.5,
    });
    took.push(performance.now());
    settled = settle(inputs, answers);
    for (const tenant of TENANTS) {
      const receipts = inputs.flatMap((input) => {
        const { partition, offset, token } = answers.get(input.index) ?? {};
        if (partition === undefined || offset === undefined || input.tenant !== tenant) return [];
        return [{ partition, offset, token }];
      });
      await waitUntilVisible(platform, tenant, receipts);
    }
    took.push(performance.now());
  });

  after(async () => {
    await platform[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  test('every input was answered as the ledger says', (t) => {
    t.diagnostic(`seed ${seed} (repeat with DAYBOOK_TEST_SEED=${seed})`);
    const [from = 0, sent = 0, visible = 0] = took;
    t.diagnostic(
      `${JSON.stringify(settled.counts)} sent in ${Math.round(sent - from)} ms, all visible ${Math.round(visible - sent)} ms later`,
    );
    assert.deepEqual(settled.problems.slice(0, 10), []);
    assert.ok(settled.counts.accepted >= EVENTS);
  });

  test('the facts hold the accepted events and nothing else, by name and month', async () => {
    for (const tenant of TENANTS) {
      const rows = await readTable(
        platform,
        tenant,
        'SELECT kind, event_name, toYYYYMM(event_time) AS month, count() AS events, uniqExact(event_id) AS ids, ' +
          'uniqExact(item_id) AS items, sum(toUnixTimestamp64Milli(event_time) % 1000003) AS times ' +
          'FROM events GROUP BY kind, event_name, month',
      );
      const found = rows.map((row) => [
        `${String(row['kind'])} ${String(row['event_name'])} ${String(row['month'])}`,
        [row['events'], row['ids'], row['items'], row['times']].map(Number),
      ]);
      const groups = Map.groupBy(
        ledgerOf(tenant),
        ({ kind, event_name, timestamp }) =>
          `${kind} ${event_name} ${iso(timestamp).slice(0, 7).replace('-', '')}`,
      );
      const expected = [...groups].map(([key, events]) => [
        key,
        [
          events.length,
          events.length,
          new Set(events.map(({ item_id }) => item_id)).size,
          events.reduce((sum, { timestamp }) => sum + (timestamp % 1_000_003), 0),
        ],
      ]);
      const sorted = (list: unknown[][]): unknown[][] =>
        list.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
      assert.deepEqual(sorted(found), sorted(expected));
    }
  });

  test('counts and users of an event per local day, by an oracle that shares no line with the product', async () => {
    const zones = ['UTC', 'America/New_York', 'Asia/Kolkata'];
    for (const [index, tz] of zones.entries()) {
      for (const measure of ['count', 'users'] as const) {
        const tenant = TENANTS[index]!;
        const fromMs = Date.UTC(2024, 1, 20);
        const toMs = Date.UTC(2024, 2, 20, 7, 30);
        const answer = await ask<EventsAnswer>(platform, 'events', {
          tenant_id: tenant,
          event: 'click',
          measure,
          interval: 'day',
          from: iso(fromMs),
          to: iso(toMs),
          tz,
          filters: [{ property: 'os', op: '=', value: 'iOS' }],
        });
        const day = dayIn(tz);
        const days = new Set<string>();
        for (let at = fromMs; at < toMs; at += 900_000) days.add(day(at));
        const expected = [...days].map((date) => [
          date,
          countOf(ledgerOf(tenant), {
            fromMs,
            toMs,
            measure,
            matches: (event) =>
              event.event_name === 'click' && event.context?.os === 'iOS' && day(event.timestamp) === date,
          }),
        ]);
        const found = answer.series.flatMap(({ points }) =>
          points.map(({ time, value }) => [day(Date.parse(time)), value]),
        );
        assert.deepEqual(found, expected, `${measure} in ${tz}`);
      }
    }
  });

  test('an ordered funnel, by an oracle that shares no line with the product', async () => {
    for (const [window, windowMs] of [
      ['1h', 3_600_000],
      ['7d', 7 * DAY_MS],
    ] as const) {
      for (const names of [
        ['impression', 'click', 'view', 'add_cart', 'order'],
        ['impression', 'impression', 'click'],
      ]) {
        const answer = await ask<FunnelAnswer>(platform, 'funnel', {
          tenant_id: 'acme',
          from: iso(FROM_MS),
          to: iso(TO_MS),
          steps: names.map((event) => ({ event })),
          window,
          order: 'ordered',
        });
        const expected = funnelUsers(settled.accepted.get('acme')!, {
          fromMs: FROM_MS,
          toMs: TO_MS,
          steps: names.map((name) => (event: Event) => event.event_name === name),
          windowMs,
        });
        assert.deepEqual(
          answer.steps.map(({ users }) => users),
          expected,
          `${names.join(' ')} within ${window}`,
        );
      }
    }
  });

  test('retention by day, by an oracle that shares no line with the product', async () => {
    const fromMs = Date.UTC(2024, 9, 20);
    const toMs = Date.UTC(2024, 10, 20);
    const answer = await ask<RetentionAnswer>(platform, 'retention', {
      tenant_id: 'globex',
      from: iso(fromMs),
      to: iso(toMs),
      tz: 'America/New_York',
      period: 'day',
      periods: 7,
      start: { event: 'impression' },
      return: { event: 'any' },
      mode: 'on',
      cohort: 'first_in_range',
    });
    const expected = retentionValues(ledgerOf('globex'), {
      fromMs,
      toMs,
      timeZone: 'America/New_York',
      periods: 7,
      starts: ({ event_name }) => event_name === 'impression',
      returns: ({ kind }) => kind !== 'catalog',
    });
    let compared = 0;
    for (const { start, size, values } of answer.cohorts) {
      const own = expected.get(start) ?? { size: 0, values: [] };
      assert.equal(size, own.size, start);
      if (size === 0) continue;
      assert.deepEqual(values, own.values.slice(0, values.length), start);
      compared++;
    }
    assert.ok(compared > 20, `${compared} cohorts`);
    assert.equal(
      answer.cohorts.reduce((sum, { size }) => sum + size, 0),
      [...expected.values()].reduce((sum, { size }) => sum + size, 0),
    );
  });

  const byAnalysis = Map.groupBy(
    [
      ...eventsQuestions(),
      ...dashboardQuestions(),
      ...trendQuestions(),
      ...distributionQuestions(),
      ...funnelQuestions({ fromMs: FROM_MS, toMs: TO_MS }),
      ...retentionQuestions(),
    ],
    ({ analysis }) => analysis,
  );
  for (const [analysis, questions] of byAnalysis) {
    test(`${analysis}: ${questions.length} questions, each of a tenant in turn, equal the folds`, async (t) => {
      for (const [index, compared] of questions.entries()) {
        const tenant = TENANTS[index % TENANTS.length]!;
        await t.test(`${compared.name} (${tenant})`, async () => {
          const expected = compared.expected(settled.accepted.get(tenant)!);
          assert.deepEqual(await answerOf(platform, tenant, compared), expected);
        });
      }
    });
  }
});

/** What the platform answers, without `meta`. */
async function answerOf(
  platform: Platform,
  tenant: string,
  { analysis, question }: Compared,
): Promise<unknown> {
  const asked = { tenant_id: tenant, ...question };
  const get = analysis === 'dashboard' || analysis === 'trend' || analysis === 'distribution';
  const answer = await (get
    ? askGet<{ meta: unknown }>(platform, analysis, asked)
    : ask<{ meta: unknown }>(platform, analysis, asked));
  const { meta, ...figures } = answer;
  assert.ok(meta);
  return figures;
}
