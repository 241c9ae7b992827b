import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIELD_TYPES, parseTrackingConfig, whyNotValue } from '#domain';
import type { Event, FieldDefinition, FieldType, Json, JsonObject, TrackingConfigDefinition } from '#domain';
import { createCompiler } from './compile-schema.ts';
import { createConfigChecks } from './config-check.ts';
import { configSchema, fieldSchema } from './config-schema.ts';

const makeCheck = createConfigChecks();

function definitionOf(sent: JsonObject): TrackingConfigDefinition {
  const parsed = parseTrackingConfig({ scenario_type: 'video', name: 'x', ...sent });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.definition;
}

/** `field code message` of everything a config of these fields has against an event. */
function against(sent: JsonObject, event: JsonObject): readonly string[] {
  const check = makeCheck(definitionOf(sent));
  return (check(event as unknown as Event) ?? []).map(
    ({ field, code, message }) => `${field} ${code} ${message}`,
  );
}

const video = (video_data: Json, rest: JsonObject = {}): JsonObject => ({
  scenario_data: { video_data },
  ...rest,
});

const FIELDS = {
  required_fields: [{ field_name: 'duration', field_type: 'integer', min_value: 1, max_value: 3600 }],
  optional_fields: [
    { field_name: 'quality', field_type: 'enum', enum_values: ['hd', 'sd'] },
    { field_name: 'rate', field_type: 'number', min_value: 0, max_value: 1 },
    { field_name: 'title', field_type: 'string' },
    { field_name: 'live', field_type: 'boolean' },
    { field_name: 'tags', field_type: 'array', item_type: 'string' },
    { field_name: 'author', field_type: 'object' },
    { field_name: 'published', field_type: 'datetime' },
  ],
};

test('an event that has everything as it should be has nothing against it', () => {
  const data = {
    duration: 120,
    quality: 'hd',
    rate: 0.5,
    title: 'x',
    live: false,
    tags: ['a'],
    author: {},
    published: '2026-07-01T12:00:00Z',
    unknown: 'is no business of the config',
  };
  assert.deepEqual(against(FIELDS, video(data)), []);
});

test('every field that is wrong is named once, where it was found', () => {
  const data = {
    duration: 0,
    quality: '4k',
    rate: 'half',
    title: 7,
    live: 'no',
    tags: ['a', 1, 2],
    author: [],
    published: 'yesterday',
  };
  assert.deepEqual(against(FIELDS, video(data)), [
    'scenario_data.video_data.duration range must be >= 1',
    'scenario_data.video_data.quality enum must be one of hd, sd',
    'scenario_data.video_data.rate type must be a number',
    'scenario_data.video_data.title type must be a string',
    'scenario_data.video_data.live type must be a boolean',
    'scenario_data.video_data.tags[1] type must be a string',
    'scenario_data.video_data.author type must be an object',
    'scenario_data.video_data.published format must be an ISO 8601 time or epoch milliseconds',
  ]);
});

test('a field is looked for in the branch, then extra_data, then the envelope', () => {
  const required = { required_fields: [{ field_name: 'position', field_type: 'integer', max_value: 5 }] };
  const missing = 'scenario_data.video_data.position required is required';
  assert.deepEqual(against(required, {}), [missing]);
  assert.deepEqual(against(required, video({ position: null }, { extra_data: { position: '' } })), [missing]);
  assert.deepEqual(against(required, { position: 3 }), []);
  assert.deepEqual(against(required, { position: 6 }), ['position range must be <= 5']);
  assert.deepEqual(against(required, { position: 6, extra_data: { position: 3 } }), []);
  assert.deepEqual(against(required, { position: 3, extra_data: { position: 6 } }), [
    'extra_data.position range must be <= 5',
  ]);
  assert.deepEqual(
    against(required, video({ position: 3 }, { extra_data: { position: 6 }, position: 6 })),
    [],
  );
  assert.deepEqual(against(required, video(7, { scenario_data: { news_data: { position: 3 } } })), [missing]);
});

test('what the ingress stamps, and what every object inherits, is no field of the sender', () => {
  const names = ['schema', 'server_time', 'constructor', 'toString'];
  const required_fields = names.map((field_name) => ({ field_name, field_type: 'string' }));
  assert.deepEqual(
    against({ required_fields }, video({}, { schema: 'envelope.behaviour', server_time: 1 })),
    names.map((name) => `scenario_data.video_data.${name} required is required`),
  );
});

test('a custom config checks custom_data by its own fields', () => {
  const custom = { ...FIELDS, scenario_type: 'custom' };
  assert.deepEqual(against(custom, { scenario_data: { custom_data: { duration: 'long' } } }), [
    'scenario_data.custom_data.duration type must be an integer',
  ]);
});

test('an event of another scenario type than the config is told so', () => {
  assert.deepEqual(against({}, { scenario_type: 'news' }), [
    'scenario_type differing_values is news, but the tracking config is of video',
  ]);
  assert.deepEqual(against({}, { scenario_type: 'video' }), []);
});

const VALUES: readonly (readonly [FieldType, taken: readonly Json[], refused: readonly Json[]])[] = [
  ['string', ['x', '17'], [17, true, [], {}]],
  ['integer', [0, -3, 2 ** 53], [0.5, '1', true]],
  ['number', [0, -0.5, 1e300], ['1', false]],
  ['boolean', [true, false], [0, 'true']],
  ['array', [[], [1, 'x', null]], [{}, 'x']],
  ['object', [{}, { a: 1 }], [[], 'x', 1]],
  [
    'datetime',
    [
      0,
      1_782_907_200_000,
      '2026-07-01',
      '2026-07-01T12:00',
      '2026-07-01T12:00:00.123Z',
      '2026-07-01T12:00:00+08:00',
    ],
    ['yesterday', '2026-13-01', '2026-07-32', '2026-07-01 12:00', '12:00', 0.5, true, []],
  ],
  ['enum', ['a', 'null'], ['b', 'A', 1, null]],
];

test('every type takes its values and no others, by the schema and by the rule for defaults', () => {
  assert.deepEqual(VALUES.map(([type]) => type).toSorted(), FIELD_TYPES.toSorted());
  for (const [field_type, taken, refused] of VALUES) {
    const field = { field_name: 'a', field_type, required: false, enum_values: ['a', 'null'] };
    const validate = createCompiler()(fieldSchema(field));
    for (const [values, expected] of [
      [taken, true],
      [refused, false],
    ] as const) {
      for (const value of values) {
        const said = `${field_type} ${JSON.stringify(value)}`;
        assert.equal(validate(value) === undefined, expected, said);
        assert.equal(whyNotValue(field, value) === undefined, expected, said);
      }
    }
  }
});

test('the schema and the rule for defaults agree on any value of any field', () => {
  const bound = fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined });
  const simple = fc.constantFrom<FieldType>('string', 'integer', 'number', 'boolean', 'datetime', 'enum');
  const field = fc
    .record({
      type: fc.constantFrom(...FIELD_TYPES),
      item: fc.option(simple, { nil: undefined }),
      min: bound,
      max: bound,
    })
    .map(({ type, item, min, max }): FieldDefinition => {
      const isNumber = type === 'integer' || type === 'number';
      return {
        field_name: 'a',
        field_type: type,
        required: true,
        enum_values: ['x', 'y'],
        ...(type === 'array' && item !== undefined && { item_type: item }),
        ...(isNumber && min !== undefined && { min_value: min }),
        ...(isNumber && max !== undefined && { max_value: max }),
      };
    });
  const scalar = fc.oneof(
    fc.constantFrom<Json>('x', 'y', 'z', '2026-07-01', true, false),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(0.5, -2.5),
  );
  const value = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(fc.string(), scalar, { maxKeys: 2 }),
  );
  const compile = createCompiler({ allErrors: false });
  fc.assert(
    fc.property(field, value as fc.Arbitrary<Json>, (definition, given) => {
      const bySchema = compile(fieldSchema(definition))(given) === undefined;
      assert.equal(whyNotValue(definition, given) === undefined, bySchema);
    }),
    { numRuns: 500 },
  );
});

test('the schema of a config says the same as the check, of an object with the fields found', () => {
  const schema = configSchema(definitionOf({ ...FIELDS, description: 'A feed' }));
  const { required, title, description, $schema } = schema as Readonly<Record<string, unknown>>;
  assert.deepEqual(
    { required, title, description, $schema },
    {
      required: ['duration'],
      title: 'x',
      description: 'A feed',
      $schema: 'https://json-schema.org/draft/2020-12/schema',
    },
  );
  const validate = createCompiler()(schema);
  assert.equal(validate({ duration: 3, quality: 'hd' }), undefined);
  assert.deepEqual(
    validate({ quality: '4k', published: 'x' })?.map(({ field, code }) => `${field} ${code}`),
    ['duration required', 'quality enum', 'published format'],
  );
});
