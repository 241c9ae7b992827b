import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideExpiry } from './facts-horizon.ts';

const at = (text: string): number => Date.parse(text);

test('the horizon is the beginning of the month in which the oldest wanted day lies', () => {
  for (const [now, keepDays, before] of [
    ['2026-07-15T12:00:00Z', 90, '2026-04-01T00:00:00Z'],
    ['2026-07-15T12:00:00Z', 15, '2026-06-01T00:00:00Z'],
    ['2026-07-15T12:00:00Z', 14, '2026-07-01T00:00:00Z'],
    ['2026-03-01T00:00:00Z', 1, '2026-02-01T00:00:00Z'],
    ['2026-01-10T00:00:00Z', 30, '2025-12-01T00:00:00Z'],
    ['2024-03-01T00:00:00Z', 365, '2023-03-01T00:00:00Z'],
  ] as const) {
    assert.deepEqual(decideExpiry(undefined, { nowMs: at(now), keepDays }), [
      { type: 'facts_expired', beforeMs: at(before) },
    ]);
  }
});

test('the horizon never moves back, and not without need', () => {
  const horizon = at('2026-04-01T00:00:00Z');
  assert.deepEqual(decideExpiry(horizon, { nowMs: at('2026-07-15T00:00:00Z'), keepDays: 90 }), []);
  assert.deepEqual(decideExpiry(horizon, { nowMs: at('2026-07-15T00:00:00Z'), keepDays: 900 }), []);
  assert.deepEqual(decideExpiry(horizon, { nowMs: at('2026-08-15T00:00:00Z'), keepDays: 90 }), [
    { type: 'facts_expired', beforeMs: at('2026-05-01T00:00:00Z') },
  ]);
});

test('with nothing to forget everything is kept', () => {
  assert.deepEqual(decideExpiry(undefined, { nowMs: at('2026-07-15T00:00:00Z'), keepDays: 0 }), []);
});
