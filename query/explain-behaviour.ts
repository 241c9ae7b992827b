import { Type } from 'typebox';
import { ACTIONS, percent, roundedQuotient } from '#domain';
import type { ActionType } from '#domain';
import type { Plan } from './behavior-analysis.ts';
import { cellOf, leftBy, plainCell } from './explain-cell.ts';
import type { Cell, CellsOf, NoCell } from './explain-cell.ts';
import { anyOf, carries, converts, isAction, ofScenarioType } from './explain-condition.ts';
import type { Condition } from './explain-condition.ts';
import { AMOUNTS, allOfPart, eventsPart, membersPart } from './explain-part.ts';
import type { Part } from './explain-part.ts';
import { oneOf } from './question.ts';

const FIGURES = [
  'events',
  'users',
  'users_of_first',
  'rate_to_first',
  'users_of_previous',
  'rate_to_previous',
  'watch_events',
  'avg_watch_duration',
  'rate',
  'impressions',
] as const;

const SCHEMA = Type.Object(
  {
    figure: oneOf(FIGURES, 'A number of the action or conversion, or `impressions`.'),
    action: Type.Optional(oneOf(ACTIONS, 'An action of the answer.')),
    conversion: Type.Optional(
      oneOf(['conversion', 'order', 'payment', 'purchase'], 'A conversion of the answer, by its name.'),
    ),
  },
  { additionalProperties: false },
);

type Named = Type.Static<typeof SCHEMA>;
type Figures = Readonly<Partial<Record<(typeof FIGURES)[number], number>>>;
type BehaviorAnswer = {
  readonly actions: readonly (Figures & { readonly action: ActionType })[];
  readonly impressions: number;
  readonly conversions: readonly (Figures & { readonly name: string })[];
};

/** The numbers of who does what. */
export const behaviorCells: CellsOf<Named, Plan> = {
  schema: SCHEMA,
  example: { action: 'click', figure: 'users_of_previous' },
  find({ figure, action, conversion }, { plan, answer }) {
    const { actions, impressions, conversions } = answer as BehaviorAnswer;
    if (action !== undefined && conversion !== undefined) {
      return { problem: 'must not name both an action and a conversion' };
    }
    if (action !== undefined) {
      const value = actions.find((one) => one.action === action)?.[figure];
      return actionCell(plan, { action, figure, value });
    }
    if (conversion !== undefined) {
      const value = conversions.find((one) => one.name === conversion)?.[figure];
      return conversionCell(plan, { conversion, figure, value });
    }
    const value = figure === 'impressions' ? impressions : undefined;
    return plainCell(value, eventsOf(plan, 'impressions', isAction(['impression'])));
  },
};

function meant(plan: Plan, name: string, conditions: readonly Condition[]) {
  const { narrowing, scenarioType } = plan;
  const ofType = scenarioType === undefined ? [] : [ofScenarioType(scenarioType)];
  return { ...narrowing, name, conditions: [...conditions, ...leftBy(narrowing), ...ofType] };
}

function eventsOf(plan: Plan, name: string, ...conditions: readonly Condition[]): Part {
  return eventsPart(meant(plan, name, conditions));
}

function usersOf(plan: Plan, name: string, condition: Condition): Part {
  return membersPart(meant(plan, name, [condition]));
}

/** Users who did both; of the events all of both. */
function usersOfBoth(plan: Plan, [one, other]: readonly [ActionType, ActionType]): Part {
  const marks = [isAction([one]), isAction([other])];
  return allOfPart(meant(plan, `users of ${one} and ${other}`, [anyOf(marks)]), marks);
}

type Builder = () => Cell | NoCell;

/** How the numbers that an action or a conversion has are made. */
type Builders = Readonly<Partial<Record<Named['figure'], Builder>>>;

function actionCell(
  plan: Plan,
  { action, figure, value }: { action: ActionType; figure: Named['figure']; value: unknown },
): Cell | NoCell {
  const first = plan.actions[0] ?? action;
  const previous = plan.actions[plan.actions.indexOf(action) - 1] ?? action;
  const own = isAction([action]);
  const both = (other: ActionType) => usersOfBoth(plan, [action, other]);
  const rate = (to: ActionType) => quotient(value, both(to), usersOf(plan, `users of ${to}`, isAction([to])));
  const timed = meant(plan, 'watch_events', [own, carries('watch_duration')]);
  const builders: Builders = {
    events: () => plainCell(value, eventsOf(plan, 'events', own)),
    users: () => plainCell(value, usersOf(plan, 'users', own)),
    users_of_first: () => plainCell(value, both(first)),
    users_of_previous: () => plainCell(value, both(previous)),
    rate_to_first: () => rate(first),
    rate_to_previous: () => rate(previous),
    watch_events: () => plainCell(value, eventsPart(timed)),
    avg_watch_duration: () => {
      const seconds = eventsPart({ ...timed, name: 'watch_ms' }, AMOUNTS.seconds);
      const events = eventsPart(timed);
      return cellOf(value, {
        parts: [seconds, events],
        worth: (totals) => Number(roundedQuotient(totals.of(seconds), totals.of(events))) / 1000,
      });
    },
  };
  return builders[figure]?.() ?? { problem: 'names no number of an action' };
}

function conversionCell(
  plan: Plan,
  { conversion, figure, value }: { conversion: string; figure: Named['figure']; value: unknown },
): Cell | NoCell {
  const converting = conversion === 'conversion' ? plan.conversionActions : [conversion as ActionType];
  const condition = converting ? isAction(converting) : converts;
  const events = eventsOf(plan, 'events', condition);
  const builders: Builders = {
    events: () => plainCell(value, events),
    users: () => plainCell(value, usersOf(plan, 'users', condition)),
    rate: () => quotient(value, events, eventsOf(plan, 'impressions', isAction(['impression']))),
  };
  return builders[figure]?.() ?? { problem: 'names no number of a conversion' };
}

function quotient(value: unknown, part: Part, whole: Part): Cell | NoCell {
  return cellOf(value, {
    parts: [part, whole],
    worth: (totals) => percent(Number(totals.of(part)), Number(totals.of(whole))),
  });
}
