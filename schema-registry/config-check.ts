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

/** Says what is wrong with the scenario data of a behaviour in its documented form; undefined when nothing is. */
export type CheckEvent = (event: Event) => readonly FieldError[] | undefined;

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
    return (event) => checkFields(event, type, fields);
  };
}

/** Looks every field up in the branch of the scenario type, `extra_data` and the envelope, in this order. */
function checkFields(
  event: Event,
  type: ScenarioType,
  fields: readonly Field[],
): readonly FieldError[] | undefined {
  const branchName = scenarioBranch(type);
  const branch = objectOf(event.scenario_data?.[branchName]);
  const extra = event.extra_data;
  const envelope = event as unknown as JsonObject;
  let errors: FieldError[] | undefined;
  if (event.scenario_type !== undefined && event.scenario_type !== type) {
    const message = `is ${event.scenario_type}, but the tracking config is of ${type}`;
    errors = [{ field: 'scenario_type', code: 'differing_values', message }];
  }
  for (const field of fields) {
    const { name } = field;
    let path = `scenario_data.${branchName}.`;
    let value = said(branch, name);
    if (value === undefined) {
      value = said(extra, name);
      if (value !== undefined) path = 'extra_data.';
      else if (field.inEnvelope) {
        value = said(envelope, name);
        if (value !== undefined) path = '';
      }
    }
    const error = value === undefined ? whenMissing(field) : violation(field, value);
    if (error) (errors ??= []).push({ ...error, field: path + name + error.field });
  }
  return errors;
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
