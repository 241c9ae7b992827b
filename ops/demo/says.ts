import { scenarioBranch } from '#domain';
import type { ActionType, JsonObject } from '#domain';
import type { DemoType, Item } from './catalogue.ts';
import type { Chance } from './chance.ts';
import type { Person } from './people.ts';

/** One way of a person with one item: what stays the same from step to step. */
export type Way = {
  /** Different for every way of every person. */
  readonly id: string;
  readonly person: Person;
  readonly item: Item;
  /** Slot of the item in the list, from 1. */
  readonly position: number;
  /** Pieces, should they be bought. */
  readonly quantity: number;
  /** Share of it that they will consume. */
  readonly share: number;
};

/** Fen per hundredth of each currency, as the shop fixed it. */
const FEN: Readonly<Record<Person['place']['currency'], number>> = { CNY: 1, USD: 7.2, EUR: 7.8 };

/** What the item costs the person, in hundredths of their currency. */
export function priceOf({ item, person }: Way): number {
  return Math.round(item.priceFen / FEN[person.place.currency]);
}

/** What the way's buying costs, in hundredths of the currency. */
export function totalOf(way: Way): number {
  return priceOf(way) * (way.item.type === 'ecommerce' ? way.quantity : 1);
}

/** The scenario data and further data of one step, by the fields of the scenario type and its action. */
export function saidBy(way: Way, action: ActionType, chance: Chance): JsonObject {
  const { type } = way.item;
  const extra = { ...EXTRA[action]?.(way, chance) };
  const shown = action === 'impression' || action === 'click';
  return {
    scenario_type: type,
    ...(shown ? { position: way.position } : {}),
    scenario_data: { [scenarioBranch(type)]: DATA[type](way, action, chance) },
    ...(Object.keys(extra).length > 0 ? { extra_data: extra } : {}),
  };
}

const hundredths = (share: number): number => Math.round(share * 100) / 100;
const CHANNELS = ['wechat', 'link', 'mail', 'weibo'] as const;

/** What the members of a scenario type say, whatever was done; some of it only where it is known by then. */
const DATA: Readonly<Record<DemoType, (way: Way, action: ActionType, chance: Chance) => JsonObject>> = {
  video: ({ item, share }, action, chance) => ({
    duration: item.seconds,
    video_quality: chance.pick(['720p', '1080p', '1080p', '4K']),
    ...(action === 'play_end'
      ? { watch_duration: Math.round(item.seconds * share), completion_rate: hundredths(share) }
      : {}),
  }),
  ecommerce: (way) => ({
    price: priceOf(way) / 100,
    currency: way.person.place.currency,
    category_path: way.item.category,
    brand: way.item.maker,
    sku_id: `sku-${way.item.id}`,
  }),
  news: ({ item, share }, action) => ({
    news_type: item.category,
    source: item.maker,
    word_count: 300 + item.title.length * 20,
    ...(action === 'read_end'
      ? { read_duration: Math.round(200 * share), read_progress: hundredths(share) }
      : {}),
  }),
  music: ({ item, share }, action) => ({
    duration: item.seconds,
    artist: item.maker,
    genre: item.category,
    audio_quality: '高品',
    ...(action === 'play_end' ? { play_duration: Math.round(item.seconds * share) } : {}),
  }),
  education: ({ item, share }, action) => ({
    course_id: item.id,
    lesson_duration: item.seconds,
    difficulty_level: item.title.split(' · ')[1] ?? '',
    ...(action === 'learn'
      ? { study_duration: Math.round(item.seconds * share), progress: hundredths(share) }
      : {}),
    ...(action === 'complete' ? { chapter_id: `${item.id}-chapter-1` } : {}),
  }),
  content: ({ item }) => ({
    content_type: item.title.endsWith('?') ? 'question' : 'post',
    topic: item.category,
    word_count: 80 + item.title.length * 10,
    is_original: true,
  }),
  social: ({ item, position }) => ({
    relationship_type: 'suggested',
    mutual_friends_count: position % 7,
    social_distance: 2,
    common_interests: [item.category],
    is_verified: item.appeal > 1.2,
  }),
  personalized: ({ item, position }) => ({
    recommendation_strategy: item.maker,
    personalization_score: hundredths(1 / (1 + position / 4)),
    novelty_score: hundredths(item.appeal / 1.3),
    match_reasons: [item.category],
    model_version: 'ranker-7',
  }),
};

/** What an action says of itself. */
const EXTRA: Readonly<Partial<Record<ActionType, (way: Way, chance: Chance) => JsonObject>>> = {
  impression: (way) => (way.item.type === 'education' ? { price: priceOf(way) / 100 } : {}),
  view: (_, chance) => ({ stay_duration: chance.between(5, 120), image_count: chance.between(1, 6) }),
  add_cart: ({ quantity }) => ({ quantity }),
  order: (way) => ({ order_id: way.id, quantity: way.quantity, total_amount: totalOf(way) / 100 }),
  payment: (way) => ({
    order_id: way.id,
    payment_amount: totalOf(way) / 100,
    payment_method: way.person.place.country === 'CN' ? 'alipay' : 'card',
  }),
  purchase: (way) => ({
    order_id: way.id,
    payment_amount: totalOf(way) / 100,
    ...(way.item.type === 'education' ? { currency: way.person.place.currency } : {}),
  }),
  read: ({ item }, chance) => (item.type === 'news' ? { stay_duration: chance.between(4, 60) } : {}),
  play_end: ({ item, share }) => (item.type === 'music' ? { completion_rate: hundredths(share) } : {}),
  pause: ({ item, share }) => (item.type === 'music' ? { play_progress: hundredths(share / 2) } : {}),
  trial: (_, chance) => ({ watch_duration: chance.between(30, 300) }),
  note: (way) => ({ note_id: `note-${way.id}` }),
  ask: (way) => ({ question_id: `question-${way.id}` }),
  comment: (way, chance) => ({ comment_id: `comment-${way.id}`, comment_length: chance.between(4, 140) }),
  share: (_, chance) => ({ share_to: chance.pick(CHANNELS) }),
  follow: ({ item }) => (item.type === 'video' ? { author_id: item.maker } : {}),
  add_playlist: ({ person }) => ({ playlist_id: `playlist-${person.index}` }),
  not_interest: ({ item }) => (item.type === 'news' ? { reason: 'seen_before' } : {}),
};
