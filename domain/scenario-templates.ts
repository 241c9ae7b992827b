import type { ActionType } from './action.ts';
import type { FieldDefinition, ScenarioTemplate } from './field-definition.ts';
import { FIELD_ALIASES } from './field-aliases.ts';
import { SCENARIO_FIELDS } from './scenario-fields.ts';
import type { ScenarioType } from './scenario.ts';

type About = {
  readonly type: Exclude<ScenarioType, 'custom'>;
  readonly name: string;
  readonly description: string;
  readonly actions: readonly ActionType[];
};

const TEMPLATES: readonly About[] = [
  {
    type: 'video',
    name: 'Video',
    description: 'Short videos, vlogs and video courses.',
    actions: ['impression', 'click', 'play', 'play_end', 'pause', 'like', 'share', 'comment'],
  },
  {
    type: 'ecommerce',
    name: 'Shop',
    description: 'Products that are looked at, put into a cart, ordered and paid.',
    actions: ['impression', 'click', 'view', 'add_cart', 'order', 'payment', 'purchase'],
  },
  {
    type: 'news',
    name: 'News',
    description: 'Articles that are read, shared and commented on.',
    actions: ['impression', 'click', 'read', 'read_end', 'like', 'share', 'comment'],
  },
  {
    type: 'music',
    name: 'Music',
    description: 'Songs that are played, repeated and kept in playlists.',
    actions: ['impression', 'play', 'play_end', 'pause', 'like', 'add_playlist', 'share'],
  },
  {
    type: 'education',
    name: 'Education',
    description: 'Courses that are tried, bought, studied and completed.',
    actions: ['impression', 'click', 'learn', 'complete', 'pause', 'trial', 'purchase'],
  },
  {
    type: 'content',
    name: 'Content',
    description: 'Posts, questions and answers, galleries and threads by users.',
    actions: ['impression', 'click', 'view', 'read', 'like', 'comment', 'share', 'collect', 'report'],
  },
  {
    type: 'social',
    name: 'Social',
    description: 'Suggestions of friends and of users to follow.',
    actions: ['impression', 'view_profile', 'follow', 'add_friend', 'message', 'ignore', 'block'],
  },
  {
    type: 'personalized',
    name: 'Personalized',
    description: 'Suggestions made for one user, and what the user says of them.',
    actions: ['impression', 'click', 'positive_feedback', 'negative_feedback', 'dismiss', 'not_interest'],
  },
];

/**
 * The eight built-in templates, each with the id of its scenario type. One field of each is required; of
 * fields that have two names only the canonical one is in it.
 */
export const SCENARIO_TEMPLATES: readonly ScenarioTemplate[] = TEMPLATES.map(
  ({ type, name, description, actions }) => {
    const fields = templateFields(type);
    return {
      template_id: type,
      scenario_type: type,
      name,
      description,
      required_fields: fields.filter(({ required }) => required),
      optional_fields: fields.filter(({ required }) => !required),
      recommended_actions: actions,
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
