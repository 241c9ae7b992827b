import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';
import type { Json } from './event.ts';

const parse = (text: string): Json => JSON.parse(text) as Json;

test('members stand in the order of their UTF-16 code units, at every depth', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"b":1,"a":2}', '{"a":2,"b":1}'],
    ['{"a":{"z":[{"y":1,"x":2}],"b":null}}', '{"a":{"b":null,"z":[{"x":2,"y":1}]}}'],
    ['{"10":1,"9":2,"a":3}', '{"10":1,"9":2,"a":3}'],
    ['{"a":{"2":0,"10":0}}', '{"a":{"10":0,"2":0}}'],
    ['{"b":1,"__proto__":{"d":1,"c":2}}', '{"__proto__":{"c":2,"d":1},"b":1}'],
    ['{"\\u20ac":1,"\\r":2,"\\ud83d\\ude02":3,"\\ufb33":4}', '{"\\r":2,"€":1,"😂":3,"\ufb33":4}'],
    ['[1.0,1e2,-0,0.10]', '[1,100,0,0.1]'],
    ['"\\u0041\\/"', '"A/"'],
    ['{"toJSON":1,"constructor":2}', '{"constructor":2,"toJSON":1}'],
    ['{}', '{}'],
    ['[]', '[]'],
    ['null', 'null'],
  ];
  for (const [sent, canonical] of cases) assert.equal(canonicalJson(parse(sent)), canonical);
});

/** The definition again, without any of the shortcuts. */
function byDefinition(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as Json[]).map(byDefinition).join(',')}]`;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${byDefinition(member)}`).join(',')}}`;
}

const names = fc.oneof(
  fc.constantFrom('a', 'b', 'ab', '0', '1', '10', '-1', '__proto__', 'constructor', 'é'),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
);
const { value: anyJson } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1.5, 'x', 'é"\\'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 6, noNullPrototype: true }),
  ),
}));

test('the text of any value is that of the definition', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      assert.equal(canonicalJson(value as Json), byDefinition(value as Json));
    }),
    { numRuns: 500 },
  );
});

/** The same value with members in another order, and white space in the text. */
function rewritten(value: Json, seed: number): string {
  if (value === null || typeof value !== 'object') return ` ${JSON.stringify(value)}\n`;
  if (Array.isArray(value))
    return `[${(value as Json[]).map((item) => rewritten(item, seed)).join(' ,\t')} ]`;
  const entries = Object.entries(value);
  const turned = entries.map((_, index) => entries[(index + seed) % entries.length] ?? ['', null]);
  return `{ ${turned.map(([name, member]) => `${JSON.stringify(name)} : ${rewritten(member, seed + 1)}`).join(',')}}`;
}

test('neither the order of members nor white space changes it, and any other difference does', () => {
  fc.assert(
    fc.property(anyJson, anyJson, fc.nat({ max: 20 }), (one, other, seed) => {
      const text = canonicalJson(one as Json);
      assert.equal(canonicalJson(parse(rewritten(one as Json, seed))), text);
      assert.deepEqual(parse(text), parse(JSON.stringify(one)));
      const same = byDefinition(one as Json) === byDefinition(other as Json);
      assert.equal(canonicalJson(other as Json) === text, same);
    }),
    { numRuns: 500 },
  );
});
