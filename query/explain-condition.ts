import { actorOf, attributeOf, attributeText, isConversion, matches, selects } from '#domain';
import type { ActionType, Event, EventFilter, EventSelection } from '#domain';
import { isConversion as isConversionSql } from './metrics-sql.ts';
import { attributeSql, holds, inRange, selected } from './sql.ts';
import type { Binder } from './sql.ts';
import type { Piece } from './slices.ts';

/** A condition on events, stated over facts and over plain events. Both must mean the same. */
export type Condition = { sql(binder: Binder): string; holds(event: Event): boolean };

/** Of a word of a closed set or an id: a text column that is that text. */
function equals(column: 'scenario_id' | 'scenario_type' | 'item_id' | 'currency', text: string): Condition {
  return {
    sql: (binder) => `${column} = ${binder.bind('String', text)}`,
    holds: (event) => (event[column] ?? '') === text,
  };
}

export const ofScenario = (id: string): Condition => equals('scenario_id', id);
export const ofScenarioType = (type: string): Condition => equals('scenario_type', type);
export const ofItem = (id: string): Condition => equals('item_id', id);
/** Empty where none is named. */
export const inCurrency = (currency: string): Condition => equals('currency', currency);

export const ofUser = (id: string): Condition => ({
  sql: (binder) => `actor_id = ${binder.bind('String', id)}`,
  holds: (event) => actorOf(event) === id,
});

export const isBehaviour: Condition = {
  sql: () => `kind = 'behaviour'`,
  holds: ({ kind }) => kind === 'behaviour',
};

export const isCatalog: Condition = {
  sql: () => `kind = 'catalog'`,
  holds: ({ kind }) => kind === 'catalog',
};

/** What somebody did, of whatever name. */
export const isDone: Condition = {
  sql: () => `kind != 'catalog'`,
  holds: ({ kind }) => kind !== 'catalog',
};

/** A conversion by the action of its scenario type (X16). */
export const converts: Condition = { sql: () => `(${isConversionSql()})`, holds: isConversion };

/** A behaviour with one of the actions. */
export function isAction(actions: readonly ActionType[]): Condition {
  const words = actions.map((action) => `'${action}'`).join(', ');
  return {
    sql: () => `kind = 'behaviour' AND event_name IN (${words})`,
    holds: ({ kind, event_name: name }) => kind === 'behaviour' && actions.some((action) => action === name),
  };
}

/** An event that bears one of the names. */
export function isNamed(names: readonly string[]): Condition {
  return {
    sql: (binder) => `event_name IN ${binder.bind('Array(String)', names)}`,
    holds: ({ event_name: name }) => names.includes(name),
  };
}

/** An event that carries a number. */
export function carries(member: 'watch_duration' | 'completion_rate'): Condition {
  return { sql: () => `isNotNull(${member})`, holds: (event) => event[member] !== undefined };
}

export function isSelected(selection: EventSelection): Condition {
  return {
    sql: (binder) => `(${selected(binder, selection)})`,
    holds: (event) => selects(selection, event),
  };
}

/** An event that one of the conditions is fulfilled by. */
export function anyOf(conditions: readonly Condition[]): Condition {
  return {
    sql: (binder) => `(${conditions.map((one) => `(${one.sql(binder)})`).join(' OR ')})`,
    holds: (event) => conditions.some((one) => one.holds(event)),
  };
}

export function allOf(conditions: readonly Condition[]): Condition {
  return {
    sql: (binder) => conditions.map((one) => `(${one.sql(binder)})`).join(' AND ') || '1',
    holds: (event) => conditions.every((one) => one.holds(event)),
  };
}

export function fits(filters: readonly EventFilter[]): readonly Condition[] {
  return filters.map((filter) => ({
    sql: (binder) => holds(binder, filter),
    holds: (event) => matches(event, [filter]),
  }));
}

export function within(piece: Piece): Condition {
  return {
    sql: (binder) => `(${inRange(binder, piece)})`,
    holds: ({ timestamp }) => timestamp >= piece.fromMs && timestamp < piece.toMs,
  };
}

/** An event whose attribute is that text, or missing where that is null. */
export function isLabelled(by: string, label: string | null): Condition {
  return {
    sql: (binder) => {
      const { value, present } = attributeSql(binder, attributeOf(by));
      if (label === null) return `NOT (${present})`;
      return `(${present} AND toString(${value}) = ${binder.bind('String', label)})`;
    },
    holds: (event) => (attributeText(event, by) ?? null) === label,
  };
}

export function not(condition: Condition): Condition {
  return {
    sql: (binder) => `NOT (${condition.sql(binder)})`,
    holds: (event) => !condition.holds(event),
  };
}
