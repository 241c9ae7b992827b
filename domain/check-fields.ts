import type { EventWarning, Json } from './event.ts';
import type { FieldDefinition, FieldType } from './field-definition.ts';
import { isOfType } from './field-value.ts';
import type { Source } from './normalise-measures.ts';

/** Definitions ready to be looked up by the name of a member. */
export type FieldChecks = ReadonlyMap<string, FieldDefinition>;

/** Prepares definitions once, to check many events by; of two of one name the later holds. */
export function fieldChecks(definitions: readonly FieldDefinition[]): FieldChecks {
  return new Map(definitions.map((definition) => [definition.field_name, definition]));
}

/** What is wrong with the value of a field. */
export type FieldProblem = {
  readonly code: 'type' | 'range' | 'enum';
  readonly message: string;
  /** Which element of an array, `[2]`; empty for the value itself. */
  readonly at: string;
};

/** Tells of every member that has another type, range or value than its definition; null counts as absent. */
export function checkFields(checks: FieldChecks, { path, members }: Source, warnings: EventWarning[]): void {
  for (const name in members) {
    const definition = checks.get(name);
    if (definition === undefined) continue;
    const problem = checkValue(definition, members[name] ?? null);
    if (problem === undefined) continue;
    const { at, code, message } = problem;
    warnings.push({ field: path + name + at, code, message });
  }
}

/** The first thing wrong with the value of one field, undefined when nothing is. */
export function checkValue(definition: FieldDefinition, value: Json): FieldProblem | undefined {
  if (value === null) return undefined;
  const { field_type, min_value, max_value, enum_values, item_type } = definition;
  if (!isOfType(field_type, value)) return { code: 'type', message: TYPE_MESSAGES[field_type], at: '' };
  if (typeof value === 'number') {
    const below = min_value !== undefined && value < min_value;
    const above = max_value !== undefined && value > max_value;
    return below || above ? { code: 'range', message: rangeMessage(definition), at: '' } : undefined;
  }
  if (enum_values && !enum_values.includes(value as string)) {
    return { code: 'enum', message: `must be one of ${enum_values.join(', ')}`, at: '' };
  }
  return item_type === undefined ? undefined : checkItems(item_type, value);
}

function checkItems(type: FieldType, value: Json): FieldProblem | undefined {
  if (!Array.isArray(value)) return undefined;
  const wrong = value.findIndex((item: Json) => !isOfType(type, item));
  return wrong < 0 ? undefined : { code: 'type', message: TYPE_MESSAGES[type], at: `[${wrong}]` };
}

const TYPE_MESSAGES: Readonly<Record<FieldType, string>> = {
  string: 'must be a string',
  integer: 'must be an integer',
  number: 'must be a number',
  boolean: 'must be a boolean',
  array: 'must be an array',
  object: 'must be an object',
  datetime: 'must be a time, as ISO 8601 text or epoch milliseconds',
  enum: 'must be a string',
};

function rangeMessage({ min_value, max_value }: FieldDefinition): string {
  if (min_value === undefined) return `must be at most ${max_value ?? ''}`;
  return max_value === undefined
    ? `must be at least ${min_value}`
    : `must be from ${min_value} to ${max_value}`;
}
