import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { SCENARIO_TEMPLATES } from '#domain';
import type { JsonObject } from '#domain';
import { countFigures } from './figures.ts';
import { JOURNEYS } from './journeys.ts';
import { makeMonth } from './month.ts';
import type { Input } from './month.ts';

const DAY_MS = 86_400_000;
// A Wednesday, so that the thirty days before it have four whole weekends.
const END = Date.parse('2025-06-04T15:30:00Z');
const OPTIONS = { seed: 7, days: 30, events: 150_000, endAt: END };
const month = makeMonth(OPTIONS);
const sent = month.inputs.filter(({ expected }) => expected === 'accepted');
const events = sent.map(({ event }) => event);
const figures = countFigures(month.inputs, { startAt: month.startAt, endAt: END });

const digest = (inputs: readonly Input[]): string =>
  createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
const did = (action: string): readonly JsonObject[] =>
  events.filter((event) => event['action_type'] === action);
const text = (event: JsonObject, member: string): string => (event[member] as string | undefined) ?? '';
const timeOf = (event: JsonObject): number => event['timestamp'] as number;

test('the same options make the same month, byte by byte, and another seed another one', () => {
  const small = { ...OPTIONS, events: 3000 };
  const one = makeMonth(small);
  assert.equal(digest(one.inputs), digest(makeMonth(small).inputs));
  assert.equal(digest(one.again), digest(makeMonth(small).again));
  assert.notEqual(digest(one.inputs), digest(makeMonth({ ...small, seed: 8 }).inputs));
});

test('it has as many events as asked for, all in its days, each id once', () => {
  assert.ok(events.length >= 150_000 && events.length < 151_000, `${events.length}`);
  assert.equal(month.startAt, Date.parse('2025-05-05T00:00:00Z'));
  assert.ok(events.every((event) => timeOf(event) >= month.startAt && timeOf(event) < END));
  const ids = month.inputs.map(({ event }) => event['event_id']);
  assert.equal(new Set(ids).size, ids.length);
});

test('all scenario types occur with all of their recommended actions', () => {
  const seen = new Set(
    events.map((event) => `${text(event, 'scenario_type')} ${text(event, 'action_type')}`),
  );
  assert.equal(SCENARIO_TEMPLATES.length, 8);
  for (const { scenario_type: type, recommended_actions: actions } of SCENARIO_TEMPLATES) {
    for (const action of actions) assert.ok(seen.has(`${type} ${action}`), `${type} ${action}`);
  }
});

test('generic, user and catalogue events occur, and visitors nobody knows yet', () => {
  for (const name of ['$pageview', 'session.start', 'message.ai', 'signup', 'identify', 'item_created']) {
    assert.ok((figures.names[name] ?? 0) > 0, name);
  }
  assert.ok(events.some((event) => event['user_id'] === undefined && event['device_id'] !== undefined));
});

test('the shop loses people at every step', () => {
  const [, ...later] = figures.funnel;
  later.forEach((users, index) => {
    const before = figures.funnel[index] ?? 0;
    assert.ok(users > 0 && users < before, figures.funnel.join());
  });
});

test('every scenario is opened less often than shown, and gone through less often than opened', () => {
  for (const [type, { path }] of Object.entries(JOURNEYS)) {
    const own = events.filter((event) => event['scenario_type'] === type);
    const done = path.map(({ action }) => own.filter((event) => event['action_type'] === action).length);
    for (const [index, count] of done.slice(1).entries()) {
      assert.ok(count > 0 && count < (done[index] ?? 0), `${type}: ${done.join()}`);
    }
  }
});

test('weekends are busier than the days around them, and the month grows', () => {
  const whole = figures.days.slice(0, 28);
  const average = (counts: readonly number[]): number =>
    counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const usersOn = (weekend: boolean): readonly number[] =>
    whole
      .filter(({ day }) => [0, 6].includes(new Date(day).getUTCDay()) === weekend)
      .map(({ users }) => users);
  assert.ok(average(usersOn(true)) > 1.1 * average(usersOn(false)));
  const weeks = [0, 7, 14, 21].map((at) => average(whole.slice(at, at + 7).map(({ users }) => users)));
  for (const [index, users] of weeks.slice(1).entries()) assert.ok(users > (weeks[index] ?? 0), weeks.join());
});

test('of those who sign up fewer come back as the days go by', () => {
  const whole = figures.retention.slice(0, 22);
  const back = [0, 1, 2, 4, 7].map((n) => whole.reduce((sum, { values }) => sum + (values[n] ?? 0), 0));
  for (const [index, users] of back.slice(1).entries()) assert.ok(users < (back[index] ?? 0), back.join());
  assert.ok((back[1] ?? 0) > 0.2 * (back[0] ?? 0) && (back[1] ?? 0) < 0.7 * (back[0] ?? 0), back.join());
});

test('the second group of the experiment orders measurably more often (two-sided z-test, 99.9 %)', () => {
  const of = (key: string): number => figures.experiment[key] ?? 0;
  const [carts, others] = [of('treatment add_cart'), of('control add_cart')];
  const [rate, other] = [of('treatment order') / carts, of('control order') / others];
  const pooled = (of('treatment order') + of('control order')) / (carts + others);
  const z = (rate - other) / Math.sqrt(pooled * (1 - pooled) * (1 / carts + 1 / others));
  assert.ok(z > 3.29, `z = ${z}`);
  // What comes before the button is alike in both.
  assert.ok(Math.abs(carts - others) < 4 * Math.sqrt(carts + others));
});

test('day 18 brings the release: for nine hours its payments have no amount', () => {
  assert.equal(month.release.day, 18);
  assert.equal(month.release.fromAt, Date.parse('2025-05-22T14:00:00Z'));
  const broken = sent.filter(({ warned }) => warned);
  assert.ok(broken.length > 0);
  for (const { event } of broken) {
    assert.equal(event['action_type'], 'payment');
    assert.equal(event['app_version'], '2.4.0');
    assert.match((event['extra_data'] as { total_amount: string }).total_amount, /^[A-Z]{3} \d+\.\d\d$/);
    assert.ok(timeOf(event) >= month.release.fromAt && timeOf(event) < month.release.fromAt + 9 * 3_600_000);
  }
  const others = did('payment').filter((event) => event['app_version'] !== '2.4.0');
  assert.ok(
    others.every((event) => typeof (event['extra_data'] as JsonObject)['payment_amount'] === 'number'),
  );
});

test('phones that were offline send two days at once, so arrival differs from time', () => {
  const late = sent.filter(({ event, arrivesAt }) => arrivesAt - timeOf(event) > 3_600_000);
  assert.ok(late.length > 100, `${late.length}`);
  assert.ok(late.every(({ event, arrivesAt }) => arrivesAt - timeOf(event) <= 2 * DAY_MS + 3000));
  assert.ok(month.inputs.every((input, at) => input.arrivesAt >= (month.inputs[at - 1]?.arrivesAt ?? 0)));
});

test('what goes wrong is of the three kinds, and says what it is', () => {
  const bodies = new Map(sent.map(({ event }) => [event['event_id'], JSON.stringify(event)]));
  const outcomes = new Set(month.again.map(({ expected }) => expected));
  assert.deepEqual(outcomes, new Set(['duplicate', 'conflict']));
  for (const { event, expected } of month.again) {
    const first = bodies.get(event['event_id'] ?? '');
    assert.equal(first === JSON.stringify(event), expected === 'duplicate');
    assert.notEqual(first, undefined);
  }
  const rejected = month.inputs.filter(({ expected }) => expected === 'rejected');
  assert.ok(rejected.length > 0);
  assert.ok(rejected.every(({ event }) => event['user_id'] === undefined && event['action_type']));
  const behaviours = events.filter((event) => event['action_type'] !== undefined);
  assert.ok(behaviours.every((event) => event['user_id'] !== undefined));
});

test('no user does two things at one instant', () => {
  const instants = new Set(
    events.map((event) => `${text(event, 'device_id') || text(event, 'item_id')} ${timeOf(event)}`),
  );
  assert.equal(instants.size, events.length);
});
