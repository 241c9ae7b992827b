import { Type } from 'typebox';
import type { Static } from 'typebox';
import { figuresOf, measuredIn } from './live-figures.ts';
import { LIVE_COMMON, MINUTES, SCENARIO, bucketsIn, describeWindow, lastMinutes } from './live-question.ts';
import type { LiveQuestion } from './live-question.ts';

const SCHEMA = Type.Object(
  { ...LIVE_COMMON, scenario_id: Type.Optional(SCENARIO), minutes: MINUTES },
  { additionalProperties: false },
);

const MINUTE = 60_000;

/** Page views and different visitors minute by minute, empty minutes as zeros. */
export const realtimeMinutes: LiveQuestion<Static<typeof SCHEMA>> = {
  name: 'realtimeMinutes',
  path: '/api/analytics/realtime/minutes',
  schema: SCHEMA,
  summary: 'Page views and visitors minute by minute',
  example: {
    question: { tenant_id: 'acme', minutes: 2 },
    answer: {
      window: { from: '2024-03-11T07:59:00.000Z', to: '2024-03-11T08:01:00.000Z' },
      minutes: [
        {
          minute: '2024-03-11T07:59:00.000Z',
          events: 31,
          pv: 8,
          uv: 12,
          impressions: 20,
          clicks: 2,
          ctr: 10,
          conversions: 1,
        },
        {
          minute: '2024-03-11T08:00:00.000Z',
          events: 0,
          pv: 0,
          uv: 0,
          impressions: 0,
          clicks: 0,
          ctr: 0,
          conversions: 0,
        },
      ],
    },
  },

  plan({ scenario_id: scenario = '', minutes = 60 }, atMs) {
    const window = lastMinutes(atMs, minutes);
    return {
      wanted: [
        { view: 'metrics:realtime', id: scenario, range: window },
        { view: 'visitors:minute', id: scenario, range: window, sizesOnly: true },
      ],
      answer: ([measures = [], visitors = []]) => {
        const measuresAt = new Map(measures.map(({ bucketMs, entries }) => [bucketMs, entries]));
        const visitorsAt = new Map(visitors.map(({ bucketMs, size }) => [bucketMs, size]));
        return {
          window: describeWindow(window),
          minutes: bucketsIn(window, MINUTE).map((startMs) => {
            const measured = measuredIn(measuresAt.get(startMs) ?? new Map<string, number>());
            const { events, pv, impressions, clicks, ctr, conversions } = figuresOf(
              measured.filter(({ experimentId }) => experimentId === ''),
            );
            return {
              minute: new Date(startMs).toISOString(),
              events,
              pv,
              uv: visitorsAt.get(startMs) ?? 0,
              impressions,
              clicks,
              ctr,
              conversions,
            };
          }),
        };
      },
    };
  },
};
