import type { ActionType } from './action.ts';
import { actorOf } from './event.ts';
import type { Event } from './event.ts';
import { AMOUNT_NAMES } from './normalise-measures.ts';
import { CONVERSION_ACTIONS, DEFAULT_CONVERSION_ACTION } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

/** What can be counted of behaviours, and how many of its whole numbers make one. */
export const MEASURE_SCALES = {
  /** Behaviours. */
  events: 1,
  /** Different actors. */
  users: 1,
  /** Thousandths of a second, each event's duration rounded half up. */
  seconds: 1000,
  /** Behaviours with a duration. */
  timed: 1,
  /** Millionths, each event's completion rate rounded half up. */
  completion: 1_000_000,
  /** Behaviours with a completion rate. */
  rated: 1,
  /** Ten-thousandths of a unit of the currency, so that money is never added as binary fractions. */
  money: 10_000,
} as const;
export type Measure = keyof typeof MEASURE_SCALES;

/** Actions that move money; the currency of any other is none. */
export const MONEY_ACTIONS = Object.keys(AMOUNT_NAMES) as readonly ActionType[];

/** The behaviours of one scenario type, action and currency, counted. */
export type ActionTally = {
  /** Empty where the events name no type. */
  readonly scenarioType: ScenarioType | '';
  readonly action: ActionType;
  /** Empty where the events name none. */
  readonly currency: string;
} & Readonly<Record<Measure, bigint>>;

/** Counts plain events one by one. Which of them is the caller's to choose. */
export function foldTallies(events: readonly Event[]): readonly ActionTally[] {
  const groups = Map.groupBy(
    events.filter(({ kind }) => kind === 'behaviour'),
    (event) => JSON.stringify([event.scenario_type ?? '', event.event_name, currencyOf(event)]),
  );
  return [...groups.values()].map((group) => {
    const [first] = group;
    return {
      scenarioType: first?.scenario_type ?? '',
      action: first?.event_name as ActionType,
      currency: first ? currencyOf(first) : '',
      events: BigInt(group.length),
      users: BigInt(new Set(group.map(actorOf).filter((actor) => actor !== '')).size),
      seconds: sum(group.map((event) => wholes((event.watch_duration ?? 0) * MEASURE_SCALES.seconds))),
      timed: present(group, 'watch_duration'),
      completion: sum(group.map((event) => wholes((event.completion_rate ?? 0) * MEASURE_SCALES.completion))),
      rated: present(group, 'completion_rate'),
      money: sum(group.map(({ amount }) => parseMoney(String(amount ?? 0)))),
    };
  });
}

/** The sum of one measure over tallies. Of `users` only over tallies whose actors cannot be the same. */
export function tallied(tallies: readonly ActionTally[], measure: Measure): bigint {
  return sum(tallies.map((tally) => tally[measure]));
}

/** Conversions among the tallied: by the given actions, else by that of each scenario type (X16). */
export function talliedConversions(tallies: readonly ActionTally[], actions?: readonly ActionType[]): bigint {
  const converting = tallies.filter(({ action, scenarioType }) =>
    actions ? actions.includes(action) : action === conversionAction(scenarioType),
  );
  return tallied(converting, 'events');
}

function conversionAction(type: ScenarioType | ''): ActionType {
  return type === '' ? DEFAULT_CONVERSION_ACTION : CONVERSION_ACTIONS[type];
}

/** Takes the text of an amount as the ten-thousandths the facts keep of it; further digits are cut off. */
export function parseMoney(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  // What is written with an exponent is smaller than a ten-thousandth: no amount has fifteen digits.
  if (!match) return 0n;
  const [, sign = '', whole = '0', fraction = ''] = match;
  return BigInt(`${sign}${whole}${fraction.slice(0, 4).padEnd(4, '0')}`);
}

/** Writes ten-thousandths as a decimal with four places, `299.9000`. */
export function formatMoney(tenThousandths: bigint): string {
  const digits = String(tenThousandths < 0n ? -tenThousandths : tenThousandths).padStart(5, '0');
  return `${tenThousandths < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

/** `numerator / denominator`, rounded half up; 0 when the denominator is 0. */
export function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  if (denominator === 0n) return 0n;
  const doubled = 2n * numerator + denominator;
  const quotient = doubled / (2n * denominator);
  // The division of whole numbers cuts towards zero; below zero that is up.
  return doubled < 0n && quotient * 2n * denominator !== doubled ? quotient - 1n : quotient;
}

function currencyOf(event: Event): string {
  return MONEY_ACTIONS.some((action) => action === event.event_name) ? (event.currency ?? '') : '';
}

function present(events: readonly Event[], member: 'watch_duration' | 'completion_rate'): bigint {
  return BigInt(events.filter((event) => event[member] !== undefined).length);
}

function wholes(value: number): bigint {
  return BigInt(Math.floor(value + 0.5));
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
