import type { ActionType } from './action.ts';
import type { FieldDefinition, ScenarioTemplate } from './field-definition.ts';
import type { ScenarioType } from './scenario.ts';

/** What one version of a tracking config says of the scenario data of its scenario. */
export type TrackingConfigDefinition = {
  readonly scenario_type: ScenarioType;
  readonly name: string;
  readonly description?: string;
  /** The template it was made from. */
  readonly template_id?: string;
  readonly required_fields: readonly FieldDefinition[];
  readonly optional_fields: readonly FieldDefinition[];
  /** Actions worth sending in this scenario. Others are taken all the same. */
  readonly recommended_actions: readonly ActionType[];
};

/**
 * Something wrong with a definition (codes `required`, `type`, `range`, `enum`, `form`, `too_long`, `too_many`,
 * `duplicate`, `contradiction`, `unknown_member`) or, from the lint, something that could be better.
 */
export type DefinitionFinding = {
  /** Path of the member, `required_fields[0].min_value`. */
  readonly field: string;
  readonly code: string;
  readonly message: string;
};

/** The definition a template gives, as it is before its author changes it. */
export function definitionOfTemplate(template: ScenarioTemplate): TrackingConfigDefinition {
  const { scenario_type, name, description, template_id } = template;
  const { required_fields, optional_fields, recommended_actions } = template;
  return {
    scenario_type,
    name,
    description,
    template_id,
    required_fields,
    optional_fields,
    recommended_actions,
  };
}
