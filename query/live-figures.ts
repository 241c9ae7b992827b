import { ACTIONS, CONVERSION_ACTIONS, DEFAULT_CONVERSION_ACTION, percent, roundedQuotient } from '#domain';
import { MEASURES, splitIds } from '#projections';

/** One number of a minute, with what it was measured under. */
export type Measured = {
  readonly experimentId: string;
  readonly group: string;
  readonly scenarioType: string;
  readonly measure: string;
  readonly amount: number;
};

/** The members of a minute of `metrics:realtime`. */
export function measuredIn(entries: ReadonlyMap<string, number>): readonly Measured[] {
  return [...entries].map(([member, amount]) => {
    const [experimentId = '', group = '', scenarioType = '', measure = ''] = splitIds(member);
    return { experimentId, group, scenarioType, measure, amount };
  });
}

/** What sums and counts make together; rates are per cent, 0 where there is nothing to divide by. */
export type LiveFigures = {
  readonly events: number;
  readonly pv: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly ctr: number;
  /** By the action that is a conversion in the scenario type of each event (X16). */
  readonly conversions: number;
  readonly conversion_rate: number;
  readonly order_rate: number;
  readonly payment_rate: number;
  readonly purchase_rate: number;
  readonly watches: number;
  /** Seconds per event that carried a duration (MF-16). */
  readonly avg_watch_duration: number;
  readonly completions: number;
  /** A fraction from 0 to 1. */
  readonly avg_completion_rate: number;
  /** How often each action was taken; those that were not are left out. */
  readonly actions: Readonly<Record<string, number>>;
};

/** Adds up and divides. */
export function figuresOf(measured: readonly Measured[]): LiveFigures {
  const sums = new Map<string, number>();
  let conversions = 0;
  for (const { measure, amount, scenarioType } of measured) {
    sums.set(measure, (sums.get(measure) ?? 0) + amount);
    if (measure === conversionOf(scenarioType)) conversions += amount;
  }
  const sum = (measure: string): number => sums.get(measure) ?? 0;
  const impressions = sum('impression');
  const rate = (action: string): number => percent(sum(action), impressions);
  return {
    events: sum(MEASURES.events),
    pv: sum(MEASURES.pageViews),
    impressions,
    clicks: sum('click'),
    ctr: rate('click'),
    conversions,
    conversion_rate: percent(conversions, impressions),
    order_rate: rate('order'),
    payment_rate: rate('payment'),
    purchase_rate: rate('purchase'),
    watches: sum(MEASURES.watches),
    avg_watch_duration: mean(sum(MEASURES.watchMs), sum(MEASURES.watches)) / 1000,
    completions: sum(MEASURES.completions),
    // Millionths over a hundred: four decimals.
    avg_completion_rate: mean(sum(MEASURES.completionMillionths), 100 * sum(MEASURES.completions)) / 10_000,
    actions: Object.fromEntries(
      ACTIONS.filter((action) => sums.has(action)).map((action) => [action, sum(action)]),
    ),
  };
}

/** The action that is a conversion in a scenario type (X16). */
export function conversionOf(scenarioType: string): string {
  return (CONVERSION_ACTIONS as Readonly<Record<string, string>>)[scenarioType] ?? DEFAULT_CONVERSION_ACTION;
}

/** Rounded half up in whole numbers, so that no binary fraction decides; 0 without any. */
function mean(sum: number, count: number): number {
  return Number(roundedQuotient(BigInt(sum), BigInt(count)));
}
