export { createCompiler } from './compile-schema.ts';
export type { Validate } from './compile-schema.ts';
export { ENVELOPE_SCHEMAS, ENVELOPE_VERSION } from './envelope-schemas.ts';
export { FIELD_CODES } from './field-error.ts';
export type { FieldCode, FieldError } from './field-error.ts';
export { createSchemaRegistry } from './schema-registry.ts';
export type { SchemaRegistry, SchemaVersion } from './schema-registry.ts';
export { TRACKING_CONFIG_PATHS, TRACKING_CONFIG_SCHEMAS } from './openapi-tracking-configs.ts';
export { createTrackingConfigRouter } from './http-tracking-configs.ts';
export type { TrackingConfigRouterOptions } from './http-tracking-configs.ts';
export { openTrackingConfigs } from './tracking-configs.ts';
export type {
  ConfigChanged,
  ConfigFilter,
  ConfigVersion,
  TrackingConfigs,
  TrackingConfigsOptions,
} from './tracking-configs.ts';
export type { ChangedBy } from './tracking-config-stream.ts';
