import { actorOf } from './event.ts';
import type { Event, EventKind, Json } from './event.ts';
import { comparePositions } from './position.ts';
import { scenarioBranch } from './scenario.ts';

export const FILTER_OPERATORS = [
  '=',
  '!=',
  '>',
  '>=',
  '<',
  '<=',
  'in',
  'not_in',
  'contains',
  'exists',
  'not_exists',
] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];
export type FilterScalar = string | number | boolean;

/**
 * One condition on an event. `property` names a member of {@link EVENT_COLUMNS}, else a custom attribute;
 * `properties.<name>` always names the custom attribute.
 *
 * A number is compared as a number (a text that is not a JSON number equals none, and is neither more nor
 * less than any), a text as text by code points, a boolean as `true` or `false`. An attribute that is absent
 * or null is missing, which differs from empty; an empty column is missing. What is missing matches only
 * `not_exists`, `!=` and `not_in`: each of these is the exact opposite of `exists`, `=` and `in`.
 */
export type EventFilter = {
  readonly property: string;
  readonly op: FilterOperator;
  readonly value?: FilterScalar | readonly FilterScalar[];
};

type Column =
  | { readonly type: 'text'; read(event: Event): string | undefined }
  | { readonly type: 'number'; read(event: Event): number | undefined };

function text(read: (event: Event) => string | undefined): Column {
  return { type: 'text', read };
}

function number(read: (event: Event) => number | undefined): Column {
  return { type: 'number', read };
}

/** The documented members of an event that a question may filter and break down by. */
export const EVENT_COLUMNS = {
  event_name: text((e) => e.event_name),
  action_type: text((e) => e.action_type),
  scenario_id: text((e) => e.scenario_id),
  scenario_type: text((e) => e.scenario_type),
  user_id: text((e) => e.user_id),
  device_id: text((e) => e.device_id),
  session_id: text((e) => e.session_id),
  item_id: text((e) => e.item_id),
  device_type: text((e) => e.context?.device_type),
  os: text((e) => e.context?.os),
  location: text((e) => e.context?.location),
  platform: text((e) => e.platform),
  country: text((e) => e.country),
  region: text((e) => e.region),
  city: text((e) => e.city),
  device_model: text((e) => e.device_model),
  os_version: text((e) => e.os_version),
  app_version: text((e) => e.app_version),
  page_url: text((e) => e.page_url),
  page_title: text((e) => e.page_title),
  product: text((e) => e.product),
  experiment_id: text((e) => e.experiment_id),
  experiment_group: text((e) => e.experiment_group),
  currency: text((e) => e.currency),
  position: number((e) => (e.position === 0 ? undefined : e.position)),
  watch_duration: number((e) => e.watch_duration),
  completion_rate: number((e) => e.completion_rate),
  amount: number((e) => e.amount),
} as const satisfies Record<string, Column>;

export type EventColumn = keyof typeof EVENT_COLUMNS;

/** What a name in a question means. */
export type Attribute =
  { readonly column: EventColumn; readonly type: 'text' | 'number' } | { readonly custom: string };

const CUSTOM = 'properties.';

export function attributeOf(name: string): Attribute {
  if (name.startsWith(CUSTOM)) return { custom: name.slice(CUSTOM.length) };
  if (!Object.hasOwn(EVENT_COLUMNS, name)) return { custom: name };
  const column = name as EventColumn;
  return { column, type: EVENT_COLUMNS[column].type };
}

/**
 * The custom attributes of an event: its `properties`, over them `extra_data`, over them the members of the
 * scenario's branch. A null hides nothing: it counts as not sent.
 */
export function customAttributes(event: Event): ReadonlyMap<string, Json> {
  const merged = new Map<string, Json>();
  const add = (members: Json | undefined) => {
    if (members === null || typeof members !== 'object' || Array.isArray(members)) return;
    for (const [name, value] of Object.entries(members)) if (value !== null) merged.set(name, value);
  };
  add(event.properties);
  add(event.extra_data);
  const data = event.scenario_data ?? {};
  const branch = event.scenario_type ? scenarioBranch(event.scenario_type) : Object.keys(data)[0];
  if (branch !== undefined) add(data[branch]);
  return merged;
}

/** The text under which a value is compared and grouped; undefined when it is missing. */
export function attributeText(event: Event, name: string): string | undefined {
  const attribute = attributeOf(name);
  if ('custom' in attribute) {
    const value = customAttributes(event).get(attribute.custom);
    if (value === undefined) return undefined;
    // The engine of the facts writes exponents without a plus: 1e21.
    if (typeof value === 'number') return String(value).replace('e+', 'e');
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
  const value = EVENT_COLUMNS[attribute.column].read(event);
  if (value === undefined || value === '') return undefined;
  return String(value);
}

/** Whether all filters hold: the meaning that the compiled SQL must have. */
export function matches(event: Event, filters: readonly EventFilter[]): boolean {
  return filters.every((filter) => holds(attributeText(event, filter.property), filter));
}

/** Each of these is the exact opposite of the other. */
export const OPPOSITES = { '!=': '=', not_in: 'in', not_exists: 'exists' } as const;

function holds(found: string | undefined, filter: EventFilter): boolean {
  const { op } = filter;
  const wanted = listOf(filter.value);
  switch (op) {
    case '!=':
    case 'not_in':
    case 'not_exists':
      return !holds(found, { ...filter, op: OPPOSITES[op] });
    case 'exists':
      return found !== undefined;
    case '=':
    case 'in':
      return wanted.some((each) => compare(found, each) === 0);
    case 'contains':
      return contains(found, String(wanted[0]));
    case '>':
    case '>=':
    case '<':
    case '<=':
      return isInOrder(compare(found, wanted[0]), op);
  }
}

function contains(found: string | undefined, text: string): boolean {
  return found?.includes(text) ?? false;
}

function isInOrder(order: number | undefined, op: '>' | '>=' | '<' | '<='): boolean {
  if (order === undefined) return false;
  if (order === 0) return op === '>=' || op === '<=';
  return order > 0 === op.startsWith('>');
}

function listOf(value: EventFilter['value']): readonly FilterScalar[] {
  if (value === undefined) return [];
  return typeof value === 'object' ? value : [value];
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** Negative, zero or positive; undefined when the two cannot be compared. */
function compare(found: string | undefined, wanted: FilterScalar | undefined): number | undefined {
  if (found === undefined || wanted === undefined) return undefined;
  if (typeof wanted !== 'number') return compareText(found, String(wanted));
  return NUMBER.test(found) ? Number(found) - wanted : undefined;
}

/** By code points, which is also the order of the UTF-8 bytes. */
export function compareText(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const order = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Which events a question speaks of; `any` is every event somebody did, of whatever name. */
export type EventSelection = {
  readonly event: string;
  readonly kind?: EventKind;
  readonly filters?: readonly EventFilter[];
};

/** The word for every event. */
export const ANY_EVENT = 'any';

/**
 * Whether an event is meant. `any` leaves catalogue entries out, for nobody did them; a name without a kind
 * means that name in whichever kind has it.
 */
export function selects(selection: EventSelection, event: Event): boolean {
  const { event: name, kind, filters = [] } = selection;
  if (kind !== undefined && event.kind !== kind) return false;
  if (name === ANY_EVENT ? kind === undefined && event.kind === 'catalog' : event.event_name !== name) {
    return false;
  }
  return matches(event, filters);
}

/** An event as it stands in the log: where, for order among equal times, and what. */
export type LoggedEvent = { readonly partition: number; readonly offset: bigint; readonly event: Event };

/** By time; at equal times by partition, then offset. The order in which all questions see a user's events. */
export function inOrder(events: readonly LoggedEvent[]): LoggedEvent[] {
  return [...events].sort((a, b) => a.event.timestamp - b.event.timestamp || comparePositions(a, b));
}

/** Events per actor, each in order; events of nobody are left out. */
export function byActor(events: readonly LoggedEvent[]): Map<string, LoggedEvent[]> {
  const actors = new Map<string, LoggedEvent[]>();
  for (const logged of inOrder(events)) {
    const actor = actorOf(logged.event);
    if (actor === '') continue;
    const own = actors.get(actor);
    if (own) own.push(logged);
    else actors.set(actor, [logged]);
  }
  return actors;
}
