import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { foldRetention, parseZone } from '#domain';
import {
  AROUND_MS,
  before,
  filterArbitrary,
  historyArbitrary,
  historyOf,
  openAsking,
  vectorArbitrary,
} from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';

const selection = (names: readonly string[]) =>
  fc.record(
    { event: fc.constantFrom(...names), filters: fc.array(filterArbitrary, { maxLength: 1 }) },
    { requiredKeys: ['event'] },
  );

describe('retention', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const SIGNED_UP = [
    ['old', 'signup', '2024-02-01T10:00:00Z'],
    ['old', 'signup', '2024-03-04T11:00:00Z'],
    ['u1', 'signup', '2024-03-04T00:00:00Z'],
    ['u2', 'signup', '2024-03-04T10:00:00Z'],
    ['u3', 'signup', '2024-03-04T23:59:59.999Z'],
    ['u1', 'visit', '2024-03-05T10:00:00Z'],
    ['u1', 'visit', '2024-03-06T10:00:00Z'],
    ['u2', 'visit', '2024-03-06T10:00:00Z'],
    ['u1', 'signup', '2024-03-06T12:00:00Z'],
    ['u4', 'signup', '2024-03-06T10:00:00Z'],
    ['u4', 'visit', '2024-03-07T00:00:00Z'],
  ].map(([user_id = '', name = '', at = '']) => ({ user_id, name, at }));
  const QUESTION = {
    from: '2024-03-04',
    to: '2024-03-07',
    period: 'day',
    periods: 7,
    start: { event: 'signup' },
    return: { event: 'any' },
    mode: 'on',
  };

  test('cohorts by the first event ever, by hand; the kept fold and the facts say the same', async () => {
    const tenant = await asking.put(historyOf('byhand', SIGNED_UP));
    const expected = {
      cohorts: [
        { start: '2024-03-04', size: 3, values: [3, 1, 2], rates: [100, 33.33, 66.67] },
        { start: '2024-03-05', size: 0, values: [0, 0], rates: [0, 0] },
        { start: '2024-03-06', size: 1, values: [1], rates: [100] },
      ],
    };
    assert.deepEqual(await asking.data('retention', tenant, { ...QUESTION, cohort: 'first_ever' }), expected);
    await asking.foldFirstSeen(tenant, [5n, 0n, 0n, 0n]);
    const again = { ...QUESTION, cohort: 'first_ever', periods: 8 };
    assert.deepEqual(await asking.data('retention', tenant, again), expected);
    await asking.foldFirstSeen(tenant, [11n, 0n, 0n, 0n]);
    assert.deepEqual(await asking.data('retention', tenant, { ...again, periods: 9 }), expected);
  });

  test('cohorts by the first event of the range, and recurring ones, by hand', async () => {
    const tenant = await asking.put(historyOf('byhand2', SIGNED_UP));
    const sizes = async (cohort: string) => {
      const answer = await asking.data('retention', tenant, { ...QUESTION, cohort });
      return (answer as { cohorts: { size: number; values: number[] }[] }).cohorts.map(({ size, values }) => [
        size,
        ...values,
      ]);
    };
    assert.deepEqual(await sizes('first_in_range'), [
      [4, 4, 1, 2],
      [0, 0, 0],
      [1, 1],
    ]);
    assert.deepEqual(await sizes('recurring'), [
      [4, 4, 1, 2],
      [0, 0, 0],
      [2, 2],
    ]);
  });

  test('on or after counts who came back in that period or a later one', async () => {
    const tenant = await asking.put(historyOf('byhand3', SIGNED_UP));
    const answer = await asking.data('retention', tenant, {
      ...QUESTION,
      cohort: 'first_ever',
      mode: 'on_or_after',
    });
    const first = (answer as { cohorts: { values: number[] }[] }).cohorts[0];
    assert.deepEqual(first?.values, [3, 2, 2]);
  });

  test('a period that is not over is null, one beyond the range is left out', async (t) => {
    const tenant = await asking.put(historyOf('byhand4', SIGNED_UP));
    const { nowMs } = asking;
    t.after(() => {
      asking.nowMs = nowMs;
    });
    asking.nowMs = Date.parse('2024-03-06T18:00:00Z');
    const answer = await asking.data('retention', tenant, { ...QUESTION, cohort: 'first_ever', periods: 1 });
    assert.deepEqual(answer, {
      cohorts: [
        { start: '2024-03-04', size: 3, values: [3, 1], rates: [100, 33.33] },
        { start: '2024-03-05', size: 0, values: [0, null], rates: [0, null] },
        { start: '2024-03-06', size: 1, values: [null], rates: [null] },
      ],
    });
  });

  test('equals the fold over plain events, whatever the question, the vector and the state of the fold', async () => {
    let runs = 0;
    const names = ['impression', 'click', 'a', 'b', 'any'] as const;
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary('placeholder'),
        vectorArbitrary(),
        vectorArbitrary(),
        fc.array(
          fc.record({
            start: selection(names),
            back: selection(names),
            filters: fc.array(filterArbitrary, { maxLength: 1 }),
            period: fc.constantFrom('day' as const, 'day' as const, 'week' as const, 'month' as const),
            periods: fc.integer({ min: 0, max: 5 }),
            mode: fc.constantFrom('on' as const, 'on_or_after' as const),
            cohort: fc.constantFrom('first_ever' as const, 'first_in_range' as const, 'recurring' as const),
            tz: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
            fromMs: fc.integer({ min: -60, max: 0 }).map((hours) => AROUND_MS + hours * 3_600_000),
            hours: fc.integer({ min: 1, max: 160 }),
            nowHours: fc.integer({ min: -10, max: 2000 }),
          }),
          { minLength: 4, maxLength: 4 },
        ),
        async (drawn, vector, folded, questions) => {
          const id = `retention${++runs}`;
          const history = drawn.map((record) => ({ ...record, event: { ...record.event, tenant_id: id } }));
          const tenant = await asking.put(history, vector);
          await asking.foldFirstSeen(tenant, folded);
          for (const { back, fromMs, hours, nowHours, tz, ...rest } of questions) {
            const toMs = fromMs + hours * 3_600_000;
            const nowMs = AROUND_MS + nowHours * 3_600_000;
            const answer = await asking.data('retention', tenant, {
              from: fromMs,
              to: toMs,
              tz,
              now: nowMs,
              return: back,
              ...rest,
            });
            const cohorts = foldRetention(before(history, vector), {
              ...rest,
              fromMs,
              toMs,
              nowMs,
              zone: parseZone(tz)!,
              start: rest.start,
              return: back,
              filters: rest.filters,
            });
            assert.deepEqual(answer, { cohorts });
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
