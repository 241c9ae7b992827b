import type { FieldDefinition } from './field-definition.ts';
import type { DefinitionFinding, TrackingConfigDefinition } from './tracking-config-definition.ts';

/** More required fields than this are more than most events of a scenario can carry. */
const MANY_REQUIRED = 5;
const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
/** What names of strings end in whose values are usually a closed set. */
const RESTRICTED = /(^|_)(type|kind|status|state|level|mode|quality|method|role|tier|gender|priority)$/;

/** Says what could be better in a definition (TC-13). Nothing of it refuses the definition. */
export function lintTrackingConfig(definition: TrackingConfigDefinition): readonly DefinitionFinding[] {
  const { description, required_fields: required, optional_fields: optional } = definition;
  const findings: DefinitionFinding[] = [];
  if (description === undefined) {
    const message = 'is missing: say what the scenario is and who sends its events';
    findings.push({ field: 'description', code: 'no_description', message });
  }
  if (required.length > MANY_REQUIRED) {
    const message = `has ${required.length} fields: require at most ${MANY_REQUIRED}, and leave the others optional`;
    findings.push({ field: 'required_fields', code: 'many_required', message });
  }
  for (const [index, field] of required.entries())
    findings.push(...lintField(field, `required_fields[${index}]`));
  for (const [index, field] of optional.entries())
    findings.push(...lintField(field, `optional_fields[${index}]`));
  return findings;
}

function lintField(field: FieldDefinition, path: string): readonly DefinitionFinding[] {
  const { field_name: name, field_type: type } = field;
  const findings: DefinitionFinding[] = [];
  if (!SNAKE_CASE.test(name)) {
    const message = `${name} is not snake_case`;
    findings.push({ field: `${path}.field_name`, code: 'not_snake_case', message });
  }
  if (isNumber(type) && field.min_value === undefined && field.max_value === undefined) {
    const message = `${name} is a number without min_value and max_value`;
    findings.push({ field: path, code: 'no_range', message });
  }
  if (type === 'string' && RESTRICTED.test(name.toLowerCase())) {
    const message = `${name} looks like one of a few values: an enum would find misspellings`;
    findings.push({ field: `${path}.field_type`, code: 'no_enum', message });
  }
  if (field.description === undefined || field.description === '') {
    const message = `is missing for ${name}`;
    findings.push({ field: `${path}.description`, code: 'no_description', message });
  }
  return findings;
}

function isNumber(type: FieldDefinition['field_type']): boolean {
  return type === 'integer' || type === 'number';
}
