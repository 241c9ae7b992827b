import type { Json } from '#domain';

/**
 * Sections 10.1 to 10.8 of the requirements, written down by hand and apart from the product's own tables.
 *
 * A field is `name type range`: `i` a whole number, `n` a number, `s` a text, `b` a boolean, `s[]` and `i[]`
 * lists, `{}` an object, `a|b|c` one of these. `core` and `more` stand in the branch of `scenario_data`,
 * `extra` in `extra_data`. An action is followed by what it requires and, after the semicolon, what it may say.
 */
const TABLE = `
# video
core: duration i 1..3600, watch_duration i 0.., completion_rate n 0..1, video_quality 360p|720p|1080p|4K
core: is_fullscreen b, playback_speed n 0.25..4
more: is_muted b, seek_positions i[], buffer_time i 0..
extra: video_duration i 1..3600, watch_duration i 0.., completion_rate n 0..1, pause_count i 0..
extra: replay_count i 0.., author_id s, category s, tags s[], sound_on b, full_screen b
impression: position; rec_reason
click: position
play: duration
play_end: watch_duration, completion_rate; pause_count
like:
share: share_to
comment: comment_id; comment_length
follow: author_id
# ecommerce
core: price n 0.., currency s, quantity i 1.., discount n 0..1, category_path s, brand s, sku_id s
more: product_tags s[], stock_count i 0.., coupon_id s
extra: product_name s, price n 0.., original_price n 0.., discount_rate n 0..1, category s, brand s
extra: sku_id s, stock i 0.., sales i 0.., rating n 0..5, review_count i 0.., shipping_fee n 0..
extra: is_free_return b, delivery_time s
impression: position, price; discount_rate
click: position
view: stay_duration; image_count
add_cart: quantity; sku_id
favorite:
order: order_id, quantity, total_amount; coupon_id
payment: order_id, payment_amount, payment_method
share: share_to
# news
core: read_duration i 0.., read_progress n 0..1, word_count i 0.., news_type s, source s, keywords s[]
more: author s, is_breaking_news b, publish_time i 100000000000..
extra: article_title s, publish_time i 0.., author_id s, category s, tags s[], word_count i 0..
extra: image_count i 0.., video_count i 0.., read_duration i 0.., scroll_depth n 0..1, is_hot b
extra: heat_score n 0..100
impression: position; rec_reason
click: position
read: stay_duration; scroll_depth
read_end: read_duration, completion_rate; scroll_depth
like:
dislike: ; dislike_reason
comment: comment_id
share: share_to
follow: author_id
not_interest: reason
# music
core: duration i 0.., play_duration i 0.., artist s, album s, genre s, audio_quality 标准|高品|无损
more: bpm i 0.., language s, is_vip_only b
extra: song_name s, artist s, album s, duration i 0.., play_duration i 0.., completion_rate n 0..1
extra: genre s, language s, release_year i 0.., play_count i 0.., like_count i 0.., quality SQ|HQ|标准
extra: is_vip b
impression: position
play: duration
play_end: play_duration, completion_rate; skip
pause: play_progress
repeat:
add_playlist: playlist_id
download: ; quality
share: share_to
like:
# education
core: course_id s, lesson_duration i 0.., study_duration i 0.., progress n 0..1, score n 0..100
core: difficulty_level s
more: chapter_id s, exercise_count i 0.., correct_count i 0.., is_certificate_course b
extra: course_name s, teacher s, category s, difficulty s, duration i 0.., chapter_count i 0..
extra: student_count i 0.., rating n 0..5, price n 0.., original_price n 0.., learning_progress n 0..1
extra: speed n 0.25..4, subtitle b
impression: position, price
click: position
trial: watch_duration
learn: watch_duration, completion_rate; speed
complete: chapter_id
note: note_id; note_length
ask: question_id
purchase: order_id, payment_amount; coupon_id
review: rating; review_content
# content
core: content_type post|question|answer|gallery|thread, word_count i 0.., image_count i 0.., video_count i 0..
core: topic s, content_quality_score n 0..100, is_original b, author_level s
more: has_hashtags b, hashtags s[], engagement_rate n 0..1, read_time_estimate i 0..
impression:
click:
view:
read:
like:
comment:
share:
collect:
report:
# social
core: relationship_type friend|follow|mutual|suggested, mutual_friends_count i 0.., social_distance i 0..
core: influence_score n 0..100, interaction_frequency low|medium|high, common_interests s[], is_verified b
more: follower_count i 0.., following_count i 0.., post_count i 0.., similarity_score n 0..1
impression:
view_profile:
follow:
add_friend:
message:
ignore:
block:
# personalized
core: personalization_score n 0..1, match_reasons s[], user_interests_match n 0..1, trending_score n 0..1
core: novelty_score n 0..1, diversity_group s, recommendation_strategy collaborative|content_based|hybrid
more: model_version s, feature_importance {}
impression:
click:
positive_feedback:
negative_feedback:
dismiss:
not_interested:
`;

/** What actions say beside the fields of their scenario. */
const ACTION_FIELDS = `
position i 1.., rec_reason s, share_to s, comment_id s, comment_length i 0.., author_id s
stay_duration n 0.., image_count i 0.., order_id s, total_amount n, payment_amount n, payment_method s
coupon_id s, dislike_reason s, reason s, skip b, play_progress n 0..1, playlist_id s, quality SQ|HQ|标准
watch_duration i 0.., completion_rate n 0..1, speed n 0.25..4, note_id s, note_length i 0.., question_id s
review_content s, discount_rate n 0..1
`;

export type TableField = {
  readonly name: string;
  /** `i`, `n`, `s`, `b`, `s[]`, `i[]`, `{}` or `enum`. */
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly values?: readonly string[];
};

export type TableAction = {
  readonly action: string;
  readonly required: readonly string[];
  readonly optional: readonly string[];
};

export type TableScenario = {
  readonly type: string;
  readonly core: readonly TableField[];
  readonly more: readonly TableField[];
  readonly extra: readonly TableField[];
  readonly actions: readonly TableAction[];
};

/** The table, one entry per scenario. */
export const TABLE_SCENARIOS: readonly TableScenario[] = TABLE.split('# ')
  .slice(1)
  .map((section) => {
    const [type = '', ...lines] = section.trim().split('\n');
    const rows = lines.map((line) => {
      const colon = line.indexOf(':');
      return { head: line.slice(0, colon), tail: line.slice(colon + 1) };
    });
    const fields = (place: string): TableField[] =>
      rows.filter(({ head }) => head === place).flatMap(({ tail }) => parseFields(tail));
    const actions = rows
      .filter(({ head }) => !['core', 'more', 'extra'].includes(head))
      .map(({ head, tail }) => {
        const [required = '', optional = ''] = tail.split(';');
        return { action: head, required: namesIn(required), optional: namesIn(optional) };
      });
    return { type, core: fields('core'), more: fields('more'), extra: fields('extra'), actions };
  });

const actionFields = parseFields(ACTION_FIELDS.trim().split('\n').join(','));

/** The field an action speaks of, as its scenario defines it, else as actions do. */
export function fieldOfAction({ core, more, extra }: TableScenario, name: string): TableField {
  const found = [...core, ...more, ...extra, ...actionFields].find((field) => field.name === name);
  if (!found) throw new Error(`the table has no field ${name}`);
  return found;
}

function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function parseFields(list: string): TableField[] {
  return namesIn(list).map((text) => {
    const [name = '', type = '', range = ''] = text.split(' ');
    if (type.includes('|')) return { name, type: 'enum', values: type.split('|') };
    const [min = '', max = ''] = range.split('..');
    return {
      name,
      type,
      ...(min === '' ? {} : { min: Number(min) }),
      ...(max === '' ? {} : { max: Number(max) }),
    };
  });
}

/** A value the field takes; of whole numbers and shares always the same, so that aliases agree. */
export function goodValue({ type, min = 0, values }: TableField): Json {
  switch (type) {
    case 'i':
      return min > 2 ? 1_730_304_000_000 : 2;
    case 'n':
      return 1;
    case 's':
      return 'word';
    case 'b':
      return true;
    case 's[]':
      return ['one', 'two'];
    case 'i[]':
      return [30, 60];
    case '{}':
      return { popularity: 0.5 };
    default:
      return values?.[0] ?? null;
  }
}

/** Values the field does not take, each with the code that says why. */
export function badValues({ type, min, max }: TableField): readonly (readonly [Json, string])[] {
  const outside: (readonly [Json, string])[] = [];
  if (min !== undefined) outside.push([min - 1, 'range']);
  if (max !== undefined) outside.push([max + 1, 'range']);
  switch (type) {
    case 'i':
      return [['2', 'type'], [2.5, 'type'], [true, 'type'], ...outside];
    case 'n':
      return [['one', 'type'], [[1], 'type'], ...outside];
    case 's':
      return [
        [7, 'type'],
        [['word'], 'type'],
      ];
    case 'b':
      return [
        ['true', 'type'],
        [1, 'type'],
      ];
    case 's[]':
      return [
        ['one', 'type'],
        [['one', 2], 'type'],
      ];
    case 'i[]':
      return [
        [30, 'type'],
        [[30, '60'], 'type'],
      ];
    case '{}':
      return [
        [[0.5], 'type'],
        [{ popularity: 'much' }, 'type'],
      ];
    default:
      return [
        ['none of them', 'enum'],
        [7, 'type'],
      ];
  }
}
