import { Type } from 'typebox';
import type { Static } from 'typebox';
import {
  ACTIONS,
  COMPLETION_ACTIONS,
  formatDate,
  percent,
  roundedQuotient,
  tallied,
  talliedConversions,
} from '#domain';
import type { ActionTally, ActionType } from '#domain';
import { askTallies } from './action-tallies.ts';
import type { Analysis } from './analysis.ts';
import { NARROWING, readNarrowing } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { COMMON, oneOf } from './question.ts';
import { readBuckets } from './time-range.ts';

const SCHEMA = Type.Object(
  {
    ...COMMON,
    ...NARROWING,
    item_id: Type.String({ minLength: 1, maxLength: 255, description: 'The item.' }),
  },
  { additionalProperties: false },
);

const FIGURES = {
  impressions: Type.Integer(),
  clicks: Type.Integer(),
  ctr: Type.Number({ description: 'Per cent.' }),
  conversions: Type.Integer(),
  conversion_rate: Type.Number({ description: 'Per cent.' }),
  total_watch_duration: Type.Number({ description: 'Seconds.' }),
  avg_watch_duration: Type.Number({ description: 'Seconds; 0 without an event that has a duration.' }),
  avg_completion_rate: Type.Number({ description: 'A fraction from 0 to 1.' }),
  actions: Type.Array(
    Type.Object(
      { action: oneOf(ACTIONS, 'The action.'), events: Type.Integer() },
      { additionalProperties: false },
    ),
    { description: 'The actions that occurred.' },
  ),
};

const ANSWER = Type.Object(
  {
    total: Type.Object(FIGURES, { additionalProperties: false }),
    days: Type.Array(
      Type.Object(
        { date: Type.String({ description: 'A day of `tz`.' }), ...FIGURES },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type Plan = {
  readonly narrowing: Narrowing;
  readonly itemId: string;
  readonly edges: readonly number[];
};

const NOTHING = {
  impressions: 0,
  clicks: 0,
  ctr: 0,
  conversions: 0,
  conversion_rate: 0,
  total_watch_duration: 0,
  avg_watch_duration: 0,
  avg_completion_rate: 0,
  actions: [],
};

/** What was done with one item on each day of the range, and in all of it (MF-01, MF-02, MF-05, MF-16). */
export const itemStats: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'item-stats',
  schema: SCHEMA,
  answerSchema: ANSWER,
  summary: "One item's figures by day",
  example: {
    question: { tenant_id: 'acme', item_id: 'item_7', from: '2024-03-04', to: '2024-03-06' },
    answer: {
      total: {
        ...NOTHING,
        impressions: 400,
        clicks: 31,
        ctr: 7.75,
        actions: [
          { action: 'impression', events: 400 },
          { action: 'click', events: 31 },
        ],
      },
      days: [
        {
          date: '2024-03-04',
          ...NOTHING,
          impressions: 400,
          clicks: 31,
          ctr: 7.75,
          actions: [
            { action: 'impression', events: 400 },
            { action: 'click', events: 31 },
          ],
        },
        { date: '2024-03-05', ...NOTHING },
      ],
    },
  },

  plan(question, time, report) {
    return {
      narrowing: readNarrowing(question, time, report),
      itemId: question.item_id,
      edges: readBuckets(time, 'day', report),
    };
  },

  selections: () => [],

  async answer({ narrowing, itemId, edges }, scope, ask) {
    const measures = ['events', 'seconds', 'timed', 'completion', 'rated'] as const;
    const byDay = await askTallies({ narrowing, itemId, edges, measures }, scope, ask);
    return {
      total: figuresOf([...byDay.values()].flat()),
      days: edges.slice(0, -1).map((edge, index) => ({
        date: formatDate(edge, narrowing.zone),
        ...figuresOf(byDay.get(index) ?? []),
      })),
    };
  },
};

function figuresOf(tallies: readonly ActionTally[]): object {
  const of = (actions: readonly ActionType[]) => tallies.filter(({ action }) => actions.includes(action));
  const events = (action: ActionType) => Number(tallied(of([action]), 'events'));
  const impressions = events('impression');
  const clicks = events('click');
  const conversions = Number(talliedConversions(tallies));
  const ended = of(COMPLETION_ACTIONS);
  const watched = tallied(tallies, 'seconds');
  return {
    impressions,
    clicks,
    ctr: percent(clicks, impressions),
    conversions,
    conversion_rate: percent(conversions, impressions),
    total_watch_duration: Number(watched) / 1000,
    avg_watch_duration: Number(roundedQuotient(watched, tallied(tallies, 'timed'))) / 1000,
    // Millionths over a hundred: four decimals.
    avg_completion_rate:
      Number(roundedQuotient(tallied(ended, 'completion'), tallied(ended, 'rated') * 100n)) / 10_000,
    actions: ACTIONS.flatMap((action) => (events(action) > 0 ? [{ action, events: events(action) }] : [])),
  };
}
