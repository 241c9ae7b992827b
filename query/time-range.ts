import { UTC, bucketEdges, parseInstant, parseZone } from '#domain';
import type { Interval, Zone } from '#domain';
import type { Report } from './question.ts';

/** So long, up to now. */
export type RangeLength = '24h' | '7d' | '30d';

/** The part of a question that says when. */
export type TimeQuestion = {
  readonly from?: string | number;
  readonly to?: string | number;
  readonly start_time?: string | number;
  readonly end_time?: string | number;
  readonly range?: RangeLength;
  readonly tz?: string;
  readonly now?: string | number;
};

/** Half-open. */
export type TimeRange = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly zone: Zone;
  readonly nowMs: number;
};

/** Whether the range ends at whatever is now, so that the same question means another range later. */
export function isUpToNow({ range, to, end_time: end }: TimeQuestion): boolean {
  return range !== undefined || (to === undefined && end === undefined);
}

const DAY = 86_400_000;
const LENGTHS: Readonly<Record<RangeLength, number>> = { '24h': DAY, '7d': 7 * DAY, '30d': 30 * DAY };

/** Most points or cohorts that one series may have. */
const MAX_BUCKETS = 10_000;

/**
 * The range a question is about: by default, unless `defaultRange` says otherwise, the last seven days up
 * to now. `24h` and `7d` are so many hours
 * of 3,600 seconds, whatever the zone's clock did meanwhile.
 */
export function readTimeRange(
  question: TimeQuestion & { readonly defaultRange?: RangeLength | undefined },
  clockMs: number,
  report: Report,
): TimeRange {
  const zone = parseZone(question.tz ?? 'UTC');
  if (!zone) report('tz', 'time_zone', 'must be an IANA time zone, such as Europe/Berlin');
  const instant = (field: keyof TimeQuestion): number | undefined => {
    const value = question[field];
    if (value === undefined) return undefined;
    const ms = parseInstant(value, zone ?? UTC);
    if (ms === undefined) {
      report(field, 'time', 'must be ISO 8601 or epoch milliseconds, between the years 1900 and 2299');
    } else if (looksLikeSeconds(value, ms)) {
      report(field, 'time_seconds', 'looks like seconds; epoch times are in milliseconds');
      return undefined;
    }
    return ms;
  };
  const nowMs = instant('now') ?? clockMs;
  const given = {
    from: either(question, ['from', 'start_time'], instant, report),
    to: either(question, ['to', 'end_time'], instant, report),
  };
  if (question.range !== undefined) {
    if (hasOne(question)) report('range', 'ambiguous', 'must not be given together with from and to');
    return { fromMs: nowMs - LENGTHS[question.range], toMs: nowMs, zone: zone ?? UTC, nowMs };
  }
  const toMs = given.to ?? nowMs;
  const fromMs = given.from ?? toMs - LENGTHS[question.defaultRange ?? '7d'];
  if (fromMs >= toMs) report('from', 'range', 'must be before the end of the range');
  return { fromMs, toMs, zone: zone ?? UTC, nowMs };
}

function hasOne({ from, to, start_time, end_time }: TimeQuestion): boolean {
  return [from, to, start_time, end_time].some((value) => value !== undefined);
}

function either(
  question: TimeQuestion,
  [name, alias]: readonly [keyof TimeQuestion, keyof TimeQuestion],
  instant: (field: keyof TimeQuestion) => number | undefined,
  report: Report,
): number | undefined {
  const one = instant(name);
  const other = instant(alias);
  if (question[name] !== undefined && question[alias] !== undefined && one !== other) {
    report(alias, 'ambiguous', `differs from ${name}, which means the same`);
  }
  return one ?? other;
}

/** Between 1973 and 5138 in seconds, it would be the first weeks of 1970 in ms. */
function looksLikeSeconds(value: string | number, ms: number): boolean {
  return /^\d+$/.test(String(value)) && ms >= 100_000_000 && ms < 100_000_000_000;
}

/** The buckets of a range, or a report that there would be too many. */
export function readBuckets(time: TimeRange, interval: Interval, report: Report): readonly number[] {
  if (time.fromMs >= time.toMs) return [];
  const edges = bucketEdges({ ...time, interval, limit: MAX_BUCKETS });
  if (!edges) report('interval', 'range', `gives more than ${MAX_BUCKETS} buckets in this range`);
  return edges ?? [];
}
