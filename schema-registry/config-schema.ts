import { DATETIME_PATTERN } from '#domain';
import type { FieldDefinition, FieldType, TrackingConfigDefinition } from '#domain';

/**
 * The scenario fields of a definition as JSON Schema (draft 2020-12): an object with every field under its
 * name, wherever in the event it was found. Members that are null or empty have been left out of it.
 */
export function configSchema({ name, description, ...fields }: TrackingConfigDefinition): object {
  const { required_fields: required, optional_fields: optional } = fields;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: name,
    ...(description === undefined ? {} : { description }),
    type: 'object',
    properties: Object.fromEntries(
      [...required, ...optional].map((field) => [field.field_name, fieldSchema(field)]),
    ),
    required: required.map((field) => field.field_name),
  };
}

/** One field as JSON Schema. */
export function fieldSchema(field: FieldDefinition): object {
  const { description, item_type: items, default: fallback } = field;
  return {
    ...typeSchema(field, field.field_type),
    ...(field.min_value === undefined ? {} : { minimum: field.min_value }),
    ...(field.max_value === undefined ? {} : { maximum: field.max_value }),
    ...(items === undefined ? {} : { items: typeSchema(field, items) }),
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function typeSchema(field: FieldDefinition, type: FieldType): object {
  if (type === 'enum') return { enum: field.enum_values ?? [] };
  if (type === 'datetime') return { type: ['string', 'integer'], pattern: DATETIME_PATTERN };
  return { type };
}
