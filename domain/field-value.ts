import type { Json } from './event.ts';
import type { FieldDefinition, FieldType } from './field-definition.ts';

/**
 * ISO 8601 texts a `datetime` may be: a date, or a date and time with or without its offset. A pattern and
 * no format of JSON Schema, so that every validator draws the same line.
 */
export const DATETIME_PATTERN =
  '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])' +
  '(T([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d+)?)?(Z|[+-]([01]\\d|2[0-3]):?[0-5]\\d)?)?$';

const DATETIME = new RegExp(DATETIME_PATTERN, 'u');

/** Says what a value would have to be for its field, undefined when it is that. */
export function whyNotValue(field: FieldDefinition, value: Json): string | undefined {
  if (!isTaken(field, field.field_type, value)) return `must be ${describeType(field)}`;
  if (field.item_type !== undefined && Array.isArray(value)) {
    const { item_type: type } = field;
    if (!value.every((item: Json) => isTaken(field, type, item))) return `must be ${describeType(field)}`;
  }
  if (typeof value !== 'number') return undefined;
  if (field.min_value !== undefined && value < field.min_value) return `must be >= ${field.min_value}`;
  if (field.max_value !== undefined && value > field.max_value) return `must be <= ${field.max_value}`;
  return undefined;
}

const IS_OF_TYPE: Readonly<Record<Exclude<FieldType, 'enum'>, (value: Json) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  datetime: (value) => (typeof value === 'string' ? DATETIME.test(value) : Number.isInteger(value)),
};

/** Whether a value is of a type; of `enum`, whether it is a text. */
export function isOfType(type: FieldType, value: Json): boolean {
  return type === 'enum' ? typeof value === 'string' : IS_OF_TYPE[type](value);
}

function isTaken(field: FieldDefinition, type: FieldType, value: Json): boolean {
  if (type !== 'enum') return isOfType(type, value);
  return typeof value === 'string' && (field.enum_values ?? []).includes(value);
}

function describeType({ field_type: type, item_type: items, enum_values: values = [] }: FieldDefinition) {
  if (type === 'enum') return `one of ${values.join(', ')}`;
  if (items === 'enum') return `a list of ${values.join(', ')}`;
  if (items !== undefined) return `a list of ${items} values`;
  if (type === 'datetime') return 'an ISO 8601 time or epoch milliseconds';
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}
