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
 * that sorting the numbers puts the events in order, equal times in log order. Over the sorted list, level n
 * at an event is the latest start from which n steps are done there: the highest level reached is exact, by
 * the same argument as for `windowFunnel`, which cannot be used itself because it ignores the order of equal
 * times and lets one event do two equal steps. The earliest completion of that level tells the earliest
 * attempt that reached it: the first start within the window before it.
 */
export function compileFunnel(plan: FunnelPlan, scope: Scope): Statement {
  const binder = createBinder();
  const { steps } = plan;
  const numbers = steps.map((_, index) => index + 1);
  const later = numbers.slice(1);
  const code = codeOf(plan, scope);
  const users = `SELECT
      arrayPushFront(arraySort(groupArray(${code.pack(maskSql(binder, plan))})), 0) AS codes,
      arrayMap(c -> ${code.time('c')}, codes) AS t,
      arrayMap(c -> ${code.mask('c')}, codes) AS m,
      ${(plan.order === 'strict' ? strictLevels(plan) : orderedLevels(plan)).join(',\n      ')}
    FROM ${source(binder, plan, scope)}
    GROUP BY actor_id`;
  const times = later.map((n) => `t[j${n}] - t[j${n - 1}] AS d${n}`);
  const sql = `SELECT [${numbers.map((n) => `countIf(level >= ${n})`).join(', ')}] AS users,
      ${array(later.map((n) => `sumIf(d${n}, level >= ${n})`))} AS sums,
      ${array(later.map((n) => `quantileExactInclusiveIf(0.5)(d${n}, level >= ${n})`))} AS medians
    FROM (SELECT level${times.map((time) => `, ${time}`).join('')} FROM (${users}))`;
  return { sql, params: binder.params };
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
    GROUP BY actor_id`;
  return { sql: `SELECT times, masks FROM (${sql})`, params: binder.params };
}

function source(binder: Binder, plan: FunnelPlan, scope: Scope): string {
  const conditions = [visible(binder, scope), inRange(binder, plan), `actor_id != ''`];
  if (plan.order === 'strict') conditions.push(`kind != 'catalog'`);
  else {
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
  return `(${steps.map((step, index) => `toUInt32(${selected(binder, step)}) * ${2 ** index}`).join(' + ')})`;
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
    mask: (code) => `toUInt32(bitAnd(${code}, ${2 ** steps - 1}))`,
  };
}

/** `level`, and `j1`, `j2`, … = where in the list the steps of the best attempt stand. */
function orderedLevels({ steps, windowMs }: FunnelPlan): string[] {
  const last = steps.length;
  const lines = [`arrayFill((e, k) -> ${does(steps, 0)}, t, m) AS l1`];
  steps.forEach((step, index) => {
    const before = steps[index - 1];
    if (!before) return;
    // An event that may match both steps must not do both.
    const reached = disjoint(before, step) ? `l${index}` : shifted(`l${index}`);
    lines.push(
      `arrayFill((p, e, k) -> ${does(steps, index)} AND e - p <= ${windowMs}, ${reached}, t, m) AS l${index + 1}`,
    );
  });
  const levels = steps.map((_, index) => last - index);
  const choose = (of: (n: number) => string, none: string) =>
    `multiIf(${levels.map((n) => `l${n}[-1] > 0, ${of(n)}`).join(', ')}, ${none})`;
  lines.push(`${choose(String, '0')} AS level`);
  if (last === 1) return lines;
  const done = choose((n) => (n === 1 ? '0' : `countEqual(l${n}, 0)`), '0');
  lines.push(
    `t[${done} + 1] AS done`,
    'arrayEnumerate(t) AS places',
    `arrayFirstIndex((e, k) -> ${does(steps, 0)} AND e + ${windowMs} >= done, t, m) AS j1`,
  );
  steps.slice(1).forEach((_, index) => {
    const next = `arrayReverseFill((i, k) -> ${does(steps, index + 1)}, places, m)`;
    lines.push(`${next}[j${index + 1} + 1] AS j${index + 2}`);
  });
  return lines;
}

/** As above, where every step must be done by the very next event. */
function strictLevels({ steps, windowMs }: FunnelPlan): string[] {
  const lines = [`arrayMap((e, k) -> if(${does(steps, 0)}, e, 0), t, m) AS l1`];
  steps.slice(1).forEach((_, index) => {
    const step = index + 1;
    const fits = `${does(steps, step)} AND e - p <= ${windowMs}`;
    lines.push(`arrayMap((p, e, k) -> if(${fits}, p, 0), ${shifted(`l${step}`)}, t, m) AS l${step + 1}`);
  });
  const levels = steps.map((_, index) => steps.length - index);
  lines.push(`multiIf(${levels.map((n) => `arrayMax(l${n}) > 0, ${n}`).join(', ')}, 0) AS level`);
  const start = levels.map((n) => `level = ${n}, arrayFirstIndex(e -> e > 0, l${n}) - ${n - 1}`);
  lines.push(`multiIf(${start.join(', ')}, 1) AS j1`);
  steps.slice(1).forEach((_, index) => lines.push(`j1 + ${index + 1} AS j${index + 2}`));
  return lines;
}

function does(steps: readonly EventSelection[], index: number): string {
  const alone = steps.every((step, other) => other === index || disjoint(step, steps[index] ?? step));
  return alone ? `k = ${2 ** index}` : `bitTest(k, ${index})`;
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
