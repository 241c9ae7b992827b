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
  const rule: FunnelRule<LoggedEvent & Done> = {
    order: question.order,
    windowMs: question.windowMs,
    steps: steps.length,
    does: ({ event }, step) => steps[step] !== undefined && selects(steps[step], event),
  };
  for (const own of byActor(inRange).values()) {
    const done = own.map((logged) => ({ ...logged, atMs: logged.event.timestamp }));
    furthestAttempt(done, rule).forEach(({ atMs }, step, attempt) => {
      const level = reached[step];
      if (!level) return;
      level.users++;
      if (step > 0) level.timesMs.push(atMs - (attempt[step - 1]?.atMs ?? atMs));
    });
  }
  return reached;
}

/** Something somebody did, as far as a funnel needs to know: when. */
export type Done = { readonly atMs: number };

/** How attempts are made of what somebody did. */
export type FunnelRule<Did extends Done> = Pick<FunnelQuestion, 'order' | 'windowMs'> & {
  /** How many there are. */
  readonly steps: number;
  /** Whether this is the step of that index, from 0. */
  does(did: Did, step: number): boolean;
};

/**
 * What did the first, second, … step in the attempt of one user that got furthest, of equal ones the
 * earliest; `own` is in order. Empty where none was begun.
 */
export function furthestAttempt<Did extends Done>(
  own: readonly Did[],
  rule: FunnelRule<Did>,
): readonly Did[] {
  let best: readonly Did[] = [];
  for (let start = 0; start < own.length && best.length < rule.steps; start++) {
    const attempt = attemptFrom(own, start, rule);
    if (attempt.length > best.length) best = attempt;
  }
  return best;
}

function attemptFrom<Did extends Done>(
  own: readonly Did[],
  start: number,
  rule: FunnelRule<Did>,
): readonly Did[] {
  switch (rule.order) {
    case 'ordered':
      return inTurn(own, start, rule);
    case 'strict':
      return directly(own, start, rule);
    case 'any':
      return inAnyOrder(own, start, rule);
  }
}

/** What was done from the start on, as long as it is in time. */
function* within<Did extends Done>(own: readonly Did[], start: number, windowMs: number): Generator<Did> {
  const startedMs = own[start]?.atMs ?? 0;
  for (let index = start; index < own.length; index++) {
    const did = own[index];
    if (!did || did.atMs - startedMs > windowMs) return;
    yield did;
  }
}

function inTurn<Did extends Done>(own: readonly Did[], start: number, rule: FunnelRule<Did>): Did[] {
  const attempt: Did[] = [];
  for (const did of within(own, start, rule.windowMs)) {
    if (rule.does(did, attempt.length)) attempt.push(did);
    if (attempt.length === 0 || attempt.length === rule.steps) break;
  }
  return attempt;
}

function directly<Did extends Done>(own: readonly Did[], start: number, rule: FunnelRule<Did>): Did[] {
  const attempt: Did[] = [];
  for (const did of within(own, start, rule.windowMs)) {
    if (attempt.length === rule.steps || !rule.does(did, attempt.length)) break;
    attempt.push(did);
  }
  return attempt;
}

/** The n-th is that with which n different steps could be given to n different things done. */
function inAnyOrder<Did extends Done>(own: readonly Did[], start: number, rule: FunnelRule<Did>): Did[] {
  const attempt: Did[] = [];
  const holders = new Map<number, Did>();
  const assign = (did: Did, tried: Set<number>): boolean => {
    for (let step = 0; step < rule.steps; step++) {
      if (tried.has(step) || !rule.does(did, step)) continue;
      tried.add(step);
      const holder = holders.get(step);
      if (holder !== undefined && !assign(holder, tried)) continue;
      holders.set(step, did);
      return true;
    }
    return false;
  };
  for (const did of within(own, start, rule.windowMs)) {
    if (assign(did, new Set())) attempt.push(did);
    if (attempt.length === 0 || attempt.length === rule.steps) break;
  }
  return attempt;
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
