import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TABLE_SCENARIOS } from '../test/scenario-table.ts';
import type { TableField } from '../test/scenario-table.ts';
import { ACTION_FIELDS } from './action-fields.ts';
import { canonicalAction } from './action.ts';
import type { FieldDefinition } from './field-definition.ts';
import { FIELD_ALIASES, spellingsOf } from './field-aliases.ts';
import { SCENARIO_FIELDS } from './scenario-fields.ts';
import { SCENARIO_TEMPLATES } from './scenario-templates.ts';
import { SCENARIO_TYPES } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

const SHORT: Readonly<Record<string, string>> = {
  integer: 'i',
  number: 'n',
  string: 's',
  boolean: 'b',
  object: '{}',
  enum: 'enum',
};

/** A definition in the words of the requirements. */
function inShort(field: FieldDefinition): TableField {
  const { field_name: name, field_type, item_type, min_value: min, max_value: max, enum_values } = field;
  const type = field_type === 'array' ? `${SHORT[item_type ?? ''] ?? ''}[]` : (SHORT[field_type] ?? '');
  return {
    name,
    type,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(enum_values ? { values: enum_values } : {}),
  };
}

test('the fields are those of the requirements, in type, range and values', () => {
  for (const { type, core, more, extra } of TABLE_SCENARIOS) {
    const fields = SCENARIO_FIELDS[type as ScenarioType];
    assert.deepEqual(fields.core.map(inShort), core, type);
    assert.deepEqual(fields.optional.map(inShort), more, type);
    assert.deepEqual(fields.extra.map(inShort), extra, type);
  }
  assert.deepEqual(SCENARIO_FIELDS.custom, { core: [], optional: [], extra: [] });
});

test('the actions need what the requirements say, by the canonical name of each field', () => {
  for (const { type: name, actions } of TABLE_SCENARIOS) {
    const type = name as ScenarioType;
    const canonical = (field: string): string =>
      FIELD_ALIASES[type].find(({ alias }) => alias === field)?.field ?? field;
    const needing = actions.filter(({ required, optional }) => required.length + optional.length > 0);
    for (const { action, required, optional } of needing) {
      const own = ACTION_FIELDS[type][canonicalAction(action) ?? 'click'];
      assert.deepEqual(own?.required, required.map(canonical), `${type} ${action}`);
      assert.deepEqual(own.optional, optional.map(canonical), `${type} ${action}`);
    }
    const others = Object.entries(ACTION_FIELDS[type]).filter(
      ([action]) => !needing.some((one) => canonicalAction(one.action) === action),
    );
    for (const [action, { required, optional }] of others) {
      assert.deepEqual([...required, ...optional], [], `${type} ${action}`);
    }
  }
});

test('a field is found under its own name first', () => {
  assert.deepEqual(spellingsOf('video', 'duration'), ['duration', 'video_duration']);
  assert.deepEqual(spellingsOf('music', 'duration'), ['duration']);
  assert.deepEqual(spellingsOf('news', 'publish_time'), ['publish_time']);
});

/** TC-11: S1-03 to S8-01. */
const RECOMMENDED: Readonly<Record<string, string>> = {
  video: 'impression click play play_end pause like share comment',
  ecommerce: 'impression click view add_cart order payment purchase',
  news: 'impression click read read_end like share comment',
  music: 'impression play play_end pause like add_playlist share',
  education: 'impression click learn complete pause trial purchase',
  content: 'impression click view read like comment share collect report',
  social: 'impression view_profile follow add_friend message ignore block',
  personalized: 'impression click positive_feedback negative_feedback dismiss not_interest',
};

test('there is a template for every scenario type but custom, with its recommended actions', () => {
  assert.deepEqual(
    SCENARIO_TEMPLATES.map(({ scenario_type }) => scenario_type),
    SCENARIO_TYPES.filter((type) => type !== 'custom'),
  );
  for (const { template_id, scenario_type, name, description, recommended_actions } of SCENARIO_TEMPLATES) {
    assert.equal(template_id, scenario_type);
    assert.ok(name !== '' && description !== '');
    assert.equal(recommended_actions.join(' '), RECOMMENDED[scenario_type]);
  }
});

test('a template has every field of its scenario once, each described, and requires one', () => {
  for (const { scenario_type, required_fields, optional_fields } of SCENARIO_TEMPLATES) {
    const fields = [...required_fields, ...optional_fields];
    const names = fields.map(({ field_name }) => field_name);
    assert.equal(new Set(names).size, names.length, scenario_type);
    assert.equal(required_fields.length, 1, scenario_type);
    assert.ok(required_fields.every(({ required }) => required));
    assert.ok(optional_fields.every(({ required }) => !required));
    const table = TABLE_SCENARIOS.find(({ type }) => type === scenario_type);
    assert.ok(table);
    const aliases = FIELD_ALIASES[scenario_type].filter(({ alias, field }) => alias !== field);
    const expected = [...table.core, ...table.more, ...table.extra].map(({ name }) => name);
    assert.deepEqual(
      new Set(names),
      new Set(expected).difference(new Set(aliases.map(({ alias }) => alias))),
      scenario_type,
    );
    for (const { field_name, field_type, description, min_value, max_value } of fields) {
      assert.match(field_name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      assert.ok(description, field_name);
      const isNumber = field_type === 'integer' || field_type === 'number';
      assert.equal(isNumber, min_value !== undefined || max_value !== undefined, field_name);
    }
  }
});
