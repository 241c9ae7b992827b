import type { ActionType } from './action.ts';
import type { Event, Json } from './event.ts';
import { isObject } from './normalise-scenario.ts';
import { scenarioBranch } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

/**
 * How much an action says that its user likes what it was done to. What the platform did (an impression) and
 * what says nothing either way counts 0; what refuses counts against it.
 */
export const INTEREST_POINTS: Readonly<Record<ActionType, number>> = {
  impression: 0,
  click: 3,
  view: 1,
  play: 2,
  play_end: 2,
  read: 2,
  read_end: 2,
  learn: 3,
  complete: 4,
  like: 4,
  dislike: -4,
  favorite: 5,
  share: 5,
  comment: 4,
  follow: 5,
  add_cart: 6,
  order: 10,
  payment: 10,
  purchase: 10,
  not_interest: -5,
  pause: 0,
  repeat: 3,
  download: 5,
  add_playlist: 5,
  trial: 4,
  note: 4,
  ask: 4,
  review: 4,
  collect: 5,
  report: -8,
  view_profile: 1,
  add_friend: 4,
  message: 3,
  ignore: -1,
  block: -8,
  positive_feedback: 4,
  negative_feedback: -4,
  dismiss: -2,
};

type Names = readonly string[];

/**
 * What each scenario type calls the category of an item, the first one said counts. Looked for in the branch
 * of `scenario_data`, then in `extra_data`, then in `properties`.
 */
export const CATEGORY_NAMES: Readonly<Record<ScenarioType, Names>> = {
  video: ['category'],
  ecommerce: ['category_path', 'category'],
  news: ['news_type', 'category'],
  music: ['genre', 'category'],
  education: ['category'],
  content: ['topic', 'category'],
  social: ['topic', 'category'],
  personalized: ['category'],
  custom: ['category', 'category_path', 'news_type', 'genre', 'topic'],
};

/** A longer text is no name of a category. */
const MAX_CATEGORY_LENGTH = 255;

/** The category an event is about, as sent; undefined when it names none. */
export function categoryOf(event: Event): string | undefined {
  const type = event.scenario_type ?? 'custom';
  const names = CATEGORY_NAMES[type];
  return (
    named(event.scenario_data?.[scenarioBranch(type)], names) ??
    named(event.extra_data, names) ??
    named(event.properties, names)
  );
}

function named(members: Json | undefined, names: Names): string | undefined {
  if (!isObject(members)) return undefined;
  for (const name of names) {
    const value = members[name];
    if (typeof value === 'string' && value !== '' && value.length <= MAX_CATEGORY_LENGTH) return value;
  }
  return undefined;
}
