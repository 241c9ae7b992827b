import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveTraffic } from './live.ts';
import { makeMonth } from './month.ts';

const AT = Date.parse('2025-06-04T15:30:00Z');
const month = makeMonth({ seed: 3, days: 2, events: 1000, endAt: AT });

test('live traffic comes in the order of time from its start on, a few events a second, each id once', () => {
  const traffic = liveTraffic({ seed: 3, month, fromAt: AT });
  const drafts = Array.from({ length: 3000 }, () => traffic.next().value);
  assert.ok(drafts.every(({ timestamp }) => timestamp >= AT));
  assert.ok(drafts.every(({ timestamp }, at) => timestamp >= (drafts[at - 1]?.timestamp ?? 0)));
  assert.equal(new Set(drafts.map((draft) => draft['event_id'])).size, 3000);
  const minutes = ((drafts.at(-1)?.timestamp ?? 0) - AT) / 60_000;
  const perSecond = 3000 / 60 / minutes;
  assert.ok(perSecond > 1 && perSecond < 10, `${perSecond} a second`);
  // Some visits are under way when it begins.
  assert.ok((drafts[0]?.timestamp ?? 0) - AT < 10_000);
});

test('live traffic of another start has other ids', () => {
  const [one, other] = [AT, AT + 1].map((fromAt) => liveTraffic({ seed: 3, month, fromAt }).next().value);
  assert.notEqual(one?.['event_id'], other?.['event_id']);
});
