import type { ActionType } from './action.ts';
import type { ScenarioType } from './scenario.ts';

/**
 * What people do in a scenario of each type, in the order in which they come to it (S1-03, S2-02, S3-02, S4-02,
 * S5-02, S6-01, S7-01, S8-01). `custom` has no actions of its own and gets those of any list of recommendations.
 */
export const RECOMMENDED_ACTIONS: Readonly<Record<ScenarioType, readonly ActionType[]>> = {
  video: ['impression', 'click', 'play', 'play_end', 'pause', 'like', 'share', 'comment'],
  ecommerce: ['impression', 'click', 'view', 'add_cart', 'order', 'payment', 'purchase'],
  news: ['impression', 'click', 'read', 'read_end', 'like', 'share', 'comment'],
  music: ['impression', 'play', 'play_end', 'pause', 'like', 'add_playlist', 'share'],
  education: ['impression', 'click', 'learn', 'complete', 'pause', 'trial', 'purchase'],
  content: ['impression', 'click', 'view', 'read', 'like', 'comment', 'share', 'collect', 'report'],
  social: ['impression', 'view_profile', 'follow', 'add_friend', 'message', 'ignore', 'block'],
  personalized: ['impression', 'click', 'positive_feedback', 'negative_feedback', 'dismiss', 'not_interest'],
  custom: ['impression', 'click', 'order', 'payment'],
};
