import type { Event, PositionVector, TenantId } from '#domain';
import type { EventLog, LogRecord, OffsetRange } from '#log';
import { parseEvent } from '#projections';
import { MEMBERS } from './explain-part.ts';
import type { Marked, Part } from './explain-part.ts';
import type { Windows } from './explain-facts.ts';

/** What an explanation needs of the log. */
export type RawLog = Pick<EventLog, 'read' | 'bounds'>;

/** What a part is made of by the raw records alone, and how many of them were read. */
export type Scanned = { readonly rows: ReadonlyMap<Part, readonly Marked[]>; readonly records: number };

/**
 * Reads the log up to a vector, or windows of it, and picks the events of every part. A record that nobody
 * can read as an event is none of any part.
 */
export async function scanLog(
  log: RawLog,
  parts: readonly Part[],
  scan: {
    readonly tenant: TenantId;
    readonly first: PositionVector;
    readonly vector: PositionVector;
    readonly windows: Windows | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Scanned> {
  const { tenant, signal } = scan;
  const rows = new Map(parts.map((part) => [part, [] as Marked[]]));
  let count = 0;
  for (const range of stretches(scan)) {
    for await (const { records } of log.read({ tenant, channel: 'events' }, range, signal)) {
      signal?.throwIfAborted();
      count += records.length;
      for (const record of records) pick(record, rows);
    }
  }
  return { rows, records: count };
}

function* stretches(scan: {
  readonly first: PositionVector;
  readonly vector: PositionVector;
  readonly windows: Windows | undefined;
}): Generator<Required<OffsetRange>> {
  for (const [partition, next] of scan.vector.entries()) {
    const first = scan.first[partition] ?? 0n;
    if (!scan.windows) {
      if (first < next) yield { partition, from: first, to: next };
      continue;
    }
    const { every, length } = scan.windows;
    for (let start = first - (first % every); start < next; start += every) {
      const from = start < first ? first : start;
      const to = start + length < next ? start + length : next;
      if (from < to) yield { partition, from, to };
    }
  }
}

function pick({ partition, offset, headers, value }: LogRecord, rows: ReadonlyMap<Part, Marked[]>): void {
  const { timestampMs } = headers;
  let event: Event | undefined;
  for (const [part, own] of rows) {
    // Without parsing the value: most records are of other times.
    if (timestampMs < part.fromMs || timestampMs >= part.toMs) continue;
    event ??= parseEvent(value);
    if (!event) return;
    const marked = markedBy(part, event);
    if (marked) own.push({ partition, offset, ...marked });
  }
}

function markedBy(part: Part, event: Event): Omit<Marked, 'partition' | 'offset'> | undefined {
  const held = event;
  if (!part.conditions.every((condition) => condition.holds(held))) return undefined;
  const member = MEMBERS[part.member].of(event);
  if (member === '' && part.count !== 'amounts') return undefined;
  const marks = part.marks.reduce((bits, mark, index) => (mark.holds(held) ? bits | (1 << index) : bits), 0);
  return { member, atMs: event.timestamp, marks, amount: part.amount.of(event) };
}
