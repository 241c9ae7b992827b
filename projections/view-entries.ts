import { compareText } from '#domain';
import type { ViewDefinition } from './views.ts';

/** Members and numbers in turn as one JSON array, behind their count, so that counting need not read them. */
export function encodeEntries(entries: ReadonlyMap<string, number>): string {
  const flat: (string | number)[] = [];
  for (const [member, amount] of entries) flat.push(member, amount);
  return `${entries.size}${JSON.stringify(flat)}`;
}

/** The count, from the text or its beginning. */
export function decodeSize(text: string): number {
  return Number.parseInt(text, 10);
}

export function decodeEntries(text: string): Map<string, number> {
  const flat = JSON.parse(text.slice(text.indexOf('['))) as (string | number)[];
  const entries = new Map<string, number>();
  for (let i = 0; i < flat.length; i += 2) entries.set(flat[i] as string, flat[i + 1] as number);
  return entries;
}

/** The members that were there with the changes merged in; `kept` may be changed. */
export function mergeEntries(
  { merge, cap }: ViewDefinition,
  kept: Map<string, number>,
  changes: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  for (const [member, amount] of changes) {
    const known = kept.get(member);
    if (known === undefined) kept.set(member, amount);
    else if (merge === 'sum') kept.set(member, known + amount);
    else if (amount > known) kept.set(member, amount);
  }
  return cap === undefined || kept.size <= cap ? kept : newestOf(kept, cap);
}

/** The members with the newest instants, the newest first; of equal ones the greater name goes before. */
export function newestOf(entries: ReadonlyMap<string, number>, limit: number): Map<string, number> {
  const sorted = [...entries].sort(([a, left], [b, right]) => right - left || compareText(b, a));
  return new Map(sorted.slice(0, limit));
}
