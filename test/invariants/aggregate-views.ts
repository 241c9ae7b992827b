import type { Event } from '#domain';
import { converts, countsBy, percent, statsOf, usersOf } from './scenario-oracles.ts';

const HOUR_MS = 3_600_000;

/** What each view over aggregates must hold: its keys, then figures, one text per row. */
export const AGGREGATE_VIEWS: readonly {
  readonly sql: string;
  readonly expected: (events: readonly Event[]) => readonly unknown[];
}[] = [
  {
    sql: `SELECT scenario_id, toUnixTimestamp(hour_ts) AS at, impressions, clicks, conversions, orders, payments, purchases,
      active_users, active_items, events, ctr, conversion_rate, total_watch_duration, avg_completion_rate, actions
      FROM metrics_hourly WHERE hour % 5 = 3`,
    expected: (events) =>
      groupedRows(
        events.filter(
          ({ kind, timestamp }) => kind !== 'catalog' && new Date(timestamp).getUTCHours() % 5 === 3,
        ),
        (event) => ({
          scenario_id: event.scenario_id ?? '',
          at: Math.floor(event.timestamp / HOUR_MS) * 3600,
        }),
        (own) => ({ ...aggregates(own), ...different(own), actions: actionsOf(own) }),
      ),
  },
  {
    sql: `SELECT scenario_id, toString(date) AS date, impressions, clicks, conversions, orders, payments, purchases,
      active_users, active_items, events, ctr, conversion_rate, total_watch_duration, avg_completion_rate, actions
      FROM analytics_daily_stats`,
    expected: (events) =>
      groupedRows(
        events.filter(({ kind }) => kind !== 'catalog'),
        (event) => ({ scenario_id: event.scenario_id ?? '', date: utcDay(event) }),
        (own) => ({ ...aggregates(own), ...different(own), actions: actionsOf(own) }),
      ),
  },
  {
    sql: `SELECT item_id, scenario_id, toString(date) AS date, impressions, clicks, conversions, orders, payments, purchases,
      events, ctr, conversion_rate, total_watch_duration, avg_completion_rate, actions
      FROM item_stats_daily WHERE scenario_id = 'ecommerce_feed' OR item_id IN ('i0', '__proto__', 'a:b')`,
    expected: (events) =>
      groupedRows(
        events.filter(
          ({ kind, scenario_id: id, item_id: item = '' }) =>
            kind === 'behaviour' && (id === 'ecommerce_feed' || ['i0', '__proto__', 'a:b'].includes(item)),
        ),
        (event) => ({
          item_id: event.item_id ?? '',
          scenario_id: event.scenario_id ?? '',
          date: utcDay(event),
        }),
        (own) => ({ ...aggregates(own), actions: actionsOf(own) }),
      ),
  },
  {
    sql: `SELECT experiment_id, experiment_group, scenario_id, toString(date) AS date, impressions, clicks, conversions, orders,
      payments, purchases, active_users, converted_users, user_conversion_rate, events, ctr, conversion_rate,
      total_watch_duration, avg_completion_rate FROM experiment_metrics`,
    expected: (events) =>
      groupedRows(
        events.filter(({ kind, experiment_id: id }) => kind !== 'catalog' && id !== undefined),
        (event) => ({
          experiment_id: event.experiment_id ?? '',
          experiment_group: event.experiment_group ?? '',
          scenario_id: event.scenario_id ?? '',
          date: utcDay(event),
        }),
        (own) => {
          const active = usersOf(own);
          const converted = usersOf(own.filter(converts));
          const rates = { converted_users: converted, user_conversion_rate: percent(converted, active) };
          return { ...aggregates(own), active_users: active, ...rates };
        },
      ),
  },
];

const utcDay = ({ timestamp }: Event): string => new Date(timestamp).toISOString().slice(0, 10);
const actionsOf = (events: readonly Event[]) =>
  countsBy(
    events.filter(({ kind }) => kind === 'behaviour'),
    ({ event_name: name }) => name,
  );

function aggregates(events: readonly Event[]) {
  const { impressions, clicks, ctr, conversions, conversion_rate, ...stats } = statsOf(events);
  const { orders, payments, purchases, total_watch_duration, avg_completion_rate } = stats;
  const counts = { impressions, clicks, conversions, orders, payments, purchases, events: events.length };
  return { ...counts, ctr, conversion_rate, total_watch_duration, avg_completion_rate };
}

function different(events: readonly Event[]) {
  const { active_users, active_items } = statsOf(events);
  return { active_users, active_items };
}

function groupedRows(
  events: readonly Event[],
  key: (event: Event) => object,
  figures: (own: readonly Event[]) => object,
): readonly unknown[] {
  const groups = Map.groupBy(events, (event) => JSON.stringify(key(event)));
  return [...groups.values()].map((own) => ({ ...key(own[0]!), ...figures(own) }));
}
