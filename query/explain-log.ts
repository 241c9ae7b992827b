import { formatReceipt } from '#domain';
import type { Event, Position, PositionVector, TenantId } from '#domain';
import type { EventLog, LogRecord } from '#log';
import { MEMBERS } from './explain-part.ts';
import type { Marked, Part } from './explain-part.ts';
import type { Windows } from './explain-facts.ts';

/** What an explanation needs of the log. */
export type RawLog = Pick<EventLog, 'read' | 'bounds'>;

/** Offsets so near to each other are read in one go. */
const NEAR = 256n;

/** The records at some positions, in the order asked for. Throws `LOG_GAP` where one is gone. */
export async function readRecords(
  log: RawLog,
  tenant: TenantId,
  positions: readonly Position[],
): Promise<readonly LogRecord[]> {
  const found = new Map<string, LogRecord>();
  const wanted = new Set(positions.map(keyOf));
  for (const { partition, from, to } of rangesOf(positions)) {
    for await (const { records } of log.read({ tenant, channel: 'events' }, { partition, from, to })) {
      for (const record of records) if (wanted.has(keyOf(record))) found.set(keyOf(record), record);
    }
  }
  return positions.flatMap((position) => found.get(keyOf(position)) ?? []);
}

export function keyOf({ partition, offset }: Position): string {
  return `${partition}:${offset}`;
}

type Range = { readonly partition: number; readonly from: bigint; readonly to: bigint };

/** The fewest ranges that hold the positions without much between them. */
export function rangesOf(positions: readonly Position[]): readonly Range[] {
  const ranges: Range[] = [];
  const inOrder = [...positions].sort(
    (a, b) => a.partition - b.partition || (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0),
  );
  for (const { partition, offset } of inOrder) {
    const last = ranges.at(-1);
    if (last?.partition === partition && offset - last.to < NEAR) {
      ranges[ranges.length - 1] = { ...last, to: offset + 1n };
    } else ranges.push({ partition, from: offset, to: offset + 1n });
  }
  return ranges;
}

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
}): Generator<Range> {
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
    event ??= eventOf(value);
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

function eventOf(value: Uint8Array): Event | undefined {
  try {
    return JSON.parse(textOf(value)) as Event;
  } catch {
    return undefined;
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  return strict.decode(bytes);
}

/** A record as it stands in the log. Bytes are text where they are UTF-8, else base64. */
export function shownRecord(record: LogRecord, logIdentity: string): object {
  const { partition, offset, key, headers, value, sent } = record;
  return {
    position: { partition, offset: String(offset) },
    receipt: formatReceipt({ logIdentity, partition, offset }),
    key: bytesOf(key),
    headers: {
      event_id: headers.eventId,
      content_hash: Buffer.from(headers.contentHash).toString('hex'),
      source: headers.source,
      received_at: new Date(headers.receivedAtMs).toISOString(),
      timestamp: new Date(headers.timestampMs).toISOString(),
      valid: headers.valid,
    },
    schema: { subject: headers.schema, version: headers.schemaVersion },
    value: bytesOf(value),
    sent: sent === undefined ? null : bytesOf(sent),
  };
}

function bytesOf(bytes: Uint8Array): object {
  try {
    return { encoding: 'utf-8', bytes: bytes.byteLength, text: textOf(bytes) };
  } catch {
    return {
      encoding: 'base64',
      bytes: bytes.byteLength,
      text: Buffer.from(bytes).toString('base64'),
    };
  }
}
