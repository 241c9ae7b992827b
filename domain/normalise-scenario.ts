import type { EventWarning, Json, JsonObject } from './event.ts';
import { SCENARIO_TYPES, SCENARIO_TYPE_ALIASES, scenarioBranch, scenarioTypeOfBranch } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

/** What an event says about its scenario. */
export type Scenario = {
  readonly type: ScenarioType | undefined;
  /** Member of `scenario_data` that belongs to the type. */
  readonly branch: JsonObject | undefined;
  readonly branchPath: string;
};

const types = new Set<string>(SCENARIO_TYPES);

/**
 * The scenario type an event names, else that of its scenario's tracking config, else the one whose branch of
 * `scenario_data` it carries. With several branches and no type named, the first in the order of
 * {@link SCENARIO_TYPES}.
 */
export function scenarioOf(sent: JsonObject, warnings: EventWarning[], configured?: ScenarioType): Scenario {
  const data = sent['scenario_data'];
  const named = namedType(sent['scenario_type'], warnings) ?? configured;
  if (!isObject(data)) return { type: named, branch: undefined, branchPath: '' };
  const carried = carriedType(data, warnings);
  const type = named ?? carried;
  if (type === undefined) return { type, branch: undefined, branchPath: '' };
  const name = scenarioBranch(type);
  const branch = data[name];
  if (carried !== undefined && carried !== type && !isObject(branch)) {
    const message = `has the data of ${carried}, but the scenario type is ${type}`;
    warnings.push({ field: 'scenario_data', code: 'differing_values', message });
  }
  return { type, branch: isObject(branch) ? branch : undefined, branchPath: `scenario_data.${name}.` };
}

function namedType(value: Json | undefined, warnings: EventWarning[]): ScenarioType | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  if (types.has(value)) return value as ScenarioType;
  const field = 'scenario_type';
  const canonical = SCENARIO_TYPE_ALIASES[value];
  if (canonical) warnings.push({ field, code: 'alias', message: `was taken as ${canonical}` });
  else warnings.push({ field, code: 'enum', message: `is none of ${SCENARIO_TYPES.join(', ')}` });
  return canonical;
}

function carriedType(data: JsonObject, warnings: EventWarning[]): ScenarioType | undefined {
  let first: ScenarioType | undefined;
  let branches = 0;
  for (const member in data) {
    const type = scenarioTypeOfBranch(member);
    const field = `scenario_data.${member}`;
    if (type === undefined) {
      warnings.push({ field, code: 'unknown_field', message: 'is the data of no scenario type' });
      continue;
    }
    if (!isObject(data[member] ?? null)) {
      warnings.push({ field, code: 'type', message: 'must be an object' });
    }
    branches++;
    if (first === undefined || SCENARIO_TYPES.indexOf(type) < SCENARIO_TYPES.indexOf(first)) first = type;
  }
  if (branches > 1) {
    const message = `has the data of ${branches} scenario types`;
    warnings.push({ field: 'scenario_data', code: 'several_branches', message });
  }
  return first;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
