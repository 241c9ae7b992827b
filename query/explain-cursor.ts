import { createHash } from 'node:crypto';
import { comparePositions, covers, parseAsOf } from '#domain';
import type { AsOfToken, Fault, Position, TenantId } from '#domain';
import type { EventLog } from '#log';
import { invalidQuestion } from './question.ts';

/** The place of an event in the order of a page: by time, or as it stands in the log. */
export type Place = Position & { readonly atMs: number };

/** By time; equal times as they stand in the log. */
export function comparePlaces(one: Place, other: Place): number {
  return one.atMs - other.atMs || comparePositions(one, other);
}

/** Where a page goes on: after a member, or after an event. */
export type After = { readonly member: string } | { readonly place: Place };

/** What a cursor is of: it goes on in the same question as of the same vector and instant only. */
export type CursorOf = { readonly token: string; readonly nowMs: number };

export type Cursor = CursorOf & { readonly after: After; isOf(asked: string): boolean };

/** Writes where the next page begins as one opaque word. */
export function formatCursor({ token, nowMs }: CursorOf, asked: string, after: After): string {
  const at =
    'member' in after
      ? { m: after.member }
      : { t: after.place.atMs, p: after.place.partition, o: String(after.place.offset) };
  return Buffer.from(JSON.stringify({ v: token, n: nowMs, q: digestOf(asked), ...at })).toString('base64url');
}

/** Takes an untrusted cursor, if there is one. What it is of is not checked yet. Throws `QUERY_INVALID`. */
export function readCursor(text: string | undefined): Cursor | undefined {
  const cursor = text === undefined ? undefined : parseCursor(text);
  if (text !== undefined && !cursor) throw wrongCursor('is no cursor that an explanation gave');
  return cursor;
}

export function wrongCursor(message: string): Fault {
  return invalidQuestion([{ field: 'cursor', code: 'cursor', message }]);
}

/** Whether a cursor belongs to what is asked; throws `QUERY_INVALID` where it does not. */
export function checkCursor(cursor: Cursor | undefined, asked: string): void {
  if (cursor && !cursor.isOf(asked)) throw wrongCursor('is of another explanation');
}

/** Members that may differ from page to page. */
const PAGING = new Set(['tenant_id', 'wait_for', 'timeout', 'page_size', 'cursor']);

/** Tells apart to which explanation a cursor belongs. */
export function identityOf(tenant: TenantId, name: string, asked: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(asked).filter(([member]) => !PAGING.has(member));
  return JSON.stringify([tenant, name, members.sort(([one], [other]) => (one < other ? -1 : 1))]);
}

/** What a cursor pins in a log; it must be of that log. Throws `QUERY_INVALID`. */
export async function pinOf(
  { token }: CursorOf,
  log: Pick<EventLog, 'bounds'>,
  tenant: TenantId,
): Promise<AsOfToken> {
  const { identity, next } = await log.bounds({ tenant, channel: 'events' });
  const pin = parseAsOf(token);
  if (pin?.logIdentity === identity && pin.vector.length === next.length && covers(next, pin.vector)) {
    return pin;
  }
  throw wrongCursor('is of another log');
}

function parseCursor(cursor: string): Cursor | undefined {
  const read = jsonOf(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (read === null || typeof read !== 'object') return undefined;
  const { v, n, q, m, t, p, o } = read as Readonly<Record<string, unknown>>;
  if (typeof v !== 'string' || typeof q !== 'string' || !Number.isSafeInteger(n)) return undefined;
  const of = { token: v, nowMs: n as number, isOf: (asked: string) => digestOf(asked) === q };
  if (typeof m === 'string') return { ...of, after: { member: m } };
  if (!Number.isSafeInteger(t) || !Number.isSafeInteger(p)) return undefined;
  if (typeof o !== 'string' || !/^\d{1,20}$/.test(o)) return undefined;
  return { ...of, after: { place: { atMs: t as number, partition: p as number, offset: BigInt(o) } } };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
