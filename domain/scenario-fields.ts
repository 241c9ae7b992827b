import type { FieldDefinition } from './field-definition.ts';
import type { ScenarioType } from './scenario.ts';
import type { ScenarioFields } from './scenario-field.ts';
import { CONTENT_FIELDS } from './scenario-fields-content.ts';
import { ECOMMERCE_FIELDS } from './scenario-fields-ecommerce.ts';
import { EDUCATION_FIELDS } from './scenario-fields-education.ts';
import { MUSIC_FIELDS } from './scenario-fields-music.ts';
import { NEWS_FIELDS } from './scenario-fields-news.ts';
import { PERSONALIZED_FIELDS } from './scenario-fields-personalized.ts';
import { SOCIAL_FIELDS } from './scenario-fields-social.ts';
import { VIDEO_FIELDS } from './scenario-fields-video.ts';

/** The fields of every scenario type; `custom` is free-form and has none. */
export const SCENARIO_FIELDS: Readonly<Record<ScenarioType, ScenarioFields>> = {
  video: VIDEO_FIELDS,
  ecommerce: ECOMMERCE_FIELDS,
  news: NEWS_FIELDS,
  music: MUSIC_FIELDS,
  education: EDUCATION_FIELDS,
  content: CONTENT_FIELDS,
  social: SOCIAL_FIELDS,
  personalized: PERSONALIZED_FIELDS,
  custom: { core: [], optional: [], extra: [] },
};

/**
 * What a member of each place is checked by. A field may stand in either place; where the two define it
 * differently, the place's own definition goes first.
 */
export function fieldsByPlace(type: ScenarioType): {
  readonly scenario_data: readonly FieldDefinition[];
  readonly extra_data: readonly FieldDefinition[];
} {
  const { core, optional, extra } = SCENARIO_FIELDS[type];
  const branch = [...core, ...optional];
  return {
    scenario_data: [...branch, ...missingFrom(branch, extra)],
    extra_data: [...extra, ...missingFrom(extra, branch)],
  };
}

function missingFrom(
  own: readonly FieldDefinition[],
  others: readonly FieldDefinition[],
): readonly FieldDefinition[] {
  return others.filter(({ field_name }) => !own.some((one) => one.field_name === field_name));
}
