import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#domain';
import { bindParameters, quote } from './chdb-parameters.ts';

test('every parameter becomes a quoted literal of its declared type', () => {
  const cases: [type: string, value: unknown, literal: string][] = [
    ['String', 'a', "'a'"],
    ['UInt64', 18446744073709551615n, "CAST('18446744073709551615' AS UInt64)"],
    ['Float64', 0.5, "CAST('0.5' AS Float64)"],
    ['Bool', true, "CAST('true' AS Bool)"],
    ["DateTime64(3, 'UTC')", new Date(5), "CAST('1970-01-01 00:00:00.005' AS DateTime64(3, 'UTC'))"],
    ['Array(String)', ["it's", 'b'], "CAST('[\\'it\\\\\\'s\\',\\'b\\']' AS Array(String))"],
    ['Array(UInt64)', [1n, 2], "CAST('[1,2]' AS Array(UInt64))"],
    ['Nullable(String)', null, 'CAST(NULL AS Nullable(String))'],
    ['Map(String, UInt8)', { a: 1 }, "CAST('{\\'a\\':1}' AS Map(String, UInt8))"],
    ['Identifier', 'facts_g1', '`facts_g1`'],
  ];
  for (const [type, value, literal] of cases) {
    assert.equal(
      bindParameters(`SELECT {x:${type}}, {x: ${type} }`, { x: value }),
      `SELECT ${literal}, ${literal}`,
    );
  }
});

test('what looks like a parameter inside of quotes and comments is left alone', () => {
  const sql = `SELECT '{x:String}', "{x:String}", \`{x:String}\`, '\\'{x:String}', 'a''{x:String}' -- {x:String}
    /* {x:String} ; */ FROM t # a`;
  assert.equal(bindParameters(sql, {}), sql);
});

test('a statement with a second one, settings or a heredoc is refused', () => {
  for (const sql of ['SELECT 1; SELECT 2', 'SELECT 1 settings\n max_threads=1', "SELECT $a$ ' $a$"]) {
    assert.throws(() => bindParameters(sql, {}), isInvalid, sql);
  }
  assert.equal(
    bindParameters("SELECT ';', settings FROM my_settings", {}),
    "SELECT ';', settings FROM my_settings",
  );
});

test('values that are missing, unsafe or no identifiers are refused', () => {
  const cases: [type: string, value: unknown][] = [
    ['UInt64', 2 ** 53],
    ['Float64', NaN],
    ['Float64', Infinity],
    ['String', Symbol('x')],
    ['String', () => 1],
    ['Identifier', 'a` b'],
    ['Identifier', 5],
  ];
  for (const [type, value] of cases)
    assert.throws(() => bindParameters(`{x:${type}}`, { x: value }), isInvalid);
  assert.throws(() => bindParameters('{toString:String}', {}), isInvalid);
});

test('no text gets out of its quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const quoted = quote(text);
      // Reading the literal back by the engine's rules gives the text, and nothing stands behind it.
      assert.match(quoted, /^'(?:[^'\\]|\\[\\'0bfnrt])*'$/);
      const back = quoted
        .slice(1, -1)
        .replace(/\\(.)/g, (_whole, escaped: string) => UNESCAPED[escaped] ?? escaped);
      assert.equal(back, text);
    }),
  );
});

const UNESCAPED: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

function isInvalid(error: unknown): boolean {
  return error instanceof Fault && error.code === 'QUERY_INVALID';
}
