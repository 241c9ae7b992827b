import { partitionOf } from '#domain';
import type { PositionVector } from '#domain';
import type { EventLog, LogBounds } from '#log';
import { invalidQuestion } from './question.ts';
import { parseCursor } from './raw-cursor.ts';
import type { RawSearch } from './raw-question.ts';
import type { SearchBounds } from './raw-search.ts';
import type { Span } from './raw-spans.ts';

/** Where matches can stand by what the question says itself: its place, the index of ids, the user's partition, its cursor. */
export async function searchBounds(
  log: EventLog,
  question: RawSearch,
  bounds: LogBounds,
): Promise<SearchBounds> {
  const { cursor, order, place } = question;
  const known = await knownPlace(log, question, bounds);
  const after = cursor === undefined ? undefined : vectorOf(cursor, question, bounds);
  const spans = bounds.next.map((next, partition) => {
    let { from, to } = narrowed({ partition, from: bounds.first[partition] ?? 0n, to: next }, [place, known]);
    if (after && order === 'newest') to = smaller(to, after[partition] ?? to);
    if (after && order === 'oldest') from = larger(from, after[partition] ?? from);
    return { from: smaller(from, to), to };
  });
  return { from: spans.map(({ from }) => from), to: spans.map(({ to }) => to) };
}

/** A partition's offsets within each of the places given. */
function narrowed(span: Span, places: readonly (Only | 'nowhere' | undefined)[]): Span {
  let { from, to } = span;
  for (const only of places) {
    if (only === undefined) continue;
    // Nothing of the other partitions; what comes there later lies behind the end.
    if (only === 'nowhere' || only.partition !== span.partition) return { ...span, from: to, to };
    from = larger(from, only.from ?? from);
    to = smaller(to, only.to ?? to);
  }
  return { ...span, from, to };
}

type Only = { readonly partition: number; readonly from?: bigint; readonly to?: bigint | undefined };

/** Where alone an event can stand by its id, or by its user. */
async function knownPlace(
  log: EventLog,
  { tenant, channel, filter }: RawSearch,
  { next }: LogBounds,
): Promise<Only | 'nowhere' | undefined> {
  if (channel !== 'events') return undefined;
  if (filter.eventId !== undefined) {
    const found = await log.find(tenant, filter.eventId);
    return found ? { partition: found.partition, from: found.offset, to: found.offset + 1n } : 'nowhere';
  }
  if (filter.userId === undefined) return undefined;
  return { partition: partitionOf(Buffer.from(filter.userId), next.length) };
}

function vectorOf(cursor: string, { about }: RawSearch, { identity, next }: LogBounds): PositionVector {
  const parsed = parseCursor(cursor, about);
  const fits =
    parsed?.logIdentity === identity &&
    parsed.vector.length === next.length &&
    parsed.vector.every((offset, partition) => offset <= (next[partition] ?? 0n));
  if (fits) return parsed.vector;
  throw invalidQuestion([
    { field: 'cursor', code: 'cursor', message: 'is not from an answer to this question about this log' },
  ]);
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
