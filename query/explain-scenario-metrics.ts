import { Type } from 'typebox';
import {
  MONEY_ACTIONS,
  MONEY_METRICS,
  SCENARIO_METRICS,
  SCENARIO_TYPES,
  figureOfCounts,
  moneyFigureOfCounts,
} from '#domain';
import type {
  Count,
  Figure,
  FigureCounts,
  MoneyFigure,
  MoneyMetric,
  ScenarioMetric,
  ScenarioType,
} from '#domain';
import { bucketAt, cellOf, leftBy } from './explain-cell.ts';
import type { Cell, CellsOf, NoCell } from './explain-cell.ts';
import { carries, inCurrency, isAction, ofScenarioType } from './explain-condition.ts';
import type { Condition } from './explain-condition.ts';
import { AMOUNTS, eventsPart, membersPart } from './explain-part.ts';
import type { Part } from './explain-part.ts';
import { oneOf } from './question.ts';
import type { Plan } from './scenario-metrics.ts';
import type { Piece } from './slices.ts';

const SCHEMA = Type.Object(
  {
    scenario_type: oneOf(SCENARIO_TYPES, 'A type of the answer.'),
    metric: Type.String({ description: 'A metric of the type, of money or not, by its name.' }),
    currency: Type.Optional(
      Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Of a metric of money.' }),
    ),
    time: Type.Optional(
      Type.Unsafe<string | number>({
        type: ['string', 'number'],
        maxLength: 64,
        description: 'A point of the series; by default the whole range.',
      }),
    ),
    figure: Type.Optional(oneOf(['value', 'numerator', 'denominator'], 'Which number of it.', 'value')),
  },
  { additionalProperties: false },
);

type Named = Type.Static<typeof SCHEMA>;
type FigureName = NonNullable<Named['figure']>;
type Shown = (Figure | MoneyFigure) & {
  readonly name: string;
  readonly currency?: string | null;
  readonly points?: readonly (Figure | MoneyFigure)[];
};
type ScenariosAnswer = {
  readonly scenarios: readonly {
    readonly scenario_type: ScenarioType;
    readonly metrics: readonly Shown[];
    readonly money: readonly Shown[];
  }[];
};

/** The metrics of the scenario types. */
export const scenarioMetricsCells: CellsOf<Named, Plan> = {
  schema: SCHEMA,
  example: { scenario_type: 'ecommerce', metric: 'add_cart_rate' },
  find(named, { plan, answer }) {
    const { scenario_type: type, time, figure = 'value' } = named;
    const bucket = time === undefined ? undefined : bucketAt(time, plan.edges, plan.narrowing);
    const shown = shownOf(named, answer as ScenariosAnswer);
    const whole = time === undefined ? shown : bucket && shown?.points?.[bucket.index];
    const made = {
      piece: bucket ?? plan.narrowing,
      conditions: [ofScenarioType(type), ...leftBy(plan.narrowing)],
      figure,
      value: whole?.[figure],
    };
    const money = moneyMetricOf(named);
    if (money) {
      const inIt = (count: Count) => ofCurrency(named.currency ?? '', count);
      return figureCell(money, { ...made, inIt, worth: (counts) => moneyFigureOfCounts(money, counts) });
    }
    const metric = SCENARIO_METRICS[type].find(({ name }) => name === named.metric);
    if (!metric) return { problem: `must be of a metric of ${type}` };
    return figureCell(metric, { ...made, inIt: () => [], worth: (counts) => figureOfCounts(metric, counts) });
  },
};

function moneyMetricOf({ scenario_type: type, metric }: Named): MoneyMetric | undefined {
  return MONEY_METRICS[type]?.find(({ name }) => name === metric);
}

function shownOf(named: Named, { scenarios }: ScenariosAnswer): Shown | undefined {
  const { scenario_type: type, metric, currency = null } = named;
  const scenario = scenarios.find((one) => one.scenario_type === type);
  return moneyMetricOf(named)
    ? scenario?.money.find((one) => one.name === metric && one.currency === currency)
    : scenario?.metrics.find((one) => one.name === metric);
}

/** Only actions that move money are of a currency; all others are of none. */
function ofCurrency(currency: string, { actions }: Count): readonly Condition[] {
  return actions.every((action) => MONEY_ACTIONS.includes(action)) ? [inCurrency(currency)] : [];
}

function figureCell(
  metric: ScenarioMetric | MoneyMetric,
  made: {
    readonly piece: Piece;
    readonly conditions: readonly Condition[];
    readonly figure: FigureName;
    readonly value: unknown;
    readonly inIt: (count: Count) => readonly Condition[];
    readonly worth: (counts: FigureCounts) => Figure | MoneyFigure;
  },
): Cell | NoCell {
  const { numerator, denominator } = metric;
  const { piece, conditions, inIt, figure, value, worth } = made;
  const partOf = (name: string, count: Count): Part =>
    measured(count, { ...piece, name, conditions: [...conditions, ...inIt(count)] });
  const part = partOf('numerator', numerator);
  const whole = denominator && partOf('denominator', denominator);
  const parts = whole ? [part, whole] : [part];
  return cellOf(value, {
    parts: figure === 'denominator' ? parts.slice(-1) : figure === 'numerator' ? [part] : parts,
    worth: (totals) =>
      worth({
        part: figure === 'denominator' ? 0n : totals.of(part),
        whole: whole && figure !== 'numerator' ? totals.of(whole) : 0n,
      })[figure],
  });
}

function measured({ measure, actions }: Count, events: Piece & Pick<Part, 'name' | 'conditions'>): Part {
  const of = (...more: readonly Condition[]) => ({
    ...events,
    conditions: [isAction(actions), ...more, ...events.conditions],
  });
  switch (measure) {
    case 'events':
      return eventsPart(of());
    case 'users':
      return membersPart(of());
    case 'seconds':
      return eventsPart(of(carries('watch_duration')), AMOUNTS.seconds);
    case 'timed':
      return eventsPart(of(carries('watch_duration')));
    case 'completion':
      return eventsPart(of(carries('completion_rate')), AMOUNTS.completion);
    case 'rated':
      return eventsPart(of(carries('completion_rate')));
    case 'money':
      return eventsPart(of(), AMOUNTS.money);
  }
}
