import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, SchemaObject } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import type { FieldCode, FieldError } from './field-error.ts';

/** Answers everything wrong with a value at once, undefined when nothing is. */
export type Validate = (value: unknown) => readonly FieldError[] | undefined;

/**
 * Compiles JSON Schemas (draft 2020-12, with `maxBytes` for texts) into validators.
 *
 * @param options.allErrors false answers only the first thing that is wrong. @default true
 */
export function createCompiler({ allErrors = true } = {}): (schema: SchemaObject) => Validate {
  const ajv = new Ajv2020({
    allErrors,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    ownProperties: false,
  });
  addFormats.default(ajv, { mode: 'fast' });
  ajv.addKeyword({
    keyword: 'maxBytes',
    type: 'string',
    schemaType: 'number',
    error: { message: ({ schema }) => `must have at most ${String(schema)} bytes` },
    // A UTF-16 unit has at most 3 bytes in UTF-8, so most texts need not be measured.
    compile: (most: number) => (value: string) =>
      value.length * 3 <= most || Buffer.byteLength(value) <= most,
  });
  return (schema) => {
    const check = ajv.compile(schema);
    // Whoever compiles keeps the validator; the compiler would keep every schema for ever.
    ajv.removeSchema(schema);
    return (value) => (check(value) ? undefined : (check.errors ?? []).map(fieldErrorOf));
  };
}

const CODES: Readonly<Record<string, FieldCode>> = {
  required: 'required',
  minLength: 'required',
  type: 'type',
  enum: 'enum',
  const: 'enum',
  maxBytes: 'too_long',
  maxLength: 'too_long',
  minimum: 'range',
  maximum: 'range',
  format: 'format',
  pattern: 'format',
};

function fieldErrorOf(error: ErrorObject): FieldError {
  const params = error.params as Readonly<Record<string, unknown>>;
  const parent = pathOf(error.instancePath);
  if (error.keyword === 'required') {
    const name = String(params['missingProperty']);
    return { field: parent === '' ? name : `${parent}.${name}`, code: 'required', message: 'is required' };
  }
  if (parent === 'action_type' && error.keyword === 'enum') {
    return {
      field: parent,
      code: 'unknown_action',
      message: 'is none of the 38 actions and no alias of one',
    };
  }
  const code = CODES[error.keyword];
  return { field: parent, code: code ?? 'format', message: messageOf(error, params) };
}

function messageOf({ keyword, message }: ErrorObject, params: Readonly<Record<string, unknown>>): string {
  if (keyword === 'enum') return `must be one of ${textsOf(params['allowedValues']).join(', ')}`;
  if (keyword === 'type') {
    const [type = ''] = textsOf(params['type']);
    return `must be ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
  }
  if (keyword === 'minLength') return 'must not be empty';
  return message ?? keyword;
}

/** The allowed words; null is allowed for most members and goes without saying. */
function textsOf(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === 'string' && one !== 'null') as string[];
}

/** `/context/device_type` as `context.device_type`, `/tags/2` as `tags[2]`. */
function pathOf(pointer: string): string {
  let path = '';
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (/^\d+$/.test(name)) path += `[${name}]`;
    else path += path === '' ? name : `.${name}`;
  }
  return path;
}
