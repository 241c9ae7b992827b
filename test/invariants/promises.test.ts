import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANALYSES } from '#query';
import type { Platform } from '../platform.ts';
import { startPlatform, temporaryDir } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';
import { ask, askGet, waitUntilVisible } from './asking.ts';
import type { EventsAnswer, Meta } from './asking.ts';
import { makeHistory } from './history.ts';
import type { Input } from './history.ts';
import { settle } from './ledger.ts';
import type { Answer } from './ledger.ts';
import { sendAll, sendOne } from './sending.ts';

const RANGE = { from: '2024-01-01T00:00:00Z', to: '2025-01-01T00:00:00Z' };
const TENANT = 'acme';

const inputs = (seed: number, events: number): readonly Input[] =>
  makeHistory({
    seed,
    tenants: [TENANT],
    events,
    fromMs: Date.parse(RANGE.from),
    toMs: Date.parse(RANGE.to),
  }).inputs;

/** One question of every kind. */
const QUESTIONS = [
  { analysis: 'events', body: { event: 'click', measure: 'count', interval: 'day', breakdown: 'os' } },
  { analysis: 'events', body: { event: 'pageview', measure: 'users', interval: 'month' } },
  {
    analysis: 'funnel',
    body: {
      steps: [{ event: 'impression' }, { event: 'click' }, { event: 'order' }],
      window: '7d',
      order: 'ordered',
    },
  },
  {
    analysis: 'retention',
    body: {
      period: 'week',
      periods: 4,
      start: { event: 'signup' },
      return: { event: 'any' },
      mode: 'on',
      cohort: 'first_ever',
    },
  },
  { analysis: 'dashboard', members: RANGE },
  { analysis: 'trend', members: RANGE },
  { analysis: 'distribution', members: RANGE },
  { analysis: 'hot-items', members: RANGE },
  { analysis: 'behavior-analysis', members: RANGE },
  { analysis: 'scenario-metrics', members: RANGE },
  { analysis: 'minutes', members: { from: '2024-05-01T00:00:00Z', to: '2024-05-02T00:00:00Z' } },
  { analysis: 'user-activity', members: { ...RANGE, user_id: 'user-1' } },
  { analysis: 'item-stats', members: { ...RANGE, item_id: 'item-1' } },
  { analysis: 'daily-stats', members: { date: '2024-05-01' } },
  { analysis: 'range', members: RANGE },
] as const;

test('questions of every analysis are pinned', () => {
  const pinned = new Set(QUESTIONS.map(({ analysis }) => analysis));
  assert.deepEqual([...pinned].sort(), [...ANALYSES].sort());
});

type Pinned = { readonly meta: Meta };

async function answers(platform: Platform, asOf?: string): Promise<{ figures: string[]; asOf: string[] }> {
  const figures: string[] = [];
  const tokens: string[] = [];
  for (const question of QUESTIONS) {
    const pin = { tenant_id: TENANT, ...(asOf === undefined ? {} : { as_of: asOf }) };
    const answer =
      'body' in question
        ? await ask<Pinned>(platform, question.analysis, { ...RANGE, tz: 'UTC', ...question.body, ...pin })
        : await askGet<Pinned>(platform, question.analysis, { ...question.members, ...pin });
    const { meta, ...figure } = answer;
    figures.push(JSON.stringify(figure));
    tokens.push(meta.as_of);
  }
  return { figures, asOf: tokens };
}

test('an answer pinned by as_of never changes: not by later or late events, not by a restart', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  await using dir = await temporaryDir();
  const all = inputs(seed, 12_000);
  const half = Math.floor(all.length / 2);
  let pinned: { figures: string[]; asOf: string[] };
  {
    await using platform = await startPlatform({ dataDir: dir.path });
    const options = { random, inFlight: 8, singles: 0.01 };
    const early = await sendAll(platform, all.slice(0, half), options);
    await waitUntilVisible(platform, TENANT, placesOf(early));
    pinned = await answers(platform);
    const [asOf = ''] = pinned.asOf;
    assert.deepEqual(new Set(pinned.asOf).size, 1, 'nothing was written between the questions');

    // The second half lies in the same two years: every event of it is late.
    const late = await sendAll(platform, all.slice(half), options);
    assert.deepEqual((await answers(platform, asOf)).figures, pinned.figures);
    await waitUntilVisible(platform, TENANT, placesOf(late));
    assert.deepEqual((await answers(platform, asOf)).figures, pinned.figures);
    assert.notDeepEqual((await answers(platform)).figures, pinned.figures);
    await platform.stop();
  }
  await using again = await startPlatform({ dataDir: dir.path });
  const kept = await answers(again, pinned.asOf[0]);
  assert.deepEqual(kept.figures, pinned.figures);
});

test('wait_for with a receipt reads the own write, every time', async () => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  for (let n = 1; n <= 60; n++) {
    const event = JSON.stringify({
      event_id: `evt_${n}`,
      tenant_id: TENANT,
      event_name: 'beat',
      user_id: `u${n}`,
      event_time: Date.parse(RANGE.from) + n * 86_400_000,
    });
    const [[, answer] = []] = await sendOne(platform, [
      { index: 0, tenant: TENANT, eventId: `evt_${n}`, text: event, event: undefined, variant: 0 },
    ]);
    const seen = await ask<EventsAnswer>(platform, 'events', {
      tenant_id: TENANT,
      event: 'beat',
      measure: 'count',
      interval: 'month',
      ...RANGE,
      wait_for: answer?.token,
    });
    const total = seen.series.flatMap(({ points }) => points).reduce((sum, { value }) => sum + value, 0);
    assert.equal(total, n);
  }
});

test('received = stored + duplicate + conflict + rejected', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const sent = inputs(seed, 5_000);
  const said = await sendAll(platform, sent, { random: createRandom(seed), inFlight: 8, singles: 0.3 });
  const { counts, problems, accepted } = settle(sent, said);
  assert.deepEqual(problems.slice(0, 5), []);
  assert.equal(counts.accepted + counts.duplicate + counts.conflict + counts.rejected, sent.length);
  assert.equal(accepted.get(TENANT)?.length, counts.accepted);
  for (const outcome of ['duplicate', 'conflict', 'rejected'] as const)
    assert.ok(counts[outcome] > 0, outcome);
  const health = (await platform.get('/api/v1/behaviors/health')).body as {
    stats: Readonly<Record<string, number>>;
  };
  const { stats } = health;
  assert.equal(stats['total_events'], sent.length);
  assert.equal(stats['kafka_success'], counts.accepted);
  assert.equal(stats['rejected'], counts.rejected);
});

function placesOf(
  said: ReadonlyMap<number, Answer>,
): { partition: number; offset: bigint; token: string | undefined }[] {
  return [...said.values()].flatMap(({ partition, offset, token }) =>
    partition === undefined || offset === undefined ? [] : [{ partition, offset, token }],
  );
}
