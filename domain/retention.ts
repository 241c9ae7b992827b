import { byActor, matches, selects } from './event-filter.ts';
import type { EventFilter, EventSelection, LoggedEvent } from './event-filter.ts';
import { percent } from './metrics.ts';
import { bucketEdges, bucketOf, formatDate } from './time-buckets.ts';
import type { Zone } from './time-buckets.ts';

export const RETENTION_PERIODS = ['day', 'week', 'month'] as const;
export const RETENTION_MODES = ['on', 'on_or_after'] as const;
export const RETENTION_COHORTS = ['first_ever', 'first_in_range', 'recurring'] as const;

export type RetentionQuestion = {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly zone: Zone;
  readonly period: (typeof RETENTION_PERIODS)[number];
  /** How many periods after the start are asked for; the start itself comes on top. */
  readonly periods: number;
  readonly start: EventSelection;
  readonly return: EventSelection;
  /** `on`: came back in that period; `on_or_after`: in that or a later one, up to the end of the range. */
  readonly mode: (typeof RETENTION_MODES)[number];
  /**
   * When a user belongs to a cohort: by the first start event of all time (`first_ever`), by the first one
   * of the range, or by every period of the range in which they did it.
   */
  readonly cohort: (typeof RETENTION_COHORTS)[number];
  /** What holds for start and return events alike. */
  readonly filters: readonly EventFilter[];
  /** A period that ends after this instant is not yet over. */
  readonly nowMs: number;
};

export type RetentionCohort = {
  /** First day of the period. */
  readonly start: string;
  /** Users of the cohort. */
  readonly size: number;
  /** Of those, how many did the return event in the n-th period after; null while that is not over. */
  readonly values: readonly (number | null)[];
  /** MF-08: values of the size, per cent. */
  readonly rates: readonly (number | null)[];
};

/** Counts of one cohort before unfinished periods are blanked: `returned[n]` for the n-th period after. */
export type CohortCounts = { readonly size: number; readonly returned: readonly number[] };

/** Lays counts out by cohort: periods beyond the range left out, those not yet over null. */
export function retentionCohorts(
  counts: readonly (CohortCounts | undefined)[],
  edges: readonly number[],
  question: Pick<RetentionQuestion, 'periods' | 'nowMs' | 'zone'>,
): RetentionCohort[] {
  const periods = edges.length - 1;
  return edges.slice(0, periods).map((edge, index) => {
    const { size, returned } = counts[index] ?? { size: 0, returned: [] };
    const shown = Math.min(question.periods + 1, periods - index);
    const values = Array.from({ length: shown }, (_, n) =>
      (edges[index + n + 1] ?? Infinity) > question.nowMs ? null : (returned[n] ?? 0),
    );
    return {
      start: formatDate(edge, question.zone),
      size,
      values,
      rates: values.map((value) => (value === null ? null : percent(value, size))),
    };
  });
}

/** Brute force over the whole history: `first_ever` also looks at what was before the range. */
export function foldRetention(
  events: readonly LoggedEvent[],
  question: RetentionQuestion,
): RetentionCohort[] {
  const edges = bucketEdges({ ...question, interval: question.period, limit: Number.MAX_SAFE_INTEGER }) ?? [];
  const cohorts = edges.slice(1).map(() => ({
    size: 0,
    returned: Array.from({ length: question.periods + 1 }, () => 0),
  }));
  const fitting = events.filter(({ event }) => matches(event, question.filters));
  for (const own of byActor(fitting).values()) {
    const returns = timesOf(own, question.return).filter((ms) => inRange(ms, question));
    const returned = returns.map((ms) => bucketOf(ms, edges));
    for (const index of cohortsOf(timesOf(own, question.start), question, edges)) {
      const cohort = cohorts[index];
      if (!cohort) continue;
      cohort.size++;
      cohort.returned = cohort.returned.map((users, n) => {
        return returned.some((period) => isBack(question.mode, period, index + n)) ? users + 1 : users;
      });
    }
  }
  return retentionCohorts(cohorts, edges, question);
}

function timesOf(own: readonly LoggedEvent[], selection: EventSelection): number[] {
  return own.filter(({ event }) => selects(selection, event)).map(({ event }) => event.timestamp);
}

function inRange(ms: number, { fromMs, toMs }: Pick<RetentionQuestion, 'fromMs' | 'toMs'>): boolean {
  return ms >= fromMs && ms < toMs;
}

/** Whether who did the return event in one period has come back in another. */
export function isBack(mode: RetentionQuestion['mode'], returned: number, period: number): boolean {
  return mode === 'on' ? returned === period : returned >= period;
}

/**
 * Which cohorts somebody belongs to, by the times of their start events in order: of all time, of which only
 * those of the range count. Cohorts are numbered as the periods between the edges.
 */
export function cohortsOf(
  starts: readonly number[],
  question: Pick<RetentionQuestion, 'fromMs' | 'toMs' | 'cohort'>,
  edges: readonly number[],
): number[] {
  const within = starts.filter((ms) => inRange(ms, question));
  switch (question.cohort) {
    case 'recurring':
      return [...new Set(within.map((ms) => bucketOf(ms, edges)))];
    case 'first_in_range':
      return within.slice(0, 1).map((ms) => bucketOf(ms, edges));
    case 'first_ever':
      return starts
        .slice(0, 1)
        .filter((ms) => inRange(ms, question))
        .map((ms) => bucketOf(ms, edges));
  }
}
