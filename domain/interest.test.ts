import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { CATEGORY_NAMES, INTEREST_POINTS } from './interest.ts';

test('the tables of the documentation are those of the code', async () => {
  const page = await readFile(new URL('../docs/documents.md', import.meta.url), 'utf8');
  const rows = (from: string): readonly (readonly [string, string])[] =>
    [
      ...page
        .slice(page.indexOf(from))
        .split('\n\n', 2)
        .join('\n')
        .matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm),
    ].map(([, name = '', value = '']) => [name, value] as const);
  assert.deepEqual(
    rows('Points of interest per action').map(([action, points]) => [action, Number(points)]),
    Object.entries(INTEREST_POINTS),
  );
  assert.deepEqual(
    rows('The name of the category').map(([type, names]) => [type, names.replaceAll('`', '').split(', ')]),
    Object.entries(CATEGORY_NAMES),
  );
});
