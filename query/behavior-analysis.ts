import { Type } from 'typebox';
import type { Static } from 'typebox';
import {
  ACTIONS,
  CONVERSION_ACTIONS,
  RECOMMENDED_ACTIONS,
  SCENARIO_TYPES,
  percent,
  roundedQuotient,
  tallied,
  talliedConversions,
} from '#domain';
import type { ActionTally, ActionType, ScenarioType } from '#domain';
import { askTallies } from './action-tallies.ts';
import type { Analysis } from './analysis.ts';
import { isConversion } from './metrics-sql.ts';
import { NARROWING, narrowed, readNarrowing } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { COMMON, oneOf } from './question.ts';
import { createBinder } from './sql.ts';
import type { Scope, Statement } from './sql.ts';

const MAX_ACTIONS = 20;

const SCHEMA = Type.Object(
  {
    ...COMMON,
    ...NARROWING,
    scenario_type: Type.Optional(oneOf(SCENARIO_TYPES, 'Only events of scenarios of this type.')),
    actions: Type.Optional(
      Type.Array(oneOf(ACTIONS, 'An action.'), {
        minItems: 1,
        maxItems: MAX_ACTIONS,
        description:
          'The actions in the order wanted. By default those recommended for the scenario type, in their natural order.',
      }),
    ),
    conversion_actions: Type.Optional(
      Type.Array(oneOf(ACTIONS, 'An action.'), {
        minItems: 1,
        maxItems: MAX_ACTIONS,
        description:
          "What counts as a conversion. By default the action of each event's scenario type: `purchase` in education, else `order`.",
      }),
    ),
  },
  { additionalProperties: false },
);

const PER_CENT = Type.Number({ description: 'Per cent.' });

const ANSWER = Type.Object(
  {
    actions: Type.Array(
      Type.Object(
        {
          action: oneOf(ACTIONS, 'The action.'),
          events: Type.Integer(),
          users: Type.Integer({ description: 'Who did it.' }),
          users_of_first: Type.Integer({ description: 'Who did it and the first action of the list.' }),
          rate_to_first: PER_CENT,
          users_of_previous: Type.Integer({ description: 'Who did it and the action before it.' }),
          rate_to_previous: PER_CENT,
          watch_events: Type.Integer({ description: 'Events with a duration.' }),
          avg_watch_duration: Type.Number({ description: 'Seconds; 0 without such events.' }),
        },
        { additionalProperties: false },
      ),
    ),
    impressions: Type.Integer(),
    conversions: Type.Array(
      Type.Object(
        {
          name: oneOf(['conversion', 'order', 'payment', 'purchase'], 'What was counted.'),
          events: Type.Integer(),
          users: Type.Integer(),
          rate: Type.Number({ description: 'Per cent of the impressions.' }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type Plan = {
  readonly narrowing: Narrowing;
  readonly scenarioType: ScenarioType | undefined;
  readonly actions: readonly ActionType[];
  readonly conversionActions: readonly ActionType[] | undefined;
};

/** Conversions that are shown whatever counts as one (X16). */
const OWN_CONVERSIONS = ['order', 'payment', 'purchase'] as const;

/** How many of the actors did each set of actions; bit n of a set stands for the n-th of {@link markedOf}. */
type Sets = readonly { readonly done: bigint; readonly users: number }[];

/**
 * Who does what in scenarios of one type: for every action its events and users, and how many of those
 * who did the action before it in the list, and the first one, did it too. All in the range, in any order;
 * for steps in turn and within a window there is the funnel.
 */
export const behaviorAnalysis: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'behavior-analysis',
  schema: SCHEMA,
  answerSchema: ANSWER,
  summary: 'Who does which action, and how many of them go on to the next',
  example: {
    question: {
      tenant_id: 'acme',
      range: '7d',
      scenario_type: 'ecommerce',
      actions: ['impression', 'click'],
    },
    answer: {
      actions: [
        {
          action: 'impression',
          events: 1200,
          users: 310,
          users_of_first: 310,
          rate_to_first: 100,
          users_of_previous: 310,
          rate_to_previous: 100,
          watch_events: 0,
          avg_watch_duration: 0,
        },
        {
          action: 'click',
          events: 90,
          users: 62,
          users_of_first: 62,
          rate_to_first: 20,
          users_of_previous: 62,
          rate_to_previous: 20,
          watch_events: 0,
          avg_watch_duration: 0,
        },
      ],
      impressions: 1200,
      conversions: [
        { name: 'conversion', events: 6, users: 5, rate: 0.5 },
        { name: 'order', events: 6, users: 5, rate: 0.5 },
        { name: 'payment', events: 5, users: 5, rate: 0.42 },
        { name: 'purchase', events: 0, users: 0, rate: 0 },
      ],
    },
  },

  plan(question, time, report) {
    const { scenario_type: scenarioType, conversion_actions: conversionActions } = question;
    return {
      narrowing: readNarrowing(question, time, report),
      scenarioType,
      actions: [...new Set(question.actions ?? RECOMMENDED_ACTIONS[scenarioType ?? 'custom'])],
      conversionActions: conversionActions && [...new Set(conversionActions)].sort(),
    };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const { narrowing, scenarioType } = plan;
    const byBucket = await askTallies(
      {
        narrowing,
        actions: [...new Set<ActionType>(['impression', ...markedOf(plan)])],
        ...(scenarioType === undefined ? {} : { scenarioTypes: [scenarioType] }),
        measures: ['events', 'seconds', 'timed'],
      },
      scope,
      ask,
    );
    const rows = await ask<{ done: string; users: string }>(compileSets(plan, scope));
    const sets = rows.map(({ done, users }) => ({ done: BigInt(done), users: Number(users) }));
    return shownOf(plan, byBucket.get(0) ?? [], sets);
  },
};

/** The actions with a bit of their own; the bit after the last is that of a conversion. */
function markedOf({ actions, conversionActions = ['order', 'purchase'] }: Plan): readonly ActionType[] {
  return [...new Set([...actions, ...OWN_CONVERSIONS, ...conversionActions])];
}

/** The actions that are conversions whatever else the event says; undefined where its scenario type decides. */
function convertingOf({ conversionActions, scenarioType }: Plan): readonly ActionType[] | undefined {
  return conversionActions ?? (scenarioType && [CONVERSION_ACTIONS[scenarioType]]);
}

export function compileSets(plan: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const { narrowing, scenarioType } = plan;
  const marked = markedOf(plan);
  const converted = 1n << BigInt(marked.length);
  const converting = convertingOf(plan);
  const names = marked.map((action) => `'${action}'`).join(', ');
  const bits = marked.map((action, index) => {
    const own = 1n << BigInt(index);
    return `${converting?.includes(action) ? own | converted : own}`;
  });
  const own = `transform(event_name, [${names}], [${bits.join(', ')}]::Array(UInt64), 0::UInt64)`;
  const done = converting ? own : `bitOr(${own}, if(${isConversion()}, ${converted}, 0)::UInt64)`;
  const also = [`kind = 'behaviour'`, `event_name IN (${names})`, `actor_id != ''`];
  if (scenarioType !== undefined) also.push(`scenario_type = '${scenarioType}'`);
  const sql = `SELECT done, count() AS users FROM (
      SELECT groupBitOr(${done}) AS done ${narrowed(binder, scope, { narrowing, also })} GROUP BY actor_id
    ) GROUP BY done`;
  return { sql, params: binder.params };
}

function shownOf(plan: Plan, tallies: readonly ActionTally[], sets: Sets): object {
  const marked = markedOf(plan);
  const bitOf = (action: ActionType) => 1n << BigInt(marked.indexOf(action));
  const did = (...bits: readonly bigint[]): number =>
    sets.reduce((sum, { done, users }) => (bits.every((bit) => (done & bit) !== 0n) ? sum + users : sum), 0);
  const of = (action: ActionType) => tallies.filter((tally) => tally.action === action);
  const impressions = Number(tallied(of('impression'), 'events'));
  const [first] = plan.actions;
  return {
    actions: plan.actions.map((action, index) => {
      const own = bitOf(action);
      const firstBit = first ? bitOf(first) : own;
      const previousBit = bitOf(plan.actions[index - 1] ?? action);
      const timed = tallied(of(action), 'timed');
      return {
        action,
        events: Number(tallied(of(action), 'events')),
        users: did(own),
        users_of_first: did(own, firstBit),
        rate_to_first: percent(did(own, firstBit), did(firstBit)),
        users_of_previous: did(own, previousBit),
        rate_to_previous: percent(did(own, previousBit), did(previousBit)),
        watch_events: Number(timed),
        avg_watch_duration: Number(roundedQuotient(tallied(of(action), 'seconds'), timed)) / 1000,
      };
    }),
    impressions,
    conversions: [
      {
        name: 'conversion',
        events: Number(talliedConversions(tallies, plan.conversionActions)),
        users: did(1n << BigInt(marked.length)),
      },
      ...OWN_CONVERSIONS.map((action) => ({
        name: action,
        events: Number(tallied(of(action), 'events')),
        users: did(bitOf(action)),
      })),
    ].map((each) => ({ ...each, rate: percent(each.events, impressions) })),
  };
}
