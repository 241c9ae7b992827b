import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  INTERVALS,
  MONEY_METRICS,
  SCENARIO_METRICS,
  SCENARIO_TYPES,
  bucketEdges,
  bucketOf,
  figureOf,
  foldTallies,
  formatInstant,
  formulaOf,
  moneyFigureOf,
  parseZone,
} from '#domain';
import type { Event, ScenarioType } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import { before, historyOf, openAsking, vectorArbitrary } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { behavioursArbitrary, ofTenant, rangeArbitrary, within } from './behaviours.contract.ts';

type Metric = { readonly name: string; readonly currency?: string | null; readonly value: unknown };
type Scenario = {
  readonly scenario_type: ScenarioType;
  readonly metrics: readonly Metric[];
  readonly money: readonly Metric[];
};

describe('metrics of scenario types', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const scenariosOf = async (tenant: string, question: object): Promise<readonly Scenario[]> => {
    const answer = await asking.data('scenario-metrics', tenantId(tenant), question);
    return (answer as { scenarios: readonly Scenario[] }).scenarios;
  };
  const valuesOf = (metrics: readonly Metric[]) =>
    metrics.map(({ name, currency, value }) =>
      currency === undefined ? [name, value] : [name, currency, value],
    );

  const at = '2024-03-04T10:00:00Z';
  const DAY = { from: '2024-03-04', to: '2024-03-05' };
  const shop = {
    kind: 'behaviour' as const,
    at,
    scenario_type: 'ecommerce' as const,
    item_id: 'i1',
    user_id: 'u1',
  };

  test('a shop: rates of impressions, and money per currency to the last digit, by hand', async () => {
    await asking.put(
      historyOf('shop', [
        ...Array.from({ length: 8 }, () => ({ ...shop, name: 'impression' })),
        { ...shop, name: 'click' },
        ...Array.from({ length: 3 }, () => ({ ...shop, name: 'add_cart' })),
        { ...shop, name: 'order', amount: 1000, currency: 'CNY' },
        { ...shop, name: 'order', amount: 1000, currency: 'CNY' },
        { ...shop, name: 'order', amount: 5, currency: 'USD' },
        { ...shop, name: 'payment', amount: 0.3, currency: 'CNY' },
        { ...shop, name: 'payment', amount: 900_000_000_000.01, currency: 'CNY' },
        { ...shop, name: 'payment', amount: 7, currency: 'USD' },
        { ...shop, name: 'payment', amount: 1 },
        { ...shop, name: 'payment', currency: 'USD' },
        { ...shop, name: 'purchase', amount: 3, currency: 'EUR' },
        // As binary fractions they are 0.7999….
        { ...shop, name: 'payment', amount: 0.1, currency: 'EUR' },
        { ...shop, name: 'payment', amount: 0.7, currency: 'EUR' },
        // Another type's, and one that names none.
        { ...shop, name: 'payment', amount: 50, currency: 'CNY', scenario_type: 'education' },
        { ...shop, name: 'impression', scenario_type: undefined } as never,
      ]),
    );
    const [scenario, ...others] = await scenariosOf('shop', { ...DAY, scenario_type: 'ecommerce' });
    assert.equal(others.length, 0);
    assert.deepEqual(valuesOf(scenario!.metrics), [
      ['impressions', 8],
      ['clicks', 1],
      ['ctr', 12.5],
      ['add_cart_rate', 37.5],
      ['order_rate', 37.5],
      ['payment_rate', 87.5],
      ['purchase_rate', 12.5],
    ]);
    assert.deepEqual(valuesOf(scenario!.money), [
      ['gmv', null, '1.0000'],
      ['gmv', 'CNY', '900000000000.3100'],
      ['gmv', 'EUR', '0.8000'],
      ['gmv', 'USD', '7.0000'],
      ['aov', null, '0.0000'],
      ['aov', 'CNY', '450000000000.1550'],
      ['aov', 'EUR', '0.0000'],
      ['aov', 'USD', '7.0000'],
      ['purchase_value', null, '0.0000'],
      ['purchase_value', 'CNY', '0.0000'],
      ['purchase_value', 'EUR', '3.0000'],
      ['purchase_value', 'USD', '0.0000'],
    ]);
  });

  test('a metric says its formula, its numerator and its denominator', async () => {
    const school = { ...shop, scenario_type: 'education' as const };
    await asking.put(
      historyOf('school', [
        { ...school, name: 'learn', completion_rate: 0.5, watch_duration: 10 },
        { ...school, name: 'learn', completion_rate: 0.25, watch_duration: 1.5, user_id: 'u2' },
        { ...school, name: 'learn', user_id: 'u2' },
        { ...school, name: 'complete', completion_rate: 1 },
        { ...school, name: 'note' },
        { ...school, name: 'ask' },
        { ...school, name: 'review', user_id: 'u9' },
      ]),
    );
    const [scenario] = await scenariosOf('school', { ...DAY, scenario_type: 'education' });
    const metricOf = (name: string) => scenario!.metrics.find((metric) => metric.name === name);
    assert.deepEqual(metricOf('study_completion_rate'), {
      name: 'study_completion_rate',
      unit: 'percent',
      formula: '100 × sum(completion_rate of learn, complete) / events(learn, complete with completion_rate)',
      numerator: 1.75,
      denominator: 3,
      value: 58.33,
    });
    assert.deepEqual(metricOf('interaction_rate'), {
      name: 'interaction_rate',
      unit: 'percent',
      formula: '100 × events(note, ask, review) / users(learn)',
      numerator: 3,
      denominator: 2,
      value: 150,
    });
    assert.deepEqual(metricOf('avg_study_duration'), {
      name: 'avg_study_duration',
      unit: 'seconds',
      formula: 'sum(watch_duration of learn) / events(learn with watch_duration)',
      numerator: 11.5,
      denominator: 2,
      value: 5.75,
    });
  });

  test('who learns in two hours is one learner of the day, and nobody is none', async () => {
    const learn = { ...shop, name: 'learn', scenario_type: 'education' as const };
    await asking.put(
      historyOf('learners', [
        learn,
        { ...learn, at: '2024-03-04T11:00:00Z' },
        { ...learn, at: '2024-03-04T11:30:00Z', user_id: 'u2' },
        { name: 'learn', kind: 'behaviour', scenario_type: 'education', at: '2024-03-04T11:30:00Z' },
      ]),
    );
    const [scenario] = await scenariosOf('learners', {
      from: '2024-03-04T10:00:00Z',
      to: '2024-03-04T12:00:00Z',
      scenario_type: 'education',
      interval: 'hour',
    });
    assert.deepEqual(
      scenario!.metrics.find(({ name }) => name === 'learners'),
      {
        name: 'learners',
        unit: 'count',
        formula: 'users(learn)',
        numerator: 2,
        denominator: null,
        value: 2,
        points: [
          { time: '2024-03-04T10:00:00.000Z', numerator: 1, denominator: null, value: 1 },
          { time: '2024-03-04T11:00:00.000Z', numerator: 2, denominator: null, value: 2 },
        ],
      },
    );
  });

  test('without a type there are those with an event that counts, of nobody none', async () => {
    await asking.put(
      historyOf('mixed', [
        { ...shop, name: 'impression', scenario_type: 'video' },
        { ...shop, name: 'repeat', scenario_type: 'music' },
        { ...shop, name: 'repeat', scenario_type: 'news' },
        { ...shop, name: 'learn', scenario_type: 'education', at: '2024-03-05T00:00:00Z' },
      ]),
    );
    const types = (await scenariosOf('mixed', DAY)).map(({ scenario_type: type }) => type);
    assert.deepEqual(types, ['video', 'music']);
    assert.deepEqual(await scenariosOf('nobody', DAY), []);
    const [nothing] = await scenariosOf('nobody', { ...DAY, scenario_type: 'music', interval: 'day' });
    assert.ok(nothing!.metrics.every(({ value }) => value === 0));
    assert.equal(nothing!.metrics.length, SCENARIO_METRICS.music.length);
  });

  test('every metric of every type equals the fold, in whole and bucket by bucket', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        behavioursArbitrary('placeholder'),
        vectorArbitrary(120),
        fc.record({
          range: rangeArbitrary,
          type: fc.constantFrom(...SCENARIO_TYPES, undefined),
          interval: fc.constantFrom(...INTERVALS, undefined),
          tz: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
          narrowing: fc.constantFrom(
            {},
            { scenario_id: 'shop' },
            { filters: [{ property: 'os', op: '=', value: 'ios' }] },
          ),
        }),
        async (drawn, vector, { range, type, interval, tz, narrowing }) => {
          const history = ofTenant(drawn, `metrics${++runs}`);
          const tenant = await asking.put(history, vector);
          const seen = before(history, vector).map(({ event }) => event);
          const chosen = within(seen, range).filter(
            (event) =>
              event.kind === 'behaviour' &&
              (!('scenario_id' in narrowing) || event.scenario_id === 'shop') &&
              (!('filters' in narrowing) || event.context?.os === 'ios'),
          );
          const edges = interval
            ? bucketEdges({ ...range, interval, zone: parseZone(tz)!, limit: 10_000 })!
            : undefined;
          const answer = await asking.data('scenario-metrics', tenant, {
            from: range.fromMs,
            to: range.toMs,
            tz,
            ...narrowing,
            ...(type ? { scenario_type: type } : {}),
            ...(interval ? { interval } : {}),
          });
          const types = type ? [type] : SCENARIO_TYPES.filter((each) => hasCounted(chosen, each));
          assert.deepEqual(answer, {
            scenarios: types.map((each) => expectedOf(chosen, each, { edges, tz })),
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** Whether a metric of the type counts one of its events. */
function hasCounted(events: readonly Event[], type: ScenarioType): boolean {
  const words = [...SCENARIO_METRICS[type], ...(MONEY_METRICS[type] ?? [])]
    .map(formulaOf)
    .join(' ')
    .split(/\W/);
  return events.some((event) => event.scenario_type === type && words.includes(event.event_name));
}

function expectedOf(
  events: readonly Event[],
  type: ScenarioType,
  { edges, tz }: { readonly edges: readonly number[] | undefined; readonly tz: string },
): object {
  const own = events.filter((event) => event.scenario_type === type);
  const points = (figure: (events: readonly Event[]) => object) =>
    edges
      ? {
          points: edges.slice(0, -1).map((edge, index) => ({
            time: formatInstant(edge, parseZone(tz)!),
            ...figure(own.filter(({ timestamp }) => bucketOf(timestamp, edges) === index)),
          })),
        }
      : {};
  const moneyWords = (MONEY_METRICS[type] ?? []).map(formulaOf).join(' ').split(/\W/);
  const moving = own.filter((event) => moneyWords.includes(event.event_name));
  const currencies = [...new Set(moving.map(({ currency }) => currency ?? ''))].sort();
  return {
    scenario_type: type,
    metrics: SCENARIO_METRICS[type].map((metric) => {
      const figure = (some: readonly Event[]) => figureOf(metric, foldTallies(some));
      const { name, unit } = metric;
      return { name, unit, formula: formulaOf(metric), ...figure(own), ...points(figure) };
    }),
    money: (MONEY_METRICS[type] ?? []).flatMap((metric) =>
      currencies.map((currency) => {
        const figure = (some: readonly Event[]) =>
          moneyFigureOf(metric, foldTallies(some.filter((event) => (event.currency ?? '') === currency)));
        return {
          name: metric.name,
          currency: currency === '' ? null : currency,
          formula: formulaOf(metric),
          ...figure(own),
          ...points(figure),
        };
      }),
    ),
  };
}
