import type { Json } from './event.ts';
import type { ActionType } from './action.ts';
import type { ScenarioType } from './scenario.ts';

/** The types a field of scenario data may have. `datetime` is ISO 8601 text or epoch ms. */
export const FIELD_TYPES = [
  'string',
  'integer',
  'number',
  'boolean',
  'array',
  'object',
  'datetime',
  'enum',
] as const;

export type FieldType = (typeof FIELD_TYPES)[number];

/** One field of scenario data as a tracking config or a template declares it. */
export type FieldDefinition = {
  readonly field_name: string;
  readonly field_type: FieldType;
  readonly required: boolean;
  readonly description?: string;
  /** Of numbers: smallest value taken. */
  readonly min_value?: number;
  /** Of numbers: largest value taken. */
  readonly max_value?: number;
  /** Of `enum`: the values taken. */
  readonly enum_values?: readonly string[];
  /** Of `array`: what its elements are. @default any */
  readonly item_type?: FieldType;
  readonly default?: Json;
};

/** A ready-made tracking config of one scenario type. */
export type ScenarioTemplate = {
  readonly template_id: string;
  readonly scenario_type: ScenarioType;
  readonly name: string;
  readonly description: string;
  readonly required_fields: readonly FieldDefinition[];
  readonly optional_fields: readonly FieldDefinition[];
  readonly recommended_actions: readonly ActionType[];
};
