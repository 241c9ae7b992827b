import type { ActionType, JsonObject } from '#domain';
import type { DemoType } from './catalogue.ts';

/** A step of a journey: the chance to take it after the one before, and how many seconds later. */
export type Step = {
  readonly action: ActionType;
  readonly chance: number;
  readonly after: readonly [from: number, to: number];
};

/** Something done beside the way, after a step of it. */
export type Aside = { readonly action: ActionType; readonly on: ActionType; readonly chance: number };

/** How people go through one type of scenario: every step loses some of them. */
export type Journey = {
  readonly scenarioId: string;
  readonly name: string;
  /** What one visit is shown, one after the other. */
  readonly shown: readonly [from: number, to: number];
  readonly path: readonly Step[];
  readonly asides: readonly Aside[];
};

const step = (action: ActionType, chance: number, after: Step['after']): Step => ({ action, chance, after });
const aside = (action: ActionType, on: ActionType, chance: number): Aside => ({ action, on, chance });

/** What the control plane is told of the scenarios of the demo. */
export function demoScenarios(tenant: string): readonly JsonObject[] {
  return Object.entries(JOURNEYS).map(([scenario_type, { scenarioId, name }]) => ({
    tenant_id: tenant,
    scenario_id: scenarioId,
    scenario_type,
    name,
  }));
}

/** The first step is being shown something. Together: the recommended actions of every type. */
export const JOURNEYS: Readonly<Record<DemoType, Journey>> = {
  ecommerce: {
    scenarioId: 'shop_home',
    name: 'Shop home',
    shown: [4, 8],
    path: [
      step('impression', 1, [1, 4]),
      step('click', 0.3, [2, 15]),
      step('view', 0.9, [1, 3]),
      step('add_cart', 0.34, [20, 120]),
      step('order', 0.52, [30, 400]),
      step('payment', 0.88, [15, 90]),
    ],
    asides: [
      aside('favorite', 'view', 0.08),
      aside('share', 'view', 0.03),
      // One-click buying, without a cart.
      aside('purchase', 'view', 0.015),
    ],
  },
  video: {
    scenarioId: 'short_video_feed',
    name: 'Short video feed',
    shown: [4, 9],
    path: [
      step('impression', 1, [1, 3]),
      step('click', 0.46, [1, 6]),
      step('play', 0.95, [1, 2]),
      step('play_end', 0.86, [10, 200]),
      step('like', 0.16, [1, 5]),
    ],
    asides: [
      aside('pause', 'play', 0.12),
      aside('share', 'play_end', 0.04),
      aside('comment', 'play_end', 0.05),
      aside('follow', 'play_end', 0.02),
    ],
  },
  news: {
    scenarioId: 'news_front_page',
    name: 'News front page',
    shown: [4, 8],
    path: [
      step('impression', 1, [1, 4]),
      step('click', 0.27, [2, 10]),
      step('read', 0.9, [3, 10]),
      step('read_end', 0.62, [20, 240]),
      step('like', 0.1, [1, 6]),
    ],
    asides: [
      aside('share', 'read', 0.05),
      aside('comment', 'read_end', 0.06),
      aside('dislike', 'read', 0.02),
      aside('not_interest', 'impression', 0.01),
    ],
  },
  music: {
    scenarioId: 'daily_mix',
    name: 'Daily mix',
    shown: [3, 7],
    path: [
      step('impression', 1, [1, 5]),
      step('play', 0.55, [1, 6]),
      step('play_end', 0.85, [60, 300]),
      step('like', 0.15, [1, 5]),
      step('add_playlist', 0.4, [2, 10]),
    ],
    asides: [
      aside('pause', 'play', 0.15),
      aside('share', 'play_end', 0.03),
      aside('repeat', 'play_end', 0.06),
    ],
  },
  education: {
    scenarioId: 'course_catalogue',
    name: 'Course catalogue',
    shown: [3, 6],
    path: [
      step('impression', 1, [2, 6]),
      step('click', 0.32, [3, 20]),
      step('trial', 0.5, [60, 300]),
      step('purchase', 0.34, [30, 300]),
      step('learn', 0.88, [300, 1500]),
      step('complete', 0.6, [60, 900]),
    ],
    asides: [aside('pause', 'learn', 0.25), aside('note', 'learn', 0.12), aside('ask', 'learn', 0.05)],
  },
  content: {
    scenarioId: 'community',
    name: 'Community',
    shown: [4, 8],
    path: [
      step('impression', 1, [1, 4]),
      step('click', 0.33, [1, 10]),
      step('view', 0.93, [1, 3]),
      step('read', 0.68, [10, 90]),
      step('like', 0.2, [1, 5]),
    ],
    asides: [
      aside('comment', 'read', 0.1),
      aside('share', 'read', 0.04),
      aside('collect', 'read', 0.07),
      aside('report', 'view', 0.015),
    ],
  },
  social: {
    scenarioId: 'people_you_may_know',
    name: 'People you may know',
    shown: [4, 8],
    path: [
      step('impression', 1, [1, 4]),
      step('view_profile', 0.36, [2, 12]),
      step('follow', 0.42, [5, 40]),
      step('add_friend', 0.45, [3, 30]),
      step('message', 0.6, [10, 120]),
    ],
    asides: [aside('ignore', 'impression', 0.06), aside('block', 'view_profile', 0.02)],
  },
  personalized: {
    scenarioId: 'for_you',
    name: 'For you',
    shown: [4, 8],
    path: [
      step('impression', 1, [1, 4]),
      step('click', 0.38, [1, 8]),
      step('positive_feedback', 0.22, [5, 60]),
    ],
    asides: [
      aside('dismiss', 'impression', 0.05),
      aside('not_interest', 'impression', 0.02),
      aside('negative_feedback', 'click', 0.04),
    ],
  },
};

/** The experiment of the shop: the second group has another button in the cart, and orders more often. */
export const EXPERIMENT = { id: 'cart_button', step: 'order', treatmentFactor: 1.4 } as const;
