import type { Event, Json } from '#domain';
import { dayIn } from './oracles.ts';

/**
 * What the pages on questions and aggregates promise, worked out from a list of events one by one and in whole
 * numbers, sharing no line with the product.
 */

const HOUR_MS = 3_600_000;
const QUARTER_MS = HOUR_MS / 4;

export type Range = { readonly fromMs: number; readonly toMs: number };
export type Where = Range & { readonly scenarioId?: string | undefined };

export const within = (events: readonly Event[], { fromMs, toMs, scenarioId }: Where): readonly Event[] =>
  events.filter(
    (event) =>
      event.timestamp >= fromMs &&
      event.timestamp < toMs &&
      (scenarioId === undefined || event.scenario_id === scenarioId),
  );

export const actor = (event: Event): string => event.user_id ?? event.device_id ?? event.session_id ?? '';

export function usersOf(events: readonly Event[]): number {
  return new Set(events.filter(({ kind }) => kind !== 'catalog').map(actor)).size;
}

export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** A number as a whole number of its last shown decimal, by its digits. */
export function scaled(value: number, decimals: number): bigint {
  const [whole = '0', fraction = ''] = String(Math.abs(value)).split('.');
  const digits = BigInt(whole + fraction.padEnd(decimals, '0').slice(0, decimals));
  return value < 0 ? -digits : digits;
}

/** `part / whole`, half up, of whole numbers; 0 when there is nothing to divide by. */
export function quotient(part: bigint, whole: bigint): bigint {
  if (whole === 0n) return 0n;
  const twice = 2n * part + whole;
  const rest = ((twice % (2n * whole)) + 2n * whole) % (2n * whole);
  return (twice - rest) / (2n * whole);
}

export const percent = (part: number, whole: number): number =>
  Number(quotient(BigInt(part) * 10_000n, BigInt(whole))) / 100;

const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);

export const watchMs = (events: readonly Event[]): bigint =>
  sum(events.map(({ watch_duration: seconds = 0 }) => scaled(seconds, 3)));

/** Mean seconds of the events that have any, to the ms. */
export function meanSeconds(events: readonly Event[]): number {
  const timed = events.filter(({ watch_duration: seconds }) => seconds !== undefined);
  return Number(quotient(watchMs(timed), BigInt(timed.length))) / 1000;
}

const ENDING = ['play_end', 'read_end', 'learn', 'complete'];

/** MF-05: of ended consumptions, a fraction with four decimals. */
export function meanCompletion(events: readonly Event[]): { readonly rated: number; readonly mean: number } {
  const rates = events.flatMap(({ event_name: name, completion_rate: rate }) =>
    rate !== undefined && ENDING.includes(name) ? [scaled(rate, 6)] : [],
  );
  return { rated: rates.length, mean: Number(quotient(sum(rates), BigInt(rates.length) * 100n)) / 10_000 };
}

/** X16. */
export const converts = (event: Event): boolean =>
  event.kind === 'behaviour' &&
  event.event_name === (event.scenario_type === 'education' ? 'purchase' : 'order');

export const behaviours = (events: readonly Event[], ...actions: readonly string[]): readonly Event[] =>
  events.filter(
    ({ kind, event_name: name }) => kind === 'behaviour' && (actions.length === 0 || actions.includes(name)),
  );

/** MF-01 to MF-05. */
export function statsOf(events: readonly Event[]) {
  const count = (action: string): number => behaviours(events, action).length;
  const impressions = count('impression');
  const conversions = events.filter(converts).length;
  const rate = (part: number): number => percent(part, impressions);
  return {
    impressions,
    clicks: count('click'),
    ctr: rate(count('click')),
    conversions,
    conversion_rate: rate(conversions),
    active_users: usersOf(events),
    active_items: new Set(behaviours(events).map(({ item_id: item }) => item)).size,
    orders: count('order'),
    order_rate: rate(count('order')),
    payments: count('payment'),
    payment_rate: rate(count('payment')),
    purchases: count('purchase'),
    purchase_rate: rate(count('purchase')),
    total_watch_duration: Number(watchMs(behaviours(events))) / 1000,
    avg_completion_rate: meanCompletion(behaviours(events)).mean,
  };
}

export function dashboardOf(all: readonly Event[], where: Where): unknown {
  const events = within(all, where).filter(({ kind }) => kind !== 'catalog');
  const stats = statsOf(events);
  return {
    overview: {
      total_recommendations: stats.impressions,
      total_clicks: stats.clicks,
      ctr: stats.ctr,
      total_conversions: stats.conversions,
      conversion_rate: stats.conversion_rate,
      active_users: stats.active_users,
      total_items: new Set(all.filter(({ kind }) => kind === 'catalog').map(({ item_id: item }) => item))
        .size,
      active_scenarios: 0,
    },
    rates: {
      order_rate: stats.order_rate,
      payment_rate: stats.payment_rate,
      purchase_rate: stats.purchase_rate,
    },
    consumption: {
      active_items: stats.active_items,
      total_watch_duration: stats.total_watch_duration,
      avg_completion_rate: stats.avg_completion_rate,
    },
    data_source: 'clickhouse',
  };
}

export type Bucket = Range & { readonly startMs: number; readonly date: string };

/** The buckets a range touches: where each starts, and which part of it lies in the range. */
export function bucketsOf(
  { fromMs, toMs }: Range,
  interval: 'hour' | 'day',
  timeZone: string,
): readonly Bucket[] {
  const day = dayIn(timeZone);
  const hour = hourIn(timeZone);
  const label = interval === 'day' ? day : (atMs: number) => `${day(atMs)} ${hour(atMs)}`;
  let startMs = Math.floor(fromMs / QUARTER_MS) * QUARTER_MS;
  while (label(startMs - QUARTER_MS) === label(fromMs)) startMs -= QUARTER_MS;
  const buckets: Bucket[] = [];
  while (startMs < toMs) {
    let endMs = startMs;
    while (label(endMs) === label(startMs)) endMs += QUARTER_MS;
    buckets.push({
      startMs,
      date: day(startMs),
      fromMs: Math.max(startMs, fromMs),
      toMs: Math.min(endMs, toMs),
    });
    startMs = endMs;
  }
  return buckets;
}

function hourIn(timeZone: string): (atMs: number) => string {
  // With the offset, so that the two hours of one name in autumn differ.
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', timeZoneName: 'longOffset' });
  const known = new Map<number, string>();
  return (atMs) => {
    const quarter = Math.floor(atMs / QUARTER_MS);
    let hour = known.get(quarter);
    if (hour === undefined) known.set(quarter, (hour = format.format(quarter * QUARTER_MS)));
    return hour;
  };
}

/** A custom attribute by its text: properties, over them `extra_data`, over them the branch; null is missing. */
export function attributeOf(event: Event, name: string): string | undefined {
  const branch = Object.values(event.scenario_data ?? {})[0] as Readonly<Record<string, Json>> | undefined;
  const value = branch?.[name] ?? event.extra_data?.[name] ?? event.properties?.[name] ?? undefined;
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The groups with the most, equal ones by their bytes. */
export function largest(
  events: readonly Event[],
  options: {
    readonly label: (event: Event) => string | undefined;
    readonly count: (group: readonly Event[]) => number;
    readonly limit: number;
  },
): readonly { readonly label: string; readonly count: number }[] {
  const labelled = events.filter((event) => options.label(event) !== undefined);
  return [...Map.groupBy(labelled, (event) => options.label(event)!)]
    .map(([label, group]) => ({ label, count: options.count(group) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || byBytes(a.label, b.label))
    .slice(0, options.limit);
}

export function hotItemsOf(
  events: readonly Event[],
  options: {
    readonly order: 'clicks' | 'ctr' | 'conversions';
    readonly least: number;
    readonly limit: number;
  },
): unknown {
  const items = [...Map.groupBy(behaviours(events), ({ item_id: item }) => item ?? '')].map(
    ([item_id, own]) => {
      const { impressions, clicks, ctr, conversions } = statsOf(own);
      return { item_id, total_impressions: impressions, total_clicks: clicks, ctr, conversions };
    },
  );
  const by = options.order === 'clicks' ? 'total_clicks' : options.order;
  return {
    items: items
      .filter((item) => item[by] > 0 && item.total_impressions >= options.least)
      .sort((a, b) => b[by] - a[by] || b.total_clicks - a.total_clicks || byBytes(a.item_id, b.item_id))
      .slice(0, options.limit),
  };
}

export function behaviorAnalysisOf(
  events: readonly Event[],
  actions: readonly string[],
  converting?: readonly string[],
): unknown {
  const who = (names: readonly string[]): ReadonlySet<string> =>
    new Set(behaviours(events, ...names).map(actor));
  const shared = (a: string, b: string): number => who([a]).intersection(who([b])).size;
  const impressions = behaviours(events, 'impression').length;
  const conversion = converting ? behaviours(events, ...converting) : events.filter(converts);
  const counted = (name: string, own: readonly Event[]) => ({
    name,
    events: own.length,
    users: usersOf(own),
    rate: percent(own.length, impressions),
  });
  return {
    actions: actions.map((action, index) => {
      const [first = action] = actions;
      const previous = actions[index - 1] ?? action;
      const own = behaviours(events, action);
      return {
        action,
        events: own.length,
        users: usersOf(own),
        users_of_first: shared(action, first),
        rate_to_first: percent(shared(action, first), who([first]).size),
        users_of_previous: shared(action, previous),
        rate_to_previous: percent(shared(action, previous), who([previous]).size),
        watch_events: own.filter(({ watch_duration: seconds }) => seconds !== undefined).length,
        avg_watch_duration: meanSeconds(own),
      };
    }),
    impressions,
    conversions: [
      counted('conversion', conversion),
      ...['order', 'payment', 'purchase'].map((name) => counted(name, behaviours(events, name))),
    ],
  };
}

export function userActivityOf(all: readonly Event[], userId: string, buckets: readonly Bucket[]): unknown {
  const own = all.filter((event) => event.kind !== 'catalog' && actor(event) === userId);
  const byEvent = (events: readonly Event[]) =>
    [...Map.groupBy(events, ({ kind, event_name: name }) => JSON.stringify([kind, name])).values()]
      .map((group) => ({ kind: group[0]!.kind, event: group[0]!.event_name, count: group.length }))
      .sort((a, b) => b.count - a.count || byBytes(a.event, b.event) || byBytes(a.kind, b.kind));
  const range = { fromMs: buckets[0]!.fromMs, toMs: buckets.at(-1)!.toMs };
  const events = within(own, range);
  const times = events.map(({ timestamp }) => timestamp);
  return {
    total: {
      events: events.length,
      first_at: times.length > 0 ? Math.min(...times) : null,
      last_at: times.length > 0 ? Math.max(...times) : null,
      by_event: byEvent(events),
    },
    days: buckets.map(({ date, ...part }) => {
      const ofDay = within(own, part);
      return { date, events: ofDay.length, by_event: byEvent(ofDay) };
    }),
  };
}

/** An item's figures; `actions` in the order of the requirements is the caller's, by name here. */
export function itemFigures(events: readonly Event[]) {
  const own = behaviours(events);
  const { impressions, clicks, ctr, conversions, conversion_rate, total_watch_duration } = statsOf(own);
  return {
    impressions,
    clicks,
    ctr,
    conversions,
    conversion_rate,
    total_watch_duration,
    avg_watch_duration: meanSeconds(own),
    avg_completion_rate: meanCompletion(own).mean,
    actions: countsBy(own, ({ event_name: name }) => name),
  };
}

/** How many events there are under each label. */
export function countsBy(events: readonly Event[], label: (event: Event) => string): Record<string, number> {
  const groups = Map.groupBy(events, label);
  return Object.fromEntries([...groups].map(([name, group]) => [name, group.length]));
}
