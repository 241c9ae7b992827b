import { flag, integer, number, oneOf, required, share, text, texts } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

/** S6-02 to S6-13. */
export const CONTENT_FIELDS: ScenarioFields = {
  core: [
    required(oneOf('content_type', 'What it is.', ['post', 'question', 'answer', 'gallery', 'thread'])),
    integer('word_count', 'Words.'),
    integer('image_count', 'Images.'),
    integer('video_count', 'Videos.'),
    text('topic', 'Topic.'),
    number('content_quality_score', 'How good it is.', { min_value: 0, max_value: 100 }),
    flag('is_original', 'Whether the author made it.'),
    text('author_level', 'Standing of the author.'),
  ],
  optional: [
    flag('has_hashtags', 'Whether it has hashtags.'),
    texts('hashtags', 'Its hashtags.'),
    share('engagement_rate', 'Share of viewers who reacted.'),
    integer('read_time_estimate', 'Seconds that reading it takes.'),
  ],
  extra: [],
};
