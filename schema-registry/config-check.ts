import { scenarioBranch } from '#domain';
import type {
  Event,
  FieldDefinition,
  Json,
  JsonObject,
  ScenarioType,
  TrackingConfigDefinition,
} from '#domain';
import { createCompiler } from './compile-schema.ts';
import type { Validate } from './compile-schema.ts';
import { fieldSchema } from './config-schema.ts';
import type { FieldError } from './field-error.ts';

/**
 * Says what is wrong with the scenario data of a behaviour in its documented form; undefined when nothing is.
 *
 * @param sent the event as sent, for a field that is another name of a canonical one: the documented form has
 *   its value under that one
 */
export type CheckEvent = (event: Event, sent?: JsonObject) => readonly FieldError[] | undefined;

/** Members of an event that its sender has no say in. */
const STAMPS: ReadonlySet<string> = new Set<keyof Event>([
  'kind',
  'server_time',
  'ip_prefix',
  'valid_status',
  'warnings',
  'schema',
  'schema_version',
]);

type Field = {
  readonly name: string;
  readonly required: boolean;
  readonly datetime: boolean;
  /** Whether the envelope may hold it. */
  readonly inEnvelope: boolean;
  readonly validate: Validate;
};

/** Makes the checks of definitions. One maker for all, because making a compiler is dear. */
export function createConfigChecks(): (definition: TrackingConfigDefinition) => CheckEvent {
  // The first thing wrong with a field is enough: a list of a million wrong elements is one warning.
  const compile = createCompiler({ allErrors: false });
  const fieldOf = (definition: FieldDefinition): Field => ({
    name: definition.field_name,
    required: definition.required,
    datetime: definition.field_type === 'datetime',
    inEnvelope: !STAMPS.has(definition.field_name),
    validate: compile(fieldSchema(definition)),
  });
  return ({ scenario_type: type, required_fields: required, optional_fields: optional }) => {
    const fields = [...required, ...optional].map(fieldOf);
    return (event, sent) => checkFields({ event, sent }, type, fields);
  };
}

/** Looks every field up in the branch of the scenario type, `extra_data` and the envelope, in this order. */
function checkFields(
  { event, sent }: { readonly event: Event; readonly sent: JsonObject | undefined },
  type: ScenarioType,
  fields: readonly Field[],
): readonly FieldError[] | undefined {
  const branchName = scenarioBranch(type);
  const branchPath = `scenario_data.${branchName}.`;
  const branch = objectOf(event.scenario_data?.[branchName]);
  const errors: FieldError[] = [];
  if (event.scenario_type !== undefined && event.scenario_type !== type) {
    const message = `is ${event.scenario_type}, but the tracking config is of ${type}`;
    errors.push({ field: 'scenario_type', code: 'differing_values', message });
  }
  const places: readonly Place[] = [
    { path: branchPath, members: branch },
    { path: 'extra_data.', members: event.extra_data },
    { path: 'extra_data.', members: objectOf(sent?.['extra_data']) },
    { path: '', members: event },
  ];
  for (const field of fields) {
    const found = lookUp(field, places);
    const error = found === undefined ? whenMissing(field) : violation(field, found.value);
    if (error) errors.push({ ...error, field: (found?.path ?? branchPath) + field.name + error.field });
  }
  return errors.length === 0 ? undefined : errors;
}

type Place = { readonly path: string; readonly members: JsonObject | undefined };

/** The value of a field in the first of the places that has it; the envelope, without a path, not for stamps. */
function lookUp(
  { name, inEnvelope }: Field,
  places: readonly Place[],
): { readonly path: string; readonly value: Json } | undefined {
  for (const { path, members } of places) {
    if (path === '' && !inEnvelope) continue;
    const value = said(members, name);
    if (value !== undefined) return { path, value };
  }
  return undefined;
}

/** What an object of the sender says under a name; null and empty texts say nothing. */
function said(members: JsonObject | undefined, name: string): Json | undefined {
  if (members === undefined || !Object.hasOwn(members, name)) return undefined;
  const value = members[name];
  return value === null || value === '' ? undefined : value;
}

const MISSING: FieldError = { field: '', code: 'required', message: 'is required' };

function whenMissing({ required }: Field): FieldError | undefined {
  return required ? MISSING : undefined;
}

/** The first thing wrong; `field` is the path below the field. */
function violation({ validate, datetime }: Field, value: Json): FieldError | undefined {
  const error = validate(value)?.[0];
  if (error === undefined || !datetime) return error;
  return { ...error, message: 'must be an ISO 8601 time or epoch milliseconds' };
}

function objectOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}
