import type { ViewScope } from './view-store.ts';
import type { ViewKey, ViewName } from './views.ts';

export type KeyRange = { readonly start: string; readonly end: string };

/** Enough for any instant in epoch ms, so that the order of texts is that of time. */
const BUCKET_DIGITS = 15;

/** LMDB does not give the characters up to this one back from every key, so they are written with it. */
const ESCAPE = '\u0005';
const SHIFT = 64;

/** Projections and tenants hold no slash; the id comes last, so it may hold anything. */
export function prefixOf({ projection, generation, tenant }: ViewScope): string {
  return `${projection}/${generation}/${tenant}/`;
}

/** The key of a collection. Its order is that of view, bucket, and the UTF-8 bytes of the id. */
export function textOf(prefix: string, { view, bucketMs, id }: ViewKey): string {
  return `${prefix}${view}/${bucketText(bucketMs)}/${escaped(id)}`;
}

/** Takes the collection of a view out of its key without the prefix. */
export function keyFrom(view: ViewName, text: string): ViewKey {
  const bucketAt = view.length + 1;
  const idAt = bucketAt + BUCKET_DIGITS + 1;
  return { view, bucketMs: Number(text.slice(bucketAt, idAt - 1)), id: unescaped(text.slice(idAt)) };
}

/** A view, or its buckets that begin before an instant. */
export function rangeOf(prefix: string, view: ViewName, beforeMs?: number): KeyRange {
  const start = `${prefix}${view}/`;
  return { start, end: beforeMs === undefined ? endOf(start) : start + bucketText(Math.max(0, beforeMs)) };
}

/** The first text after all that begin with a prefix: the character after the slash at its end is a 0. */
export function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`;
}

function bucketText(bucketMs: number): string {
  return String(bucketMs).padStart(BUCKET_DIGITS, '0');
}

function escaped(id: string): string {
  return id.replace(/\p{Cc}/gu, (character) =>
    character > ESCAPE ? character : ESCAPE + String.fromCharCode(character.charCodeAt(0) + SHIFT),
  );
}

function unescaped(text: string): string {
  const [plain = '', ...others] = text.split(ESCAPE);
  return (
    plain + others.map((part) => String.fromCharCode(part.charCodeAt(0) - SHIFT) + part.slice(1)).join('')
  );
}
