import { byActor, matches, selects } from './event-filter.ts';
import type { EventFilter, EventSelection, LoggedEvent } from './event-filter.ts';
import { percent } from './metrics.ts';

export const FUNNEL_ORDERS = ['ordered', 'strict', 'any'] as const;

/**
 * How steps follow each other within one attempt, always by different events:
 * - `ordered`: step 2 after step 1 and so on; anything may happen between;
 * - `strict`: as ordered, and nothing else between: each step is the user's very next event;
 * - `any`: the steps in any order; level n is reached with the n-th step done.
 */
export type FunnelOrder = (typeof FUNNEL_ORDERS)[number];

export type FunnelQuestion = {
  readonly fromMs: number;
  /** Exclusive. All steps, not only the first, lie in the range. */
  readonly toMs: number;
  readonly steps: readonly EventSelection[];
  /** Inclusive at its end, counted from the attempt's first event. */
  readonly windowMs: number;
  readonly order: FunnelOrder;
  /** What holds for every event that is looked at, those between strict steps too. */
  readonly filters: readonly EventFilter[];
};

export type FunnelStep = {
  readonly users: number;
  /** MF-06: of the users of the first step, per cent. */
  readonly conversion_rate: number;
  /** Of the users of the step before, per cent. */
  readonly step_rate: number;
  /** MF-07: users of the step before who did not come so far. */
  readonly drop_off: number;
  /** From the step before to this one, over the users who reached it; null where nobody did. */
  readonly average_seconds: number | null;
  readonly median_seconds: number | null;
};

/** How many users reached each step and how long those took from the step before, in ms. */
export type FunnelCounts = readonly { readonly users: number; readonly timesMs: readonly number[] }[];

/**
 * Brute force: every event of a user that does the first step starts an attempt, and an attempt takes the
 * earliest event it can for each step. Of a user counts the attempt that got furthest, of equal ones the
 * earliest. Equal times are in log order.
 */
export function countFunnel(events: readonly LoggedEvent[], question: FunnelQuestion): FunnelCounts {
  const { fromMs, toMs, steps, filters } = question;
  const reached = steps.map(() => ({ users: 0, timesMs: [] as number[] }));
  const inRange = events.filter(
    ({ event }) =>
      event.kind !== 'catalog' &&
      event.timestamp >= fromMs &&
      event.timestamp < toMs &&
      matches(event, filters),
  );
  for (const own of byActor(inRange).values()) {
    bestAttempt(own, question).forEach((time, step, times) => {
      const level = reached[step];
      if (!level) return;
      level.users++;
      if (step > 0) level.timesMs.push(time - (times[step - 1] ?? time));
    });
  }
  return reached;
}

/** Times of the steps of a user's best attempt. */
function bestAttempt(own: readonly LoggedEvent[], question: FunnelQuestion): readonly number[] {
  let best: readonly number[] = [];
  own.forEach((_, start) => {
    const times = attemptFrom(own.slice(start), question);
    if (times.length > best.length) best = times;
  });
  return best;
}

function attemptFrom(own: readonly LoggedEvent[], question: FunnelQuestion): readonly number[] {
  const started = own[0]?.event.timestamp ?? 0;
  const within = own.filter(({ event }) => event.timestamp - started <= question.windowMs);
  switch (question.order) {
    case 'ordered':
      return inTurn(within, question.steps);
    case 'strict':
      return directly(within, question.steps);
    case 'any':
      return inAnyOrder(within, question.steps);
  }
}

function inTurn(own: readonly LoggedEvent[], steps: readonly EventSelection[]): readonly number[] {
  const times: number[] = [];
  for (const { event } of own) {
    const wanted = steps[times.length];
    if (wanted && selects(wanted, event)) times.push(event.timestamp);
    else if (times.length === 0) return [];
  }
  return times;
}

function directly(own: readonly LoggedEvent[], steps: readonly EventSelection[]): readonly number[] {
  const times: number[] = [];
  for (const { event } of own) {
    const wanted = steps[times.length];
    if (!wanted || !selects(wanted, event)) break;
    times.push(event.timestamp);
  }
  return times;
}

/** The n-th time is that of the event with which n different steps could be given n different events. */
function inAnyOrder(own: readonly LoggedEvent[], steps: readonly EventSelection[]): readonly number[] {
  const times: number[] = [];
  const eventOfStep = new Map<number, number>();
  const assign = (index: number, tried: Set<number>): boolean =>
    steps.some((step, s) => {
      const logged = own[index];
      if (!logged || tried.has(s) || !selects(step, logged.event)) return false;
      tried.add(s);
      const holder = eventOfStep.get(s);
      if (holder !== undefined && !assign(holder, tried)) return false;
      eventOfStep.set(s, index);
      return true;
    });
  for (const [index, { event }] of own.entries()) {
    if (assign(index, new Set())) times.push(event.timestamp);
    else if (times.length === 0) return [];
  }
  return times;
}

/** MF-06 and MF-07 over what was counted. */
export function funnelSteps(
  counted: readonly { users: number; averageMs: number | null; medianMs: number | null }[],
): FunnelStep[] {
  const first = counted[0]?.users ?? 0;
  return counted.map(({ users, averageMs, medianMs }, index) => {
    const before = index === 0 ? users : (counted[index - 1]?.users ?? 0);
    return {
      users,
      conversion_rate: percent(users, first),
      step_rate: percent(users, before),
      drop_off: before - users,
      average_seconds: index === 0 ? null : seconds(averageMs),
      median_seconds: index === 0 ? null : seconds(medianMs),
    };
  });
}

/** To the millisecond. */
function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms) / 1000;
}

/** The whole funnel by brute force. */
export function foldFunnel(events: readonly LoggedEvent[], question: FunnelQuestion): FunnelStep[] {
  return funnelSteps(
    countFunnel(events, question).map(({ users, timesMs }) => ({
      users,
      averageMs: timesMs.length === 0 ? null : timesMs.reduce((sum, ms) => sum + ms, 0) / timesMs.length,
      medianMs: median(timesMs),
    })),
  );
}

/** The middle value; of an even number the mean of the two in the middle. */
function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}
