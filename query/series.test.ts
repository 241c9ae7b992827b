import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  INTERVALS,
  METRICS,
  actorOf,
  attributeText,
  bucketEdges,
  bucketOf,
  compareText,
  distinct,
  foldMetrics,
  formatInstant,
  metricOf,
  parseZone,
  selects,
} from '#domain';
import type { Event, Interval, Zone } from '#domain';
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

const HOUR_MS = 3_600_000;
type Range = { readonly fromMs: number; readonly toMs: number };

const within = (events: readonly Event[], { fromMs, toMs }: Range): Event[] =>
  events.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);

const edgesOf = (range: Range, interval: Interval, zone: Zone): readonly number[] =>
  bucketEdges({ ...range, interval, zone, limit: 100_000 })!;

const question = fc.record({
  fromMs: fc.integer({ min: -80 * 60, max: 0 }).map((minutes) => AROUND_MS + minutes * 60_000),
  hours: fc.integer({ min: 1, max: 200 }),
  tz: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
  interval: fc.constantFrom(...INTERVALS),
});

describe('counts over time', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());
  const scenarioed = { kind: 'behaviour' as const, scenario_id: 'feed', item_id: 'i1', user_id: 'u1' };

  test('a dashboard has the documented body, by hand', async () => {
    const at = '2024-03-04T10:00:00Z';
    const tenant = await asking.put(
      historyOf('dash', [
        ...['u1', 'u2', 'u3', 'u3'].map((user_id) => ({ ...scenarioed, name: 'impression', at, user_id })),
        { ...scenarioed, name: 'click', at },
        { ...scenarioed, name: 'order', at },
        { ...scenarioed, name: 'purchase', at },
        { ...scenarioed, name: 'order', at, scenario_type: 'education', scenario_id: 'school' },
        { ...scenarioed, name: 'purchase', at, scenario_type: 'education', scenario_id: 'school' },
        { ...scenarioed, name: 'payment', at },
        { ...scenarioed, name: 'play_end', at, watch_duration: 10.25, completion_rate: 0.5 },
        { ...scenarioed, name: 'read_end', at, watch_duration: 2, completion_rate: 0.25 },
        { name: 'impression', at, device_id: 'd9' },
        { kind: 'catalog', name: 'item_put', at: '2020-01-01T00:00:00Z', item_id: 'i7' },
        { ...scenarioed, name: 'impression', at: '2024-03-05T00:00:00Z', user_id: 'u9' },
      ]),
    );
    const answer = await asking.data('dashboard', tenant, { from: '2024-03-04', to: '2024-03-05' });
    assert.deepEqual(answer, {
      overview: {
        total_recommendations: 4,
        total_clicks: 1,
        ctr: 25,
        total_conversions: 2,
        conversion_rate: 50,
        active_users: 4,
        total_items: 1,
        active_scenarios: 0,
      },
      rates: { order_rate: 50, payment_rate: 25, purchase_rate: 50 },
      consumption: { active_items: 1, total_watch_duration: 12.25, avg_completion_rate: 0.375 },
      data_source: 'clickhouse',
    });
  });

  test('a dashboard equals the fold over plain events', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary('placeholder', 60),
        vectorArbitrary(60),
        question,
        fc.constantFrom(undefined, 'feed', 'school', "x' OR 1=1"),
        async (drawn, vector, { fromMs, hours }, scenario_id) => {
          const id = `dashboard${++runs}`;
          const history = drawn.map((record) => ({ ...record, event: { ...record.event, tenant_id: id } }));
          const tenant = await asking.put(history, vector);
          const range = { fromMs, toMs: fromMs + hours * HOUR_MS };
          const asked = {
            from: range.fromMs,
            to: range.toMs,
            ...(scenario_id === undefined ? {} : { scenario_id }),
          };
          const answer = await asking.data('dashboard', tenant, asked);
          const seen = before(history, vector).map(({ event }) => event);
          const events = within(seen, range).filter(
            (event) => scenario_id === undefined || event.scenario_id === scenario_id,
          );
          const counts = foldMetrics(events);
          const items = seen.filter(({ kind }) => kind === 'catalog').map(({ item_id = '' }) => item_id);
          assert.deepEqual((answer as { overview: object }).overview, {
            total_recommendations: counts.impressions,
            total_clicks: counts.clicks,
            ctr: metricOf('ctr', counts),
            total_conversions: counts.conversions,
            conversion_rate: metricOf('conversion_rate', counts),
            active_users: counts.active_users,
            total_items: distinct(items),
            active_scenarios: 0,
          });
        },
      ),
      { numRuns: 15 },
    );
  });

  test('a trend equals the fold over plain events, bucket by bucket', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary('placeholder', 60),
        vectorArbitrary(60),
        fc.array(question, { minLength: 3, maxLength: 3 }),
        fc.subarray([...METRICS], { minLength: 1 }),
        async (drawn, vector, questions, metrics) => {
          const id = `trend${++runs}`;
          const history = drawn.map((record) => ({ ...record, event: { ...record.event, tenant_id: id } }));
          const tenant = await asking.put(history, vector);
          const seen = before(history, vector).map(({ event }) => event);
          for (const { fromMs, hours, tz, interval } of questions) {
            const range = { fromMs, toMs: fromMs + hours * HOUR_MS };
            const edges = edgesOf(range, interval, parseZone(tz)!);
            const buckets = Map.groupBy(within(seen, range), ({ timestamp }) => bucketOf(timestamp, edges));
            const asked = { from: range.fromMs, to: range.toMs, tz, interval, metrics };
            assert.deepEqual(await asking.data('trend', tenant, asked), {
              trends: metrics.map((metric) => ({
                metric_name: metric,
                points: edges.slice(0, -1).map((edge, index) => ({
                  timestamp: { seconds: edge / 1000 },
                  value: metricOf(metric, foldMetrics(buckets.get(index) ?? [])),
                })),
              })),
            });
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test('an event question equals the fold over plain events, broken down or not', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary('placeholder', 60),
        vectorArbitrary(60),
        fc.array(
          fc.record({
            when: question,
            event: fc.constantFrom('impression', 'click', 'a', 'b', 'any', 'item_put'),
            measure: fc.constantFrom('count' as const, 'users' as const),
            filters: fc.array(filterArbitrary, { maxLength: 2 }),
            breakdown: fc.constantFrom(undefined, 'os', 'price', "na'me", 'properties.os', 'scenario_id'),
            limit: fc.constantFrom(1, 2, 25),
          }),
          { minLength: 4, maxLength: 4 },
        ),
        async (drawn, vector, questions) => {
          const id = `events${++runs}`;
          const history = drawn.map((record) => ({ ...record, event: { ...record.event, tenant_id: id } }));
          const tenant = await asking.put(history, vector);
          const seen = before(history, vector).map(({ event }) => event);
          for (const { when, event, measure, filters, breakdown, limit } of questions) {
            const range = { fromMs: when.fromMs, toMs: when.fromMs + when.hours * HOUR_MS };
            const zone = parseZone(when.tz)!;
            const edges = edgesOf(range, when.interval, zone);
            const meant = within(seen, range).filter((each) => selects({ event, filters: filters }, each));
            const measured = (events: readonly Event[]) =>
              measure === 'count' ? events.length : distinct(events.map(actorOf));
            const points = (events: readonly Event[]) =>
              edges.slice(0, -1).map((edge, index) => ({
                time: formatInstant(edge, zone),
                value: measured(events.filter(({ timestamp }) => bucketOf(timestamp, edges) === index)),
              }));
            const asked = { from: range.fromMs, to: range.toMs, tz: when.tz, interval: when.interval };
            const answer = await asking.data('events', tenant, {
              ...asked,
              event,
              measure,
              filters,
              ...(breakdown === undefined ? {} : { breakdown, limit }),
            });
            if (breakdown === undefined) {
              assert.deepEqual(answer, { series: [{ breakdown: null, points: points(meant) }] });
              continue;
            }
            const groups = [...Map.groupBy(meant, (each) => attributeText(each, breakdown) ?? null)].sort(
              ([a, ofA], [b, ofB]) =>
                measured(ofB) - measured(ofA) ||
                (a === null ? 1 : 0) - (b === null ? 1 : 0) ||
                compareText(a ?? '', b ?? ''),
            );
            const rest = groups.slice(limit).flatMap(([, events]) => events);
            const series: object[] = groups
              .slice(0, limit)
              .map(([label, events]) => ({ breakdown: label, points: points(events) }));
            if (groups.length > limit) series.push({ breakdown: 'other', other: true, points: points(rest) });
            assert.deepEqual(answer, { series });
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test('a distribution has the groups with the most, equal ones by their bytes', async () => {
    const at = '2024-03-04T10:00:00Z';
    const clicks = ['i2', 'i1', 'i3', 'i3', 'z'].map((item_id) => ({
      ...scenarioed,
      name: 'click',
      at,
      item_id,
    }));
    const tenant = await asking.put(
      historyOf('dist', [...clicks, { ...scenarioed, name: 'impression', at, item_id: 'i9' }]),
    );
    const range = { from: '2024-03-04', to: '2024-03-05' };
    assert.deepEqual(await asking.data('distribution', tenant, { ...range, limit: 3 }), {
      distribution: [
        { label: 'i3', count: 2 },
        { label: 'i1', count: 1 },
        { label: 'i2', count: 1 },
      ],
    });
    assert.deepEqual(await asking.data('distribution', tenant, { ...range, metric: 'impressions' }), {
      distribution: [{ label: 'i9', count: 1 }],
    });
  });
});
