import { numbers, oneOf, required, share, text, texts } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

const STRATEGIES = ['collaborative', 'content_based', 'hybrid'];

/** S8-02 to S8-10. */
export const PERSONALIZED_FIELDS: ScenarioFields = {
  core: [
    share('personalization_score', 'How personal the suggestion is.'),
    texts('match_reasons', 'Why it was suggested.'),
    share('user_interests_match', 'How well it fits the interests of the user.'),
    share('trending_score', 'How much it is in fashion.'),
    share('novelty_score', 'How new it is to the user.'),
    text('diversity_group', 'Group from which few are shown.'),
    required(oneOf('recommendation_strategy', 'How it was found.', STRATEGIES)),
  ],
  optional: [
    text('model_version', 'Version of the model.'),
    numbers('feature_importance', 'Weight of each feature.'),
  ],
  extra: [],
};
