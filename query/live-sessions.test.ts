import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionsSeen, wantedSessions } from './live-sessions.ts';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 6, 1, 12);

test('a session is active until thirty minutes after its last event, to the millisecond', () => {
  const atMs = NOON + 20_000;
  const minute = (bucketMs: number, entries: Record<string, number>) => {
    const members = new Map(Object.entries(entries));
    return { bucketMs, size: members.size, entries: members };
  };
  const since = NOON - 30 * MINUTE;
  const seen = sessionsSeen(
    [
      minute(since, { gone: since + 20_000, hardly: since + 20_001, back: since + 5 }),
      minute(NOON - MINUTE, { back: NOON - MINUTE + 7 }),
      minute(NOON, { now: NOON + 20_000, later: NOON + 20_001 }),
    ],
    atMs,
  );
  assert.deepEqual(seen, [
    { session: 'now', timeMs: NOON + 20_000 },
    { session: 'back', timeMs: NOON - MINUTE + 7 },
    { session: 'hardly', timeMs: since + 20_001 },
  ]);
  assert.deepEqual(wantedSessions(atMs).range, { fromMs: since, toMs: NOON + MINUTE });
});
