import type { Event } from '#domain';
import type { Kept } from './ledger.ts';

/**
 * Answers worked out from a list of events in the plainest way, sharing no line with the product, so that
 * an error its SQL and its folds have in common is seen. Slow, and meant to be.
 */

/** How many events, or how many different people, match in `[fromMs, toMs)`. */
export function countOf(
  events: readonly Event[],
  question: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly measure: 'count' | 'users';
    readonly matches: (event: Event) => boolean;
  },
): number {
  const people = new Set<string>();
  let count = 0;
  for (const event of events) {
    if (event.timestamp < question.fromMs || event.timestamp >= question.toMs) continue;
    if (!question.matches(event)) continue;
    count++;
    people.add(person(event));
  }
  return question.measure === 'count' ? count : people.size;
}

/** The calendar day of an instant in a time zone, `2024-03-10`, by the platform's own calendar tables. */
export function dayIn(timeZone: string): (atMs: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const known = new Map<number, string>();
  return (atMs) => {
    // No zone changes its day within a quarter of an hour that starts on one.
    const quarter = Math.floor(atMs / 900_000);
    let day = known.get(quarter);
    if (day === undefined) known.set(quarter, (day = format.format(quarter * 900_000)));
    return day;
  };
}

/**
 * Users per step of an ordered funnel: for each start a person has, follow every later occurrence that
 * still fits the window (inclusive, from the first step) by trying all of them; the furthest counts.
 * What happened at the same instant happened in the order of the log.
 */
export function funnelUsers(
  kept: readonly Kept[],
  question: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly steps: readonly ((event: Event) => boolean)[];
    readonly windowMs: number;
  },
): number[] {
  const reached = question.steps.map(() => 0);
  const within = kept.filter(
    ({ event }) => event.timestamp >= question.fromMs && event.timestamp < question.toMs,
  );
  for (const own of Map.groupBy(within, ({ event }) => person(event)).values()) {
    const furthest = furthestStep(own, question.steps, question.windowMs);
    for (let step = 0; step < furthest; step++) reached[step]!++;
  }
  return reached;
}

function furthestStep(
  own: readonly Kept[],
  steps: readonly ((event: Event) => boolean)[],
  windowMs: number,
): number {
  let best = 0;
  for (const start of own) {
    if (!steps[0]!(start.event)) continue;
    best = Math.max(best, 1);
    const until = start.event.timestamp + windowMs;
    // The events at which an attempt may stand after each step.
    let standing = [start];
    for (let step = 1; step < steps.length && standing.length > 0; step++) {
      standing = own.filter(
        (candidate) =>
          candidate.event.timestamp <= until &&
          steps[step]!(candidate.event) &&
          standing.some((from) => isLater(candidate, from)),
      );
      if (standing.length > 0) best = Math.max(best, step + 1);
    }
  }
  return best;
}

function isLater(one: Kept, than: Kept): boolean {
  if (one.event.timestamp !== than.event.timestamp) return one.event.timestamp > than.event.timestamp;
  return one.partition === than.partition ? one.offset > than.offset : one.partition > than.partition;
}

/**
 * Day-N retention "on": of everybody whose first start event in range was on a local day, how many did
 * the return event on the n-th day after it; the range bounds both.
 */
export function retentionValues(
  events: readonly Event[],
  question: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly timeZone: string;
    readonly periods: number;
    readonly starts: (event: Event) => boolean;
    readonly returns: (event: Event) => boolean;
  },
): Map<string, { size: number; values: number[] }> {
  const day = dayIn(question.timeZone);
  const cohorts = new Map<string, { size: number; values: number[] }>();
  for (const own of byPerson(inRange(events, question)).values()) {
    const starts = own.filter((event) => question.starts(event)).map(({ timestamp }) => timestamp);
    if (starts.length === 0) continue;
    const first = day(Math.min(...starts));
    const cohort = cohorts.get(first) ?? {
      size: 0,
      values: Array.from({ length: question.periods + 1 }, () => 0),
    };
    cohorts.set(first, cohort);
    cohort.size++;
    const active = new Set(
      own.filter((event) => question.returns(event)).map(({ timestamp }) => day(timestamp)),
    );
    for (let n = 0; n <= question.periods; n++) if (active.has(daysAfter(first, n))) cohort.values[n]!++;
  }
  return cohorts;
}

/** The calendar day n days after one, by the calendar alone. */
export function daysAfter(day: string, n: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);
}

function person(event: Event): string {
  return event.user_id ?? event.device_id ?? event.session_id ?? '';
}

function byPerson(events: readonly Event[]): Map<string, Event[]> {
  return Map.groupBy(events, person);
}

function inRange(
  events: readonly Event[],
  range: { readonly fromMs: number; readonly toMs: number },
): Event[] {
  return events.filter(({ timestamp }) => timestamp >= range.fromMs && timestamp < range.toMs);
}
