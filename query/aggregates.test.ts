import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { METRICS, bucketEdges, bucketOf, foldMetrics, formatDate, metricOf, parseZone } from '#domain';
import type { Event, LoggedEvent } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import {
  AROUND_MS,
  before,
  dayOf,
  historyArbitrary,
  historyOf,
  openAsking,
  vectorArbitrary,
} from './asking.contract.ts';
import type { Asking, Sketch } from './asking.contract.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIRST_DAY = dayOf(AROUND_MS) - 4;
const DAYS = Array.from({ length: 10 }, (_, index) => FIRST_DAY + index);

const statsOf = (events: readonly Event[]): object =>
  Object.fromEntries(METRICS.map((metric) => [metric, metricOf(metric, foldMetrics(events))]));

const within = (events: readonly Event[], fromMs: number, toMs: number): Event[] =>
  events.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);

const renamed = (history: readonly LoggedEvent[], tenant_id: string): LoggedEvent[] =>
  history.map((record) => ({ ...record, event: { ...record.event, tenant_id } }));

const behaviour = { kind: 'behaviour', user_id: 'u1', item_id: 'i1', scenario_id: 'feed' } as const;

describe('aggregates', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  test('daily stats have the documented body, by hand, before and after the day is sealed', async () => {
    const at = '2024-03-04T10:00:00Z';
    const education = { ...behaviour, scenario_id: 'school', scenario_type: 'education' } as const;
    const sketches: Sketch[] = [
      ...['u1', 'u2', 'u3', 'u3'].map((user_id) => ({ ...behaviour, name: 'impression', at, user_id })),
      { ...behaviour, name: 'click', at: '2024-03-04T23:59:59.999Z' },
      { ...behaviour, name: 'order', at },
      { ...behaviour, name: 'purchase', at },
      { ...education, name: 'order', at },
      { ...education, name: 'purchase', at },
      { ...education, name: 'purchase', at },
      { ...behaviour, name: 'play_end', at, watch_duration: 10.25, completion_rate: 0.5 },
      { ...behaviour, name: 'read_end', at, watch_duration: 2, completion_rate: 0.25 },
      { name: 'impression', at, device_id: 'd9' },
      { kind: 'catalog', name: 'item_put', at, item_id: 'i7' },
      { ...behaviour, name: 'impression', at: '2024-03-05T00:00:00Z', user_id: 'u9' },
    ];
    const tenant = await asking.put(historyOf('daily', sketches));
    const expected = {
      date: '2024-03-04',
      stats: {
        impressions: 4,
        clicks: 1,
        ctr: 25,
        conversions: 3,
        conversion_rate: 75,
        active_users: 4,
        active_items: 1,
        orders: 2,
        order_rate: 50,
        payments: 0,
        payment_rate: 0,
        purchases: 3,
        purchase_rate: 75,
        total_watch_duration: 12.25,
        avg_completion_rate: 0.375,
      },
      scenarios: [
        {
          scenario_id: 'feed',
          impressions: 4,
          clicks: 1,
          ctr: 25,
          conversions: 1,
          conversion_rate: 25,
          active_users: 3,
          active_items: 1,
          orders: 1,
          order_rate: 25,
          payments: 0,
          payment_rate: 0,
          purchases: 1,
          purchase_rate: 25,
          total_watch_duration: 12.25,
          avg_completion_rate: 0.375,
        },
        {
          scenario_id: 'school',
          impressions: 0,
          clicks: 0,
          ctr: 0,
          conversions: 2,
          conversion_rate: 0,
          active_users: 1,
          active_items: 1,
          orders: 1,
          order_rate: 0,
          payments: 0,
          payment_rate: 0,
          purchases: 2,
          purchase_rate: 0,
          total_watch_duration: 0,
          avg_completion_rate: 0,
        },
      ],
    };
    const question = { date: '2024-03-04' };
    assert.deepEqual(await asking.data('daily-stats', tenant, question), expected);
    const day = dayOf(Date.parse(at));
    assert.deepEqual(await asking.seal(tenant, [day]), [day]);
    // Another instant for now, so that the answer is not the one kept from before.
    assert.deepEqual(await asking.data('daily-stats', tenant, { ...question, now: '2024-03-06' }), expected);
  });

  test('a day, and a range of days, of which there is nothing are zeros', async () => {
    const zeros = statsOf([]);
    const tenant = tenantId('nobody-yet');
    assert.deepEqual(await asking.data('daily-stats', tenant, { date: '2024-03-04' }), {
      date: '2024-03-04',
      stats: zeros,
      scenarios: [],
    });
    assert.deepEqual(await asking.data('range', tenant, { from: '2024-02-28', to: '2024-03-02' }), {
      days: ['2024-02-28', '2024-02-29', '2024-03-01'].map((date) => ({ date, ...zeros })),
      total: zeros,
    });
  });

  test('the day is that of now where none is named, in the zone asked for', async () => {
    const question = { tz: 'Asia/Tokyo', now: '2024-03-04T16:00:00Z' };
    const { date, meta } = await asking.ask('daily-stats', tenantId('nobody-yet'), question);
    assert.equal(date, '2024-03-05');
    assert.deepEqual(meta.range, {
      from: '2024-03-05T00:00:00.000+09:00',
      to: '2024-03-06T00:00:00.000+09:00',
      tz: 'Asia/Tokyo',
    });
  });

  test('what is no day is refused', async () => {
    for (const date of ['2024-02-30', 'yesterday', '20240304', '']) {
      await assert.rejects(asking.ask('daily-stats', tenantId('nobody-yet'), { date }), /date must be a day/);
    }
  });

  test('sealed, opened by late records, sealed again: range, trend and dashboard equal the fold', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary('placeholder', 60),
        vectorArbitrary(45),
        vectorArbitrary(60),
        fc.subarray(DAYS),
        fc.subarray(DAYS),
        fc.record({
          fromHours: fc.integer({ min: -80, max: 20 }),
          odd: fc.constantFrom(0, 0, 1, 30 * 60_000),
          hours: fc.constantFrom(24, 48, 96, 137),
          tz: fc.constantFrom('UTC', 'UTC', 'Europe/Berlin', 'Asia/Kolkata'),
          scenario_id: fc.constantFrom(undefined, 'feed'),
        }),
        async (drawn, early, pin, firstDays, thenDays, asked) => {
          const id = `sealed${++runs}`;
          const history = renamed(drawn, id);
          // What is known at first, sealed; then the rest, which opens what it touches; sealed again in part.
          const known = before(history, early);
          const rest = history.filter((record) => !known.includes(record));
          // The other tenant has the same ids, twice.
          await asking.put(renamed(history, `${id}-other`));
          await asking.seal(tenantId(`${id}-other`), thenDays);
          const tenant = tenantId(id);
          if (known.length > 0) {
            await asking.put(known);
            await asking.seal(tenant, firstDays);
          }
          if (rest.length > 0) await asking.put(rest);
          await asking.seal(tenant, thenDays);

          const zone = parseZone(asked.tz)!;
          const fromMs = AROUND_MS + asked.fromHours * HOUR_MS + asked.odd;
          const toMs = fromMs + asked.hours * HOUR_MS;
          const edges = bucketEdges({ fromMs, toMs, interval: 'day', zone, limit: 100 })!;
          const named = asked.scenario_id === undefined ? {} : { scenario_id: asked.scenario_id };
          const question = { from: fromMs, to: toMs, tz: asked.tz, ...named };
          for (const vector of [undefined, pin]) {
            const { confirmed } = asking.state(tenant);
            const seen = vector
              ? confirmed.map((next, p) => (vector[p]! < next ? vector[p]! : next))
              : confirmed;
            if (vector) asking.confirm(tenant, seen);
            const events = within(
              before(history, seen).map(({ event }) => event),
              fromMs,
              toMs,
            ).filter((event) => asked.scenario_id === undefined || event.scenario_id === asked.scenario_id);
            const buckets = Map.groupBy(events, ({ timestamp }) => bucketOf(timestamp, edges));
            assert.deepEqual(await asking.data('range', tenant, question), {
              days: edges.slice(0, -1).map((edge, index) => ({
                date: formatDate(edge, zone),
                ...statsOf(buckets.get(index) ?? []),
              })),
              total: statsOf(events),
            });
            const hours = bucketEdges({ fromMs, toMs, interval: 'hour', zone, limit: 1000 })!;
            const hourly = Map.groupBy(events, ({ timestamp }) => bucketOf(timestamp, hours));
            const metrics = ['active_users', 'conversions', 'avg_completion_rate'] as const;
            assert.deepEqual(await asking.data('trend', tenant, { ...question, interval: 'hour', metrics }), {
              trends: metrics.map((metric) => ({
                metric_name: metric,
                points: hours.slice(0, -1).map((edge, index) => ({
                  timestamp: { seconds: edge / 1000 },
                  value: metricOf(metric, foldMetrics(hourly.get(index) ?? [])),
                })),
              })),
            });
            const { overview, consumption } = (await asking.data('dashboard', tenant, question)) as {
              overview: Record<string, number>;
              consumption: Record<string, number>;
            };
            const counts = foldMetrics(events);
            assert.equal(overview['active_users'], counts.active_users);
            assert.equal(overview['total_conversions'], counts.conversions);
            assert.equal(consumption['active_items'], counts.active_items);
          }
        },
      ),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test('an earlier answer is given again by its token after its days were opened and sealed anew', async () => {
    const at = '2024-03-04T10:00:00Z';
    const history = historyOf('pinned', [
      { ...behaviour, name: 'click', at },
      { ...behaviour, name: 'click', at, user_id: 'u2' },
      { ...behaviour, name: 'click', at, user_id: 'u3' },
    ]);
    const day = dayOf(Date.parse(at));
    const question = { from: '2024-03-01', to: '2024-03-08' };
    const tenant = await asking.put(history.slice(0, 1));
    await asking.seal(tenant, [day]);
    const { meta, ...first } = await asking.ask('range', tenant, question);
    await asking.put(history.slice(1));
    assert.equal(asking.state(tenant).sealed?.length, 0);
    await asking.seal(tenant, [day]);
    const { meta: later, ...second } = await asking.ask('range', tenant, question);
    assert.equal((second as unknown as { total: { active_users: number } }).total.active_users, 3);
    assert.notEqual(later.as_of, meta.as_of);
    // The range of another form, so that it is not the answer kept from before.
    const again = await asking.data('range', tenant, { ...question, now: '2024-03-09', as_of: meta.as_of });
    assert.deepEqual(again, first);
    assert.equal(DAY_MS * day, Date.parse('2024-03-04'));
  });
});
