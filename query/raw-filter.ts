import type { Json, JsonObject } from '#domain';
import type { LogChannel, LogRecord } from '#log';
import { parseObject } from '#projections';

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
  return (
    isOr(filter.eventId, headers.eventId) &&
    isWithin(headers.timestampMs, filter.happened) &&
    isWithin(headers.receivedAtMs, filter.received) &&
    (!looksInside(filter) || matchesInside(record, channel, filter))
  );
}

function matchesInside(record: LogRecord, channel: LogChannel, filter: RawFilter): boolean {
  const value = parseObject(record.value);
  const outcome = outcomeOf(record, channel, value);
  const reason = channel === 'events' ? undefined : value?.['reason'];
  const event = (channel === 'events' ? value : record.sent && parseObject(record.sent)) ?? {};
  return (
    isOr(filter.outcome, outcome) &&
    isOr(filter.reason, reason) &&
    isOr(filter.userId, event['user_id']) &&
    isOr(filter.itemId, event['item_id']) &&
    isOr(filter.eventName, event['event_name'] ?? event['action_type'])
  );
}

/** Whether a member is the one asked for, or none is. */
function isOr(wanted: string | undefined, found: Json | undefined): boolean {
  return wanted === undefined || found === wanted;
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

function isWithin(ms: number, { fromMs = -Infinity, toMs = Infinity }: InstantRange): boolean {
  return ms >= fromMs && ms < toMs;
}
