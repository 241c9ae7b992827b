import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ACTIONS, EVENT_KINDS } from '#domain';
import { MEASURES } from '#projections';
import type { ViewFound } from '#projections';
import { figuresOf } from './live-figures.ts';
import { measuredOf } from './live-metrics.ts';
import { LIVE_COMMON, bucketsIn, lastMinutes } from './live-question.ts';
import type { LiveQuestion, Window } from './live-question.ts';
import { sessionsSeen, wantedSessions } from './live-sessions.ts';

const SCHEMA = Type.Object(LIVE_COMMON, { additionalProperties: false });

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = 7;
const HOURS = 48;

/** What a tenant's counters show right now: days and hours are those of UTC. */
export const realtimeStats: LiveQuestion<Static<typeof SCHEMA>> = {
  name: 'realtimeStats',
  path: '/api/analytics/realtime/stats',
  schema: SCHEMA,
  summary: 'Counters of today, this hour and the last 60 minutes',
  example: {
    question: { tenant_id: 'acme' },
    answer: {
      active_sessions: 3,
      last_hour: { events: 12, impressions: 10, clicks: 2, ctr: 20, conversions: 0 },
      today: {
        start: '2024-03-11T00:00:00.000Z',
        events: 12,
        kinds: { behaviour: 12 },
        actions: { impression: 10, click: 2 },
      },
      this_hour: {
        start: '2024-03-11T08:00:00.000Z',
        events: 2,
        kinds: { behaviour: 2 },
        actions: { click: 2 },
      },
      daily: [{ start: '2024-03-11T00:00:00.000Z', events: 12, kinds: {}, actions: {} }],
      hourly: [{ start: '2024-03-11T08:00:00.000Z', events: 2, kinds: {}, actions: {} }],
      left_out: {},
    },
  },

  plan(_question, atMs) {
    const days = lastBuckets(atMs, DAYS, DAY);
    const hours = lastBuckets(atMs, HOURS, HOUR);
    return {
      wanted: [
        { view: 'analytics:daily', id: '', range: days },
        { view: 'analytics:hourly', id: '', range: hours },
        { view: 'metrics:realtime', id: '', range: lastMinutes(atMs, 60) },
        wantedSessions(atMs),
        { view: 'views:left_out', id: '' },
      ],
      answer: ([dayFound = [], hourFound = [], minutes = [], sessions = [], leftOut = []]) => {
        const daily = bucketsIn(days, DAY).map((startMs) => countersAt(startMs, dayFound));
        const hourly = bucketsIn(hours, HOUR).map((startMs) => countersAt(startMs, hourFound));
        const measured = measuredOf(minutes).filter(({ experimentId }) => experimentId === '');
        return {
          active_sessions: sessionsSeen(sessions, atMs).length,
          last_hour: figuresOf(measured),
          today: daily.at(-1),
          this_hour: hourly.at(-1),
          daily,
          hourly,
          left_out: Object.fromEntries(leftOut.flatMap(({ entries }) => [...entries])),
        };
      },
    };
  },
};

function lastBuckets(atMs: number, count: number, lengthMs: number): Window {
  const toMs = Math.floor(atMs / lengthMs) * lengthMs + lengthMs;
  return { fromMs: toMs - count * lengthMs, toMs };
}

function countersAt(startMs: number, found: readonly ViewFound[]): object {
  const counts = found.find(({ bucketMs }) => bucketMs === startMs)?.entries ?? new Map<string, number>();
  const among = (names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (counts.has(name) ? [[name, counts.get(name)]] : [])));
  return {
    start: new Date(startMs).toISOString(),
    events: counts.get(MEASURES.events) ?? 0,
    kinds: among(EVENT_KINDS),
    actions: among(ACTIONS),
  };
}
