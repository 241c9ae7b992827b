import type { EventWarning, JsonObject } from './event.ts';

const DAY_MS = 86_400_000;
/** Clocks of senders run ahead by less than that. */
const MAX_AHEAD_MS = DAY_MS;
/** As milliseconds early in 1973, as seconds the year 5138: nobody means the first. */
const SECONDS_BELOW = 100_000_000_000;

/** When an event happened, or why that cannot be told. */
export type EventTime =
  | { readonly ok: true; readonly ms: number; readonly warning?: EventWarning }
  | {
      readonly ok: false;
      readonly field: 'timestamp' | 'event_time';
      readonly code: EventTimeCode;
      readonly message: string;
    };

export type EventTimeCode =
  'range' | 'type' | 'timestamp_in_seconds' | 'timestamp_too_old' | 'timestamp_in_future';

/**
 * The time by the sender's word: `timestamp`, else its alias `event_time`, in epoch ms. Missing, null and 0
 * mean the time of receipt.
 *
 * @param window.maxAgeDays events that happened longer ago are refused; 0 takes any age
 */
export function eventTime(sent: JsonObject, window: Window): EventTime {
  const own = sent['timestamp'] ?? undefined;
  const alias = sent['event_time'] ?? undefined;
  const value = own ?? alias;
  if (value === undefined || value === 0) return { ok: true, ms: window.nowMs };
  const field = own === undefined ? 'event_time' : 'timestamp';
  if (typeof value !== 'number') {
    return { ok: false, field, code: 'type', message: 'must be a number: milliseconds since 1970' };
  }
  const refused = outside(value, window);
  if (refused) return { ok: false, field, code: refused[0], message: refused[1] };
  if (!Number.isInteger(value)) {
    const message = 'is no whole number of milliseconds; the fraction was cut off';
    return { ok: true, ms: Math.floor(value), warning: { field, code: 'timestamp_fraction', message } };
  }
  if (alias !== undefined && alias !== value) {
    const message = 'differs from timestamp, which was taken';
    return { ok: true, ms: value, warning: { field: 'event_time', code: 'differing_values', message } };
  }
  return { ok: true, ms: value };
}

type Window = { readonly nowMs: number; readonly maxAgeDays: number };

function outside(ms: number, { nowMs, maxAgeDays }: Window): [EventTimeCode, string] | undefined {
  if (ms < 0) return ['range', 'must not be negative: milliseconds since 1970'];
  if (ms < SECONDS_BELOW) {
    return ['timestamp_in_seconds', 'looks like seconds; send milliseconds since 1970'];
  }
  if (ms > nowMs + MAX_AHEAD_MS) {
    return ['timestamp_in_future', 'lies more than one day ahead of the time of receipt'];
  }
  if (maxAgeDays > 0 && ms < nowMs - maxAgeDays * DAY_MS) {
    return ['timestamp_too_old', `lies more than ${maxAgeDays} days before the time of receipt`];
  }
  return undefined;
}
