import { Type } from 'typebox';
import { ACTIONS, COMPLETION_ACTIONS, EVENT_KINDS, formatInstant, percent, roundedQuotient } from '#domain';
import type { ActionType, EventKind } from '#domain';
import { cellOf, leftBy, onDay, plainCell } from './explain-cell.ts';
import type { Cell, CellsOf, NoCell } from './explain-cell.ts';
import {
  carries,
  converts,
  isAction,
  isBehaviour,
  isDone,
  isSelected,
  ofItem,
  ofUser,
} from './explain-condition.ts';
import type { Condition } from './explain-condition.ts';
import { AMOUNTS, eventsPart, rulePart } from './explain-part.ts';
import type { Part } from './explain-part.ts';
import type { Plan as ItemPlan } from './item-stats.ts';
import { oneOf } from './question.ts';
import type { Piece } from './slices.ts';
import type { Plan as UserPlan } from './user-activity.ts';

const DATE = Type.Optional(
  Type.String({ maxLength: 10, description: 'Of this day; by default of the whole range.' }),
);

const OF_USER = Type.Object(
  {
    figure: oneOf(['events', 'count', 'first_at', 'last_at'], '`count` is of one `event`.'),
    date: DATE,
    event: Type.Optional(Type.String({ description: 'A name of `by_event`.' })),
    kind: Type.Optional(oneOf(EVENT_KINDS, 'Its kind.')),
  },
  { additionalProperties: false },
);

type Activity = {
  readonly events: number;
  readonly first_at?: string | null;
  readonly last_at?: string | null;
  readonly by_event: readonly { readonly kind: EventKind; readonly event: string; readonly count: number }[];
};
type UserAnswer = { readonly total: Activity; readonly days: readonly Activity[] };

/** What one user did. */
export const userActivityCells: CellsOf<Type.Static<typeof OF_USER>, UserPlan> = {
  schema: OF_USER,
  example: { figure: 'events', date: '2024-03-04' },
  find({ figure, date, event, kind }, { plan, answer }) {
    const { shown, ...piece } = onDay(date, plan, answer as UserAnswer);
    const events = {
      ...piece,
      name: 'events',
      conditions: [ofUser(plan.userId), isDone, ...leftBy(plan.narrowing)],
    };
    switch (figure) {
      case 'events':
        return plainCell(shown?.events, eventsPart(events));
      case 'count':
        return namedCell(shown?.by_event ?? [], events, { event, kind });
      case 'first_at':
      case 'last_at': {
        const part = endPart(events, figure);
        return cellOf(shown?.[figure], {
          parts: [part],
          worth: (totals) => formatInstant(Number(totals.of(part)), plan.narrowing.zone),
        });
      }
    }
  },
};

type Events = Piece & Pick<Part, 'name' | 'conditions'>;

/** How often one name of one kind occurred. */
function namedCell(
  counts: Activity['by_event'],
  events: Events,
  named: { readonly event: string | undefined; readonly kind: EventKind | undefined },
): Cell | NoCell {
  const found = counts.find((one) => one.event === named.event && one.kind === named.kind);
  if (!found) return { problem: 'names no event and kind of this answer' };
  const selection = isSelected({ event: found.event, kind: found.kind });
  return plainCell(found.count, eventsPart({ ...events, conditions: [selection, ...events.conditions] }));
}

/** When the first or the last of somebody's events was. */
function endPart(events: Events, which: 'first_at' | 'last_at'): Part {
  return rulePart(
    { ...events, name: which },
    {
      marks: [],
      needs: 0,
      unit: 'ms',
      count: (own) => {
        const end = which === 'first_at' ? own[0] : own.at(-1);
        return end && { amount: BigInt(end.atMs), events: [end] };
      },
    },
  );
}

const ITEM_FIGURES = [
  'impressions',
  'clicks',
  'ctr',
  'conversions',
  'conversion_rate',
  'total_watch_duration',
  'avg_watch_duration',
  'avg_completion_rate',
] as const;

const OF_ITEM = Type.Object(
  {
    figure: oneOf([...ITEM_FIGURES, 'events'], 'A number by its name; `events` is of one `action`.'),
    date: DATE,
    action: Type.Optional(oneOf(ACTIONS, 'One of `actions`.')),
  },
  { additionalProperties: false },
);

type ItemFigures = Readonly<Record<(typeof ITEM_FIGURES)[number], number>> & {
  readonly actions: readonly { readonly action: ActionType; readonly events: number }[];
};
type ItemAnswer = { readonly total: ItemFigures; readonly days: readonly ItemFigures[] };

/** What was done with one item. */
export const itemStatsCells: CellsOf<Type.Static<typeof OF_ITEM>, ItemPlan> = {
  schema: OF_ITEM,
  example: { figure: 'clicks', date: '2024-03-04' },
  find({ figure, date, action }, { plan, answer }) {
    const { shown, ...piece } = onDay(date, plan, answer as ItemAnswer);
    const about = { ...piece, of: [ofItem(plan.itemId), ...leftBy(plan.narrowing)] };
    if (figure === 'events') {
      const found = shown?.actions.find((one) => one.action === action);
      return plainCell(found?.events, itemPart(about, 'events', isAction(action ? [action] : [])));
    }
    return itemCell(figure, about, shown?.[figure]);
  },
};

type About = Piece & { readonly of: readonly Condition[] };

function itemPart({ of, ...piece }: About, name: string, ...conditions: readonly Condition[]): Part {
  return eventsPart({ ...piece, name, conditions: [...conditions, ...of] });
}

function itemCell(figure: (typeof ITEM_FIGURES)[number], about: About, value: unknown): Cell | NoCell {
  const impressions = itemPart(about, 'impressions', isAction(['impression']));
  const clicks = itemPart(about, 'clicks', isAction(['click']));
  const conversions = itemPart(about, 'conversions', converts);
  const timed = itemPart(about, 'watch_events', isBehaviour, carries('watch_duration'));
  const watched = { ...timed, name: 'watch_ms', amount: AMOUNTS.seconds, unit: AMOUNTS.seconds.unit };
  switch (figure) {
    case 'impressions':
      return plainCell(value, impressions);
    case 'clicks':
      return plainCell(value, clicks);
    case 'conversions':
      return plainCell(value, conversions);
    case 'ctr':
      return quotient(value, [clicks, impressions], asPercent);
    case 'conversion_rate':
      return quotient(value, [conversions, impressions], asPercent);
    case 'total_watch_duration':
      return cellOf(value, { parts: [watched], worth: (totals) => Number(totals.of(watched)) / 1000 });
    case 'avg_watch_duration':
      return quotient(value, [watched, timed], (part, whole) => Number(roundedQuotient(part, whole)) / 1000);
    case 'avg_completion_rate': {
      const rated = itemPart(about, 'completions', isAction(COMPLETION_ACTIONS), carries('completion_rate'));
      const { completion } = AMOUNTS;
      const shares = { ...rated, name: 'completion', amount: completion, unit: completion.unit };
      return quotient(
        value,
        [shares, rated],
        // Millionths over a hundred: four decimals.
        (part, whole) => Number(roundedQuotient(part, whole * 100n)) / 10_000,
      );
    }
  }
}

const asPercent = (part: bigint, whole: bigint): number => percent(Number(part), Number(whole));

function quotient(
  value: unknown,
  [part, whole]: readonly [Part, Part],
  shown: (part: bigint, whole: bigint) => number,
): Cell | NoCell {
  return cellOf(value, {
    parts: [part, whole],
    worth: (totals) => shown(totals.of(part), totals.of(whole)),
  });
}
