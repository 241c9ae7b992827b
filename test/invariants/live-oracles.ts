import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '#domain';
import {
  actor,
  behaviours,
  byBytes,
  converts,
  countsBy,
  meanCompletion,
  meanSeconds,
  percent,
  within,
} from './scenario-oracles.ts';

/** What the page on live views promises at an instant, worked out from a list of events one by one. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Weights of the page, `| \`click\` | 3 |`. */
const WEIGHTS: ReadonlyMap<string, number> = new Map(
  Array.from(
    readFileSync(join(import.meta.dirname, '../../docs/live-views.md'), 'utf8').matchAll(
      /^\| `(\w+)` +\| (\d+) +\|$/gm,
    ),
    ([, action = '', weight]) => [action, Number(weight)],
  ),
);

const floor = (atMs: number, lengthMs: number): number => Math.floor(atMs / lengthMs) * lengthMs;

/** The last so many stretches of a length, the current one whole. */
function last(atMs: number, count: number, lengthMs: number) {
  const toMs = floor(atMs, lengthMs) + lengthMs;
  return { fromMs: toMs - count * lengthMs, toMs };
}

const counted = (events: readonly Event[], scenarioId?: string): readonly Event[] =>
  events.filter(
    ({ kind, scenario_id: id }) => kind !== 'catalog' && (scenarioId === undefined || id === scenarioId),
  );

const isPageView = ({ kind, event_name: name }: Event): boolean =>
  kind === 'behaviour' ? name === 'view' : ['pageview', 'page_view', '$pageview'].includes(name);

function figuresOf(events: readonly Event[]) {
  const own = behaviours(events);
  const actions = countsBy(own, ({ event_name: name }) => name);
  const impressions = actions['impression'] ?? 0;
  const rate = (action: string): number => percent(actions[action] ?? 0, impressions);
  const conversions = events.filter(converts).length;
  const { rated, mean } = meanCompletion(own);
  return {
    events: events.length,
    pv: events.filter(isPageView).length,
    impressions,
    clicks: actions['click'] ?? 0,
    ctr: rate('click'),
    conversions,
    conversion_rate: percent(conversions, impressions),
    order_rate: rate('order'),
    payment_rate: rate('payment'),
    purchase_rate: rate('purchase'),
    watches: own.filter(({ watch_duration: seconds }) => seconds !== undefined).length,
    avg_watch_duration: meanSeconds(own),
    completions: rated,
    avg_completion_rate: mean,
    actions,
  };
}

export function liveHotItemsOf(
  all: readonly Event[],
  question: {
    readonly atMs: number;
    readonly scenarioId: string;
    readonly halfLifeMs: number;
    readonly limit: number;
  },
): unknown {
  const { atMs, scenarioId, halfLifeMs, limit } = question;
  const window = last(atMs, 60, MINUTE_MS);
  const own = within(behaviours(all), { ...window, scenarioId });
  const scores = [...Map.groupBy(own, ({ item_id: item }) => item ?? '')].map(([item_id, events]) => {
    const minutes = Map.groupBy(events, ({ timestamp }) => floor(timestamp, MINUTE_MS));
    let score = 0;
    let weighs = 0;
    for (const [startMs, inMinute] of [...minutes].sort(([a], [b]) => a - b)) {
      const weight = inMinute.reduce((sum, { event_name: name }) => sum + (WEIGHTS.get(name) ?? NaN), 0);
      weighs += weight;
      score += weight * 2 ** (-(atMs - startMs) / halfLifeMs);
    }
    return { item_id, score, weighs };
  });
  return {
    scenario_id: scenarioId,
    window: { from: window.fromMs, to: window.toMs },
    half_life_ms: halfLifeMs,
    items: scores
      .filter(({ weighs }) => weighs > 0)
      .sort((a, b) => b.score - a.score || byBytes(a.item_id, b.item_id))
      .slice(0, limit)
      .map(({ item_id, score }, index) => ({
        rank: index + 1,
        item_id,
        score: Math.round(score * 10_000) / 10_000,
      })),
  };
}

export function liveMetricsOf(
  all: readonly Event[],
  { atMs, scenarioId, minutes }: { atMs: number; scenarioId?: string | undefined; minutes: number },
): unknown {
  const window = last(atMs, minutes, MINUTE_MS);
  const events = within(counted(all, scenarioId), window);
  const groups = Map.groupBy(
    events.filter(({ experiment_id: experiment }) => experiment !== undefined),
    ({ experiment_id: experiment, experiment_group: group = '' }) => JSON.stringify([experiment, group]),
  );
  return {
    window: { from: window.fromMs, to: window.toMs },
    total: figuresOf(events),
    experiments: [...groups.values()]
      .map((own) => ({
        experiment_id: own[0]!.experiment_id ?? '',
        group: own[0]!.experiment_group ?? '',
        ...figuresOf(own),
      }))
      .sort((a, b) => byBytes(a.experiment_id, b.experiment_id) || byBytes(a.group, b.group)),
  };
}

export function liveMinutesOf(
  all: readonly Event[],
  { atMs, scenarioId, minutes }: { atMs: number; scenarioId?: string | undefined; minutes: number },
): unknown {
  const window = last(atMs, minutes, MINUTE_MS);
  const events = counted(all, scenarioId);
  return {
    window: { from: window.fromMs, to: window.toMs },
    minutes: Array.from({ length: minutes }, (_, index) => {
      const fromMs = window.fromMs + index * MINUTE_MS;
      const own = within(events, { fromMs, toMs: fromMs + MINUTE_MS });
      const { impressions, clicks, ctr, conversions, pv } = figuresOf(own);
      const uv = new Set(own.map(actor)).size;
      return { minute: fromMs, events: own.length, pv, uv, impressions, clicks, ctr, conversions };
    }),
  };
}

function sessionsAt(all: readonly Event[], atMs: number) {
  // Only the newest instant of a minute is kept, which may lie after the one that is asked at.
  const perMinute = Map.groupBy(
    counted(all).filter(({ session_id: session }) => session !== undefined),
    ({ session_id: session, timestamp }) => `${floor(timestamp, MINUTE_MS)} ${session ?? ''}`,
  );
  const own = [...perMinute.values()]
    .map((events) => events.reduce((a, b) => (b.timestamp > a.timestamp ? b : a)))
    .filter(({ timestamp }) => timestamp > atMs - 30 * MINUTE_MS && timestamp <= atMs);
  return [...Map.groupBy(own, ({ session_id: session }) => session ?? '')]
    .map(([session_id, events]) => ({ session_id, last_seen: newest(events) }))
    .sort((a, b) => b.last_seen - a.last_seen || byBytes(a.session_id, b.session_id));
}

const newest = (events: readonly Event[]): number => Math.max(...events.map(({ timestamp }) => timestamp));

export function liveSessionsOf(all: readonly Event[], atMs: number, limit: number): unknown {
  const sessions = sessionsAt(all, atMs);
  return { active: sessions.length, sessions: sessions.slice(0, limit) };
}

export function liveStatsOf(all: readonly Event[], atMs: number): unknown {
  const events = counted(all);
  const counters = (count: number, lengthMs: number) =>
    Array.from({ length: count }, (_, index) => {
      const start = floor(atMs, lengthMs) - (count - 1 - index) * lengthMs;
      const own = within(events, { fromMs: start, toMs: start + lengthMs });
      return {
        start,
        events: own.length,
        kinds: countsBy(own, ({ kind }) => kind),
        actions: countsBy(behaviours(own), ({ event_name: name }) => name),
      };
    });
  const daily = counters(7, DAY_MS);
  const hourly = counters(48, HOUR_MS);
  return {
    active_sessions: sessionsAt(all, atMs).length,
    last_hour: figuresOf(within(events, last(atMs, 60, MINUTE_MS))),
    today: daily.at(-1),
    this_hour: hourly.at(-1),
    daily,
    hourly,
    left_out: {},
  };
}

/** The newest instant of each item, the newest first, without what lies after the instant or has expired at it. */
function lastOfItems(
  own: readonly Event[],
  { atMs, keepMs, cap }: { readonly atMs: number; readonly keepMs: number; readonly cap: number },
): readonly (readonly [string, number])[] {
  return [...Map.groupBy(own, ({ item_id: item }) => item ?? '')]
    .map(([item, events]) => [item, newest(events)] as const)
    .sort(([a, left], [b, right]) => right - left || byBytes(b, a))
    .slice(0, cap)
    .filter(([, timeMs]) => timeMs <= atMs && timeMs > atMs - keepMs)
    .sort(([a, left], [b, right]) => right - left || byBytes(a, b));
}

export function recentViewsOf(all: readonly Event[], userId: string, atMs: number): unknown {
  const own = behaviours(all, 'click', 'view', 'play', 'read', 'learn').filter(
    ({ user_id: user }) => user === userId,
  );
  return {
    user_id: userId,
    items: lastOfItems(own, { atMs, keepMs: 30 * DAY_MS, cap: 100 }).map(([item_id, viewed_at]) => ({
      item_id,
      viewed_at,
    })),
  };
}

export function exposuresOf(
  all: readonly Event[],
  { userId, scenarioId, atMs }: { userId: string; scenarioId: string; atMs: number },
): unknown {
  const own = behaviours(all, 'impression').filter(
    ({ user_id: user, scenario_id: scenario }) => user === userId && scenario === scenarioId,
  );
  const items = lastOfItems(own, { atMs, keepMs: DAY_MS, cap: Infinity });
  return {
    user_id: userId,
    scenario_id: scenarioId,
    exposed: items.length,
    items: items.map(([item_id, exposed_at]) => ({ item_id, exposed_at })),
  };
}

export function itemCountersOf(all: readonly Event[], itemId: string): unknown {
  const own = behaviours(all).filter(({ item_id: item }) => item === itemId);
  const counts = countsBy(own, ({ event_name: name }) => name);
  return {
    item_id: itemId,
    stats: Object.fromEntries([...WEIGHTS.keys()].map((action) => [`${action}_count`, counts[action] ?? 0])),
  };
}
