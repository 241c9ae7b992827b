import type { ActionType } from './action.ts';

/** The scenario types an application may have; `custom` carries free-form data. */
export const SCENARIO_TYPES = [
  'video',
  'ecommerce',
  'news',
  'music',
  'education',
  'content',
  'social',
  'personalized',
  'custom',
] as const;

export type ScenarioType = (typeof SCENARIO_TYPES)[number];

/** Names accepted for a scenario type. */
export const SCENARIO_TYPE_ALIASES: Readonly<Record<string, ScenarioType>> = Object.assign(
  Object.create(null) as Record<string, ScenarioType>,
  { vlog: 'video', short_video: 'video' },
);

/** The member of `scenario_data` that belongs to a scenario type, `video_data` for `video`. */
export function scenarioBranch(type: ScenarioType): `${ScenarioType}_data` {
  return `${type}_data`;
}

const types = new Set<string>(SCENARIO_TYPES);

/** The scenario type whose branch a member of `scenario_data` is, or undefined when it is none. */
export function scenarioTypeOfBranch(member: string): ScenarioType | undefined {
  if (!member.endsWith('_data')) return undefined;
  const type = member.slice(0, -'_data'.length);
  return types.has(type) ? (type as ScenarioType) : undefined;
}

/** Which action counts as a conversion where the scenario type is known (X16). */
export const CONVERSION_ACTIONS: Readonly<Record<ScenarioType, ActionType>> = {
  video: 'order',
  ecommerce: 'order',
  news: 'order',
  music: 'order',
  education: 'purchase',
  content: 'order',
  social: 'order',
  personalized: 'order',
  custom: 'order',
};

/** What counts as a conversion where no scenario type is known. */
export const DEFAULT_CONVERSION_ACTION: ActionType = 'order';
