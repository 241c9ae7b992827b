import { UTC, ENVELOPE_MEMBERS, EVENT_KINDS, parseZone } from '#domain';
import type { EventKind, Json, JsonObject, Zone } from '#domain';
import { VALUE_FORMS } from './import-values.ts';
import type { ValueForm } from './import-values.ts';
import { CommandFailed } from './output.ts';

/** Where one member of the event comes from. */
export type MemberRule = {
  /** `context.device_type` as its parts. */
  readonly path: readonly string[];
  /** The column, or undefined for a constant. */
  readonly from: string | undefined;
  readonly constant: Json | undefined;
  readonly as: ValueForm;
  /** Values that are called otherwise in an event; others stay as they are. */
  readonly values: ReadonlyMap<string, Json>;
};

/** How rows become events. */
export type Mapping = {
  readonly kind: EventKind | undefined;
  readonly rules: readonly MemberRule[];
  /** Whether columns without a rule go into the event. */
  readonly others: 'keep' | 'drop';
  /** Of times without an offset. */
  readonly zone: Zone;
};

export type MappingSource = {
  /** The parsed mapping file. */
  readonly file?: unknown;
  /** `from=to` or `from=to:form`, and `=value=to` for a constant. */
  readonly pairs: readonly string[];
  readonly kind?: string;
  readonly tz?: string;
};

/** Members whose numbers a text format must be told of. */
const FORMS: ReadonlyMap<string, ValueForm> = new Map<string, ValueForm>([
  ['timestamp', 'time'],
  ['event_time', 'time'],
  ['position', 'integer'],
  ['watch_duration', 'number'],
  ['completion_rate', 'number'],
  ['amount', 'number'],
  ['context', 'json'],
  ['properties', 'json'],
  ['extra_data', 'json'],
  ['scenario_data', 'json'],
  ['data', 'json'],
]);
const NO_VALUES: MemberRule['values'] = new Map();
const MEMBERS = new Set(ENVELOPE_MEMBERS);
const FILE_MEMBERS = new Set(['kind', 'members', 'others', 'tz']);
const RULE_MEMBERS = new Set(['from', 'constant', 'as', 'values']);

/**
 * Reads the mapping file and the pairs of the command line, which win. Throws {@link CommandFailed} with
 * everything that is wrong.
 */
export function parseMapping({ file, pairs, kind, tz }: MappingSource): Mapping {
  const problems: string[] = [];
  const given = membersOf(file, 'the mapping file', problems);
  for (const name of Object.keys(given)) {
    if (!FILE_MEMBERS.has(name)) problems.push(`"${name}" is no member of a mapping file`);
  }
  const rules = new Map<string, MemberRule>();
  for (const [to, said] of Object.entries(membersOf(given['members'], '"members"', problems))) {
    rules.set(to, ruleOf(to, said, problems));
  }
  for (const pair of pairs) {
    const rule = pairOf(pair, problems);
    if (rule) rules.set(rule.path.join('.'), rule);
  }
  const mapping = {
    kind: kindOr(kind ?? given['kind'], problems),
    rules: [...rules.values()],
    others: othersOf(given['others'], problems),
    zone: zoneOf(tz ?? given['tz'], problems),
  };
  if (problems.length === 0) return mapping;
  throw new CommandFailed(`The mapping cannot be used:${problems.map((one) => `\n  ${one}`).join('')}`);
}

function membersOf(value: unknown, name: string, problems: string[]): JsonObject {
  if (isObject(value)) return value;
  if (value !== undefined) problems.push(`${name} must be an object`);
  return {};
}

function othersOf(value: Json | undefined, problems: string[]): Mapping['others'] {
  if (value === 'drop') return 'drop';
  if (value !== undefined && value !== 'keep') problems.push('"others" must be keep or drop');
  return 'keep';
}

function zoneOf(value: Json | undefined, problems: string[]): Zone {
  const zone = typeof value === 'string' ? parseZone(value) : undefined;
  if (!zone && value !== undefined) problems.push(`${JSON.stringify(value)} is no time zone`);
  return zone ?? UTC;
}

/** The rule for a column that has none: by its name, if that is one of the envelope. */
export function ruleByName(name: string): MemberRule | undefined {
  const path = name.split('.');
  if (!MEMBERS.has(path[0] ?? '') || path.includes('')) return undefined;
  return { path, from: name, constant: undefined, as: formOf(path), values: new Map() };
}

function formOf(path: readonly string[]): ValueForm {
  return path.length === 1 ? (FORMS.get(path[0] ?? '') ?? 'as_is') : 'as_is';
}

function ruleOf(to: string, said: Json, problems: string[]): MemberRule {
  const path = pathOf(to, problems);
  const plain = { path, from: undefined, constant: undefined, as: formOf(path), values: NO_VALUES };
  if (typeof said === 'string') {
    return said.startsWith('=') ? { ...plain, constant: said.slice(1) } : { ...plain, from: said };
  }
  if (isObject(said)) return { ...plain, ...detailsOf(to, said, problems) };
  problems.push(`"${to}" must be the name of a column, "=value", or an object with "from"`);
  return plain;
}

function detailsOf(to: string, said: JsonObject, problems: string[]): Partial<MemberRule> {
  for (const name of Object.keys(said)) {
    if (!RULE_MEMBERS.has(name)) problems.push(`"${to}": "${name}" is none of from, constant, as, values`);
  }
  const { from, constant, as, values } = said;
  if ((from === undefined) === (constant === undefined)) problems.push(`"${to}" needs "from" or "constant"`);
  if (from !== undefined && typeof from !== 'string') problems.push(`"${to}": "from" must be a text`);
  if (as !== undefined && !isForm(as))
    problems.push(`"${to}": "as" must be one of ${VALUE_FORMS.join(', ')}`);
  return {
    from: typeof from === 'string' ? from : undefined,
    constant,
    ...(isForm(as) ? { as } : {}),
    values: new Map(Object.entries(membersOf(values, `"${to}": "values"`, problems))),
  };
}

/** `ts=timestamp:epoch_s`, `=pc=context.device_type` */
function pairOf(pair: string, problems: string[]): MemberRule | undefined {
  const constant = pair.startsWith('=');
  const split = pair.indexOf('=', 1);
  const from = pair.slice(constant ? 1 : 0, split);
  const [to = '', as] = pair.slice(split + 1).split(':');
  if (split < 1 || to === '') {
    problems.push(`--map "${pair}" is not of the form from=to, from=to:form or =value=to`);
    return undefined;
  }
  if (constant) return ruleOf(to, { constant: from, ...(as === undefined ? {} : { as }) }, problems);
  return ruleOf(to, as === undefined ? from : { from, as }, problems);
}

function pathOf(to: string, problems: string[]): readonly string[] {
  const path = to.split('.');
  if (!MEMBERS.has(path[0] ?? '') || path.includes('')) {
    problems.push(`"${to}" is no member of an event; others go under properties. or extra_data.`);
  }
  return path;
}

function kindOr(kind: unknown, problems: string[]): EventKind | undefined {
  const known = EVENT_KINDS.find((one) => one === kind);
  if (kind !== undefined && !known) problems.push(`the kind must be one of ${EVENT_KINDS.join(', ')}`);
  return known;
}

function isForm(value: unknown): value is ValueForm {
  return VALUE_FORMS.some((form) => form === value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
