import type { FieldDefinition, ScenarioTemplate } from './field-definition.ts';
import { FIELD_ALIASES } from './field-aliases.ts';
import { RECOMMENDED_ACTIONS } from './scenario-actions.ts';
import { SCENARIO_FIELDS } from './scenario-fields.ts';
import type { ScenarioType } from './scenario.ts';

type About = {
  readonly type: Exclude<ScenarioType, 'custom'>;
  readonly name: string;
  readonly description: string;
};

const TEMPLATES: readonly About[] = [
  {
    type: 'video',
    name: 'Video',
    description: 'Short videos, vlogs and video courses.',
  },
  {
    type: 'ecommerce',
    name: 'Shop',
    description: 'Products that are looked at, put into a cart, ordered and paid.',
  },
  {
    type: 'news',
    name: 'News',
    description: 'Articles that are read, shared and commented on.',
  },
  {
    type: 'music',
    name: 'Music',
    description: 'Songs that are played, repeated and kept in playlists.',
  },
  {
    type: 'education',
    name: 'Education',
    description: 'Courses that are tried, bought, studied and completed.',
  },
  {
    type: 'content',
    name: 'Content',
    description: 'Posts, questions and answers, galleries and threads by users.',
  },
  {
    type: 'social',
    name: 'Social',
    description: 'Suggestions of friends and of users to follow.',
  },
  {
    type: 'personalized',
    name: 'Personalized',
    description: 'Suggestions made for one user, and what the user says of them.',
  },
];

/**
 * The eight built-in templates, each with the id of its scenario type. One field of each is required; of
 * fields that have two names only the canonical one is in it.
 */
export const SCENARIO_TEMPLATES: readonly ScenarioTemplate[] = TEMPLATES.map(
  ({ type, name, description }) => {
    const fields = templateFields(type);
    return {
      template_id: type,
      scenario_type: type,
      name,
      description,
      required_fields: fields.filter(({ required }) => required),
      optional_fields: fields.filter(({ required }) => !required),
      recommended_actions: RECOMMENDED_ACTIONS[type],
    };
  },
);

function templateFields(type: ScenarioType): readonly FieldDefinition[] {
  const { core, optional, extra } = SCENARIO_FIELDS[type];
  const branch = [...core, ...optional];
  const taken = new Set([
    ...branch.map(({ field_name }) => field_name),
    ...FIELD_ALIASES[type].map(({ alias }) => alias),
  ]);
  return [...branch, ...extra.filter(({ field_name }) => !taken.has(field_name))];
}
