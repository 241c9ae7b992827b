import { Type } from 'typebox';
import type { Static } from 'typebox';
import { compareText } from '#domain';
import type { ViewFound, ViewWanted } from '#projections';
import { LIVE_COMMON, lastMinutes, limitOf } from './live-question.ts';
import type { LiveQuestion } from './live-question.ts';

const SCHEMA = Type.Object({ ...LIVE_COMMON, limit: limitOf(100, 1000) }, { additionalProperties: false });

/** A session is active until so long after its last event. */
const INACTIVE_AFTER_MINUTES = 30;
const MINUTE = 60_000;

/** The sessions that are active at an instant (PJ-09), those seen last first. */
export const activeSessions: LiveQuestion<Static<typeof SCHEMA>> = {
  name: 'activeSessions',
  path: '/api/analytics/realtime/sessions',
  schema: SCHEMA,
  summary: 'Sessions with an event in the last 30 minutes',
  example: {
    question: { tenant_id: 'acme' },
    answer: { active: 1, sessions: [{ session_id: 's1', last_seen: '2024-03-11T07:58:02.120Z' }] },
  },

  plan({ limit = 100 }, atMs) {
    return {
      wanted: [wantedSessions(atMs)],
      answer: ([found = []]) => {
        const seen = sessionsSeen(found, atMs);
        return {
          active: seen.length,
          sessions: seen.slice(0, limit).map(({ session, timeMs }) => ({
            session_id: session,
            last_seen: new Date(timeMs).toISOString(),
          })),
        };
      },
    };
  },
};

/** The minutes in which a session active at the instant was seen; one more than 30 as the first is cut. */
export function wantedSessions(atMs: number): ViewWanted {
  const range = lastMinutes(atMs, INACTIVE_AFTER_MINUTES + 1);
  return { view: 'analytics:active_sessions', id: '', range };
}

/** Sessions with an event in the 30 minutes up to the instant, those seen last first. */
export function sessionsSeen(
  found: readonly ViewFound[],
  atMs: number,
): readonly { readonly session: string; readonly timeMs: number }[] {
  const sinceMs = atMs - INACTIVE_AFTER_MINUTES * MINUTE;
  const seen = new Map<string, number>();
  for (const { entries } of found) {
    for (const [session, timeMs] of entries) {
      if (timeMs > sinceMs && timeMs <= atMs) seen.set(session, Math.max(timeMs, seen.get(session) ?? 0));
    }
  }
  return [...seen]
    .map(([session, timeMs]) => ({ session, timeMs }))
    .sort((a, b) => b.timeMs - a.timeMs || compareText(a.session, b.session));
}
