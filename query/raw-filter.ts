import type { Json, JsonObject } from '#domain';
import type { LogChannel, LogRecord } from '#log';

/** What became of an input whose record stands in the log. Duplicates are counted and not kept. */
export const OUTCOMES = ['accepted', 'rejected', 'conflict', 'not_projected'] as const;
export type RecordOutcome = (typeof OUTCOMES)[number];

/** Half-open, epoch ms; open where a side is missing. */
export type InstantRange = { readonly fromMs?: number; readonly toMs?: number };

/** Which records are asked for; all that is given must hold. */
export type RawFilter = {
  readonly eventId?: string;
  readonly userId?: string;
  readonly itemId?: string;
  readonly eventName?: string;
  readonly outcome?: RecordOutcome;
  /** Code of the first error of a dead letter. */
  readonly reason?: string;
  /** When it happened. */
  readonly happened: InstantRange;
  /** When the ingress received it. */
  readonly received: InstantRange;
};

/** Whether the filter looks into events and not only at the headers of records. */
export function looksInside({ userId, itemId, eventName, outcome, reason }: RawFilter): boolean {
  return [userId, itemId, eventName, outcome, reason].some((one) => one !== undefined);
}

/** Whether nothing is asked for but a place in the log. */
export function isOpen(filter: RawFilter): boolean {
  const { happened, received } = filter;
  const times = [happened.fromMs, happened.toMs, received.fromMs, received.toMs];
  return !looksInside(filter) && filter.eventId === undefined && times.every((one) => one === undefined);
}

/**
 * Whether a record is one of those asked for. Of a dead letter the members are those the sender sent, where
 * they can be read.
 */
export function matches(record: LogRecord, channel: LogChannel, filter: RawFilter): boolean {
  const { headers } = record;
  if (filter.eventId !== undefined && headers.eventId !== filter.eventId) return false;
  if (!isWithin(headers.timestampMs, filter.happened)) return false;
  if (!isWithin(headers.receivedAtMs, filter.received)) return false;
  if (!looksInside(filter)) return true;
  const value = parseObject(record.value);
  if (filter.outcome !== undefined && outcomeOf(record, channel, value) !== filter.outcome) return false;
  if (filter.reason !== undefined && (channel === 'events' || value?.['reason'] !== filter.reason))
    return false;
  const { userId, itemId, eventName } = filter;
  if (userId === undefined && itemId === undefined && eventName === undefined) return true;
  const event = channel === 'events' ? value : record.sent && parseObject(record.sent);
  return (
    event !== undefined &&
    (userId === undefined || event['user_id'] === userId) &&
    (itemId === undefined || event['item_id'] === itemId) &&
    (eventName === undefined || (event['event_name'] ?? event['action_type']) === eventName)
  );
}

/** What became of the input of a record. */
export function outcomeOf(
  { headers }: LogRecord,
  channel: LogChannel,
  value: JsonObject | undefined,
): RecordOutcome {
  if (channel === 'events') return 'accepted';
  if (headers.source === 'projection') return 'not_projected';
  return value?.['reason'] === 'conflict' ? 'conflict' : 'rejected';
}

/** The object that bytes are the JSON text of, else undefined. */
export function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    ) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

function isWithin(ms: number, { fromMs = -Infinity, toMs = Infinity }: InstantRange): boolean {
  return ms >= fromMs && ms < toMs;
}
