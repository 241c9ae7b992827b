import { Type } from 'typebox';
import { COMPLETION_ACTIONS, METRICS, metricOf } from '#domain';
import type { Metric, MetricCounts } from '#domain';
import { bucketAt, bucketOn, cellOf, ofOneScenario } from './explain-cell.ts';
import type { Cell, CellsOf, NoCell } from './explain-cell.ts';
import { carries, converts, isAction, isBehaviour, isDone, ofScenario } from './explain-condition.ts';
import type { Condition } from './explain-condition.ts';
import { AMOUNTS, eventsPart, membersPart } from './explain-part.ts';
import type { Part } from './explain-part.ts';
import type { Plan as DailyPlan } from './daily-stats.ts';
import { readCounts } from './metrics-sql.ts';
import { oneOf } from './question.ts';
import type { Plan as RangePlan } from './range.ts';
import type { Piece } from './slices.ts';
import type { Plan as TrendPlan } from './trend.ts';

type Events = Piece & { readonly conditions: readonly Condition[] };

/** One of the counts metrics are made of, as a part of the same name. */
export function countPart(name: keyof MetricCounts, events: Events): Part {
  const of = (...more: readonly Condition[]) => ({
    ...events,
    name,
    conditions: [...more, ...events.conditions],
  });
  switch (name) {
    case 'impressions':
      return eventsPart(of(isAction(['impression'])));
    case 'clicks':
      return eventsPart(of(isAction(['click'])));
    case 'conversions':
      return eventsPart(of(converts));
    case 'orders':
      return eventsPart(of(isAction(['order'])));
    case 'payments':
      return eventsPart(of(isAction(['payment'])));
    case 'purchases':
      return eventsPart(of(isAction(['purchase'])));
    case 'active_users':
      return membersPart(of(isDone));
    case 'active_items':
      return membersPart(of(isBehaviour), 'item');
    case 'watch_ms':
      return eventsPart(of(isBehaviour, carries('watch_duration')), AMOUNTS.seconds);
    case 'completion_millionths':
      return eventsPart(of(isAction(COMPLETION_ACTIONS), carries('completion_rate')), AMOUNTS.completion);
    case 'completions':
      return eventsPart(of(isAction(COMPLETION_ACTIONS), carries('completion_rate')));
  }
}

/** The counts of a metric, that of the numerator first. */
const COUNTS_OF: Readonly<Record<Metric, readonly (keyof MetricCounts)[]>> = {
  impressions: ['impressions'],
  clicks: ['clicks'],
  ctr: ['clicks', 'impressions'],
  conversions: ['conversions'],
  conversion_rate: ['conversions', 'impressions'],
  active_users: ['active_users'],
  active_items: ['active_items'],
  orders: ['orders'],
  order_rate: ['orders', 'impressions'],
  payments: ['payments'],
  payment_rate: ['payments', 'impressions'],
  purchases: ['purchases'],
  purchase_rate: ['purchases', 'impressions'],
  total_watch_duration: ['watch_ms'],
  avg_completion_rate: ['completion_millionths', 'completions'],
};

/** A metric over some events, by `metricOf` of the domain. */
export function metricCell(metric: Metric, events: Events, value: unknown): Cell | NoCell {
  const parts = COUNTS_OF[metric].map((name) => countPart(name, events));
  return cellOf(value, {
    parts,
    worth: (totals) =>
      metricOf(metric, {
        ...readCounts(undefined),
        ...Object.fromEntries(parts.map((part) => [part.name, Number(totals.of(part))])),
      }),
  });
}

const FIGURE = oneOf(METRICS, 'The metric.');

const TREND = Type.Object(
  {
    figure: FIGURE,
    time: Type.Unsafe<string | number>({
      type: ['string', 'number'],
      maxLength: 64,
      description: 'Start of the point: ISO 8601 or epoch ms, so its `seconds` times 1000.',
    }),
  },
  { additionalProperties: false },
);

type TrendAnswer = {
  readonly trends: readonly { metric_name: string; points: readonly { readonly value: number }[] }[];
};

/** The points of a trend. */
export const trendCells: CellsOf<Type.Static<typeof TREND>, TrendPlan> = {
  schema: TREND,
  example: { figure: 'ctr', time: '2024-03-04T00:00:00.000Z' },
  find({ figure, time }, { plan, answer }) {
    const bucket = bucketAt(time, plan.edges, plan);
    const series = (answer as TrendAnswer).trends.find((one) => one.metric_name === figure);
    const events = { ...(bucket ?? plan), conditions: ofOneScenario(plan.scenarioId) };
    return metricCell(figure, events, bucket && series?.points[bucket.index]?.value);
  },
};

const DAILY = Type.Object(
  {
    figure: FIGURE,
    scenario_id: Type.Optional(
      Type.String({ maxLength: 255, description: 'Of this scenario of the answer; by default of all.' }),
    ),
  },
  { additionalProperties: false },
);

type Stats = Readonly<Partial<Record<Metric, number>>>;
type DailyAnswer = {
  readonly stats: Stats;
  readonly scenarios: readonly (Stats & { readonly scenario_id: string })[];
};

/** The figures of a day. */
export const dailyStatsCells: CellsOf<Type.Static<typeof DAILY>, DailyPlan> = {
  schema: DAILY,
  example: { figure: 'active_users', scenario_id: 'feed' },
  find({ figure, scenario_id: scenarioId }, { plan, answer }) {
    const { stats, scenarios } = answer as DailyAnswer;
    const shown = scenarioId === undefined ? stats : scenarios.find((one) => one.scenario_id === scenarioId);
    const conditions = [
      ...ofOneScenario(plan.scenarioId),
      ...(scenarioId === undefined ? [] : [ofScenario(scenarioId)]),
    ];
    return metricCell(figure, { ...plan, conditions }, shown?.[figure]);
  },
};

const RANGE = Type.Object(
  {
    figure: FIGURE,
    date: Type.Optional(
      Type.String({ maxLength: 10, description: 'Of this day; by default of the whole range.' }),
    ),
  },
  { additionalProperties: false },
);

type RangeAnswer = {
  readonly total: Stats;
  readonly days: readonly (Stats & { readonly date: string })[];
};

/** The figures of every day of a range, and of all of it. */
export const rangeCells: CellsOf<Type.Static<typeof RANGE>, RangePlan> = {
  schema: RANGE,
  example: { figure: 'clicks', date: '2024-03-04' },
  find({ figure, date }, { plan, answer }) {
    const { total, days } = answer as RangeAnswer;
    const conditions = ofOneScenario(plan.scenarioId);
    if (date === undefined) return metricCell(figure, { ...plan, conditions }, total[figure]);
    const bucket = bucketOn(date, plan.edges, plan);
    return metricCell(figure, { ...(bucket ?? plan), conditions }, bucket && days[bucket.index]?.[figure]);
  },
};
