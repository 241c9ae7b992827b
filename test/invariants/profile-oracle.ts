import type { Event } from '#domain';
import type { ScenarioQuestion } from './scenario-questions.ts';

const QUARTER_MS = 900_000;
const KEPT_QUARTERS = 28 * 96;

/** Profiles of users over all scenarios and in one, as far as they do not depend on categories. */
export function profileQuestions(options: {
  readonly users: readonly string[];
  readonly scenarios: readonly string[];
}): readonly ScenarioQuestion[] {
  const zones = ['UTC', 'Asia/Kathmandu', 'America/New_York'];
  return options.users
    .filter((_, index) => index % 17 === 0)
    .flatMap((userId, index) => {
      const tz = zones[index % zones.length]!;
      const scenarioId = options.scenarios[index % options.scenarios.length]!;
      return [
        question(userId, { tz, wait_for: 'latest', timeout: '30s' }, (events) =>
          profileOf(events, { userId, tz }),
        ),
        question(userId, { scenario_id: scenarioId }, (events) =>
          profileOf(events, { userId, scenarioId, tz: 'UTC' }),
        ),
      ];
    });
}

function question(
  userId: string,
  parameters: ScenarioQuestion['parameters'],
  expected: ScenarioQuestion['expected'],
): ScenarioQuestion {
  const path = `/api/analytics/users/${encodeURIComponent(userId)}/profile`;
  return { path, parameters, expected, figures: withoutCategories };
}

function withoutCategories(answer: Readonly<Record<string, unknown>>): unknown {
  const { total_events, total_watch_count, action_counts, devices, total_watch_duration, active_hours } =
    answer['features'] as Readonly<Record<string, unknown>>;
  const { first_seen_at, last_seen_at } = answer['features'] as Readonly<Record<string, unknown>>;
  return {
    total_events,
    total_watch_count,
    action_counts,
    devices,
    total_watch_duration,
    active_hours,
    first_seen_at,
    last_seen_at,
  };
}

function profileOf(
  all: readonly Event[],
  about: { readonly userId: string; readonly scenarioId?: string; readonly tz: string },
): unknown {
  const own = all.filter(
    (event) =>
      event.user_id === about.userId &&
      (event.kind === 'behaviour' || event.kind === 'generic') &&
      (about.scenarioId === undefined || event.scenario_id === about.scenarioId),
  );
  const actions = tally(own.flatMap(({ kind, event_name: name }) => (kind === 'behaviour' ? [name] : [])));
  const of = (action: string): number => actions[action] ?? 0;
  const times = own.map(({ timestamp }) => timestamp);
  const newest = Math.max(...times);
  return {
    total_events: own.length,
    total_watch_count:
      Math.max(of('play'), of('play_end')) + Math.max(of('read'), of('read_end')) + of('learn') + of('trial'),
    action_counts: actions,
    devices: tally(own.flatMap(({ context }) => context?.device_type ?? [])),
    total_watch_duration:
      own.reduce(
        (sum, { kind, watch_duration: seconds = 0 }) =>
          sum + (kind === 'behaviour' ? Math.round(seconds * 1000) : 0),
        0,
      ) / 1000,
    active_hours: hoursOf(
      times.filter((at) => Math.floor(at / QUARTER_MS) > Math.floor(newest / QUARTER_MS) - KEPT_QUARTERS),
      about.tz,
    ),
    first_seen_at: own.length === 0 ? null : Math.min(...times),
    last_seen_at: own.length === 0 ? null : newest,
  };
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Events by hour of the wall clock, by the calendar tables of the runtime. */
function hoursOf(times: readonly number[], timeZone: string): number[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', hourCycle: 'h23' });
  const hours = Array.from({ length: 24 }, () => 0);
  const known = new Map<number, number>();
  for (const at of times) {
    const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS;
    const hour = known.get(quarter) ?? Number(format.format(quarter));
    known.set(quarter, hour);
    hours[hour]!++;
  }
  return hours;
}
