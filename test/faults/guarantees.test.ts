import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const ROW = /^\| .+ \| `(?<file>[^`]+)`: (?<name>.+?) *\|$/;

/** The names of the tests of a file; where a name is put together a gap stands for what is put in. */
function testsOf(file: string): ReadonlySet<string> {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const names = source.matchAll(/\b(?:test|describe)\(\s*(['`])(?<name>.+?)\1/g);
  return new Set([...names].map(({ groups }) => groups!['name']!.replaceAll(/\$\{.+?\}/g, '…')));
}

test('every promise of docs/guarantees.md names a test that exists', () => {
  const lines = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8').split('\n');
  const rows = lines.filter((line) => /^\| (?!promise|---)/.test(line));
  assert.ok(rows.length > 20, `${rows.length} promises`);
  for (const row of rows) {
    const { file = '', name = '' } = ROW.exec(row)?.groups ?? {};
    assert.ok(testsOf(file).has(name), `no such test: ${row}`);
  }
});
