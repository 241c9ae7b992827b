import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENVELOPE_MEMBERS, EVENT_KINDS } from '#domain';
import { createCompiler } from './compile-schema.ts';
import { ENVELOPE_SCHEMAS, ENVELOPE_VERSION } from './envelope-schemas.ts';
import { createSchemaRegistry } from './schema-registry.ts';

test('every kind has an envelope, found again by the subject and version it puts into records', () => {
  const registry = createSchemaRegistry();
  for (const kind of EVENT_KINDS) {
    const envelope = registry.envelope(kind);
    assert.equal(envelope.subject, `envelope.${kind}`);
    assert.equal(envelope.version, ENVELOPE_VERSION);
    assert.equal(registry.find(envelope.subject, envelope.version), envelope, 'compiled once');
  }
  assert.deepEqual(
    registry.subjects(),
    EVENT_KINDS.map((kind) => `envelope.${kind}`),
  );
  assert.equal(registry.find('envelope.behaviour', 99), undefined);
});

test('the members of the schemas are those the envelope is normalised by', () => {
  const known = new Set(ENVELOPE_MEMBERS);
  for (const kind of EVENT_KINDS) {
    const { properties } = ENVELOPE_SCHEMAS[kind] as unknown as { properties: Record<string, unknown> };
    assert.deepEqual(
      Object.keys(properties).filter((name) => !known.has(name)),
      [],
    );
  }
});

test('everything wrong is said at once, by path, with a code and a sentence', () => {
  const validate = createSchemaRegistry().envelope('behaviour').validate;
  const errors = validate({
    scenario_id: '',
    user_id: 17,
    action_type: 'juggle',
    event_id: 'é'.repeat(128),
    position: 0,
    context: { device_type: 'tv', os: [] },
  });
  assert.deepEqual(errors?.map(({ field, code, message }) => `${field} | ${code} | ${message}`).toSorted(), [
    'action_type | unknown_action | is none of the 38 actions and no alias of one',
    'context.device_type | enum | must be one of mobile, pc, tablet',
    'context.os | type | must be a string',
    'event_id | too_long | must have at most 255 bytes',
    'item_id | required | is required',
    'position | range | must be >= 1',
    'scenario_id | required | must not be empty',
    'user_id | type | must be a string',
  ]);
});

test('texts are measured in bytes of UTF-8', () => {
  const validate = createCompiler()({ type: 'string', maxBytes: 6 });
  for (const text of ['', 'abcdef', 'ééé', '界界', '😀ab']) assert.equal(validate(text), undefined, text);
  for (const text of ['abcdefg', 'éééé', '界界x', '😀abc']) {
    assert.equal(validate(text)?.[0]?.code, 'too_long', text);
  }
});

test('paths name members and elements as a reader would write them', () => {
  const validate = createCompiler()({
    type: 'object',
    properties: {
      'a/b': { type: 'array', items: { type: 'object', required: ['c~d'] } },
      e: { type: 'integer' },
    },
  });
  assert.deepEqual(
    validate({ 'a/b': [{ 'c~d': 1 }, {}], e: 'x' })?.map(({ field, message }) => `${field} ${message}`),
    ['a/b[1].c~d is required', 'e must be an integer'],
  );
});

test('formats of the standard are checked', () => {
  const validate = createCompiler()({ type: 'string', format: 'date-time' });
  assert.equal(validate('2026-07-01T12:00:00Z'), undefined);
  assert.equal(validate('yesterday')?.[0]?.code, 'format');
});
