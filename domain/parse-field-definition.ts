import type { Json, JsonObject } from './event.ts';
import { FIELD_TYPES } from './field-definition.ts';
import type { FieldDefinition, FieldType } from './field-definition.ts';
import { whyNotValue } from './field-value.ts';
import type { DefinitionFinding } from './tracking-config-definition.ts';

const MEMBERS = new Set([
  'field_name',
  'field_type',
  'required',
  'description',
  'min_value',
  'max_value',
  'enum_values',
  'item_type',
  'default',
]);
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const TYPES = new Set<string>(FIELD_TYPES);
/** The other name of a number. */
const FLOAT = 'float';
const MAX_DESCRIPTION = 1_000;
const MAX_ENUM_VALUES = 500;
const MAX_ENUM_VALUE = 255;
const MAX_LEVELS = 8;

/** Where a field stands, and what is said about it. */
export type FieldPlace = {
  /** `required_fields[0]` */
  readonly path: string;
  /** Whether it stands among the required ones. */
  readonly required: boolean;
  readonly findings: DefinitionFinding[];
};

/**
 * Takes one untrusted field of a definition. Everything wrong is put into the findings; the answer is
 * undefined then. A member that is null counts as left out.
 */
export function parseFieldDefinition(value: Json, place: FieldPlace): FieldDefinition | undefined {
  const { path, required, findings } = place;
  if (typeof value !== 'object' || value === null || isList(value)) {
    findings.push({ field: path, code: 'type', message: 'must be an object' });
    return undefined;
  }
  const before = findings.length;
  const report: Report = (member, code, message) => {
    findings.push({ field: `${path}.${member}`, code, message });
  };
  const sent = withoutNulls(value);
  checkMembers(sent, report);
  checkName(sent['field_name'], report);
  checkWords(sent, required, report);
  if (sent['field_type'] === undefined) report('field_type', 'required', 'is required');
  const type = typeOf(sent['field_type'], 'field_type', report);
  checkRange(sent, type, report);
  const items = itemTypeOf(sent, type, report);
  checkEnum(sent, type === 'enum' || items === 'enum', report);
  if (!isPlain(sent['default'], MAX_LEVELS)) {
    report('default', 'type', `must be finite, and nested at most ${MAX_LEVELS} levels`);
  }
  if (findings.length > before) return undefined;
  // Everything has been looked at.
  const field = {
    ...sent,
    field_type: type,
    required,
    ...(items && { item_type: items }),
  } as FieldDefinition;
  const violation = field.default === undefined ? undefined : whyNotValue(field, field.default);
  if (violation === undefined) return field;
  report('default', 'contradiction', violation);
  return undefined;
}

type Report = (member: string, code: string, message: string) => void;

function checkMembers(sent: JsonObject, report: Report): void {
  for (const member of Object.keys(sent)) {
    if (!MEMBERS.has(member)) report(member, 'unknown_member', 'is no member of a field');
  }
}

function checkName(name: Json | undefined, report: Report): void {
  if (name === undefined) report('field_name', 'required', 'is required');
  else if (typeof name !== 'string' || !NAME.test(name)) {
    report('field_name', 'form', 'must be 1 to 64 of A-Z, a-z, 0-9 and _, beginning with a letter');
  }
}

function checkWords({ required: own, description }: JsonObject, required: boolean, report: Report): void {
  if (own !== undefined && own !== required) {
    const where = required ? 'required' : 'optional';
    report('required', 'contradiction', `must be ${required}, as the field stands among the ${where} ones`);
  }
  if (description === undefined) return;
  if (typeof description !== 'string' || description.length > MAX_DESCRIPTION) {
    report('description', 'type', `must be a text of at most ${MAX_DESCRIPTION} characters`);
  }
}

function typeOf(type: Json | undefined, member: string, report: Report): FieldType | undefined {
  if (type === undefined) return undefined;
  if (type === FLOAT) return 'number';
  if (typeof type === 'string' && TYPES.has(type)) return type as FieldType;
  report(member, 'enum', `must be one of ${FIELD_TYPES.join(', ')}`);
  return undefined;
}

function checkRange(sent: JsonObject, type: FieldType | undefined, report: Report): void {
  for (const member of ['min_value', 'max_value']) {
    const bound = sent[member];
    if (bound === undefined) continue;
    if (type !== undefined && type !== 'integer' && type !== 'number') {
      report(member, 'contradiction', `belongs to numbers, not to a field of type ${type}`);
    } else if (!Number.isFinite(bound)) report(member, 'type', 'must be a number');
  }
  const { min_value: min, max_value: max } = sent;
  if (typeof min === 'number' && typeof max === 'number' && min > max) {
    report('min_value', 'range', `must not be more than max_value, ${max}`);
  }
}

function itemTypeOf(sent: JsonObject, type: FieldType | undefined, report: Report): FieldType | undefined {
  if (sent['item_type'] !== undefined && type !== undefined && type !== 'array') {
    report('item_type', 'contradiction', `belongs to arrays, not to a field of type ${type}`);
    return undefined;
  }
  return typeOf(sent['item_type'], 'item_type', report);
}

function checkEnum(sent: JsonObject, wanted: boolean, report: Report): void {
  const { enum_values: values } = sent;
  if (values === undefined) {
    if (wanted) report('enum_values', 'required', 'is required for an enum');
    return;
  }
  if (!wanted && sent['field_type'] !== undefined) {
    report('enum_values', 'contradiction', 'belongs to fields of type enum');
  }
  if (!isList(values) || values.length === 0 || values.length > MAX_ENUM_VALUES) {
    report('enum_values', 'type', `must be a list of 1 to ${MAX_ENUM_VALUES} texts`);
    return;
  }
  if (!values.every((one) => typeof one === 'string' && one !== '' && one.length <= MAX_ENUM_VALUE)) {
    report('enum_values', 'type', `must hold texts of 1 to ${MAX_ENUM_VALUE} characters`);
  } else if (new Set(values).size < values.length) {
    report('enum_values', 'duplicate', 'names a value twice');
  }
}

/** Whether a value can be written and compared as JSON without running out of numbers or stack. */
function isPlain(value: Json | undefined, levels: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member: Json) => isPlain(member, levels - 1));
}

function withoutNulls(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
