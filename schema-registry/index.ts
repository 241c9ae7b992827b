export { createCompiler } from './compile-schema.ts';
export type { Validate } from './compile-schema.ts';
export { ENVELOPE_SCHEMAS, ENVELOPE_VERSION } from './envelope-schemas.ts';
export { FIELD_CODES } from './field-error.ts';
export type { FieldCode, FieldError } from './field-error.ts';
export { createSchemaRegistry } from './schema-registry.ts';
export type { SchemaRegistry, SchemaVersion } from './schema-registry.ts';
