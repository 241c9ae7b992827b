import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ACTIONS, compareText } from '#domain';
import { VIEWS, joinIds } from '#projections';
import type { ViewFound, ViewName, ViewWanted } from '#projections';
import { LIVE_COMMON, SCENARIO, limitOf } from './live-question.ts';
import type { LiveQuestion, Window } from './live-question.ts';

const USER = Type.String({ minLength: 1, maxLength: 255, description: 'The user.' });
const ITEM = Type.String({ minLength: 1, maxLength: 255, description: 'The item.' });

const RECENT = Type.Object(
  { ...LIVE_COMMON, user_id: USER, limit: limitOf(20, 100) },
  { additionalProperties: false },
);

/** The items a user has viewed in the last 30 days, at most 100, the newest first (PJ-05). */
export const recentViews: LiveQuestion<Static<typeof RECENT>> = {
  name: 'recentViews',
  path: '/api/analytics/users/{user_id}/recent-views',
  schema: RECENT,
  summary: 'The items a user has viewed last',
  example: {
    question: { tenant_id: 'acme', user_id: 'u1' },
    answer: { user_id: 'u1', items: [{ item_id: 'i7', viewed_at: '2024-03-11T07:58:02.120Z' }] },
  },
  plan: ({ user_id: user, limit = 20 }, atMs) => ({
    wanted: [sinceExpiry('user:recent', user, atMs)],
    answer: ([found = []]) => ({
      user_id: user,
      items: newestFirst(found, limit).map(([item, timeMs]) => ({
        item_id: item,
        viewed_at: new Date(timeMs).toISOString(),
      })),
    }),
  }),
};

const EXPOSURES = Type.Object(
  { ...LIVE_COMMON, user_id: USER, scenario_id: SCENARIO, limit: limitOf(1000, 10_000) },
  { additionalProperties: false },
);

/** The items a user was shown in a scenario in the last 24 hours, the newest first (PJ-06). */
export const exposures: LiveQuestion<Static<typeof EXPOSURES>> = {
  name: 'exposures',
  path: '/api/analytics/users/{user_id}/exposures',
  schema: EXPOSURES,
  summary: 'The items a user was shown in the last 24 hours',
  example: {
    question: { tenant_id: 'acme', user_id: 'u1', scenario_id: 'feed' },
    answer: {
      user_id: 'u1',
      scenario_id: 'feed',
      exposed: 1,
      items: [{ item_id: 'i7', exposed_at: '2024-03-11T07:58:02.120Z' }],
    },
  },
  plan: ({ user_id: user, scenario_id: scenario, limit = 1000 }, atMs) => ({
    wanted: [sinceExpiry('exposed', joinIds(user, scenario), atMs)],
    answer: ([found = []]) => ({
      user_id: user,
      scenario_id: scenario,
      exposed: found[0]?.size ?? 0,
      items: newestFirst(found, limit).map(([item, timeMs]) => ({
        item_id: item,
        exposed_at: new Date(timeMs).toISOString(),
      })),
    }),
  }),
};

const ITEM_STATS = Type.Object({ ...LIVE_COMMON, item_id: ITEM }, { additionalProperties: false });

/** How often each action was taken on an item since the beginning (PJ-07); `at` does not matter. */
export const itemStats: LiveQuestion<Static<typeof ITEM_STATS>> = {
  name: 'itemStats',
  path: '/api/analytics/items/{item_id}/stats',
  schema: ITEM_STATS,
  summary: 'How often each action was taken on an item',
  example: {
    question: { tenant_id: 'acme', item_id: 'i7' },
    answer: { item_id: 'i7', stats: { impression_count: 40, view_count: 12, like_count: 3 } },
  },
  plan: ({ item_id: item }) => ({
    wanted: [{ view: 'item:stats', id: item }],
    answer: ([found = []]) => ({
      item_id: item,
      stats: Object.fromEntries(
        ACTIONS.map((action) => [`${action}_count`, found[0]?.entries.get(action) ?? 0]),
      ),
    }),
  }),
};

/** What has not expired at the instant and does not lie after it. */
export function sinceExpiry(
  view: ViewName,
  id: string,
  atMs: number,
): ViewWanted & { readonly range: Window } {
  return { view, id, range: { fromMs: atMs - (VIEWS[view].keepMs ?? 0) + 1, toMs: atMs + 1 } };
}

function newestFirst(found: readonly ViewFound[], limit: number): readonly (readonly [string, number])[] {
  return found
    .flatMap(({ entries }) => [...entries])
    .sort(([a, left], [b, right]) => right - left || compareText(a, b))
    .slice(0, limit);
}
