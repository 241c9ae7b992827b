import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { HOT_WEIGHTS } from '#domain';
import { VIEWS } from './views.ts';

const PAGE = readFileSync(new URL('../docs/live-views.md', import.meta.url), 'utf8');

/** The rows of the table whose header begins with a word, as lists of trimmed cells. */
function tableOf(header: string): readonly (readonly string[])[] {
  const lines = PAGE.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${header} `));
  assert.ok(start >= 0, `no table of ${header}`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

test('the page shows every weight', () => {
  const shown = tableOf('action').map(([action = '', weight]) => [action, Number(weight)]);
  assert.deepEqual(Object.fromEntries(shown), HOT_WEIGHTS);
});

test('the page shows how every view is kept', () => {
  const lengths: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
  const shown = tableOf('view').map(([view = '', merge, bucket = '', kept = '']) => {
    const [amount, unit = ''] = kept.split(' ');
    return [
      view,
      {
        merge,
        bucketMs: lengths[bucket],
        keepMs: kept === 'for ever' ? undefined : Number(amount) * (lengths[unit.replace(/s$/, '')] ?? NaN),
      },
    ];
  });
  const kept = Object.entries(VIEWS).map(([view, { merge, bucketMs, keepMs }]) => [
    view,
    { merge, bucketMs, keepMs },
  ]);
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(kept));
});
