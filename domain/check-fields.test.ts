import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFields, checkValue, fieldChecks } from './check-fields.ts';
import type { EventWarning, Json } from './event.ts';
import { FIELD_TYPES } from './field-definition.ts';
import type { FieldDefinition, FieldType } from './field-definition.ts';

const define = (field_type: FieldType, rest: Partial<FieldDefinition> = {}): FieldDefinition => ({
  field_name: 'f',
  field_type,
  required: false,
  ...rest,
});

/** Of each type what it takes and what not; null is absent, and so never wrong. */
const VALUES: Readonly<
  Record<FieldType, { readonly takes: readonly Json[]; readonly not: readonly Json[] }>
> = {
  string: { takes: ['', 'x', null], not: [0, true, [], {}] },
  integer: { takes: [0, -1, 2 ** 53 - 1, null], not: [0.5, '1', false, [], {}] },
  number: { takes: [0, -0.5, 1e300, null], not: ['1', true, [], {}] },
  boolean: { takes: [true, false, null], not: [0, 1, 'true', [], {}] },
  array: { takes: [[], [1, 'x', null], null], not: ['x', {}, 1] },
  object: { takes: [{}, { a: 1 }, null], not: [[], 'x', 1] },
  datetime: {
    takes: ['2026-07-01T12:00:00Z', '2026-07-01T12:00:00+08:00', '2026-07-01', 1_730_304_000_000, null],
    not: ['yesterday', '2026-13-01', true, [], {}, 1.5],
  },
  enum: { takes: ['a', null], not: [0, true, [], {}] },
};

test('each type takes its values and no others', () => {
  for (const type of FIELD_TYPES) {
    for (const value of VALUES[type].takes) {
      assert.equal(checkValue(define(type), value), undefined, `${type} ${JSON.stringify(value)}`);
    }
    for (const value of VALUES[type].not) {
      assert.equal(checkValue(define(type), value)?.code, 'type', `${type} ${JSON.stringify(value)}`);
    }
  }
});

test('a range takes its ends, and says what it is', () => {
  const between = define('number', { min_value: -1, max_value: 1.5 });
  for (const value of [-1, 0, 1.5]) assert.equal(checkValue(between, value), undefined);
  for (const value of [-1.1, 1.6]) {
    assert.deepEqual(checkValue(between, value), {
      code: 'range',
      message: 'must be from -1 to 1.5',
      at: '',
    });
  }
  assert.equal(checkValue(define('integer', { min_value: 1 }), 0)?.message, 'must be at least 1');
  assert.equal(checkValue(define('integer', { max_value: 1 }), 2)?.message, 'must be at most 1');
});

test('an enum takes its values alone, and says which', () => {
  const field = define('enum', { enum_values: ['low', 'high'] });
  assert.equal(checkValue(field, 'high'), undefined);
  assert.deepEqual(checkValue(field, 'High'), { code: 'enum', message: 'must be one of low, high', at: '' });
});

test('of a list the first wrong element is named', () => {
  const field = define('array', { item_type: 'integer' });
  assert.equal(checkValue(field, []), undefined);
  assert.equal(checkValue(field, [1, 2]), undefined);
  assert.deepEqual(checkValue(field, [1, '2', null]), {
    code: 'type',
    message: 'must be an integer',
    at: '[1]',
  });
});

test('every wrong member is told of by its path, and members without a definition are free', () => {
  const checks = fieldChecks([
    { ...define('integer'), field_name: 'a' },
    { ...define('array', { item_type: 'string' }), field_name: 'b' },
    { ...define('boolean'), field_name: 'c' },
  ]);
  const warnings: EventWarning[] = [];
  const members = { a: 'x', b: ['y', 7], c: true, other: { any: 1 }, toString: 1 };
  checkFields(checks, { path: 'scenario_data.custom_data.', members }, warnings);
  assert.deepEqual(warnings, [
    { field: 'scenario_data.custom_data.a', code: 'type', message: 'must be an integer' },
    { field: 'scenario_data.custom_data.b[1]', code: 'type', message: 'must be a string' },
  ]);
});
