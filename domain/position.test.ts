import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePositions, formatPosition, parsePosition } from './position.ts';
import type { Position } from './position.ts';

// Far beyond what a number holds exactly, and a text order that is none of the log.
const IN_ORDER: readonly Position[] = [
  { partition: 0, offset: 9n },
  { partition: 0, offset: 10n },
  { partition: 0, offset: 9_007_199_254_740_993n },
  { partition: 2, offset: 0n },
  { partition: 10, offset: 0n },
];

test('positions are ordered one partition after the other, within each by offset', () => {
  assert.deepEqual([...IN_ORDER].reverse().sort(comparePositions), IN_ORDER);
  assert.equal(comparePositions({ partition: 1, offset: 2n }, { partition: 1, offset: 2n }), 0);
});

test('a position is one word and comes back, and no other word is one', () => {
  assert.equal(formatPosition({ partition: 2, offset: 17n }), '2:17');
  assert.deepEqual(
    IN_ORDER.map((position) => parsePosition(formatPosition(position))),
    IN_ORDER,
  );
  for (const text of [
    '',
    '2',
    '2:',
    ':17',
    '2:-1',
    '2:1.5',
    '2:17:1',
    ' 2:17',
    '2:17\n',
    `1:${'9'.repeat(20)}`,
  ]) {
    assert.equal(parsePosition(text), undefined, JSON.stringify(text));
  }
});
