import type { ActionType } from './action.ts';
import type { FieldDefinition } from './field-definition.ts';
import type { ScenarioType } from './scenario.ts';
import { flag, integer, number, share, text } from './scenario-field.ts';

/** What an action should say, by canonical field names. */
export type ActionFields = {
  readonly required: readonly string[];
  readonly optional: readonly string[];
};

const needs = (required: readonly string[], optional: readonly string[] = []): ActionFields => ({
  required,
  optional,
});

/** S1-04 to S5-11: what each action of a scenario type should say. An action not named here needs nothing. */
export const ACTION_FIELDS: Readonly<
  Record<ScenarioType, Readonly<Partial<Record<ActionType, ActionFields>>>>
> = {
  video: {
    impression: needs(['position'], ['rec_reason']),
    click: needs(['position']),
    play: needs(['duration']),
    play_end: needs(['watch_duration', 'completion_rate'], ['pause_count']),
    like: needs([]),
    share: needs(['share_to']),
    comment: needs(['comment_id'], ['comment_length']),
    follow: needs(['author_id']),
  },
  ecommerce: {
    impression: needs(['position', 'price'], ['discount']),
    click: needs(['position']),
    view: needs(['stay_duration'], ['image_count']),
    add_cart: needs(['quantity'], ['sku_id']),
    favorite: needs([]),
    order: needs(['order_id', 'quantity', 'total_amount'], ['coupon_id']),
    payment: needs(['order_id', 'payment_amount', 'payment_method']),
    share: needs(['share_to']),
  },
  news: {
    impression: needs(['position'], ['rec_reason']),
    click: needs(['position']),
    read: needs(['stay_duration'], ['scroll_depth']),
    read_end: needs(['read_duration', 'completion_rate'], ['scroll_depth']),
    like: needs([]),
    dislike: needs([], ['dislike_reason']),
    comment: needs(['comment_id']),
    share: needs(['share_to']),
    follow: needs(['author_id']),
    not_interest: needs(['reason']),
  },
  music: {
    impression: needs(['position']),
    play: needs(['duration']),
    play_end: needs(['play_duration', 'completion_rate'], ['skip']),
    pause: needs(['play_progress']),
    repeat: needs([]),
    add_playlist: needs(['playlist_id']),
    download: needs([], ['audio_quality']),
    share: needs(['share_to']),
    like: needs([]),
  },
  education: {
    impression: needs(['position', 'price']),
    click: needs(['position']),
    trial: needs(['watch_duration']),
    learn: needs(['watch_duration', 'completion_rate'], ['playback_speed']),
    complete: needs(['chapter_id']),
    note: needs(['note_id'], ['note_length']),
    ask: needs(['question_id']),
    purchase: needs(['order_id', 'payment_amount'], ['coupon_id']),
    review: needs(['rating'], ['review_content']),
  },
  content: {},
  social: {},
  personalized: {},
  custom: {},
};

/** Fields of actions, for the scenario types whose own fields do not have them. */
export const ACTION_FIELD_DEFINITIONS: readonly FieldDefinition[] = [
  integer('position', 'Slot in the list, from 1.', { min_value: 1 }),
  text('rec_reason', 'Why it was recommended.'),
  integer('watch_duration', 'Seconds watched.'),
  share('completion_rate', 'Share completed.'),
  text('share_to', 'Channel it was shared to.'),
  text('comment_id', 'Comment.'),
  integer('comment_length', 'Characters of the comment.'),
  text('author_id', 'Author.'),
  number('stay_duration', 'Seconds spent on the page.'),
  integer('image_count', 'Images viewed.'),
  text('order_id', 'Order.'),
  number('total_amount', 'Money ordered for, in the currency.', {}),
  number('payment_amount', 'Money paid, in the currency.', {}),
  text('payment_method', 'How it was paid.'),
  text('coupon_id', 'Coupon used.'),
  text('dislike_reason', 'Why it is not liked.'),
  text('reason', 'Why it is of no interest.'),
  flag('skip', 'Whether the rest was skipped.'),
  share('play_progress', 'Share played so far.'),
  text('playlist_id', 'Playlist it was added to.'),
  number('playback_speed', 'Speed, 1 being normal.', { min_value: 0.25, max_value: 4 }),
  text('note_id', 'Note.'),
  integer('note_length', 'Characters of the note.'),
  text('question_id', 'Question.'),
  text('review_content', 'Text of the review.'),
];
