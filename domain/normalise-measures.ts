import { ACTION_GROUPS } from './action.ts';
import type { ActionType } from './action.ts';
import type { EventWarning, Json, JsonObject } from './event.ts';
import type { ScenarioType } from './scenario.ts';

/** Where a measure may stand, in order of precedence, each with the path that names it. */
export type Source = { readonly path: string; readonly members: JsonObject };

export type Measures = {
  readonly watch_duration?: number;
  readonly completion_rate?: number;
  readonly amount?: number;
  readonly currency?: string;
};

type Names = readonly string[];

/** S9-04: what each scenario type calls the seconds consumed and the share completed. */
export const CONSUMPTION_NAMES: Readonly<
  Record<ScenarioType, { readonly duration: Names; readonly completion: Names }>
> = {
  video: { duration: ['watch_duration'], completion: ['completion_rate'] },
  ecommerce: { duration: ['watch_duration'], completion: ['completion_rate'] },
  news: {
    duration: ['read_duration', 'stay_duration', 'watch_duration'],
    completion: ['read_progress', 'completion_rate'],
  },
  music: { duration: ['play_duration', 'watch_duration'], completion: ['completion_rate'] },
  education: {
    duration: ['study_duration', 'watch_duration'],
    completion: ['progress', 'learning_progress', 'completion_rate'],
  },
  content: { duration: ['read_duration', 'watch_duration'], completion: ['completion_rate'] },
  social: { duration: ['watch_duration'], completion: ['completion_rate'] },
  personalized: { duration: ['watch_duration'], completion: ['completion_rate'] },
  custom: { duration: ['watch_duration'], completion: ['completion_rate'] },
};

/** What an action calls the money that changes hands. */
export const AMOUNT_NAMES: Readonly<Partial<Record<ActionType, Names>>> = {
  order: ['total_amount', 'payment_amount', 'amount'],
  payment: ['payment_amount', 'total_amount', 'amount'],
  purchase: ['payment_amount', 'total_amount', 'amount'],
};

/** The names that mean the same measure as this one, itself among them; none where it is no measure. */
export function measureNames(
  name: string,
  { type, action }: { readonly type: ScenarioType; readonly action: ActionType },
): Names {
  const { duration, completion } = CONSUMPTION_NAMES[type];
  const consumption = ACTION_GROUPS[action] === 'consumption' ? [duration, completion] : [];
  return [...consumption, AMOUNT_NAMES[action] ?? []].find((names) => names.includes(name)) ?? [];
}

/** Members of the envelope that only feed the measures. */
export const MEASURE_MEMBERS: Names = ['watch_duration', 'completion_rate', 'amount', 'currency'];

/** The normalised measures of a behaviour; a value that cannot be one is left out with a warning. */
export function measuresOf(
  about: {
    readonly action: ActionType;
    readonly type: ScenarioType | undefined;
    readonly sources: readonly Source[];
  },
  warnings: EventWarning[],
): Measures {
  const { action, sources } = about;
  const amounts = AMOUNT_NAMES[action];
  if (amounts) return moneyOf(amounts, sources, warnings);
  return ACTION_GROUPS[action] === 'consumption' ? consumptionOf(about, warnings) : NO_MEASURES;
}

const NO_MEASURES: Measures = {};

function consumptionOf(
  about: {
    readonly action: ActionType;
    readonly type: ScenarioType | undefined;
    readonly sources: readonly Source[];
  },
  warnings: EventWarning[],
): Measures {
  const { action, type, sources } = about;
  const names = CONSUMPTION_NAMES[type ?? 'custom'];
  const duration = pick(sources, { names: names.duration, read: readDuration }, warnings);
  let completion = pick(sources, { names: names.completion, read: readShare }, warnings);
  if (action === 'complete') {
    if (completion !== undefined && completion !== 1) {
      warnings.push({
        field: 'completion_rate',
        code: 'differing_values',
        message: `complete counts as completion 1, not ${completion}`,
      });
    }
    completion = 1;
  }
  // A post or a gallery has no end that reading could reach.
  if (type === 'content' && action === 'read') completion = undefined;
  return {
    ...(duration === undefined ? {} : { watch_duration: duration }),
    ...(completion === undefined ? {} : { completion_rate: completion }),
  };
}

function moneyOf(names: Names, sources: readonly Source[], warnings: EventWarning[]): Measures {
  const amount = pick(sources, { names, read: readAmount }, warnings);
  const currency = pick(sources, { names: ['currency'], read: readWord }, warnings);
  return {
    ...(amount === undefined ? {} : { amount }),
    ...(currency === undefined ? {} : { currency }),
  };
}

type Wanted<T> = { readonly names: Names; readonly read: (value: Json) => T | Problem };
type Problem = { readonly code: string; readonly message: string };

/** The first usable value by precedence; values that differ from it are told of. */
export function pick<T extends number | string>(
  sources: readonly Source[],
  { names, read }: Wanted<T>,
  warnings: EventWarning[],
): T | undefined {
  let picked: T | undefined;
  for (const { path, members } of sources) {
    const name = names.find((one) => Object.hasOwn(members, one) && members[one] !== null);
    if (name === undefined) continue;
    const value = read(members[name] ?? null);
    const field = path + name;
    if (typeof value === 'object') warnings.push({ field, ...value });
    else if (picked === undefined) picked = value;
    else if (picked !== value) {
      const message = `differs from the value taken, ${picked}`;
      warnings.push({ field, code: 'differing_values', message });
    }
  }
  return picked;
}

function readDuration(value: Json): number | Problem {
  if (typeof value !== 'number') return { code: 'type', message: 'must be a number of seconds' };
  return value >= 0 ? value : { code: 'range', message: 'must not be negative' };
}

function readShare(value: Json): number | Problem {
  if (typeof value !== 'number') return { code: 'type', message: 'must be a number from 0 to 1' };
  if (value >= 0 && value <= 1) return value;
  const code = value > 1 && value <= 100 ? 'percent' : 'range';
  return { code, message: 'must be a fraction from 0 to 1, not a percentage' };
}

/** What a Decimal(18, 4) holds before the point. */
const AMOUNT_BELOW = 1e14;
const DECIMAL = /^-?\d{1,14}(?:\.\d{1,4})?$/;

function readAmount(value: Json): number | Problem {
  const amount = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
  if (typeof amount !== 'number') return { code: 'type', message: 'must be a number' };
  if (Math.abs(amount) < AMOUNT_BELOW) return amount;
  return { code: 'range', message: 'must have fewer than 15 digits before the point' };
}

function readWord(value: Json): string | Problem {
  if (typeof value === 'string' && value.length <= 64) return value;
  return { code: 'type', message: 'must be a short string' };
}

/** Slot in the list, for an event that says it elsewhere than in the envelope (S9-03). */
export function readPosition(value: Json): number | Problem {
  if (typeof value !== 'number' || !Number.isInteger(value))
    return { code: 'type', message: 'must be an integer' };
  return value >= 1 && value <= 0xffff_ffff ? value : { code: 'range', message: 'must be 1 or more' };
}
