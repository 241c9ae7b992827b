import { ANY_EVENT } from '#domain';
import type { EventFilter, EventSelection, FunnelOrder } from '#domain';
import { all, createBinder, factsOf, holds, inRange, namedByOne, selected, visible } from './sql.ts';
import type { Binder, Scope, Statement } from './sql.ts';
import type { TimeRange } from './time-range.ts';

export type FunnelPlan = TimeRange & {
  readonly steps: readonly EventSelection[];
  readonly windowMs: number;
  readonly order: FunnelOrder;
  readonly filters: readonly EventFilter[];
};

/**
 * Users per step, and the sum and median of the times between steps, of an ordered or strict funnel.
 *
 * Every event of a user becomes one whole number: its time, its place in the log, the steps it matches, so
 * that sorting the numbers puts the events in order, equal times in log order. `windowFunnel` cannot be used:
 * it ignores the order of equal times and lets one event do two equal steps.
 */
export function compileFunnel(plan: FunnelPlan, scope: Scope): Statement {
  const binder = createBinder();
  const { steps } = plan;
  const numbers = steps.map((_, index) => index + 1);
  const later = numbers.slice(1);
  const code = codeOf(plan, scope);
  const sorted = `SELECT arraySort(groupArray(${code.pack(maskSql(binder, plan))})) AS codes
    FROM ${source(binder, plan, scope)} GROUP BY actor_id HAVING actor_id != ''`;
  const stages = plan.order === 'strict' ? strictStages(plan, code) : orderedStages(plan, code);
  const took = (n: number) => `time${n} - time${n - 1}`;
  const outcome = `[${numbers.map((n) => `countIf(level >= ${n})`).join(', ')}] AS users,
      ${array(later.map((n) => `sumIf(${took(n)}, level >= ${n})`))} AS sums,
      ${array(later.map((n) => `quantileExactInclusiveIf(0.5)(${took(n)}, level >= ${n})`))} AS medians`;
  return { sql: inStages(sorted, stages, outcome), params: binder.params };
}

/** Named expressions that build only on names of the stages before. */
type Stage = Readonly<Record<string, string>>;

/**
 * Each stage as a query around the one before, with the names that are still needed. A name is replaced by
 * what it stands for wherever it is used, unless it comes from a query inside: names that build on each other
 * in one query would grow into a statement that takes longer to read than to run.
 */
function inStages(innermost: string, stages: readonly Stage[], outcome: string): string {
  let sql = innermost;
  let known = ['codes'];
  stages.forEach((stage, index) => {
    const rest = [...stages.slice(index + 1).flatMap((later) => Object.values(later)), outcome].join(' ');
    const words = new Set(rest.match(/\w+/g));
    const kept = known.filter((name) => words.has(name));
    const added = Object.entries(stage).map(([name, expression]) => `${expression} AS ${name}`);
    sql = `SELECT ${[...kept, ...added].join(', ')} FROM (${sql})`;
    known = [...kept, ...Object.keys(stage)];
  });
  return `SELECT ${outcome} FROM (${sql})`;
}

/** How many events the fold of a funnel in any order has to look at. */
export function compileFunnelSize(plan: FunnelPlan, scope: Scope): Statement {
  const binder = createBinder();
  return { sql: `SELECT count() AS events FROM ${source(binder, plan, scope)}`, params: binder.params };
}

/** Times and matched steps of the users of one share, in order. */
export function compileFunnelEvents(
  plan: FunnelPlan,
  scope: Scope,
  { share, shares }: { readonly share: number; readonly shares: number },
): Statement {
  const binder = createBinder();
  const code = codeOf(plan, scope);
  const sql = `SELECT arraySort(groupArray(${code.pack(maskSql(binder, plan))})) AS codes,
      arrayMap(c -> toFloat64(${code.time('c')}), codes) AS times,
      arrayMap(c -> toUInt32(${code.mask('c')}), codes) AS masks
    FROM ${source(binder, plan, scope)} AND cityHash64(actor_id) % ${shares} = ${share}
    GROUP BY actor_id HAVING actor_id != ''`;
  return { sql: `SELECT times, masks FROM (${sql})`, params: binder.params };
}

function source(binder: Binder, plan: FunnelPlan, scope: Scope): string {
  // Whatever its name, an entry of the catalogue is nothing that somebody did.
  const conditions = [visible(binder, scope), inRange(binder, plan), `kind != 'catalog'`];
  if (plan.order !== 'strict') {
    conditions.push(namedByOne(binder, plan.steps));
    if (!plan.steps.every(isName)) {
      conditions.push(`(${plan.steps.map((step) => `(${selected(binder, step)})`).join(' OR ')})`);
    }
  }
  conditions.push(...plan.filters.map((filter) => holds(binder, filter)));
  return `${factsOf(scope)} WHERE ${all(conditions)}`;
}

function isName({ event, kind, filters = [] }: EventSelection): boolean {
  return event !== ANY_EVENT && kind === undefined && filters.length === 0;
}

/** A bit for every step that an event matches. */
function maskSql(binder: Binder, { steps }: FunnelPlan): string {
  if (!steps.every(isName)) {
    return `(${steps.map((step, index) => `toUInt32(${selected(binder, step)}) * ${2 ** index}`).join(' + ')})`;
  }
  // Looked up once per distinct name instead of once per row.
  const names = [...new Set(steps.map(({ event }) => event))];
  const masks = names.map((name) =>
    steps.reduce((mask, { event }, index) => (event === name ? mask + 2 ** index : mask), 0),
  );
  return `transform(event_name, ${binder.bind('Array(String)', names)}, [${masks.join(', ')}], 0)`;
}

type Code = {
  pack(mask: string): string;
  time(code: string): string;
  mask(code: string): string;
};

/**
 * Time, log position and steps of an event in one whole number, the narrowest that holds them. Times count
 * from so long before the range that the difference to 0, which stands for none, exceeds the window.
 */
function codeOf(plan: FunnelPlan, scope: Scope): Code {
  const offsets = scope.vector.reduce((highest, next) => (next > highest ? next : highest), 0n);
  const offsetBits = offsets.toString(2).length;
  const steps = plan.steps.length;
  const positionBits = offsetBits + scope.vector.length.toString(2).length;
  const timeBits = (plan.toMs - plan.fromMs + plan.windowMs + 1).toString(2).length;
  const type = timeBits + positionBits + steps <= 64 ? 'UInt64' : 'UInt128';
  const time = `toUInt64(toUnixTimestamp64Milli(ts) - ${plan.fromMs - plan.windowMs - 1})`;
  const position = `bitOr(bitShiftLeft(toUInt64(log_partition), ${offsetBits}), log_offset)`;
  return {
    pack: (mask) =>
      `bitOr(bitShiftLeft(to${type}(${time}), ${positionBits + steps}), to${type}(bitOr(bitShiftLeft(to${type}(${position}), ${steps}), ${mask})))`,
    time: (code) => `toUInt64(bitShiftRight(${code}, ${positionBits + steps}))`,
    mask: (code) => `toUInt${steps > 8 ? 32 : 8}(bitAnd(${code}, ${2 ** steps - 1}))`,
  };
}

/** Stands for nowhere in a list: further than any list is long, also several times over. */
const NOWHERE = 2 ** 40;

/**
 * `level`, and `time1`, `time2`, … of the best attempt.
 *
 * First the earliest attempt is followed without looking at the window: nobody can come further than that.
 * If it was in time, which for most users it was, it is the best one. For the others, over the sorted list,
 * level n at an event is the latest start from which n steps are done there, as in `windowFunnel`: exact.
 * The first event at which the highest level is reached completes the best attempt, and the earliest start
 * within the window before it began it.
 */
function orderedStages(plan: FunnelPlan, code: Code): Stage[] {
  const { steps, windowMs } = plan;
  const numbers = steps.map((_, index) => index + 1);
  const each = (name: string, of: (n: number) => string): Stage =>
    Object.fromEntries(numbers.map((n) => [`${name}${n}`, of(n)]));
  const start = `arrayFirstIndex((e, k) -> ${does(steps, 0)} AND e + ${windowMs} >= done, t, r)`;
  return [
    { m: `arrayMap(c -> ${code.mask('c')}, codes)` },
    ...follow(steps, { list: 'm', name: 'f', start: orNowhere(position(steps, 0, 'm')) }),
    {
      ...each('first', (n) => code.time(`codes[f${n}]`)),
      furthest: howMany(numbers.map((n) => `f${n} < ${NOWHERE}`)),
    },
    { in_time: `${array(numbers.map((n) => `first${n}`))}[furthest] <= first1 + ${windowMs}` },
    // Little has to be worked out for a user whose list is empty. The 0 in front is a start too long ago.
    { rest: `arrayPushFront(if(in_time, [], codes), 0)` },
    {
      t: `arrayMap(c -> ${code.time('c')}, rest)`,
      r: `arrayMap(c -> ${code.mask('c')}, rest)`,
    },
    ...latestStarts(plan),
    { reached: howMany(numbers.map((n) => `l${n}[-1] > 0`)) },
    { done: `t[${array(numbers.map((n) => `countEqual(l${n}, 0)`))}[reached] + 1]` },
    ...follow(steps, { list: 'r', name: 'b', start }),
    {
      // Sums, not conditions: the engine would put off all that stands in a branch and do it over and over.
      level: 'furthest * in_time + reached',
      ...each('time', (n) => `first${n} * in_time + t[b${n}]`),
    },
  ];
}

/** `l1`, `l2`, … = at every event the latest start from which so many steps are done; 0 = none. */
function latestStarts({ steps, windowMs }: FunnelPlan): Stage[] {
  return steps.map((step, index): Stage => {
    const name = `l${index + 1}`;
    const before = steps[index - 1];
    if (!before) return { [name]: `arrayFill((e, k) -> ${does(steps, 0)}, t, r)` };
    // An event that may match both steps must not do both.
    const reached = disjoint(before, step) ? `l${index}` : shifted(`l${index}`);
    const fits = `${does(steps, index)} AND e - p <= ${windowMs}`;
    return { [name]: `arrayFill((p, e, k) -> ${fits}, ${reached}, t, r)` };
  });
}

/** How many of the conditions hold: whoever reached a level has reached those before it. */
function howMany(conditions: readonly string[]): string {
  return `(${conditions.map((condition) => `(${condition})`).join(' + ')})`;
}

/** Where in a list of matched steps each step stands, taken as early as can be from the start on. */
function follow(
  steps: readonly EventSelection[],
  { list, name, start }: { readonly list: string; readonly name: string; readonly start: string },
): Stage[] {
  return steps.map((_, index): Stage => {
    if (index === 0) return { [`${name}1`]: `toInt64(${start})` };
    const before = `${name}${index}`;
    const after = orNowhere(position(steps, index, `arraySlice(${list}, ${before} + 1)`));
    return { [`${name}${index + 1}`]: `${before} + ${after}` };
  });
}

function position(steps: readonly EventSelection[], index: number, list: string): string {
  if (isAlone(steps, index)) return `indexOf(${list}, ${2 ** index})`;
  return `arrayFirstIndex(k -> ${does(steps, index)}, ${list})`;
}

function orNowhere(found: string): string {
  return `ifNull(nullIf(${found}, 0), ${NOWHERE})`;
}

/** As above, where every step must be done by the very next event. */
function strictStages({ steps, windowMs }: FunnelPlan, code: Code): Stage[] {
  const numbers = steps.map((_, index) => index + 1);
  const later = steps.slice(1).map((_, index): Stage => {
    const step = index + 1;
    // A start of 0, which stands for none, is longer ago than the window.
    const fits = `${does(steps, step)} AND e - p <= ${windowMs}`;
    return { [`l${step + 1}`]: `arrayMap((p, e, k) -> if(${fits}, p, 0), ${shifted(`l${step}`)}, t, r)` };
  });
  const start = numbers.map((n) => `arrayFirstIndex(e -> e > 0, l${n}) - ${n - 1}`);
  return [
    {
      t: `arrayMap(c -> ${code.time('c')}, codes)`,
      r: `arrayMap(c -> ${code.mask('c')}, codes)`,
    },
    { l1: `arrayMap((e, k) -> if(${does(steps, 0)}, e, 0), t, r)` },
    ...later,
    { level: howMany(numbers.map((n) => `arrayMax(l${n}) > 0`)) },
    { j1: `${array(start)}[level]` },
    Object.fromEntries(numbers.map((n) => [`time${n}`, `t[j1 + ${n - 1}]`])),
  ];
}

function isAlone(steps: readonly EventSelection[], index: number): boolean {
  return steps.every((step, other) => other === index || disjoint(step, steps[index] ?? step));
}

function does(steps: readonly EventSelection[], index: number): string {
  return isAlone(steps, index) ? `k = ${2 ** index}` : `bitTest(k, ${index})`;
}

function disjoint(a: EventSelection, b: EventSelection): boolean {
  if (a.kind !== undefined && b.kind !== undefined && a.kind !== b.kind) return true;
  return a.event !== b.event && a.event !== ANY_EVENT && b.event !== ANY_EVENT;
}

/** What stood one event earlier. */
function shifted(list: string): string {
  return `arrayPushFront(arrayPopBack(${list}), 0)`;
}

function array(members: readonly string[]): string {
  return members.length === 0 ? `CAST([] AS Array(UInt64))` : `[${members.join(', ')}]`;
}
