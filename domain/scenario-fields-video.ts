import { flag, integer, number, oneOf, required, share, text, texts } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

const LENGTH = { min_value: 1, max_value: 3600 };

/** S1-12 to S1-30. */
export const VIDEO_FIELDS: ScenarioFields = {
  core: [
    required(integer('duration', 'Length of the video in seconds.', LENGTH)),
    integer('watch_duration', 'Seconds watched.'),
    share('completion_rate', 'Share of the video watched.'),
    oneOf('video_quality', 'Resolution played.', ['360p', '720p', '1080p', '4K']),
    flag('is_fullscreen', 'Whether it filled the screen.'),
    number('playback_speed', 'Speed, 1 being normal.', { min_value: 0.25, max_value: 4 }),
  ],
  optional: [
    flag('is_muted', 'Whether the sound was off.'),
    {
      field_name: 'seek_positions',
      field_type: 'array',
      required: false,
      description: 'Seconds jumped to.',
      item_type: 'integer',
    },
    integer('buffer_time', 'Milliseconds spent waiting for data.'),
  ],
  extra: [
    integer('video_duration', 'Length of the video in seconds.', LENGTH),
    integer('watch_duration', 'Seconds watched.'),
    share('completion_rate', 'Share of the video watched.'),
    integer('pause_count', 'How often it was paused.'),
    integer('replay_count', 'How often it was played again.'),
    text('author_id', 'Who made the video.'),
    text('category', 'Category of the video.'),
    texts('tags', 'Tags of the video.'),
    flag('sound_on', 'Whether the sound was on.'),
    flag('full_screen', 'Whether it filled the screen.'),
  ],
};
