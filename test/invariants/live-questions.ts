import {
  exposuresOf,
  itemCountersOf,
  liveHotItemsOf,
  liveMetricsOf,
  liveMinutesOf,
  liveSessionsOf,
  liveStatsOf,
  recentViewsOf,
} from './live-oracles.ts';
import { MIXED } from './scenario-history.ts';
import type { ScenarioQuestion } from './scenario-questions.ts';
import { STORIES } from './stories.ts';

const ROUTE = '/api/analytics';
const MINUTE_MS = 60_000;

/** Every question that the live views answer, looking back from `atMs`, which must not lie before their horizon. */
export function liveQuestions(options: {
  readonly atMs: number;
  readonly users: readonly string[];
  readonly items: readonly string[];
}): readonly ScenarioQuestion[] {
  const { atMs, users, items } = options;
  const scenarios = [...STORIES.map(({ type }) => `${type}_feed`), MIXED, 'nowhere'];
  // Minutes are kept longer than looked at, so these may be asked at earlier instants too.
  const instants = [atMs, atMs - 17 * MINUTE_MS - 1_234, atMs + 6 * MINUTE_MS];
  const narrow = scenarios.flatMap((scenarioId, index) => {
    const at = instants[index % instants.length]!;
    const minutes = index % 2 === 0 ? 60 : 23;
    const parameters = { scenario_id: scenarioId, at };
    return [
      question('realtime/metrics', { ...parameters, minutes }, (events) =>
        liveMetricsOf(events, { atMs: at, scenarioId, minutes }),
      ),
      question('realtime/minutes', { ...parameters, minutes }, (events) =>
        liveMinutesOf(events, { atMs: at, scenarioId, minutes }),
      ),
      question('realtime/hot-items', { ...parameters, half_life: '90s', limit: 500 }, (events) =>
        liveHotItemsOf(events, { atMs: at, scenarioId, halfLifeMs: 90_000, limit: 500 }),
      ),
      question('realtime/hot-items', parameters, (events) =>
        liveHotItemsOf(events, { atMs: at, scenarioId, halfLifeMs: 900_000, limit: 10 }),
      ),
    ];
  });
  const whole = instants.flatMap((at) => [
    question('realtime/metrics', { at }, (events) => liveMetricsOf(events, { atMs: at, minutes: 60 })),
    question('realtime/minutes', { at }, (events) => liveMinutesOf(events, { atMs: at, minutes: 60 })),
    question('realtime/sessions', { at, limit: 7 }, (events) => liveSessionsOf(events, at, 7)),
    question('realtime/sessions', { at, limit: 1000 }, (events) => liveSessionsOf(events, at, 1000)),
  ]);
  const notBefore = [atMs, atMs + 6 * MINUTE_MS].flatMap((at) => [
    question('realtime/stats', { at }, (events) => liveStatsOf(events, at)),
    ...users
      .filter((_, index) => index % 40 === 0 || (index % 11 === 3 && index < 121))
      .flatMap((userId) => ofUser(userId, scenarios, at)),
  ]);
  const counters = items
    .filter((_, index) => index % 20 === 0 || index % 11 === 3)
    .map((item) =>
      question(`items/${encodeURIComponent(item)}/stats`, {}, (events) => itemCountersOf(events, item)),
    );
  return [...narrow, ...whole, ...notBefore, ...counters];
}

function ofUser(userId: string, scenarios: readonly string[], at: number): ScenarioQuestion[] {
  const path = `users/${encodeURIComponent(userId)}`;
  return [
    question(`${path}/recent-views`, { at, limit: 100 }, (events) => recentViewsOf(events, userId, at)),
    ...scenarios
      .slice(-3, -1)
      .map((scenarioId) =>
        question(`${path}/exposures`, { at, scenario_id: scenarioId }, (events) =>
          exposuresOf(events, { userId, scenarioId, atMs: at }),
        ),
      ),
  ];
}

function question(
  path: string,
  parameters: ScenarioQuestion['parameters'],
  expected: ScenarioQuestion['expected'],
): ScenarioQuestion {
  return { path: `${ROUTE}/${path}`, parameters, expected };
}
