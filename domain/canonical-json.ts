import type { Json, JsonObject } from './event.ts';

/**
 * One text per JSON value: members sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript writes them (the scheme of RFC 8785). Equal values give equal text whatever order and
 * spacing they were sent in, so its hash tells a retry from another body under the same id.
 */
export function canonicalJson(value: Json): string {
  const ordered = inOrder(value);
  // The engine writes a whole value several times faster than we could piece it together.
  return ordered === undefined ? pieceTogether(value) : JSON.stringify(ordered);
}

/**
 * The same value with the members of every object created in order; itself where they were. Undefined when
 * an object cannot be made to keep that order: the engine puts names that are integers first.
 */
function inOrder(value: Json): Json | undefined {
  if (value === null || typeof value !== 'object') return value;
  return isArray(value) ? listInOrder(value) : objectInOrder(value);
}

function listInOrder(list: readonly Json[]): Json | undefined {
  let copy: Json[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index] ?? null;
    if (item === null || typeof item !== 'object') continue;
    const ordered = inOrder(item);
    if (ordered === undefined) return undefined;
    if (ordered !== item) (copy ??= [...list])[index] = ordered;
  }
  return copy ?? list;
}

function objectInOrder(object: JsonObject): Json | undefined {
  const { names, sorted, settable } = orderOf(Object.keys(object));
  if (!settable) return undefined;
  const copy: Record<string, Json> = {};
  let changed = names !== sorted;
  for (const name of sorted) {
    const member = object[name];
    if (member === undefined) continue;
    if (member === null || typeof member !== 'object') copy[name] = member;
    else {
      const ordered = inOrder(member);
      if (ordered === undefined) return undefined;
      if (ordered !== member) changed = true;
      copy[name] = ordered;
    }
  }
  return changed ? copy : object;
}

type Order = {
  readonly names: readonly string[];
  /** The same array when the names came sorted. */
  readonly sorted: readonly string[];
  /** Whether assigning members in order keeps them in order: no integer among them, and no `__proto__`. */
  readonly settable: boolean;
};

/** Senders send few forms of object over and over; a form is found again by the identity of its names. */
const ORDERS = 1024;
const orders = new Array<Order | undefined>(ORDERS);

function orderOf(names: readonly string[]): Order {
  const count = names.length;
  const slot = (count * 131 + (names[0]?.length ?? 0) * 31 + (names[count - 1]?.length ?? 0)) % ORDERS;
  const known = orders[slot];
  if (known && sameNames(known.names, names)) return known;
  const ascending = names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name);
  const sorted = ascending ? names : names.toSorted(byCodeUnits);
  const settable = names.every((name) => !/^\d/.test(name) && name !== '__proto__');
  const order = { names, sorted, settable };
  // A form with very many names is not worth its place.
  if (count <= 64) orders[slot] = order;
  return order;
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function pieceTogether(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(pieceTogether).join(',')}]`;
  const members = Object.keys(value)
    .sort(byCodeUnits)
    .map((name) => `${JSON.stringify(name)}:${pieceTogether(value[name] ?? null)}`);
  return `{${members.join(',')}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
