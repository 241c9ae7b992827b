import { ACTION_FIELDS, ACTION_FIELD_DEFINITIONS } from './action-fields.ts';
import type { ActionType } from './action.ts';
import { fieldChecks } from './check-fields.ts';
import type { FieldChecks } from './check-fields.ts';
import { FIELD_ALIASES, spellingsOf } from './field-aliases.ts';
import type { FieldDefinition } from './field-definition.ts';
import { AMOUNT_NAMES, measureNames } from './normalise-measures.ts';
import { fieldsByPlace } from './scenario-fields.ts';
import { SCENARIO_TYPES, scenarioBranch } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

/** Everything the events of a scenario type are checked by, made once. */
export type ScenarioChecks = {
  /** Of the members of the branch, `scenario_data.video_data.`. */
  readonly path: string;
  readonly branch: FieldChecks;
  readonly extra: FieldChecks;
  readonly rules: Rules;
  readonly actions: ReadonlyMap<string, readonly ActionField[]>;
};

/** What must hold in a branch beyond the definitions of its fields. */
export type Rules = {
  /** A field that another one bounds. */
  readonly atMost?: { readonly field: string; readonly other: string };
  /** A field whose members are numbers. */
  readonly numbers?: string;
};

/** A field of an action under every name it may have. */
export type ActionField = {
  readonly required: boolean;
  /** Where it belongs, for a warning that it is missing. */
  readonly path: string;
  readonly spellings: readonly string[];
  /** Definitions by spelling, without those that are checked as fields of the scenario type anyway. */
  readonly unchecked: FieldChecks;
  /** The same for the envelope, where no field of the scenario type is checked. */
  readonly inEnvelope: FieldChecks;
};

const RULES: Readonly<Partial<Record<ScenarioType, Rules>>> = {
  education: { atMost: { field: 'correct_count', other: 'exercise_count' } },
  personalized: { numbers: 'feature_importance' },
};

const actionDefinitions = fieldChecks(ACTION_FIELD_DEFINITIONS);

type Fields = {
  readonly type: ScenarioType;
  readonly path: string;
  readonly branch: FieldChecks;
  readonly extra: FieldChecks;
};

function prepare(type: ScenarioType): ScenarioChecks {
  const places = fieldsByPlace(type);
  const branch = fieldChecks(places.scenario_data);
  const extra = fieldChecks([...aliasDefinitions(type, branch), ...places.extra_data]);
  const path = `scenario_data.${scenarioBranch(type)}.`;
  const fields = { type, path, branch, extra };
  return { path, branch, extra, rules: RULES[type] ?? {}, actions: actionFields(fields) };
}

/** Another name of a field is checked like the field itself. */
function aliasDefinitions(type: ScenarioType, fields: FieldChecks): readonly FieldDefinition[] {
  return FIELD_ALIASES[type].flatMap(({ alias, field, conversion }) => {
    const definition = conversion === undefined ? fields.get(field) : undefined;
    return definition ? [{ ...definition, field_name: alias }] : [];
  });
}

function actionFields(fields: Fields): ReadonlyMap<string, readonly ActionField[]> {
  const actions = Object.entries(ACTION_FIELDS[fields.type]) as [
    ActionType,
    { required: readonly string[]; optional: readonly string[] },
  ][];
  return new Map(
    actions.map(([action, { required, optional }]) => [
      action,
      [
        ...required.map((name) => actionField(name, action, { ...fields, required: true })),
        ...optional.map((name) => actionField(name, action, { ...fields, required: false })),
      ],
    ]),
  );
}

function actionField(
  name: string,
  action: ActionType,
  about: Fields & { readonly required: boolean },
): ActionField {
  const { type, path, branch, extra, required } = about;
  const spellings = new Set([...spellingsOf(type, name), ...measureNames(name, { type, action })]);
  const definitions = [...spellings].flatMap((spelling) => {
    // What an amount may be, decimal text among it, is known to the measures.
    if (AMOUNT_NAMES[action]?.includes(spelling)) return [];
    return extra.get(spelling) ?? branch.get(spelling) ?? actionDefinitions.get(spelling) ?? [];
  });
  return {
    required,
    path: name === 'position' ? name : `${branch.has(name) ? path : 'extra_data.'}${name}`,
    spellings: [...spellings],
    unchecked: fieldChecks(definitions.filter(({ field_name }) => !extra.has(field_name))),
    inEnvelope: fieldChecks(definitions),
  };
}

/** The checks of every scenario type; `custom` has none. */
export const SCENARIO_CHECKS = Object.fromEntries(
  SCENARIO_TYPES.map((type) => [type, prepare(type)]),
) as Readonly<Record<ScenarioType, ScenarioChecks>>;
