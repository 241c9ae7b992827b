import type { ActionType } from './action.ts';
import { MEASURE_SCALES, formatMoney, roundedQuotient, tallied } from './action-tally.ts';
import type { ActionTally, Measure } from './action-tally.ts';
import type { ScenarioType } from './scenario.ts';

/** One measure over the behaviours with one of the actions. */
export type Count = { readonly measure: Measure; readonly actions: readonly ActionType[] };

export type ScenarioMetric = {
  readonly name: string;
  /** How the value is written: a whole number; per cent or seconds of a quotient. */
  readonly unit: 'count' | 'percent' | 'seconds';
  readonly numerator: Count;
  readonly denominator?: Count;
};

/** A metric of money, always of one currency. */
export type MoneyMetric = {
  readonly name: string;
  readonly numerator: Count;
  readonly denominator?: Count;
};

const events = (...actions: ActionType[]): Count => ({ measure: 'events', actions });
/** Of one action only: the users of two may be the same. */
const users = (action: ActionType): Count => ({ measure: 'users', actions: [action] });
const money = (action: ActionType): Count => ({ measure: 'money', actions: [action] });

const count = (name: string, numerator: Count): ScenarioMetric => ({ name, unit: 'count', numerator });
const rate = (name: string, numerator: Count, denominator = events('impression')): ScenarioMetric => ({
  name,
  unit: 'percent',
  numerator,
  denominator,
});
/** Mean share completed of the behaviours that carry one (MF-05, MF-10). */
const completion = (name: string, ...actions: ActionType[]): ScenarioMetric => ({
  name,
  unit: 'percent',
  numerator: { measure: 'completion', actions },
  denominator: { measure: 'rated', actions },
});
/** Mean seconds of the behaviours that carry a duration (MF-16). */
const duration = (name: string, ...actions: ActionType[]): ScenarioMetric => ({
  name,
  unit: 'seconds',
  numerator: { measure: 'seconds', actions },
  denominator: { measure: 'timed', actions },
});

const IMPRESSIONS = count('impressions', events('impression'));
const SEEN = [IMPRESSIONS, count('clicks', events('click')), rate('ctr', events('click'))];

/**
 * The metrics of each scenario type: its core metrics (S1-01, S2-01, S3-01, S4-01, S5-01; MF-09 to MF-11), and
 * for the types without any what their actions tell. Rates are of impressions unless they say otherwise.
 */
export const SCENARIO_METRICS: Readonly<Record<ScenarioType, readonly ScenarioMetric[]>> = {
  video: [
    ...SEEN,
    count('plays', events('play')),
    completion('completion_rate', 'play_end'),
    duration('avg_watch_duration', 'play_end'),
    count('likes', events('like')),
    count('shares', events('share')),
    count('comments', events('comment')),
  ],
  ecommerce: [
    ...SEEN,
    rate('add_cart_rate', events('add_cart')),
    rate('order_rate', events('order')),
    rate('payment_rate', events('payment')),
    rate('purchase_rate', events('purchase')),
  ],
  news: [
    ...SEEN,
    count('reads', events('read')),
    completion('read_completion_rate', 'read_end'),
    duration('avg_stay_duration', 'read'),
    duration('avg_read_duration', 'read_end'),
    count('likes', events('like')),
    count('comments', events('comment')),
    count('shares', events('share')),
  ],
  music: [
    ...SEEN,
    count('plays', events('play')),
    completion('play_completion_rate', 'play_end'),
    duration('avg_play_duration', 'play_end'),
    rate('single_loop_rate', events('repeat'), events('play')),
    rate('add_playlist_rate', events('add_playlist'), events('play')),
    count('likes', events('like')),
    count('shares', events('share')),
  ],
  education: [
    ...SEEN,
    count('learners', users('learn')),
    completion('study_completion_rate', 'learn', 'complete'),
    duration('avg_study_duration', 'learn'),
    rate('purchase_rate', events('purchase')),
    rate('interaction_rate', events('note', 'ask', 'review'), users('learn')),
  ],
  content: [
    ...SEEN,
    count('views', events('view')),
    count('reads', events('read')),
    duration('avg_read_duration', 'read'),
    count('likes', events('like')),
    count('comments', events('comment')),
    count('shares', events('share')),
    count('collects', events('collect')),
    rate('engagement_rate', events('like', 'comment', 'share', 'collect')),
    rate('report_rate', events('report')),
  ],
  social: [
    IMPRESSIONS,
    rate('profile_view_rate', events('view_profile')),
    rate('follow_rate', events('follow')),
    rate('add_friend_rate', events('add_friend')),
    count('messages', events('message')),
    rate('ignore_rate', events('ignore')),
    rate('block_rate', events('block')),
  ],
  personalized: [
    ...SEEN,
    count('positive_feedback', events('positive_feedback')),
    count('negative_feedback', events('negative_feedback')),
    rate(
      'positive_feedback_rate',
      events('positive_feedback'),
      events('positive_feedback', 'negative_feedback'),
    ),
    rate('dismiss_rate', events('dismiss')),
    rate('not_interest_rate', events('not_interest')),
  ],
  custom: [...SEEN, rate('order_rate', events('order')), rate('payment_rate', events('payment'))],
};

/**
 * Metrics of money per scenario type. What is paid is the amount of `payment`; `purchase` is a figure of its
 * own, so that a shop that sends both does not count its money twice.
 */
export const MONEY_METRICS: Readonly<Partial<Record<ScenarioType, readonly MoneyMetric[]>>> = {
  ecommerce: [
    { name: 'gmv', numerator: money('payment') },
    { name: 'aov', numerator: money('payment'), denominator: events('order') },
    { name: 'purchase_value', numerator: money('purchase') },
  ],
  education: [{ name: 'purchase_value', numerator: money('purchase') }],
};

/** A value and what it was worked out from; a metric without a denominator has null there. */
export type Figure = {
  readonly numerator: number;
  readonly denominator: number | null;
  readonly value: number;
};

/** The same of money, as decimals with four places. */
export type MoneyFigure = {
  readonly numerator: string;
  readonly denominator: number | null;
  readonly value: string;
};

/**
 * Per cent with two decimals, seconds with three, rounded half up in whole numbers; 0 where the denominator
 * is 0.
 */
export function figureOf(metric: ScenarioMetric, tallies: readonly ActionTally[]): Figure {
  const { numerator, denominator } = metric;
  return figureOfCounts(metric, {
    part: counted(numerator, tallies),
    whole: denominator ? counted(denominator, tallies) : 0n,
  });
}

/** What was counted for the numerator and the denominator of a metric, 0 where it has none. */
export type FigureCounts = { readonly part: bigint; readonly whole: bigint };

/** As {@link figureOf}, of what was counted. */
export function figureOfCounts(metric: ScenarioMetric, { part, whole }: FigureCounts): Figure {
  const { unit, numerator, denominator } = metric;
  const shown = Number(part) / MEASURE_SCALES[numerator.measure];
  if (!denominator) return { numerator: shown, denominator: null, value: shown };
  const [factor, digits] = unit === 'percent' ? [10_000, 100] : [1000, 1000];
  const scale = BigInt(MEASURE_SCALES[numerator.measure]);
  const value = Number(roundedQuotient(part * BigInt(factor), whole * scale)) / digits;
  return { numerator: shown, denominator: Number(whole), value };
}

/** A metric of money over the tallies of one currency, which the caller has chosen. */
export function moneyFigureOf(metric: MoneyMetric, tallies: readonly ActionTally[]): MoneyFigure {
  return moneyFigureOfCounts(metric, {
    part: counted(metric.numerator, tallies),
    whole: metric.denominator ? counted(metric.denominator, tallies) : 0n,
  });
}

/** As {@link moneyFigureOf}, of what was counted. */
export function moneyFigureOfCounts(metric: MoneyMetric, { part, whole }: FigureCounts): MoneyFigure {
  const numerator = formatMoney(part);
  if (!metric.denominator) return { numerator, denominator: null, value: numerator };
  return { numerator, denominator: Number(whole), value: formatMoney(roundedQuotient(part, whole)) };
}

/** A metric in words, `100 × events(add_cart) / events(impression)`. */
export function formulaOf(metric: ScenarioMetric | MoneyMetric): string {
  const times = 'unit' in metric && metric.unit === 'percent' ? '100 × ' : '';
  const over = metric.denominator ? ` / ${termOf(metric.denominator)}` : '';
  return `${times}${termOf(metric.numerator)}${over}`;
}

/** What has to be counted for metrics. */
export function countsOf(metrics: readonly (ScenarioMetric | MoneyMetric)[]): readonly Count[] {
  return metrics.flatMap(({ numerator, denominator }) =>
    denominator ? [numerator, denominator] : [numerator],
  );
}

function counted({ measure, actions }: Count, tallies: readonly ActionTally[]): bigint {
  return tallied(
    tallies.filter(({ action }) => actions.includes(action)),
    measure,
  );
}

const TERMS: Readonly<Record<Measure, (actions: string) => string>> = {
  events: (actions) => `events(${actions})`,
  users: (actions) => `users(${actions})`,
  seconds: (actions) => `sum(watch_duration of ${actions})`,
  timed: (actions) => `events(${actions} with watch_duration)`,
  completion: (actions) => `sum(completion_rate of ${actions})`,
  rated: (actions) => `events(${actions} with completion_rate)`,
  money: (actions) => `sum(amount of ${actions})`,
};

function termOf({ measure, actions }: Count): string {
  return TERMS[measure](actions.join(', '));
}
