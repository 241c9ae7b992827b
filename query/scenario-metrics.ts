import { Type } from 'typebox';
import type { Static } from 'typebox';
import {
  INTERVALS,
  MONEY_METRICS,
  SCENARIO_METRICS,
  SCENARIO_TYPES,
  compareText,
  countsOf,
  figureOf,
  formatInstant,
  formulaOf,
  moneyFigureOf,
} from '#domain';
import type { ActionTally, Interval, ScenarioType } from '#domain';
import { askTallies } from './action-tallies.ts';
import type { Tallies, TallyPlan } from './action-tallies.ts';
import type { Analysis } from './analysis.ts';
import { NARROWING, readNarrowing } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { COMMON, oneOf } from './question.ts';
import { readBuckets } from './time-range.ts';

const SCHEMA = Type.Object(
  {
    ...COMMON,
    ...NARROWING,
    scenario_type: Type.Optional(
      oneOf(
        SCENARIO_TYPES,
        'The type whose metrics are wanted. By default all that have an event one of their metrics counts.',
      ),
    ),
    interval: Type.Optional(
      oneOf(INTERVALS, 'Width of a point of the series. Without it there is no series.'),
    ),
  },
  { additionalProperties: false },
);

const WHOLE = Type.Unsafe<number | null>({
  type: ['integer', 'null'],
  description: 'Null where the metric is no quotient.',
});
const FIGURE = { numerator: Type.Number(), denominator: WHOLE, value: Type.Number() };
const AMOUNT = Type.String({ pattern: String.raw`^-?\d+\.\d{4}$` });
const MONEY_FIGURE = { numerator: AMOUNT, denominator: WHOLE, value: AMOUNT };
const pointsOf = <Figure extends Record<string, Type.TSchema>>(figure: Figure) =>
  Type.Optional(
    Type.Array(Type.Object({ time: Type.String(), ...figure }, { additionalProperties: false }), {
      description: 'Only where an `interval` was asked for.',
    }),
  );

const ANSWER = Type.Object(
  {
    scenarios: Type.Array(
      Type.Object(
        {
          scenario_type: oneOf(SCENARIO_TYPES, 'The type.'),
          metrics: Type.Array(
            Type.Object(
              {
                name: Type.String(),
                unit: oneOf(['count', 'percent', 'seconds'], 'Of the value.'),
                formula: Type.String(),
                ...FIGURE,
                points: pointsOf(FIGURE),
              },
              { additionalProperties: false },
            ),
          ),
          money: Type.Array(
            Type.Object(
              {
                name: Type.String(),
                currency: Type.Unsafe<string | null>({
                  type: ['string', 'null'],
                  description: 'As sent; null where the events name none. Currencies are never added up.',
                }),
                formula: Type.String(),
                ...MONEY_FIGURE,
                points: pointsOf(MONEY_FIGURE),
              },
              { additionalProperties: false },
            ),
            { description: 'Decimals as text. A metric for every currency that occurs in the range.' },
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type Plan = {
  readonly narrowing: Narrowing;
  readonly scenarioType: ScenarioType | undefined;
  readonly interval: Interval | undefined;
  /** Empty without an interval. */
  readonly edges: readonly number[];
};

/**
 * The metrics that a type of scenario has of its own (MF-09 to MF-11, S1-01 to S5-01), each with its formula
 * and what it was worked out from; in whole over the range and, with an interval, over time.
 */
export const scenarioMetrics: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'scenario-metrics',
  schema: SCHEMA,
  answerSchema: ANSWER,
  summary: 'The metrics of a scenario type, with formula, numerator and denominator',
  example: {
    question: {
      tenant_id: 'acme',
      from: '2024-03-04',
      to: '2024-03-05',
      scenario_type: 'ecommerce',
      interval: 'day',
    },
    answer: {
      scenarios: [
        {
          scenario_type: 'ecommerce',
          metrics: [
            {
              name: 'add_cart_rate',
              unit: 'percent',
              formula: '100 × events(add_cart) / events(impression)',
              numerator: 12,
              denominator: 400,
              value: 3,
              points: [{ time: '2024-03-04T00:00:00.000Z', numerator: 12, denominator: 400, value: 3 }],
            },
          ],
          money: [
            {
              name: 'aov',
              currency: 'CNY',
              formula: 'sum(amount of payment) / events(order)',
              numerator: '598.0000',
              denominator: 2,
              value: '299.0000',
              points: [
                {
                  time: '2024-03-04T00:00:00.000Z',
                  numerator: '598.0000',
                  denominator: 2,
                  value: '299.0000',
                },
              ],
            },
          ],
        },
      ],
    },
  },

  plan(question, time, report) {
    const { scenario_type: scenarioType, interval } = question;
    return {
      narrowing: readNarrowing(question, time, report),
      scenarioType,
      interval,
      edges: interval ? readBuckets(time, interval, report) : [],
    };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const tallyPlan = tallyPlanOf(plan);
    const series = plan.interval && (await askTallies({ ...tallyPlan, edges: plan.edges }, scope, ask));
    // Only users of one bucket may be those of another, so that their sum is not that of the range.
    const whole =
      series && !tallyPlan.measures.includes('users')
        ? [...series.values()].flat()
        : ((await askTallies(tallyPlan, scope, ask)).get(0) ?? []);
    const types = plan.scenarioType === undefined ? typesIn(whole) : [plan.scenarioType];
    return { scenarios: types.map((type) => scenarioOf(plan, type, { whole, series })) };
  },
};

/** What has to be tallied for all metrics of the types wanted. */
function tallyPlanOf({ narrowing, scenarioType }: Plan): TallyPlan {
  const scenarioTypes = scenarioType === undefined ? SCENARIO_TYPES : [scenarioType];
  const counts = scenarioTypes.flatMap((type) => countsOfType(type));
  return {
    narrowing,
    scenarioTypes,
    actions: [...new Set(counts.flatMap(({ actions }) => actions))],
    measures: [...new Set(counts.map(({ measure }) => measure))],
    usersOf: counts.flatMap(({ measure, actions }) => (measure === 'users' ? actions : [])),
  };
}

function countsOfType(type: ScenarioType) {
  return countsOf([...SCENARIO_METRICS[type], ...(MONEY_METRICS[type] ?? [])]);
}

function typesIn(tallies: readonly ActionTally[]): readonly ScenarioType[] {
  return SCENARIO_TYPES.filter((type) => {
    const actions = new Set(countsOfType(type).flatMap((count) => count.actions));
    return tallies.some((tally) => tally.scenarioType === type && actions.has(tally.action));
  });
}

function scenarioOf(
  plan: Plan,
  type: ScenarioType,
  { whole, series }: { readonly whole: readonly ActionTally[]; readonly series: Tallies | undefined },
): object {
  const own = (tallies: readonly ActionTally[]) =>
    tallies.filter(({ scenarioType }) => scenarioType === type);
  const inWhole = own(whole);
  const buckets = timesOf(plan).map((time, bucket) => ({ time, tallies: own(series?.get(bucket) ?? []) }));
  const points = (figure: (tallies: readonly ActionTally[]) => object) =>
    series ? { points: buckets.map(({ time, tallies }) => ({ time, ...figure(tallies) })) } : {};
  return {
    scenario_type: type,
    metrics: SCENARIO_METRICS[type].map((metric) => ({
      name: metric.name,
      unit: metric.unit,
      formula: formulaOf(metric),
      ...figureOf(metric, inWhole),
      ...points((tallies) => figureOf(metric, tallies)),
    })),
    money: (MONEY_METRICS[type] ?? []).flatMap((metric) =>
      currenciesOf(type, inWhole).map((currency) => {
        const figure = (tallies: readonly ActionTally[]) =>
          moneyFigureOf(
            metric,
            tallies.filter((tally) => tally.currency === currency),
          );
        return {
          name: metric.name,
          currency: currency || null,
          formula: formulaOf(metric),
          ...figure(inWhole),
          ...points(figure),
        };
      }),
    ),
  };
}

function timesOf({ edges, narrowing: { zone } }: Plan): readonly string[] {
  return edges.slice(0, -1).map((edge) => formatInstant(edge, zone));
}

/** The currencies of what the money metrics count, none first, then by their bytes. */
function currenciesOf(type: ScenarioType, tallies: readonly ActionTally[]): readonly string[] {
  const actions = new Set(countsOf(MONEY_METRICS[type] ?? []).flatMap((count) => count.actions));
  const moving = tallies.filter(({ action }) => actions.has(action));
  return [...new Set(moving.map(({ currency }) => currency))].sort(compareText);
}
