import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ACTION_FIELDS, ACTION_FIELD_DEFINITIONS } from './action-fields.ts';
import { FIELD_ALIASES } from './field-aliases.ts';
import type { FieldDefinition } from './field-definition.ts';
import { AMOUNT_NAMES, CONSUMPTION_NAMES } from './normalise-measures.ts';
import { SCENARIO_FIELDS } from './scenario-fields.ts';
import { SCENARIO_TEMPLATES } from './scenario-templates.ts';
import { CONVERSION_ACTIONS, SCENARIO_TYPES, SCENARIO_TYPE_ALIASES, scenarioBranch } from './scenario.ts';

const page = await readFile(new URL('../docs/scenarios.md', import.meta.url), 'utf8');

/** The rows of the tables below a heading, without their heads. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const start = page.indexOf(`\n${heading}\n`);
  assert.ok(start >= 0, heading);
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const rest = page.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  const section = end < 0 ? rest : rest.slice(0, end);
  const rows = section.split('\n').map((line) => (line.startsWith('|') ? cellsOf(line) : undefined));
  return rows.filter((row, index) => {
    const isHead = rows[index + 1]?.every((cell) => /^-+$/.test(cell));
    return row !== undefined && !isHead && !row.every((cell) => /^-+$/.test(cell));
  }) as (readonly string[])[];
}

function cellsOf(line: string): readonly string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

function typeOf(field: FieldDefinition): string {
  const { field_type, item_type, min_value: min, max_value: max, enum_values } = field;
  if (enum_values) return quoted(enum_values);
  const type = item_type ? `${field_type} of ${item_type}` : field_type;
  if (min === undefined && max === undefined) return type;
  return max === undefined ? `${type} from ${min ?? ''}` : `${type} ${min ?? ''} to ${max}`;
}

const rowsOf = (fields: readonly FieldDefinition[], place: string): (readonly string[])[] =>
  fields.map((field) => [
    quoted([field.field_name]),
    field.required ? `${place}, required` : place,
    typeOf(field),
    field.description ?? '',
  ]);

test('the page lists every scenario type', () => {
  assert.deepEqual(
    rowsBelow('## Types'),
    SCENARIO_TYPES.map((type) => [
      quoted([type]),
      quoted(Object.keys(SCENARIO_TYPE_ALIASES).filter((alias) => SCENARIO_TYPE_ALIASES[alias] === type)),
      quoted([scenarioBranch(type)]),
      quoted([CONVERSION_ACTIONS[type]]),
      quoted(
        SCENARIO_TEMPLATES.find(({ scenario_type }) => scenario_type === type)?.recommended_actions ?? [],
      ),
    ]),
  );
});

test('the page lists every field and every action of every scenario type', () => {
  for (const { scenario_type: type } of SCENARIO_TEMPLATES) {
    const { core, optional, extra } = SCENARIO_FIELDS[type];
    assert.deepEqual(
      rowsBelow(`## ${type}`),
      [
        ...rowsOf(core, 'core'),
        ...rowsOf(optional, 'optional'),
        ...rowsOf(extra, 'extra'),
        ...Object.entries(ACTION_FIELDS[type]).map(([action, said]) => [
          quoted([action]),
          quoted(said.required),
          quoted(said.optional),
        ]),
      ],
      type,
    );
  }
});

test('the page lists the fields that only actions have', () => {
  assert.deepEqual(
    rowsBelow('## Fields of actions'),
    ACTION_FIELD_DEFINITIONS.map((field) => [
      quoted([field.field_name]),
      typeOf(field),
      field.description ?? '',
    ]),
  );
});

test('the page lists every other name and what becomes of its value', () => {
  const values = {
    negated: 'negated',
    audio_quality: '`SQ` as `无损`, `HQ` as `高品`, `标准` as itself',
    milliseconds: 'seconds as milliseconds',
  };
  assert.deepEqual(
    rowsBelow('## Other names'),
    SCENARIO_TYPES.flatMap((type) =>
      FIELD_ALIASES[type].map(({ alias, field, conversion }) => [
        quoted([type]),
        quoted([alias]),
        quoted([field]),
        conversion ? values[conversion] : 'as it is',
      ]),
    ),
  );
});

test('the page lists where the measures come from', () => {
  assert.deepEqual(rowsBelow('## Measures'), [
    ...SCENARIO_TYPES.map((type) => [
      quoted([type]),
      quoted(CONSUMPTION_NAMES[type].duration),
      quoted(CONSUMPTION_NAMES[type].completion),
    ]),
    ...Object.entries(AMOUNT_NAMES).map(([action, names]) => [quoted([action]), quoted(names)]),
  ]);
});
