import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from './event.ts';
import { lintTrackingConfig } from './lint-tracking-config.ts';
import { parseTrackingConfig } from './parse-tracking-config.ts';
import type { TrackingConfigDefinition } from './tracking-config-definition.ts';

const DURATION = {
  field_name: 'duration',
  field_type: 'integer',
  required: true,
  min_value: 1,
  max_value: 3600,
};
const BUFFER_TIME = { field_name: 'buffer_time', field_type: 'integer', required: false, description: 'ms' };
const VIDEO = {
  scenario_type: 'video',
  name: 'Vlog feed',
  required_fields: [DURATION],
  optional_fields: [BUFFER_TIME],
} satisfies JsonObject;

/** `field code` of everything that is wrong, in any order. */
function wrong(sent: JsonObject): readonly string[] {
  const parsed = parseTrackingConfig(sent);
  return parsed.ok ? [] : parsed.errors.map(({ field, code }) => `${field} ${code}`).toSorted();
}

test('a definition as people write it is taken, and comes out complete', () => {
  const parsed = parseTrackingConfig({
    ...VIDEO,
    description: null,
    optional_fields: [
      { field_name: 'completion_rate', field_type: 'float', min_value: 0, max_value: 1, default: null },
      { field_name: 'tags', field_type: 'array', item_type: 'float' },
      { field_name: 'quality', field_type: 'enum', enum_values: ['hd', 'sd'], default: 'sd' },
      { field_name: 'published', field_type: 'datetime', default: '2026-07-01' },
    ],
    recommended_actions: ['play', 'click'],
  });
  assert.deepEqual(parsed, {
    ok: true,
    definition: {
      scenario_type: 'video',
      name: 'Vlog feed',
      required_fields: [DURATION],
      optional_fields: [
        { field_name: 'completion_rate', field_type: 'number', required: false, min_value: 0, max_value: 1 },
        { field_name: 'tags', field_type: 'array', required: false, item_type: 'number' },
        {
          field_name: 'quality',
          field_type: 'enum',
          required: false,
          enum_values: ['hd', 'sd'],
          default: 'sd',
        },
        { field_name: 'published', field_type: 'datetime', required: false, default: '2026-07-01' },
      ],
      recommended_actions: ['play', 'click'],
    },
  });
});

test('what was taken is taken again unchanged', () => {
  const parsed = parseTrackingConfig({ ...VIDEO, description: 'A feed', template_id: 'video' });
  assert.ok(parsed.ok);
  assert.deepEqual(parseTrackingConfig(parsed.definition), parsed);
});

test('everything wrong is said at once', () => {
  assert.deepEqual(
    wrong({
      scenario_type: 'film',
      name: 17,
      status: 'active',
      required_fields: [
        { field_name: 'a', field_type: 'decimal' },
        { field_name: 'b', field_type: 'integer', min_value: 5, max_value: 1 },
        { field_name: 'b', field_type: 'string', min_value: 1 },
      ],
      optional_fields: [{ field_name: 'a', field_type: 'enum' }, 'c'],
      recommended_actions: ['juggle'],
    }),
    [
      'name type',
      'optional_fields[0].enum_values required',
      'optional_fields[0].field_name duplicate',
      'optional_fields[1] type',
      'recommended_actions enum',
      'required_fields[0].field_type enum',
      'required_fields[1].min_value range',
      'required_fields[2].field_name duplicate',
      'required_fields[2].min_value contradiction',
      'scenario_type enum',
      'status unknown_member',
    ],
  );
});

test('a config needs a type and a name', () => {
  assert.deepEqual(wrong({}), ['name required', 'scenario_type required']);
  assert.deepEqual(wrong({ ...VIDEO, name: '' }), ['name required']);
  assert.deepEqual(wrong({ ...VIDEO, name: 'x'.repeat(256) }), ['name type']);
  assert.deepEqual(wrong({ ...VIDEO, name: '\ud800' }), ['name type']);
  assert.deepEqual(wrong({ ...VIDEO, description: [] }), ['description type']);
});

test('fields are lists of bounded length', () => {
  assert.deepEqual(wrong({ ...VIDEO, required_fields: { a: 1 } }), ['required_fields type']);
  const many = Array.from({ length: 201 }, (_, n) => ({ field_name: `f${n}`, field_type: 'string' }));
  assert.deepEqual(wrong({ ...VIDEO, optional_fields: many }), ['optional_fields too_many']);
  assert.deepEqual(wrong({ ...VIDEO, optional_fields: many.slice(1) }), []);
});

/** A list in a list in a list … */
function deep(levels: number): Json {
  let value: Json = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

const FIELDS: readonly (readonly [why: string, field: Json, wrong: readonly string[]])[] = [
  ['nothing', {}, ['.field_name required', '.field_type required']],
  ['null', null, [' type']],
  ['a list', [], [' type']],
  ['a name with a dash', { field_name: 'a-b', field_type: 'string' }, ['.field_name form']],
  ['a name with a dot', { field_name: 'a.b', field_type: 'string' }, ['.field_name form']],
  ['a name that begins with a digit', { field_name: '1a', field_type: 'string' }, ['.field_name form']],
  ['the prototype as a name', { field_name: '__proto__', field_type: 'string' }, ['.field_name form']],
  ['a name of 65 letters', { field_name: 'a'.repeat(65), field_type: 'string' }, ['.field_name form']],
  ['a name that is no text', { field_name: 1, field_type: 'string' }, ['.field_name form']],
  ['a type that is inherited', { field_name: 'a', field_type: 'toString' }, ['.field_type enum']],
  [
    'required among the optional ones',
    { field_name: 'a', field_type: 'string', required: true },
    ['.required contradiction'],
  ],
  [
    'a description that is no text',
    { field_name: 'a', field_type: 'string', description: 1 },
    ['.description type'],
  ],
  [
    'a bound that is no number',
    { field_name: 'a', field_type: 'integer', min_value: '1' },
    ['.min_value type'],
  ],
  [
    'a range of a boolean',
    { field_name: 'a', field_type: 'boolean', max_value: 1 },
    ['.max_value contradiction'],
  ],
  [
    'a range of an array',
    { field_name: 'a', field_type: 'array', item_type: 'integer', min_value: 1 },
    ['.min_value contradiction'],
  ],
  ['an enum without values', { field_name: 'a', field_type: 'enum' }, ['.enum_values required']],
  ['an enum of no values', { field_name: 'a', field_type: 'enum', enum_values: [] }, ['.enum_values type']],
  ['an enum of numbers', { field_name: 'a', field_type: 'enum', enum_values: [1] }, ['.enum_values type']],
  [
    'an enum with a value twice',
    { field_name: 'a', field_type: 'enum', enum_values: ['x', 'x'] },
    ['.enum_values duplicate'],
  ],
  [
    'values of a string',
    { field_name: 'a', field_type: 'string', enum_values: ['x'] },
    ['.enum_values contradiction'],
  ],
  [
    'an array of enums without values',
    { field_name: 'a', field_type: 'array', item_type: 'enum' },
    ['.enum_values required'],
  ],
  [
    'elements of a string',
    { field_name: 'a', field_type: 'string', item_type: 'string' },
    ['.item_type contradiction'],
  ],
  [
    'elements of an unknown type',
    { field_name: 'a', field_type: 'array', item_type: 'set' },
    ['.item_type enum'],
  ],
  [
    'a bound beyond all numbers',
    { field_name: 'a', field_type: 'number', max_value: Infinity },
    ['.max_value type'],
  ],
  [
    'a default beyond all numbers',
    { field_name: 'a', field_type: 'object', default: { b: [-Infinity] } },
    ['.default type'],
  ],
  [
    'a default without a bottom',
    { field_name: 'a', field_type: 'array', default: deep(100_000) },
    ['.default type'],
  ],
  [
    'a default of another type',
    { field_name: 'a', field_type: 'integer', default: '1' },
    ['.default contradiction'],
  ],
  [
    'a default below the range',
    { field_name: 'a', field_type: 'number', min_value: 1, default: 0.5 },
    ['.default contradiction'],
  ],
  [
    'a default above the range',
    { field_name: 'a', field_type: 'number', max_value: 1, default: 1.5 },
    ['.default contradiction'],
  ],
  [
    'a default that is no value',
    { field_name: 'a', field_type: 'enum', enum_values: ['x'], default: 'y' },
    ['.default contradiction'],
  ],
  [
    'a default with a wrong element',
    { field_name: 'a', field_type: 'array', item_type: 'string', default: ['x', 1] },
    ['.default contradiction'],
  ],
  [
    'an unknown member',
    { field_name: 'a', field_type: 'string', pattern: '.*' },
    ['.pattern unknown_member'],
  ],
];

test('a field that cannot be is refused with the reason', async (t) => {
  for (const [why, field, expected] of FIELDS) {
    await t.test(why, () => {
      assert.deepEqual(
        wrong({ ...VIDEO, optional_fields: [field] }),
        expected.map((one) => `optional_fields[0]${one}`),
      );
    });
  }
});

test('what could be better is said, and refuses nothing', () => {
  const field = (field_name: string, rest: JsonObject = {}): JsonObject => ({
    field_name,
    field_type: 'string',
    description: 'said',
    ...rest,
  });
  const parsed = parseTrackingConfig({
    scenario_type: 'video',
    name: 'x',
    required_fields: [
      ...['a', 'b', 'c'].map((name) => field(name)),
      field('watchTime', { field_type: 'integer' }),
      field('rate', { field_type: 'number', min_value: 0 }),
      field('news_type'),
    ],
    optional_fields: [
      field('d', { description: null }),
      field('Level_', { field_type: 'enum', enum_values: ['x'] }),
      field('statement'),
    ],
  });
  assert.ok(parsed.ok);
  assert.deepEqual(
    lintTrackingConfig(parsed.definition).map(({ field: path, code }) => `${path} ${code}`),
    [
      'description no_description',
      'required_fields many_required',
      'required_fields[3].field_name not_snake_case',
      'required_fields[3] no_range',
      'required_fields[5].field_type no_enum',
      'optional_fields[0].description no_description',
      'optional_fields[1].field_name not_snake_case',
    ],
  );
  const good: TrackingConfigDefinition = {
    scenario_type: 'video',
    name: 'x',
    description: 'said',
    required_fields: parsed.definition.required_fields.slice(0, 3),
    optional_fields: [],
    recommended_actions: [],
  };
  assert.deepEqual(lintTrackingConfig(good), []);
});
