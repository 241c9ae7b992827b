import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import { AROUND_MS, before, historyOf, openAsking, vectorArbitrary } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { behavioursArbitrary, ofTenant } from './behaviours.contract.ts';

type Point = { readonly time: string; readonly pv: number; readonly uv: number };

describe('minutes', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const pointsOf = async (tenant: string, question: object): Promise<readonly Point[]> => {
    const answer = await asking.data('minutes', tenantId(tenant), question);
    return (answer as { points: readonly Point[] }).points;
  };

  test('every minute the range touches has a point, and only events of the range count, by hand', async () => {
    await asking.put(
      historyOf('board', [
        { name: 'pageview', at: '2024-03-04T10:00:29.999Z', user_id: 'u1' },
        { name: 'pageview', at: '2024-03-04T10:00:30Z', user_id: 'u1' },
        { name: 'click', kind: 'behaviour', at: '2024-03-04T10:00:59.999Z', user_id: 'u1' },
        { name: 'pageview', at: '2024-03-04T10:02:00Z', device_id: 'd1' },
        { name: 'pageview', at: '2024-03-04T10:02:10Z', user_id: 'u2' },
        { name: 'pageview', at: '2024-03-04T10:02:20Z' },
        { name: 'item_put', kind: 'catalog', at: '2024-03-04T10:02:25Z', user_id: 'u3' },
        { name: 'pageview', at: '2024-03-04T10:02:30Z', user_id: 'u2' },
      ]),
    );
    const range = { from: '2024-03-04T10:00:30Z', to: '2024-03-04T10:02:30Z' };
    assert.deepEqual(await pointsOf('board', range), [
      { time: '2024-03-04T10:00:00.000Z', pv: 2, uv: 1 },
      { time: '2024-03-04T10:01:00.000Z', pv: 0, uv: 0 },
      { time: '2024-03-04T10:02:00.000Z', pv: 3, uv: 2 },
    ]);
    const views = await pointsOf('board', { ...range, event: 'pageview', tz: 'Asia/Kolkata' });
    assert.deepEqual(views[0], { time: '2024-03-04T15:30:00.000+05:30', pv: 1, uv: 1 });
  });

  test('the range is by default the last 24 hours, and a longer one is refused', async () => {
    const byDefault = await pointsOf('nobody', {});
    assert.equal(byDefault.length, 1440);
    assert.equal(byDefault[0]?.time, '2029-12-31T00:00:00.000Z');
    assert.ok(byDefault.every(({ pv, uv }) => pv === 0 && uv === 0));
    assert.equal((await pointsOf('nobody', { to: '2024-03-04T10:00:30Z' })).length, 1441);
    for (const question of [{ range: '7d' }, { from: '2024-03-04', to: '2024-03-05T00:00:00.001Z' }]) {
      await assert.rejects(
        pointsOf('nobody', question),
        (error: unknown) => error instanceof Fault && error.code === 'QUERY_INVALID',
      );
    }
  });

  test('any range of any history equals counting by hand', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        behavioursArbitrary('placeholder'),
        vectorArbitrary(120),
        fc.record({
          fromMs: fc.integer({ min: -86_400_000, max: 3_600_000 }).map((ms) => AROUND_MS + ms),
          lengthMs: fc.oneof(fc.integer({ min: 1, max: 86_400_000 }), fc.constant(86_400_000)),
          asked: fc.constantFrom(
            {},
            { event: 'click', kind: 'behaviour' as const },
            { event: 'order', kind: 'generic' as const },
          ),
        }),
        async (drawn, vector, { fromMs, lengthMs, asked }) => {
          const history = ofTenant(drawn, `minutes${++runs}`);
          const tenant = await asking.put(history, vector);
          const toMs = fromMs + lengthMs;
          const events = before(history, vector)
            .map(({ event }) => event)
            .filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs)
            .filter(({ kind, event_name: name }) =>
              'event' in asked ? name === asked.event && kind === asked.kind : kind !== 'catalog',
            );
          const expected: Point[] = [];
          for (let at = fromMs - (fromMs % 60_000); at < toMs; at += 60_000) {
            const own = events.filter(({ timestamp }) => timestamp >= at && timestamp < at + 60_000);
            const users = own.flatMap((event) => event.user_id ?? event.device_id ?? event.session_id ?? []);
            expected.push({ time: new Date(at).toISOString(), pv: own.length, uv: new Set(users).size });
          }
          const answer = await asking.data('minutes', tenant, { from: fromMs, to: toMs, ...asked });
          assert.deepEqual(answer, { points: expected });
        },
      ),
      { numRuns: 25 },
    );
  });
});
