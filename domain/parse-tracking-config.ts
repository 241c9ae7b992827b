import { ACTIONS } from './action.ts';
import type { Json, JsonObject } from './event.ts';
import type { FieldDefinition } from './field-definition.ts';
import { isList, parseFieldDefinition } from './parse-field-definition.ts';
import { SCENARIO_TYPES } from './scenario.ts';
import type { DefinitionFinding, TrackingConfigDefinition } from './tracking-config-definition.ts';

const MEMBERS = new Set([
  'scenario_type',
  'name',
  'description',
  'template_id',
  'required_fields',
  'optional_fields',
  'recommended_actions',
]);
const MAX_NAME = 255;
const MAX_DESCRIPTION = 4_000;
const MAX_FIELDS = 200;

/** What became of an untrusted definition: all that is wrong with it is said at once. */
export type ParsedTrackingConfig =
  | { readonly ok: true; readonly definition: TrackingConfigDefinition }
  | { readonly ok: false; readonly errors: readonly DefinitionFinding[] };

/** Takes an untrusted definition. A member that is null counts as left out. */
export function parseTrackingConfig(sent: JsonObject): ParsedTrackingConfig {
  const errors: DefinitionFinding[] = [];
  const report = (field: string, code: string, message: string): void => {
    errors.push({ field, code, message });
  };
  for (const [member, value] of Object.entries(sent)) {
    if (value !== null && !MEMBERS.has(member)) {
      report(member, 'unknown_member', 'is no member of a tracking config');
    }
  }
  const type = sent['scenario_type'];
  checkScenarioType(type, report);
  const name = textOf(sent, { member: 'name', most: MAX_NAME }, report);
  if (name === undefined) report('name', 'required', 'is required');
  const description = textOf(sent, { member: 'description', most: MAX_DESCRIPTION }, report);
  const template = textOf(sent, { member: 'template_id', most: MAX_NAME }, report);
  const required = fieldsOf(sent, 'required_fields', errors);
  const optional = fieldsOf(sent, 'optional_fields', errors);
  checkNames(sent, errors);
  const actions = sent['recommended_actions'] ?? [];
  if (!isList(actions) || !actions.every((action) => isOneOf(ACTIONS, action))) {
    report('recommended_actions', 'enum', 'must be a list of actions');
  }
  if (errors.length > 0) return { ok: false, errors };
  const definition = {
    scenario_type: type,
    name,
    ...(description && { description }),
    ...(template && { template_id: template }),
    required_fields: required,
    optional_fields: optional,
    recommended_actions: actions,
  } as TrackingConfigDefinition;
  return { ok: true, definition };
}

type Report = (field: string, code: string, message: string) => void;

function checkScenarioType(type: Json | undefined, report: Report): void {
  if (type === undefined || type === null) report('scenario_type', 'required', 'is required');
  else if (!isOneOf(SCENARIO_TYPES, type)) {
    report('scenario_type', 'enum', `must be one of ${SCENARIO_TYPES.join(', ')}`);
  }
}

function isOneOf(words: readonly string[], value: Json): boolean {
  return typeof value === 'string' && words.includes(value);
}

function textOf(
  sent: JsonObject,
  { member, most }: { readonly member: string; readonly most: number },
  report: Report,
): string | undefined {
  const value = sent[member];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string' && value.length <= most && value.isWellFormed()) return value;
  report(member, 'type', `must be a text of at most ${most} characters`);
  return '';
}

function fieldsOf(
  sent: JsonObject,
  member: 'required_fields' | 'optional_fields',
  findings: DefinitionFinding[],
): readonly (FieldDefinition | undefined)[] {
  const fields = sent[member] ?? [];
  if (!isList(fields)) {
    findings.push({ field: member, code: 'type', message: 'must be a list of fields' });
    return [];
  }
  if (fields.length > MAX_FIELDS) {
    findings.push({ field: member, code: 'too_many', message: `must hold at most ${MAX_FIELDS} fields` });
    return [];
  }
  const required = member === 'required_fields';
  return fields.map((field, index) =>
    parseFieldDefinition(field, { path: `${member}[${index}]`, required, findings }),
  );
}

/** A name stands once, among the required fields or among the optional ones. */
function checkNames(sent: JsonObject, findings: DefinitionFinding[]): void {
  const places = new Map<string, string>();
  for (const member of ['required_fields', 'optional_fields']) {
    const fields = sent[member];
    if (!isList(fields)) continue;
    for (const [index, field] of fields.slice(0, MAX_FIELDS).entries()) {
      const name = isList(field) || typeof field !== 'object' ? undefined : field?.['field_name'];
      if (typeof name !== 'string') continue;
      const place = `${member}[${index}].field_name`;
      const first = places.get(name);
      if (first === undefined) places.set(name, place);
      else findings.push({ field: place, code: 'duplicate', message: `stands at ${first} already` });
    }
  }
}
