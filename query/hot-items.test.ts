import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Event } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import { before, historyOf, openAsking, vectorArbitrary } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { behavioursArbitrary, ofTenant, rangeArbitrary, within } from './behaviours.contract.ts';

const DAY = { from: '2024-03-04', to: '2024-03-05' };

type Item = {
  readonly item_id: string;
  readonly total_impressions: number;
  readonly total_clicks: number;
  readonly ctr: number;
  readonly conversions: number;
};

describe('hot items', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const itemsOf = async (tenant: string, question: object): Promise<readonly Item[]> => {
    const answer = await asking.data('hot-items', tenantId(tenant), question);
    return (answer as { items: readonly Item[] }).items;
  };

  /** So many events of each action with an item. */
  const counts = (item_id: string, actions: Readonly<Record<string, number>>) =>
    Object.entries(actions).flatMap(([name, count]) =>
      Array.from({ length: count }, () => ({
        name,
        kind: 'behaviour' as const,
        at: '2024-03-04T10:00:00Z',
        user_id: 'u1',
        item_id,
        scenario_id: item_id === 'far' ? 'shop' : 'feed',
      })),
    );

  test('by clicks, click rate and conversions, equal ones always in the same order, by hand', async () => {
    await asking.put(
      historyOf('hot', [
        ...counts('b', { impression: 20, click: 3 }),
        ...counts('a', { impression: 30, click: 3, order: 1 }),
        ...counts('few', { impression: 1, click: 1 }),
        ...counts('far', { impression: 12, click: 1, order: 2 }),
        ...counts('unseen', { click: 2 }),
        ...counts('shown', { impression: 50 }),
      ]),
    );
    const ids = async (question: object) =>
      (await itemsOf('hot', { ...DAY, ...question })).map((item) => item.item_id);
    assert.deepEqual(await itemsOf('hot', { ...DAY, limit: 2 }), [
      { item_id: 'a', total_impressions: 30, total_clicks: 3, ctr: 10, conversions: 1 },
      { item_id: 'b', total_impressions: 20, total_clicks: 3, ctr: 15, conversions: 0 },
    ]);
    assert.deepEqual(await ids({}), ['a', 'b', 'unseen', 'far', 'few']);
    assert.deepEqual(await ids({ order: 'ctr' }), ['b', 'a', 'far']);
    assert.deepEqual(await ids({ order: 'ctr', min_impressions: 0 }), ['few', 'b', 'a', 'far']);
    assert.deepEqual(await ids({ order: 'conversions' }), ['far', 'a']);
    assert.deepEqual(await ids({ scenario_id: 'shop' }), ['far']);
    assert.deepEqual(await ids({ min_impressions: 30 }), ['a']);
    assert.deepEqual(await itemsOf('nobody', DAY), []);
  });

  test('a conversion is that of the scenario type of the event', async () => {
    const school = counts('c', { purchase: 2, order: 1 }).map((event) => ({
      ...event,
      scenario_type: 'education' as const,
    }));
    await asking.put(historyOf('schooled', school));
    const [item] = await itemsOf('schooled', { ...DAY, order: 'conversions' });
    assert.equal(item?.conversions, 2);
  });

  test('any order of any history equals counting by hand', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        behavioursArbitrary('placeholder'),
        vectorArbitrary(120),
        fc.record({
          range: rangeArbitrary,
          order: fc.constantFrom('clicks' as const, 'ctr' as const, 'conversions' as const),
          min: fc.constantFrom(0, 1, 3),
          limit: fc.constantFrom(1, 2, 10),
        }),
        async (drawn, vector, { range, order, min, limit }) => {
          const history = ofTenant(drawn, `hot${++runs}`);
          const tenant = await asking.put(history, vector);
          const seen = within(
            before(history, vector).map(({ event }) => event),
            range,
          );
          const answer = await asking.data('hot-items', tenant, {
            from: range.fromMs,
            to: range.toMs,
            order,
            min_impressions: min,
            limit,
          });
          assert.deepEqual(answer, { items: hottest(seen, { order, min, limit }) });
        },
      ),
      { numRuns: 30 },
    );
  });
});

function hottest(
  events: readonly Event[],
  { order, min, limit }: { order: 'clicks' | 'ctr' | 'conversions'; min: number; limit: number },
): readonly Item[] {
  const behaviours = events.filter((event) => event.kind === 'behaviour' && event.item_id !== undefined);
  const items = [...Map.groupBy(behaviours, (event) => event.item_id!)].map(([item_id, own]) => {
    const count = (action: string) => own.filter((event) => event.event_name === action).length;
    const impressions = count('impression');
    const clicks = count('click');
    const conversions = own.filter(
      ({ event_name: name, scenario_type: type }) => name === (type === 'education' ? 'purchase' : 'order'),
    ).length;
    // The counts are small, so that a double tells two rates apart and rounds as a person would.
    const ctr = impressions === 0 ? 0 : Math.round((clicks * 10_000) / impressions) / 100;
    return { item_id, total_impressions: impressions, total_clicks: clicks, ctr, conversions };
  });
  const measure = (item: Item) =>
    ({ clicks: item.total_clicks, ctr: item.ctr, conversions: item.conversions })[order];
  return items
    .filter((item) => measure(item) > 0 && item.total_impressions >= min)
    .sort(
      (a, b) =>
        measure(b) - measure(a) ||
        b.total_clicks - a.total_clicks ||
        Buffer.compare(Buffer.from(a.item_id), Buffer.from(b.item_id)),
    )
    .slice(0, limit);
}
