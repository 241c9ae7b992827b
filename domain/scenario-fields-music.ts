import { flag, integer, oneOf, required, share, text } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

/** S4-12 to S4-32. */
export const MUSIC_FIELDS: ScenarioFields = {
  core: [
    required(integer('duration', 'Length of the song in seconds.')),
    integer('play_duration', 'Seconds played.'),
    text('artist', 'Artist.'),
    text('album', 'Album.'),
    text('genre', 'Genre.'),
    oneOf('audio_quality', 'Quality of the sound, from low to lossless.', ['标准', '高品', '无损']),
  ],
  optional: [
    integer('bpm', 'Beats per minute.'),
    text('language', 'Language of the text.'),
    flag('is_vip_only', 'Whether only paying users may hear it.'),
  ],
  extra: [
    text('song_name', 'Name of the song.'),
    text('artist', 'Artist.'),
    text('album', 'Album.'),
    integer('duration', 'Length of the song in seconds.'),
    integer('play_duration', 'Seconds played.'),
    share('completion_rate', 'Share of the song played.'),
    text('genre', 'Genre.'),
    text('language', 'Language of the text.'),
    integer('release_year', 'Year of release.'),
    integer('play_count', 'How often it was played by all.'),
    integer('like_count', 'How many like it.'),
    oneOf('quality', 'Quality of the sound, from lossless to low.', ['SQ', 'HQ', '标准']),
    flag('is_vip', 'Whether only paying users may hear it.'),
  ],
};
