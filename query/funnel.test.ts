import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { foldFunnel } from '#domain';
import type { FunnelOrder } from '#domain';
import {
  AROUND_MS,
  before,
  filterArbitrary,
  historyArbitrary,
  historyOf,
  openAsking,
  vectorArbitrary,
} from './asking.contract.ts';
import type { Asking, Sketch } from './asking.contract.ts';

const DAY_MS = 86_400_000;

const step = fc.record(
  {
    event: fc.constantFrom('impression', 'click', 'order', 'a', 'b', 'any'),
    filters: fc.array(filterArbitrary, { maxLength: 1 }),
  },
  { requiredKeys: ['event'] },
);

describe('a funnel', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  let tenants = 0;
  const usersOf = async (sketches: readonly Sketch[], question: object): Promise<number[]> => {
    const tenant = await asking.put(historyOf(`hand${++tenants}`, sketches));
    const answer = await asking.data('funnel', tenant, {
      from: '2024-03-01',
      to: '2024-04-01',
      ...question,
    });
    return (answer as { steps: { users: number }[] }).steps.map(({ users }) => users);
  };
  const did = (user: string, ...happened: readonly (readonly [string, string])[]): Sketch[] =>
    happened.map(([name, time]) => ({ name, at: `2024-03-${time}Z`, user_id: user }));
  const steps = (...names: string[]) => names.map((event) => ({ event }));

  test('counts users per step, rates, drop-off and times, by hand', async () => {
    const tenant = await asking.put(
      historyOf('byhand', [
        ...did('u1', ['seen', '04T10:00:00'], ['clicked', '04T10:00:10'], ['bought', '04T10:01:00']),
        ...did('u2', ['seen', '04T10:00:00'], ['clicked', '04T10:00:30']),
        ...did('u3', ['seen', '04T10:00:00'], ['bought', '04T10:00:30']),
        ...did('u4', ['clicked', '04T10:00:00']),
      ]),
    );
    assert.deepEqual(
      await asking.data('funnel', tenant, {
        from: '2024-03-04',
        to: '2024-03-05',
        steps: steps('seen', 'clicked', 'bought'),
        window: '7d',
        order: 'ordered',
      }),
      {
        steps: [
          {
            event: 'seen',
            users: 3,
            conversion_rate: 100,
            step_rate: 100,
            drop_off: 0,
            average_seconds: null,
            median_seconds: null,
          },
          {
            event: 'clicked',
            users: 2,
            conversion_rate: 66.67,
            step_rate: 66.67,
            drop_off: 1,
            average_seconds: 20,
            median_seconds: 20,
          },
          {
            event: 'bought',
            users: 1,
            conversion_rate: 33.33,
            step_rate: 50,
            drop_off: 1,
            average_seconds: 50,
            median_seconds: 50,
          },
        ],
      },
    );
  });

  test('the window is inclusive at its end and counts from the first step', async () => {
    const exactly = did('u1', ['a', '04T00:00:00.000'], ['b', '04T00:40:00'], ['c', '04T01:00:00.000']);
    const late = did('u1', ['a', '04T00:00:00.000'], ['b', '04T00:40:00'], ['c', '04T01:00:00.001']);
    const question = { steps: steps('a', 'b', 'c'), window: '1h' };
    assert.deepEqual(await usersOf(exactly, question), [1, 1, 1]);
    assert.deepEqual(await usersOf(late, question), [1, 1, 0]);
    // The same where an attempt before it ran out of time, and for the other orders.
    const again = did(
      'u1',
      ['a', '03T00:00:00'],
      ['a', '04T00:00:00'],
      ['b', '04T00:40:00'],
      ['c', '04T01:00:00'],
    );
    const tooLate = did(
      'u1',
      ['a', '03T00:00:00'],
      ['a', '04T00:00:00'],
      ['b', '04T00:40:00'],
      ['c', '04T01:00:00.001'],
    );
    for (const order of ['ordered', 'strict', 'any']) {
      assert.deepEqual(await usersOf(exactly, { ...question, order }), [1, 1, 1], order);
      assert.deepEqual(await usersOf(late, { ...question, order }), [1, 1, 0], order);
      assert.deepEqual(await usersOf(again, { ...question, order }), [1, 1, 1], order);
      assert.deepEqual(await usersOf(tooLate, { ...question, order }), [1, 1, 0], order);
    }
  });

  test('equal times are in the order of the log', async () => {
    const at = '04T00:00:00';
    assert.deepEqual(await usersOf(did('u1', ['a', at], ['b', at]), { steps: steps('a', 'b') }), [1, 1]);
    assert.deepEqual(await usersOf(did('u1', ['b', at], ['a', at]), { steps: steps('a', 'b') }), [1, 0]);
  });

  test('times are those of the attempt that got furthest, of equal ones the earliest', async () => {
    const history = did(
      'u1',
      ['a', '03T00:00:00'],
      ['a', '04T00:00:00'],
      ['a', '04T00:10:00'],
      ['b', '04T00:40:00'],
      ['c', '04T01:00:00'],
      ['a', '05T00:00:00'],
      ['b', '05T00:00:01'],
      ['c', '05T00:00:02'],
    );
    for (const order of ['ordered', 'any']) {
      const tenant = await asking.put(historyOf(`times${order}`, history));
      const question = {
        from: '2024-03-01',
        to: '2024-04-01',
        steps: steps('a', 'b', 'c'),
        window: '1h',
        order,
      };
      const answer = (await asking.data('funnel', tenant, question)) as {
        steps: { average_seconds: number | null }[];
      };
      assert.deepEqual(
        answer.steps.map(({ average_seconds: seconds }) => seconds),
        [null, 2400, 1200],
        order,
      );
    }
  });

  test('two equal steps need two events', async () => {
    const question = { steps: steps('a', 'a') };
    assert.deepEqual(await usersOf(did('u1', ['a', '04T00:00:00']), question), [1, 0]);
    assert.deepEqual(await usersOf(did('u1', ['a', '04T00:00:00'], ['a', '04T00:00:00']), question), [1, 1]);
  });

  test('a strict one allows nothing between, any order allows all orders', async () => {
    const between = did('u1', ['a', '04T00:00:00'], ['x', '04T00:00:01'], ['b', '04T00:00:02']);
    const turned = did('u1', ['b', '04T00:00:00'], ['a', '04T00:00:01']);
    assert.deepEqual(await usersOf(between, { steps: steps('a', 'b'), order: 'ordered' }), [1, 1]);
    assert.deepEqual(await usersOf(between, { steps: steps('a', 'b'), order: 'strict' }), [1, 0]);
    assert.deepEqual(await usersOf(turned, { steps: steps('a', 'b'), order: 'ordered' }), [1, 0]);
    assert.deepEqual(await usersOf(turned, { steps: steps('a', 'b'), order: 'any' }), [1, 1]);
  });

  test('entries of the catalogue are no steps in any order, also where a step bears their name', async () => {
    const changed = { name: 'item_updated', kind: 'catalog', item_id: 'i1' } as const;
    const history: Sketch[] = [
      { ...changed, at: '2024-03-04T00:00:00Z', user_id: 'u1' },
      ...did('u1', ['a', '04T00:00:01']),
    ];
    for (const order of ['ordered', 'strict', 'any']) {
      assert.deepEqual(await usersOf(history, { steps: steps('item_updated', 'a'), order }), [
        order === 'any' ? 1 : 0,
        0,
      ]);
    }
  });

  test('a later attempt counts when an earlier one ran out of time', async () => {
    const twice = did('u1', ['a', '04T00:00:00'], ['a', '05T00:00:00'], ['b', '05T00:30:00']);
    assert.deepEqual(await usersOf(twice, { steps: steps('a', 'b'), window: '1h' }), [1, 1]);
  });

  test('equals the fold over plain events, whatever the steps, filters, order and vector', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer().chain((run) => fc.tuple(fc.constant(run), historyArbitrary('placeholder'))),
        vectorArbitrary(),
        fc.array(
          fc.record({
            steps: fc.array(step, { minLength: 1, maxLength: 4 }),
            filters: fc.array(filterArbitrary, { maxLength: 1 }),
            order: fc.constantFrom<FunnelOrder>('ordered', 'ordered', 'strict', 'any'),
            windowMs: fc.constantFrom(1000, 60_000, 3 * 3_600_000, DAY_MS, 7 * DAY_MS),
            fromMs: fc.integer({ min: -3, max: 0 }).map((days) => AROUND_MS + days * DAY_MS),
            days: fc.integer({ min: 1, max: 6 }),
          }),
          { minLength: 4, maxLength: 4 },
        ),
        async ([, drawn], vector, questions) => {
          const id = `funnel${++runs}`;
          const history = drawn.map((record) => ({ ...record, event: { ...record.event, tenant_id: id } }));
          const tenant = await asking.put(history, vector);
          for (const { steps, filters, order, windowMs, fromMs, days } of questions) {
            const toMs = fromMs + days * DAY_MS;
            const answer = await asking.data('funnel', tenant, {
              from: fromMs,
              to: toMs,
              steps,
              filters,
              order,
              window: `${windowMs / 1000}s`,
            });
            const folded = foldFunnel(before(history, vector), {
              fromMs,
              toMs,
              steps: steps,
              filters: filters,
              order,
              windowMs,
            });
            const expected = steps.map(({ event }, index) => ({ event, ...folded[index] }));
            assert.deepEqual(answer, { steps: expected });
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
