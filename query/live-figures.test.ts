import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf } from './live-figures.ts';

const measured = (measure: string, amount: number) => ({
  experimentId: '',
  group: '',
  scenarioType: '',
  measure,
  amount,
});

test('means are rounded half up, as the answers from the facts are', () => {
  // 1.001 s over two events is 0.5005 s, and 0.00005 is half of the last decimal of a rate.
  const figures = figuresOf([
    measured('watch_ms', 1001),
    measured('watch_count', 2),
    measured('completion_millionths', 50),
    measured('completion_count', 1),
  ]);
  assert.equal(figures.avg_watch_duration, 0.501);
  assert.equal(figures.avg_completion_rate, 0.0001);
});
