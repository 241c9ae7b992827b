import type { JsonObject } from '#domain';
import type { Input } from './month.ts';

const DAY_MS = 86_400_000;

/** The way to a payment whose losses are counted. */
export const FUNNEL_STEPS = ['impression', 'click', 'view', 'add_cart', 'order', 'payment'] as const;
export const FUNNEL_SCENARIO = 'shop_home';
export const FUNNEL_WINDOW_MS = DAY_MS;
export const RETENTION_DAYS = 7;

/** What the platform must answer about a month, counted by plain loops over what was sent. */
export type Figures = {
  /** Events by name. */
  readonly names: Readonly<Record<string, number>>;
  /** Events by scenario type. */
  readonly scenarios: Readonly<Record<string, number>>;
  readonly overview: {
    readonly impressions: number;
    readonly clicks: number;
    readonly conversions: number;
    readonly users: number;
    readonly items: number;
    readonly scenarios: number;
  };
  readonly days: readonly DayFigures[];
  /** Users who reached each of the steps. */
  readonly funnel: readonly number[];
  /** By day of sign-up; null where the day was not over. */
  readonly retention: readonly { readonly size: number; readonly values: readonly (number | null)[] }[];
  /** Payments and purchases by currency, times 100. */
  readonly revenue_hundredths: Readonly<Record<string, number>>;
  /** Users by group of the experiment and what they did: `treatment order`. */
  readonly experiment: Readonly<Record<string, number>>;
  /** Events accepted with warnings. */
  readonly warned: number;
};

export type DayFigures = {
  readonly day: string;
  readonly events: number;
  readonly users: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly orders: number;
  readonly payments: number;
  /** Payments and purchases whose amount could be read, whatever the currency, times 100. */
  readonly revenue_hundredths: number;
};

type Range = { readonly startAt: number; readonly endAt: number };

/** Counts the inputs that stand in the log. */
export function countFigures(inputs: readonly Input[], range: Range): Figures {
  const standing = inputs.filter(({ expected }) => expected === 'accepted');
  const events = standing.map(({ event }) => event).sort((one, other) => timeOf(one) - timeOf(other));
  const done = (action: string): number => events.filter((event) => event['action_type'] === action).length;
  return {
    names: tally(events, nameOf),
    scenarios: tally(events, (event) => text(event, 'scenario_type')),
    overview: {
      impressions: done('impression'),
      clicks: done('click'),
      conversions: events.filter(isConversion).length,
      users: usersOf(events),
      items: differing(events.filter(isCatalog).map((event) => text(event, 'item_id'))),
      scenarios: differing(events.map((event) => text(event, 'scenario_id'))),
    },
    days: daysOf(events, range),
    funnel: funnelOf(events),
    retention: retentionOf(events, range),
    revenue_hundredths: revenueOf(events),
    experiment: experimentOf(events),
    warned: standing.filter(({ warned }) => warned).length,
  };
}

const text = (event: JsonObject, member: string): string => (event[member] as string | undefined) ?? '';
const timeOf = (event: JsonObject): number => event['timestamp'] as number;
const nameOf = (event: JsonObject): string => text(event, 'action_type') || text(event, 'event_name');
const userOf = (event: JsonObject): string => text(event, 'user_id') || text(event, 'device_id');
const isCatalog = (event: JsonObject): boolean => event['kind'] === 'catalog';

function isConversion(event: JsonObject): boolean {
  return event['action_type'] === (event['scenario_type'] === 'education' ? 'purchase' : 'order');
}

function tally(
  events: readonly JsonObject[],
  keyOf: (event: JsonObject) => string,
): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const event of events) {
    const key = keyOf(event);
    if (key !== '') counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function differing(texts: readonly string[]): number {
  const found = new Set(texts);
  found.delete('');
  return found.size;
}

function usersOf(events: readonly JsonObject[]): number {
  return differing(events.filter((event) => !isCatalog(event)).map(userOf));
}

/** Money of a payment or purchase, times 100; 0 where the release made it unreadable. */
function hundredthsOf(event: JsonObject): number {
  if (event['action_type'] !== 'payment' && event['action_type'] !== 'purchase') return 0;
  const extra = event['extra_data'] as JsonObject;
  return Math.round(((extra['payment_amount'] as number | undefined) ?? 0) * 100);
}

function daysOf(events: readonly JsonObject[], { startAt, endAt }: Range): readonly DayFigures[] {
  const byDay = Map.groupBy(events, (event) => Math.floor((timeOf(event) - startAt) / DAY_MS));
  return Array.from({ length: Math.ceil((endAt - startAt) / DAY_MS) }, (_, index) => {
    const own = byDay.get(index) ?? [];
    const done = (action: string): number => own.filter((event) => event['action_type'] === action).length;
    return {
      day: new Date(startAt + index * DAY_MS).toISOString().slice(0, 10),
      events: own.length,
      users: usersOf(own),
      impressions: done('impression'),
      clicks: done('click'),
      orders: done('order'),
      payments: done('payment'),
      revenue_hundredths: own.reduce((sum, event) => sum + hundredthsOf(event), 0),
    };
  });
}

function funnelOf(events: readonly JsonObject[]): readonly number[] {
  const reached = FUNNEL_STEPS.map(() => 0);
  const shop = events.filter((event) => event['scenario_id'] === FUNNEL_SCENARIO);
  for (const own of Map.groupBy(shop, userOf).values()) {
    for (let step = 0, furthest = furthestOf(own); step < furthest; step++) {
      reached[step] = (reached[step] ?? 0) + 1;
    }
  }
  return reached;
}

/** Every first step starts an attempt, which takes for each step the earliest event it can. */
function furthestOf(own: readonly JsonObject[]): number {
  let furthest = 0;
  for (const [start, first] of own.entries()) {
    if (first['action_type'] !== FUNNEL_STEPS[0]) continue;
    let step = 0;
    for (let at = start; at < own.length && step < FUNNEL_STEPS.length; at++) {
      const event = own[at];
      if (!event || timeOf(event) - timeOf(first) > FUNNEL_WINDOW_MS) break;
      if (event['action_type'] === FUNNEL_STEPS[step]) step++;
    }
    furthest = Math.max(furthest, step);
    if (furthest === FUNNEL_STEPS.length) break;
  }
  return furthest;
}

function retentionOf(events: readonly JsonObject[], { startAt, endAt }: Range): Figures['retention'] {
  const dayOf = (event: JsonObject): number => Math.floor((timeOf(event) - startAt) / DAY_MS);
  const came = new Map<string, Set<number>>();
  for (const event of events) {
    if (nameOf(event) !== 'session.start') continue;
    const days = came.get(userOf(event)) ?? new Set<number>();
    came.set(userOf(event), days.add(dayOf(event)));
  }
  const cohorts = Map.groupBy(
    events.filter((event) => nameOf(event) === 'signup'),
    dayOf,
  );
  const length = Math.ceil((endAt - startAt) / DAY_MS);
  return Array.from({ length }, (_, cohort) => {
    const users = (cohorts.get(cohort) ?? []).map(userOf);
    const values = Array.from({ length: Math.min(RETENTION_DAYS + 1, length - cohort) }, (_unused, n) => {
      if (startAt + (cohort + n + 1) * DAY_MS > endAt) return null;
      return users.filter((user) => came.get(user)?.has(cohort + n)).length;
    });
    return { size: users.length, values };
  });
}

function revenueOf(events: readonly JsonObject[]): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const event of events) {
    const hundredths = hundredthsOf(event);
    if (hundredths === 0) continue;
    const shop = (event['scenario_data'] as { ecommerce_data?: JsonObject }).ecommerce_data;
    const currency = text(shop ?? (event['extra_data'] as JsonObject), 'currency');
    sums.set(currency, (sums.get(currency) ?? 0) + hundredths);
  }
  return Object.fromEntries([...sums].sort());
}

function experimentOf(events: readonly JsonObject[]): Figures['experiment'] {
  const users = new Map<string, Set<string>>();
  for (const event of events) {
    const action = text(event, 'action_type');
    if (action !== 'add_cart' && action !== 'order') continue;
    const key = `${text(event, 'experiment_group')} ${action}`;
    users.set(key, (users.get(key) ?? new Set()).add(text(event, 'user_id')));
  }
  return Object.fromEntries([...users].map(([key, own]) => [key, own.size]));
}
