import { partitionOf } from '#domain';
import type { PositionVector } from '#domain';
import type { EventLog, LogBounds } from '#log';
import { invalidQuestion } from './question.ts';
import { parseCursor } from './raw-cursor.ts';
import type { RawSearch } from './raw-question.ts';
import type { SearchBounds } from './raw-search.ts';

/** Where matches can stand by what the question says itself: its place, the index of ids, the user's partition, its cursor. */
export async function searchBounds(
  log: EventLog,
  question: RawSearch,
  bounds: LogBounds,
): Promise<SearchBounds> {
  const { tenant, channel, filter, place, order } = question;
  const events = channel === 'events';
  const known = events && filter.eventId !== undefined ? await log.find(tenant, filter.eventId) : undefined;
  const byId = events && filter.eventId !== undefined;
  const byUser =
    events && filter.userId !== undefined
      ? partitionOf(Buffer.from(filter.userId), bounds.next.length)
      : undefined;
  const after = question.cursor === undefined ? undefined : vectorOf(question.cursor, question, bounds);
  const spans = bounds.next.map((next, partition) => {
    let from = bounds.first[partition] ?? 0n;
    let to = next;
    if (place) {
      from = larger(from, place.from);
      to = smaller(to, place.to ?? to);
    }
    if (known) {
      from = larger(from, known.offset);
      to = smaller(to, known.offset + 1n);
    }
    if (after) {
      const at = after[partition] ?? 0n;
      if (order === 'newest') to = smaller(to, at);
      else from = larger(from, at);
    }
    const left =
      (place && place.partition !== partition) ||
      (byId && known?.partition !== partition) ||
      (byUser !== undefined && byUser !== partition);
    return left || from > to ? { from: to, to } : { from, to };
  });
  return { from: spans.map(({ from }) => from), to: spans.map(({ to }) => to) };
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
