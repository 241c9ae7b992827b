import type { ActionType } from './action.ts';
import { checkFields, checkValue } from './check-fields.ts';
import type { EventWarning, JsonObject } from './event.ts';
import type { Source } from './normalise-measures.ts';
import { isObject } from './normalise-scenario.ts';
import { SCENARIO_CHECKS } from './scenario-checks.ts';
import type { ActionField, Rules } from './scenario-checks.ts';
import { scenarioBranch } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

/** A behaviour as it was sent, and what its scenario type and action were taken as. */
export type ScenarioEvent = {
  readonly sent: JsonObject;
  readonly type: ScenarioType;
  readonly action: ActionType;
};

/**
 * What is wrong with the fields of a scenario type that the event carries in its branch of `scenario_data` and
 * in `extra_data`, each by its path. Fields of other names are free, and so is all of `custom`.
 */
export function checkScenarioFields({ sent, type }: ScenarioEvent): readonly EventWarning[] {
  const { branch, extra, rules } = SCENARIO_CHECKS[type];
  const sources = sourcesOf(sent, type);
  const warnings: EventWarning[] = [];
  if (sources.branch) {
    checkFields(branch, sources.branch, warnings);
    checkRules(rules, sources.branch, warnings);
  }
  if (sources.extra) checkFields(extra, sources.extra, warnings);
  return warnings;
}

/**
 * What the action should say and does not, or says wrongly. Its fields may stand in the branch of
 * `scenario_data`, in `extra_data` or in the envelope, under any of their names (S9-03).
 */
export function checkAction({ sent, type, action }: ScenarioEvent): readonly EventWarning[] {
  const fields = SCENARIO_CHECKS[type].actions.get(action);
  if (fields === undefined) return NONE;
  const { branch, extra } = sourcesOf(sent, type);
  const envelope: Source = { path: '', members: sent };
  const warnings: EventWarning[] = [];
  for (const field of fields) {
    let said = branch !== undefined && lookUp(field, branch, warnings);
    if (extra !== undefined && lookUp(field, extra, warnings)) said = true;
    if (lookUp(field, envelope, warnings)) said = true;
    if (said || !field.required) continue;
    const message = `is required of ${action} in ${type}: in its scenario data, extra_data or the envelope`;
    warnings.push({ field: field.path, code: 'required', message });
  }
  return warnings;
}

const NONE: readonly EventWarning[] = [];

/** Whether the source says the field; a wrong value is said too, and warned of. */
function lookUp(field: ActionField, { path, members }: Source, warnings: EventWarning[]): boolean {
  const checks = path === '' ? field.inEnvelope : field.unchecked;
  let said = false;
  for (const name of field.spellings) {
    if (!Object.hasOwn(members, name)) continue;
    const value = members[name] ?? null;
    if (value === null || value === '') continue;
    said = true;
    const definition = checks.get(name);
    const problem = definition && checkValue(definition, value);
    if (problem === undefined) continue;
    const { at, code, message } = problem;
    warnings.push({ field: path + name + at, code, message });
  }
  return said;
}

function checkRules({ atMost, numbers }: Rules, { path, members }: Source, warnings: EventWarning[]): void {
  if (atMost) {
    const value = members[atMost.field];
    const most = members[atMost.other];
    if (typeof value === 'number' && typeof most === 'number' && value > most) {
      const message = `must be at most ${atMost.other}, ${most}`;
      warnings.push({ field: path + atMost.field, code: 'range', message });
    }
  }
  if (numbers === undefined) return;
  const named = members[numbers];
  if (isObject(named) && Object.values(named).some((value) => typeof value !== 'number')) {
    warnings.push({ field: path + numbers, code: 'type', message: 'must be an object of numbers' });
  }
}

function sourcesOf(
  sent: JsonObject,
  type: ScenarioType,
): { readonly branch: Source | undefined; readonly extra: Source | undefined } {
  const data = sent['scenario_data'];
  const branch = isObject(data) ? data[scenarioBranch(type)] : undefined;
  const extra = sent['extra_data'];
  return {
    branch: isObject(branch) ? { path: SCENARIO_CHECKS[type].path, members: branch } : undefined,
    extra: isObject(extra) ? { path: 'extra_data.', members: extra } : undefined,
  };
}
