import type { ActionType } from './action.ts';

/**
 * How much one behaviour adds to the hotness of its item, in whole numbers (MF-15). What takes an item further
 * weighs more; what speaks against it, or says nothing about it, weighs nothing.
 */
export const HOT_WEIGHTS: Readonly<Record<ActionType, number>> = {
  impression: 0,
  click: 3,
  view: 1,
  play: 2,
  play_end: 2,
  read: 2,
  read_end: 2,
  learn: 2,
  complete: 4,
  like: 4,
  dislike: 0,
  favorite: 5,
  share: 5,
  comment: 5,
  follow: 4,
  add_cart: 6,
  order: 10,
  payment: 10,
  purchase: 10,
  not_interest: 0,
  pause: 0,
  repeat: 3,
  download: 5,
  add_playlist: 5,
  trial: 4,
  note: 4,
  ask: 4,
  review: 5,
  collect: 5,
  report: 0,
  view_profile: 1,
  add_friend: 4,
  message: 4,
  ignore: 0,
  block: 0,
  positive_feedback: 4,
  negative_feedback: 0,
  dismiss: 0,
};

/** After how long a behaviour weighs half as much. */
export const HOT_HALF_LIFE_MS = 15 * 60_000;

/** What happened to an item in one minute: the minute's first instant and the sum of the weights. */
export type HotMinute = { readonly startMs: number; readonly weight: number };

/**
 * The hotness of an item at an instant: Σ weight × 2^(−age / half-life), the age being that of the minute's
 * start. Minutes after `atMs` count nothing. Which minutes are still looked at is the caller's to choose.
 *
 * The minutes are added from the oldest to the newest, so equal histories have equal scores to the last bit.
 */
export function hotScore(minutes: readonly HotMinute[], atMs: number, halfLifeMs = HOT_HALF_LIFE_MS): number {
  return minutes
    .filter(({ startMs }) => startMs <= atMs)
    .sort((a, b) => a.startMs - b.startMs)
    .reduce((score, { startMs, weight }) => score + weight * 2 ** (-(atMs - startMs) / halfLifeMs), 0);
}
