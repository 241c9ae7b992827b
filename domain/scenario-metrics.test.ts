import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIONS } from './action.ts';
import type { ActionType } from './action.ts';
import {
  foldTallies,
  formatMoney,
  parseMoney,
  roundedQuotient,
  tallied,
  talliedConversions,
} from './action-tally.ts';
import type { Event } from './event.ts';
import { percent } from './metrics.ts';
import { RECOMMENDED_ACTIONS } from './scenario-actions.ts';
import { SCENARIO_TYPES } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';
import { MONEY_METRICS, SCENARIO_METRICS, figureOf, formulaOf, moneyFigureOf } from './scenario-metrics.ts';

const behaviour = (action: ActionType, rest: Partial<Event> = {}): Event => ({
  event_id: 'e',
  tenant_id: 'acme',
  kind: 'behaviour',
  event_name: action,
  action_type: action,
  user_id: 'u1',
  timestamp: 0,
  server_time: 0,
  valid_status: 1,
  schema: 'envelope.behaviour',
  schema_version: 1,
  ...rest,
});

test('money is read and written to the ten-thousandth, whatever a double makes of it', () => {
  for (const [text, kept, written] of [
    ['0', 0n, '0.0000'],
    ['299.9', 2_999_000n, '299.9000'],
    ['-0.5', -5000n, '-0.5000'],
    ['0.30000000000000004', 3000n, '0.3000'],
    ['1.99999', 19_999n, '1.9999'],
    ['-1.99999', -19_999n, '-1.9999'],
    ['1e-7', 0n, '0.0000'],
    ['99999999999999.9999', 999_999_999_999_999_999n, '99999999999999.9999'],
  ] as const) {
    assert.equal(parseMoney(text), kept, text);
    assert.equal(formatMoney(kept), written, text);
  }
});

test('a quotient is rounded half up, below zero as well, and 0 over nothing', () => {
  for (const [numerator, denominator, expected] of [
    [1n, 2n, 1n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
    [-1n, 2n, 0n],
    [-3n, 2n, -1n],
    [-2n, 3n, -1n],
    [-5n, 3n, -2n],
    [-6n, 3n, -2n],
    [7n, 0n, 0n],
  ] as const) {
    assert.equal(roundedQuotient(numerator, denominator), expected, `${numerator} / ${denominator}`);
  }
});

test('a rate is what the dashboards call per cent', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), (part, whole) => {
      const [rate] = SCENARIO_METRICS.video.filter(({ name }) => name === 'ctr');
      const nothing = { users: 0n, seconds: 0n, timed: 0n, completion: 0n, rated: 0n, money: 0n };
      const tallies = [
        { scenarioType: 'video', action: 'click', currency: '', ...nothing, events: BigInt(part) },
        { scenarioType: 'video', action: 'impression', currency: '', ...nothing, events: BigInt(whole) },
      ] as const;
      assert.equal(figureOf(rate!, tallies).value, percent(part, whole));
    }),
  );
});

test('every metric of every type has a name of its own and is 0 of nothing', () => {
  for (const type of SCENARIO_TYPES) {
    const names = [...SCENARIO_METRICS[type], ...(MONEY_METRICS[type] ?? [])].map(({ name }) => name);
    assert.equal(new Set(names).size, names.length, type);
    for (const metric of SCENARIO_METRICS[type]) {
      const { value, numerator, denominator } = figureOf(metric, []);
      assert.deepEqual([value, numerator, denominator ?? 0], [0, 0, 0], metric.name);
    }
    for (const metric of MONEY_METRICS[type] ?? []) {
      assert.equal(moneyFigureOf(metric, []).value, '0.0000', metric.name);
    }
  }
});

test('the core metrics of the requirements are there by their names', () => {
  const core: Partial<Record<ScenarioType, readonly string[]>> = {
    video: ['impressions', 'clicks', 'completion_rate', 'likes', 'shares', 'comments'],
    ecommerce: ['impressions', 'clicks', 'add_cart_rate', 'order_rate', 'payment_rate', 'aov', 'gmv'],
    news: ['impressions', 'clicks', 'read_completion_rate', 'avg_stay_duration', 'comments', 'shares'],
    music: ['impressions', 'clicks', 'play_completion_rate', 'single_loop_rate', 'add_playlist_rate'],
    education: ['impressions', 'clicks', 'study_completion_rate', 'purchase_rate', 'interaction_rate'],
  };
  for (const [type, names] of Object.entries(core)) {
    const own = type as ScenarioType;
    const known = [...SCENARIO_METRICS[own], ...(MONEY_METRICS[own] ?? [])].map(({ name }) => name);
    for (const name of names) assert.ok(known.includes(name), `${type} ${name}`);
  }
});

/** What a metric means, said once more for one list of behaviours, in the plainest words and with doubles. */
type Plain = (of: (...actions: ActionType[]) => readonly Event[]) => number;
const users = (events: readonly Event[]) => new Set(events.flatMap(({ user_id: user }) => user ?? [])).size;
const mean = (values: readonly (number | undefined)[]): number => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length;
};
const part = (some: number, all: number): number => (all === 0 ? 0 : (100 * some) / all);
const ofImpressions =
  (...actions: ActionType[]): Plain =>
  (of) =>
    part(of(...actions).length, of('impression').length);
const many =
  (action: ActionType): Plain =>
  (of) =>
    of(action).length;
const completion =
  (...actions: ActionType[]): Plain =>
  (of) =>
    100 * mean(of(...actions).map((event) => event.completion_rate));
const seconds =
  (...actions: ActionType[]): Plain =>
  (of) =>
    mean(of(...actions).map((event) => event.watch_duration));

const seen = { impressions: many('impression'), clicks: many('click'), ctr: ofImpressions('click') };
const PLAIN: Record<ScenarioType, Record<string, Plain>> = {
  video: {
    ...seen,
    plays: many('play'),
    completion_rate: completion('play_end'),
    avg_watch_duration: seconds('play_end'),
    likes: many('like'),
    shares: many('share'),
    comments: many('comment'),
  },
  ecommerce: {
    ...seen,
    add_cart_rate: ofImpressions('add_cart'),
    order_rate: ofImpressions('order'),
    payment_rate: ofImpressions('payment'),
    purchase_rate: ofImpressions('purchase'),
  },
  news: {
    ...seen,
    reads: many('read'),
    read_completion_rate: completion('read_end'),
    avg_stay_duration: seconds('read'),
    avg_read_duration: seconds('read_end'),
    likes: many('like'),
    comments: many('comment'),
    shares: many('share'),
  },
  music: {
    ...seen,
    plays: many('play'),
    play_completion_rate: completion('play_end'),
    avg_play_duration: seconds('play_end'),
    single_loop_rate: (of) => part(of('repeat').length, of('play').length),
    add_playlist_rate: (of) => part(of('add_playlist').length, of('play').length),
    likes: many('like'),
    shares: many('share'),
  },
  education: {
    ...seen,
    learners: (of) => users(of('learn')),
    study_completion_rate: completion('learn', 'complete'),
    avg_study_duration: seconds('learn'),
    purchase_rate: ofImpressions('purchase'),
    interaction_rate: (of) => part(of('note', 'ask', 'review').length, users(of('learn'))),
  },
  content: {
    ...seen,
    views: many('view'),
    reads: many('read'),
    avg_read_duration: seconds('read'),
    likes: many('like'),
    comments: many('comment'),
    shares: many('share'),
    collects: many('collect'),
    engagement_rate: ofImpressions('like', 'comment', 'share', 'collect'),
    report_rate: ofImpressions('report'),
  },
  social: {
    impressions: many('impression'),
    profile_view_rate: ofImpressions('view_profile'),
    follow_rate: ofImpressions('follow'),
    add_friend_rate: ofImpressions('add_friend'),
    messages: many('message'),
    ignore_rate: ofImpressions('ignore'),
    block_rate: ofImpressions('block'),
  },
  personalized: {
    ...seen,
    positive_feedback: many('positive_feedback'),
    negative_feedback: many('negative_feedback'),
    positive_feedback_rate: (of) =>
      part(of('positive_feedback').length, of('positive_feedback', 'negative_feedback').length),
    dismiss_rate: ofImpressions('dismiss'),
    not_interest_rate: ofImpressions('not_interest'),
  },
  custom: { ...seen, order_rate: ofImpressions('order'), payment_rate: ofImpressions('payment') },
};

test('every metric is what its plain meaning gives, to half of its last decimal', () => {
  const event = fc
    .record({
      action: fc.constantFrom(...ACTIONS),
      user_id: fc.constantFrom('u1', 'u2', 'u3'),
      watch_duration: fc.option(fc.integer({ min: 0, max: 9_999_999 }).map((ms) => ms / 1000)),
      completion_rate: fc.option(fc.integer({ min: 0, max: 1_000_000 }).map((share) => share / 1_000_000)),
    })
    .map(({ action, user_id, watch_duration: watched, completion_rate: rate }) =>
      behaviour(action, {
        user_id,
        ...(watched === null ? {} : { watch_duration: watched }),
        ...(rate === null ? {} : { completion_rate: rate }),
      }),
    );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), (events) => {
      const of = (...actions: ActionType[]) =>
        events.filter(({ event_name: name }) => actions.some((action) => action === name));
      for (const type of SCENARIO_TYPES) {
        assert.deepEqual(
          SCENARIO_METRICS[type].map(({ name }) => name),
          Object.keys(PLAIN[type]),
        );
        for (const metric of SCENARIO_METRICS[type]) {
          const { value } = figureOf(metric, foldTallies(events));
          const plain = PLAIN[type][metric.name]!(of);
          const step = { count: 0, percent: 0.005, seconds: 0.0005 }[metric.unit];
          assert.ok(Math.abs(value - plain) <= step + 1e-9, `${type} ${metric.name}: ${value}, not ${plain}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('a formula says what is counted', () => {
  const formulas = Object.fromEntries(
    [...SCENARIO_METRICS.music, ...(MONEY_METRICS.ecommerce ?? [])].map((each) => [
      each.name,
      formulaOf(each),
    ]),
  );
  assert.equal(formulas['plays'], 'events(play)');
  assert.equal(formulas['single_loop_rate'], '100 × events(repeat) / events(play)');
  assert.equal(
    formulas['play_completion_rate'],
    '100 × sum(completion_rate of play_end) / events(play_end with completion_rate)',
  );
  assert.equal(
    formulas['avg_play_duration'],
    'sum(watch_duration of play_end) / events(play_end with watch_duration)',
  );
  assert.equal(formulas['gmv'], 'sum(amount of payment)');
  assert.equal(formulas['aov'], 'sum(amount of payment) / events(order)');
});

test('tallies keep types, actions and currencies apart, and only actions of money have a currency', () => {
  const tallies = foldTallies([
    behaviour('payment', { amount: 0.1, currency: 'CNY', scenario_type: 'ecommerce' }),
    behaviour('payment', { amount: 0.2, currency: 'CNY', scenario_type: 'ecommerce', user_id: 'u2' }),
    behaviour('payment', { amount: 5, currency: 'USD', scenario_type: 'ecommerce' }),
    behaviour('click', { currency: 'USD', scenario_type: 'ecommerce' }),
    behaviour('click'),
    { ...behaviour('click'), kind: 'generic' },
  ]);
  assert.deepEqual(
    tallies.map(({ scenarioType, action, currency, events, users: actors, money }) => [
      scenarioType,
      action,
      currency,
      events,
      actors,
      money,
    ]),
    [
      ['ecommerce', 'payment', 'CNY', 2n, 2n, 3000n],
      ['ecommerce', 'payment', 'USD', 1n, 1n, 50_000n],
      ['ecommerce', 'click', '', 1n, 1n, 0n],
      ['', 'click', '', 1n, 1n, 0n],
    ],
  );
  assert.equal(tallied(tallies, 'events'), 5n);
});

test('conversions are by the action of each type, or by those one asks for', () => {
  const tallies = foldTallies([
    behaviour('order'),
    behaviour('order', { scenario_type: 'education' }),
    behaviour('purchase', { scenario_type: 'education' }),
    behaviour('purchase', { scenario_type: 'education', user_id: 'u2' }),
    behaviour('payment', { scenario_type: 'ecommerce' }),
  ]);
  assert.equal(talliedConversions(tallies), 3n);
  assert.equal(talliedConversions(tallies, ['payment', 'order']), 3n);
  assert.equal(talliedConversions(tallies, ['click']), 0n);
});

test('every type has recommended actions that begin with being shown, each once', () => {
  for (const type of SCENARIO_TYPES) {
    const actions = RECOMMENDED_ACTIONS[type];
    assert.equal(actions[0], 'impression', type);
    assert.equal(new Set(actions).size, actions.length, type);
  }
});
