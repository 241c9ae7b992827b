import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hotScore } from './index.ts';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 6, 1, 12);

test('a weight halves every fifteen minutes, from the start of its minute on', () => {
  const minutes = [
    { startMs: NOON, weight: 10 },
    { startMs: NOON - 15 * MINUTE, weight: 8 },
    { startMs: NOON - 45 * MINUTE, weight: 16 },
  ];
  assert.equal(hotScore(minutes, NOON), 10 + 4 + 2);
  assert.equal(hotScore(minutes, NOON + 15 * MINUTE), 5 + 2 + 1);
  assert.equal(hotScore([{ startMs: NOON, weight: 8 }], NOON + 10_000, 5_000), 2);
});

test('what comes after the instant counts nothing, and nothing at all scores zero', () => {
  assert.equal(hotScore([{ startMs: NOON + 1, weight: 10 }], NOON), 0);
  assert.equal(hotScore([], NOON), 0);
});

test('the order of the minutes does not change the last bit', () => {
  const minutes = Array.from({ length: 60 }, (_, n) => ({ startMs: NOON - n * MINUTE, weight: 1 + (n % 7) }));
  const odd = [...minutes.filter((_, n) => n % 2 === 1), ...minutes.filter((_, n) => n % 2 === 0)];
  assert.equal(hotScore(odd, NOON + 12_345), hotScore(minutes, NOON + 12_345));
});
