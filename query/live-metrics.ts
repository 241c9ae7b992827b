import { Type } from 'typebox';
import type { Static } from 'typebox';
import { compareText } from '#domain';
import type { ViewFound } from '#projections';
import { figuresOf, measuredIn } from './live-figures.ts';
import type { Measured } from './live-figures.ts';
import { LIVE_COMMON, MINUTES, SCENARIO, describeWindow, lastMinutes } from './live-question.ts';
import type { LiveQuestion } from './live-question.ts';

const SCHEMA = Type.Object(
  { ...LIVE_COMMON, scenario_id: Type.Optional(SCENARIO), minutes: MINUTES },
  { additionalProperties: false },
);

const EXAMPLE_FIGURES = {
  events: 260,
  pv: 40,
  impressions: 200,
  clicks: 15,
  ctr: 7.5,
  conversions: 5,
  conversion_rate: 2.5,
  order_rate: 2.5,
  payment_rate: 0,
  purchase_rate: 0,
  watches: 0,
  avg_watch_duration: 0,
  completions: 0,
  avg_completion_rate: 0,
  actions: { impression: 200, click: 15, view: 40, order: 5 },
};

/** The figures of the last minutes, of a scenario or of all, in total and per experiment and group. */
export const realtimeMetrics: LiveQuestion<Static<typeof SCHEMA>> = {
  name: 'realtimeMetrics',
  path: '/api/analytics/realtime/metrics',
  schema: SCHEMA,
  summary: 'Figures of the last 60 minutes, also per experiment',
  example: {
    question: { tenant_id: 'acme', scenario_id: 'feed' },
    answer: {
      window: { from: '2024-03-11T07:01:00.000Z', to: '2024-03-11T08:01:00.000Z' },
      total: EXAMPLE_FIGURES,
      experiments: [{ experiment_id: 'ranker', group: 'b', ...EXAMPLE_FIGURES }],
    },
  },

  plan({ scenario_id: scenario = '', minutes = 60 }, atMs) {
    const window = lastMinutes(atMs, minutes);
    return {
      wanted: [{ view: 'metrics:realtime', id: scenario, range: window }],
      answer: ([found = []]) => {
        const measured = measuredOf(found);
        return {
          window: describeWindow(window),
          total: figuresOf(measured.filter(({ experimentId }) => experimentId === '')),
          experiments: byExperiment(measured),
        };
      },
    };
  },
};

export function measuredOf(found: readonly ViewFound[]): readonly Measured[] {
  return found.flatMap(({ entries }) => measuredIn(entries));
}

function byExperiment(measured: readonly Measured[]): readonly object[] {
  const own = measured.filter(({ experimentId }) => experimentId !== '');
  const groups = Map.groupBy(own, ({ experimentId, group }) => JSON.stringify([experimentId, group]));
  return [...groups.values()]
    .map((members) => ({
      experiment_id: members[0]?.experimentId ?? '',
      group: members[0]?.group ?? '',
      ...figuresOf(members),
    }))
    .sort((a, b) => compareText(a.experiment_id, b.experiment_id) || compareText(a.group, b.group));
}
