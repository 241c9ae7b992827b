import { COMPLETION_ACTIONS } from './action.ts';
import { actorOf } from './event.ts';
import type { Event } from './event.ts';
import { CONVERSION_ACTIONS, DEFAULT_CONVERSION_ACTION } from './scenario.ts';

/**
 * 100 × part / whole, rounded half up to two decimals in whole numbers, so that no binary fraction decides;
 * 0 when the whole is 0. Exact for parts up to 4 × 10^11.
 */
export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((part * 20_000 + whole) / (2 * whole)) / 100;
}

/** What of a range of behaviours is counted, as whole numbers. */
export type MetricCounts = {
  readonly impressions: number;
  readonly clicks: number;
  /** By the action that is a conversion in the event's own scenario type (X16). */
  readonly conversions: number;
  readonly orders: number;
  readonly payments: number;
  readonly purchases: number;
  /** Different actors of events of any kind but catalogue entries. */
  readonly active_users: number;
  /** Different items of behaviours. */
  readonly active_items: number;
  /** Thousandths of a second, each event's duration rounded half up. */
  readonly watch_ms: number;
  /** Millionths, each event's rate rounded half up, and how many there were (MF-05). */
  readonly completion_millionths: number;
  readonly completions: number;
};

/** The metrics one may ask for by name. */
export const METRICS = [
  'impressions',
  'clicks',
  'ctr',
  'conversions',
  'conversion_rate',
  'active_users',
  'active_items',
  'orders',
  'order_rate',
  'payments',
  'payment_rate',
  'purchases',
  'purchase_rate',
  'total_watch_duration',
  'avg_completion_rate',
] as const;
export type Metric = (typeof METRICS)[number];

const FORMULAS: Readonly<Record<Metric, (counts: MetricCounts) => number>> = {
  impressions: (counts) => counts.impressions,
  clicks: (counts) => counts.clicks,
  ctr: (counts) => percent(counts.clicks, counts.impressions),
  conversions: (counts) => counts.conversions,
  conversion_rate: (counts) => percent(counts.conversions, counts.impressions),
  active_users: (counts) => counts.active_users,
  active_items: (counts) => counts.active_items,
  orders: (counts) => counts.orders,
  order_rate: (counts) => percent(counts.orders, counts.impressions),
  payments: (counts) => counts.payments,
  payment_rate: (counts) => percent(counts.payments, counts.impressions),
  purchases: (counts) => counts.purchases,
  purchase_rate: (counts) => percent(counts.purchases, counts.impressions),
  total_watch_duration: (counts) => counts.watch_ms / 1000,
  avg_completion_rate: ({ completions, completion_millionths: millionths }) =>
    completions === 0 ? 0 : Math.round(millionths / completions / 100) / 10_000,
};

/**
 * MF-01 to MF-05 over counts: rates are per cent of the impressions with two decimals and 0 without any,
 * durations seconds, the completion rate a fraction with four decimals.
 */
export function metricOf(metric: Metric, counts: MetricCounts): number {
  return FORMULAS[metric](counts);
}

/** Whether an event is a conversion: the action of its scenario type, else the default one. */
export function isConversion(event: Event): boolean {
  if (event.kind !== 'behaviour') return false;
  const type = event.scenario_type;
  return event.event_name === (type ? CONVERSION_ACTIONS[type] : DEFAULT_CONVERSION_ACTION);
}

/** Counts plain events one by one. The range and the scenario are the caller's to choose. */
export function foldMetrics(events: readonly Event[]): MetricCounts {
  const behaviours = events.filter((event) => event.kind === 'behaviour');
  const count = (action: string) => behaviours.filter((event) => event.event_name === action).length;
  const ended = behaviours.filter((event) => COMPLETION_ACTIONS.some((name) => name === event.event_name));
  const rates = ended.flatMap(({ completion_rate: rate }) => (rate === undefined ? [] : [rate]));
  return {
    impressions: count('impression'),
    clicks: count('click'),
    conversions: behaviours.filter(isConversion).length,
    orders: count('order'),
    payments: count('payment'),
    purchases: count('purchase'),
    active_users: distinct(events.filter((event) => event.kind !== 'catalog').map(actorOf)),
    active_items: distinct(behaviours.map((event) => event.item_id ?? '')),
    watch_ms: sum(behaviours.map((event) => whole((event.watch_duration ?? 0) * 1000))),
    completion_millionths: sum(rates.map((rate) => whole(rate * 1_000_000))),
    completions: rates.length,
  };
}

/** How many different texts there are besides the empty one. */
export function distinct(texts: readonly string[]): number {
  return new Set(texts.filter((text) => text !== '')).size;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function whole(value: number): number {
  return Math.floor(value + 0.5);
}
