import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from './event.ts';
import { findingsIn, outlineJson } from './strict-json.ts';
import type { JsonFinding, JsonLimits } from './strict-json.ts';

const LIMITS: JsonLimits = { depth: 8, members: 50 };
const encoder = new TextEncoder();

function look(text: string, limits = LIMITS): readonly JsonFinding[] {
  const span = outlineJson(encoder.encode(text)).whole;
  return findingsIn(JSON.parse(text) as Json, { span, text: () => text, limits });
}

const found = (text: string): string[] => look(text).map(({ field, code }) => `${field} ${code}`);

const HIDDEN: readonly (readonly [text: string, findings: readonly string[]])[] = [
  ['{"a":1,"a":2}', ['a duplicate_member']],
  ['{"a":1,"a" \n :2}', ['a duplicate_member']],
  ['{"a":{"b":[{"c":1,"\\u0063":2}]}}', ['a.b[0].c duplicate_member']],
  ['{"__proto__":1,"__proto__":2}', ['__proto__ duplicate_member']],
  ['{"":1,"":2}', [' duplicate_member']],
  ['{"n":9007199254740993}', ['n number_too_large']],
  ['{"n":-9007199254740992}', ['n number_too_large']],
  ['{"n":123456789012345678901234}', ['n number_too_large']],
  ['{"n":9007199254740993.5}', ['n number_too_large']],
  ['[1,[2,90071992547409931]]', ['[1][1] number_too_large']],
  ['{"n":1e20}', ['n number_too_large']],
  ['{"n":-1.5e17}', ['n number_too_large']],
  ['{"n":1e400}', ['n number_not_finite']],
  ['{"n":-1E+400}', ['n number_not_finite']],
  ['{"n":1e-400}', ['n number_rounded']],
  ['{"n":0.1234567890123456789}', ['n number_rounded']],
  ['{"s":"\\ud800"}', ['s lone_surrogate']],
  ['{"s":["x","\\uDE00\\uD83D"]}', ['s[1] lone_surrogate']],
  ['{"\\ud83d":1}', ['\ufffd lone_surrogate']],
  ['{"a":[[[[[[[[1]]]]]]]]}', ['a[0][0][0][0][0][0][0] too_deep']],
];

test('what JSON.parse hides is found and named by its path', () => {
  for (const [text, findings] of HIDDEN) assert.deepEqual(found(text), findings, text);
});

test('too many members are refused, however they are nested', () => {
  const members = (count: number): string =>
    `{${Array.from({ length: count }, (_, n) => `"k${n}":{}`).join(',')}}`;
  assert.deepEqual(found(members(50)), []);
  assert.deepEqual(found(`{"inner":${members(50)}}`), [' too_many_members']);
});

const HARMLESS = [
  '{"n":9007199254740991,"m":-9007199254740991}',
  '{"n":0.30000000000000004,"m":1.7976931348623157e308,"o":5e-324}',
  '{"n":1e21,"m":-1.5e300}',
  '{"n":1e5,"m":-0,"o":100000000000000000e-2}',
  '{"s":"\\ud83d\\ude00","t":"😀"}',
  String.raw`{"s":"\"a\":1,\"a\":2","t":"\\","u":"\\ud800"}`,
  '{"url":"https://example.com:8080/?a:b","k:":1,"a\\":":2}',
  '{"a":{"x":1},"b":{"x":1}}',
  '[{"x":1},{"x":1}]',
  '"text"',
  '17',
  'null',
  ' [ ] ',
  '{"__proto__":{"a":1},"constructor":2}',
];

test('what JSON.parse keeps is left alone', () => {
  for (const text of HARMLESS) assert.deepEqual(found(text), [], text);
});

/** JSON.stringify writes integers below 10^21 without an exponent. */
function hasUnsafeInteger(text: string): boolean {
  let found = false;
  JSON.parse(text, (_, value: unknown) => {
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value as number) < 1e21)
      found = true;
    return value;
  });
  return found;
}

test('any value written by JSON.stringify is found to be what it is', () => {
  fc.assert(
    fc.property(fc.json({ depthSize: 'small', maxDepth: 6, noUnicodeString: false }), (text) => {
      const codes = look(text, { depth: 50, members: 100_000 }).map(({ code }) => code);
      assert.deepEqual(codes, hasUnsafeInteger(text) ? codes.map(() => 'number_too_large') : []);
      assert.equal(codes.length > 0, hasUnsafeInteger(text));
    }),
  );
});

test('a member repeated anywhere in any value is found', () => {
  const object = fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.jsonValue(), { minKeys: 1 });
  fc.assert(
    fc.property(object, fc.nat(), fc.constantFrom('', ' ', '\n\t'), (value, pick, space) => {
      const names = Object.keys(value);
      const name = names[pick % names.length] ?? '';
      const text = `{"outer":[${JSON.stringify(value).slice(0, -1)},${JSON.stringify(name)}${space}:0}]}`;
      const codes = look(text, { depth: 50, members: 100_000 }).map(({ code }) => code);
      assert.deepEqual(
        codes.filter((code) => code !== 'number_too_large'),
        ['duplicate_member'],
      );
    }),
  );
});

test('no bytes whatever make the outline fail, and its spans lie within them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { start, end } of outlineJson(bytes, 'events').elements) {
        assert.ok(start >= 0 && start < end && end <= bytes.length);
      }
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('[', ']', '{', '}', '"', ',', ':', '\\\\', '1', ' ', 'e', '"events":')),
      (parts) => {
        outlineJson(encoder.encode(parts.join('')), 'events');
      },
    ),
  );
});

const elementsOf = (text: string): string[] => {
  const bytes = encoder.encode(text);
  const decoder = new TextDecoder();
  return outlineJson(bytes, 'events').elements.map(({ start, end }) =>
    decoder.decode(bytes.subarray(start, end)),
  );
};

test('the elements of the list are told by their very bytes', () => {
  assert.deepEqual(elementsOf('{"events":[ {"a": "é"} ,[1,2] ,\n"x,]" , 5 ]}'), [
    '{"a": "é"}',
    '[1,2]',
    '"x,]"',
    '5',
  ]);
  assert.deepEqual(elementsOf('[{"a":[1]},2]'), ['{"a":[1]}', '2']);
  assert.deepEqual(elementsOf('{"other":[1],"x":{"events":[1]},"events":[2],"more":[3]}'), ['2']);
  assert.deepEqual(elementsOf('{"s":"events","t":[1]}'), []);
  assert.deepEqual(elementsOf('{"events":[]}'), []);
  assert.deepEqual(elementsOf('{"events":{"a":[1]}}'), []);
});

test('the elements of any list, however spaced, parse to the members of the list', () => {
  const value = fc.array(fc.jsonValue(), { maxLength: 6 });
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, '\t'), (list, indent) => {
      for (const text of [
        JSON.stringify(list, null, indent),
        JSON.stringify({ a: 1, events: list }, null, indent),
      ]) {
        const expected = JSON.parse(JSON.stringify(list)) as unknown[];
        assert.deepEqual(
          elementsOf(text).map((element) => JSON.parse(element) as unknown),
          expected,
        );
      }
    }),
  );
});

test('what one element has in members, depth and doubtful numbers does not count for the others', () => {
  const { elements } = outlineJson(encoder.encode('{"events":[{"a":{"b":1}},{"n":1e5},7]}'), 'events');
  const said = elements.map(({ members, depth, suspicious }) => ({ members, depth, suspicious }));
  assert.deepEqual(said, [
    { members: 2, depth: 2, suspicious: false },
    { members: 1, depth: 1, suspicious: true },
    { members: 0, depth: 0, suspicious: false },
  ]);
});
