/** How wide the buckets of a series are. Weeks start on Monday. */
export const INTERVALS = ['hour', 'day', 'week', 'month'] as const;
export type Interval = (typeof INTERVALS)[number];

/** A time zone by its IANA name. */
export type Zone = {
  readonly name: string;
  /** What a wall clock there shows minus UTC at that instant, in ms. */
  offsetAt(ms: number): number;
};

/** The zone in which everything is kept, and the one taken where none is named. */
export const UTC: Zone = { name: 'UTC', offsetAt: () => 0 };

const HOUR = 3_600_000;
const DAY = 86_400_000;

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Instants a question may name: what the facts can hold, 1900 to 2299. */
const FIRST_MS = Date.UTC(1900, 0, 1);
const LAST_MS = Date.UTC(2300, 0, 1);

/** Takes an untrusted zone name; undefined when the runtime's time zone database has none of that name. */
export function parseZone(name: string): Zone | undefined {
  if (name === UTC.name) return UTC;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
  return { name, offsetAt: (ms) => wallOf(format, ms) - Math.floor(ms / 1000) * 1000 };
}

function wallOf(format: Intl.DateTimeFormat, ms: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
  return Date.UTC(
    part['year'] ?? 0,
    (part['month'] ?? 1) - 1,
    part['day'] ?? 1,
    part['hour'] ?? 0,
    part['minute'] ?? 0,
    part['second'] ?? 0,
  );
}

/**
 * Takes an untrusted instant: epoch ms as a number or as its digits, or ISO 8601. A time without an offset,
 * and a date alone (its midnight), are meant in `zone`. Undefined when it is none of these, does not exist
 * in the calendar, or lies outside 1900 to 2299.
 */
export function parseInstant(value: string | number, zone: Zone): number | undefined {
  const ms = typeof value === 'number' ? value : parseText(value, zone);
  if (ms === undefined || !Number.isInteger(ms) || ms < FIRST_MS || ms >= LAST_MS) return undefined;
  return ms;
}

function parseText(text: string, zone: Zone): number | undefined {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = numbersOf(match.slice(1, 7));
  const [fraction = '0', offset] = match.slice(7);
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  // What the calendar does not have, such as 30 February or 24:00, comes back as something else.
  const back = new Date(wall);
  const same = [back.getUTCMonth() + 1, back.getUTCDate(), back.getUTCHours(), back.getUTCMinutes()];
  if (![month, day, hour, minute].every((part, index) => part === same[index]) || second > 59)
    return undefined;
  const ms = wall + Math.trunc(Number(`0.${fraction}`) * 1000);
  return offset === undefined ? instantOf(ms, zone) : ms - offsetOf(offset);
}

/** Year to second; what is not written is 0. */
function numbersOf(texts: readonly (string | undefined)[]): [number, number, number, number, number, number] {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = texts.map((text) =>
    Number(text ?? 0),
  );
  return [year, month, day, hour, minute, second];
}

function offsetOf(text: string): number {
  if (text === 'Z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return (text.startsWith('-') ? -minutes : minutes) * 60_000;
}

/**
 * The instant at which a clock in `zone` first shows `wall` (wall time written as if it were UTC). A wall
 * time that is skipped means the moment of the skip; one that comes twice means its first coming.
 */
function instantOf(wall: number, zone: Zone): number {
  const early = wall - zone.offsetAt(wall - DAY);
  const late = wall - zone.offsetAt(wall + DAY);
  const valid = [early, late].filter((ms) => ms + zone.offsetAt(ms) === wall);
  if (valid.length > 0) return Math.min(...valid);
  let before = Math.min(early, late) - 1;
  let after = Math.max(early, late);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (middle + zone.offsetAt(middle) >= wall) after = middle;
    else before = middle;
  }
  return after;
}

/** Wall time at which the bucket of a wall time starts (day, week or month). */
function wallStart(wall: number, interval: Exclude<Interval, 'hour'>): number {
  const date = new Date(wall);
  const day = Math.floor(wall / DAY) * DAY;
  if (interval === 'day') return day;
  if (interval === 'week') return day - ((date.getUTCDay() + 6) % 7) * DAY;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function nextWall(wall: number, interval: Exclude<Interval, 'hour'>): number {
  if (interval === 'day') return wall + DAY;
  if (interval === 'week') return wall + 7 * DAY;
  const date = new Date(wall);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/**
 * The edges of all buckets that `[fromMs, toMs)` touches: the start of each, and at the end the end of the
 * last, strictly ascending. The first may start before `fromMs`, the last end after `toMs`. Days have 23 or
 * 25 hours where the zone says so. Hours begin at full hours of the wall clock; where a zone shifts by half
 * an hour, the hour of the shift is longer.
 *
 * Answers at most `limit` buckets, else undefined.
 */
export function bucketEdges(question: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly interval: Interval;
  readonly zone: Zone;
  readonly limit: number;
}): readonly number[] | undefined {
  const { fromMs, toMs, interval, zone, limit } = question;
  const edges: number[] = [];
  const { start, next } = interval === 'hour' ? hours(fromMs, zone) : days(fromMs, zone, interval);
  let edge = start;
  for (; edge < toMs; edge = next()) {
    if (edges.length === limit) return undefined;
    edges.push(edge);
  }
  edges.push(edge);
  return edges;
}

function hours(fromMs: number, zone: Zone): { start: number; next: () => number } {
  const past = (ms: number) => mod(ms + zone.offsetAt(ms), HOUR);
  const start = fromMs - past(fromMs);
  let at = start;
  const next = () => {
    at += HOUR;
    const over = past(at);
    if (over > 0) at += HOUR - over;
    return at;
  };
  return { start, next };
}

function days(fromMs: number, zone: Zone, interval: Exclude<Interval, 'hour'>) {
  let wall = wallStart(fromMs + zone.offsetAt(fromMs), interval);
  let at = instantOf(wall, zone);
  const start = at;
  const next = () => {
    // A date that a zone skipped altogether has no bucket of its own.
    for (const last = at; at <= last; at = instantOf(wall, zone)) wall = nextWall(wall, interval);
    return at;
  };
  return { start, next };
}

/** Which bucket an instant falls into, or -1: the index of the last edge at or before it. */
export function bucketOf(ms: number, edges: readonly number[]): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((edges[middle] ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low === edges.length ? -1 : low - 1;
}

/** Writes an instant as ISO 8601 in the wall time of the zone, `Z` for UTC, else with its offset. */
export function formatInstant(ms: number, zone: Zone): string {
  const offset = zone.offsetAt(ms);
  const wall = new Date(ms + offset).toISOString();
  if (zone.name === 'UTC') return wall;
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const sign = offset < 0 ? '-' : '+';
  return `${wall.slice(0, -1)}${sign}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

/** Writes the date a calendar in the zone shows at an instant, `2024-03-04`. */
export function formatDate(ms: number, zone: Zone): string {
  return new Date(ms + zone.offsetAt(ms)).toISOString().slice(0, 10);
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function mod(value: number, by: number): number {
  return ((value % by) + by) % by;
}
