import { Type } from 'typebox';
import type { Static } from 'typebox';
import { HOT_HALF_LIFE_MS, compareText, hotScore } from '#domain';
import type { HotMinute } from '#domain';
import type { ViewFound } from '#projections';
import { LIVE_COMMON, SCENARIO, describeWindow, lastMinutes, limitOf } from './live-question.ts';
import type { LiveQuestion } from './live-question.ts';
import { parseDuration } from './question.ts';

const SCHEMA = Type.Object(
  {
    ...LIVE_COMMON,
    scenario_id: SCENARIO,
    half_life: Type.Optional(
      Type.String({
        maxLength: 16,
        default: '15m',
        description:
          'After how long a behaviour weighs half as much: `90s`, `15m`, `1h`; one second or more.',
      }),
    ),
    limit: limitOf(10, 1000),
  },
  { additionalProperties: false },
);

const WINDOW_MINUTES = 60;
const LEAST_HALF_LIFE_MS = 1000;

/** The hottest items of a scenario over the last 60 minutes (Q-22, MF-15), scored at the instant. */
export const hotItems: LiveQuestion<Static<typeof SCHEMA>> = {
  name: 'hotItems',
  path: '/api/analytics/realtime/hot-items',
  schema: SCHEMA,
  summary: 'The hottest items of a scenario right now',
  example: {
    question: { tenant_id: 'acme', scenario_id: 'feed', limit: 2 },
    answer: {
      scenario_id: 'feed',
      window: { from: '2024-03-11T07:01:00.000Z', to: '2024-03-11T08:01:00.000Z' },
      half_life_ms: 900_000,
      items: [
        { rank: 1, item_id: 'i7', score: 41.2071 },
        { rank: 2, item_id: 'i3', score: 18.5 },
      ],
    },
  },

  plan({ scenario_id: scenario, half_life: text, limit = 10 }, atMs, report) {
    const halfLifeMs = text === undefined ? HOT_HALF_LIFE_MS : parseDuration(text);
    if (halfLifeMs === undefined || halfLifeMs < LEAST_HALF_LIFE_MS)
      report('half_life', 'range', 'must be a number with s, m or h, one second or more');
    const window = lastMinutes(atMs, WINDOW_MINUTES);
    return {
      wanted: [{ view: 'hot:items', id: scenario, range: window }],
      answer: ([minutes = []]) => ({
        scenario_id: scenario,
        window: describeWindow(window),
        half_life_ms: halfLifeMs,
        items: hottest(minutes, { atMs, halfLifeMs: halfLifeMs ?? HOT_HALF_LIFE_MS })
          .slice(0, limit)
          .map(({ item, score }, index) => ({
            rank: index + 1,
            item_id: item,
            score: Math.round(score * 10_000) / 10_000,
          })),
      }),
    };
  },
};

function hottest(
  minutes: readonly ViewFound[],
  { atMs, halfLifeMs }: { readonly atMs: number; readonly halfLifeMs: number },
): readonly { readonly item: string; readonly score: number }[] {
  const byItem = new Map<string, HotMinute[]>();
  for (const { bucketMs: startMs, entries } of minutes) {
    for (const [item, weight] of entries) {
      const known = byItem.get(item);
      if (known) known.push({ startMs, weight });
      else byItem.set(item, [{ startMs, weight }]);
    }
  }
  return [...byItem]
    .map(([item, own]) => ({ item, score: hotScore(own, atMs, halfLifeMs) }))
    .sort((a, b) => b.score - a.score || compareText(a.item, b.item));
}
