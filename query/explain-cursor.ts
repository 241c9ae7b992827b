import { createHash } from 'node:crypto';
import type { Place } from './explain-facts.ts';

/** Where a page goes on: after a member, or after an event. */
export type After = { readonly member: string } | { readonly place: Place };

/** What a cursor is of: it goes on in the same question as of the same vector only. */
export type CursorOf = { readonly token: string; readonly nowMs: number };

/** Writes where the next page begins as one opaque word. */
export function formatCursor({ token, nowMs }: CursorOf, asked: string, after: After): string {
  const at =
    'member' in after
      ? { m: after.member }
      : { t: after.place.atMs, p: after.place.partition, o: String(after.place.offset) };
  return Buffer.from(JSON.stringify({ v: token, n: nowMs, q: digestOf(asked), ...at })).toString('base64url');
}

/** Takes an untrusted cursor; undefined when it is none. What it is of is not checked yet. */
export function parseCursor(
  cursor: string,
): (CursorOf & { readonly after: After; isOf(asked: string): boolean }) | undefined {
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
