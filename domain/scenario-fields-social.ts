import { flag, integer, number, oneOf, required, share, texts } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

/** S7-02 to S7-12. */
export const SOCIAL_FIELDS: ScenarioFields = {
  core: [
    required(
      oneOf('relationship_type', 'How the two are related.', ['friend', 'follow', 'mutual', 'suggested']),
    ),
    integer('mutual_friends_count', 'Friends both have.'),
    integer('social_distance', 'Degrees between the two.'),
    number('influence_score', 'Influence of the suggested user.', { min_value: 0, max_value: 100 }),
    oneOf('interaction_frequency', 'How often the two meet.', ['low', 'medium', 'high']),
    texts('common_interests', 'Interests both have.'),
    flag('is_verified', 'Whether the suggested user is verified.'),
  ],
  optional: [
    integer('follower_count', 'Followers of the suggested user.'),
    integer('following_count', 'Users the suggested user follows.'),
    integer('post_count', 'Posts of the suggested user.'),
    share('similarity_score', 'How alike the two are.'),
  ],
  extra: [],
};
