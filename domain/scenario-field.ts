import type { FieldDefinition, FieldType } from './field-definition.ts';

/** What is known of the data of one scenario type; every list names a field once. */
export type ScenarioFields = {
  /** Members of the branch of `scenario_data` that most events have. */
  readonly core: readonly FieldDefinition[];
  /** Further members of the branch. */
  readonly optional: readonly FieldDefinition[];
  /** Members of `extra_data`, under the names they are sent by. */
  readonly extra: readonly FieldDefinition[];
};

type Rest = Omit<FieldDefinition, 'field_name' | 'field_type' | 'required' | 'description'>;
type About = { readonly field_name: string; readonly description: string };

function define(field_type: FieldType, about: About, rest: Rest = {}): FieldDefinition {
  return { ...about, field_type, required: false, ...rest };
}

/** The same field, required where a tracking config takes it over. */
export function required(field: FieldDefinition): FieldDefinition {
  return { ...field, required: true };
}

export function text(field_name: string, description: string): FieldDefinition {
  return define('string', { field_name, description });
}

export function texts(field_name: string, description: string): FieldDefinition {
  return define('array', { field_name, description }, { item_type: 'string' });
}

export function flag(field_name: string, description: string): FieldDefinition {
  return define('boolean', { field_name, description });
}

/** A whole number, from 0 where no range is given. */
export function integer(field_name: string, description: string, range: Rest = FROM_ZERO): FieldDefinition {
  return define('integer', { field_name, description }, range);
}

/** A number, from 0 where no range is given. */
export function number(field_name: string, description: string, range: Rest = FROM_ZERO): FieldDefinition {
  return define('number', { field_name, description }, range);
}

/** A fraction from 0 to 1. */
export function share(field_name: string, description: string): FieldDefinition {
  return define('number', { field_name, description }, { min_value: 0, max_value: 1 });
}

/** An object of numbers by name. A definition knows objects only; the check of the values is a rule of its own. */
export function numbers(field_name: string, description: string): FieldDefinition {
  return define('object', { field_name, description });
}

export function oneOf(
  field_name: string,
  description: string,
  enum_values: readonly string[],
): FieldDefinition {
  return define('enum', { field_name, description }, { enum_values });
}

const FROM_ZERO: Rest = { min_value: 0 };
