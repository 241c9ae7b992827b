import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ANY_EVENT, RETENTION_COHORTS, RETENTION_MODES, RETENTION_PERIODS, retentionCohorts } from '#domain';
import type { EventFilter, EventSelection } from '#domain';
import type { Analysis } from './analysis.ts';
import { COMMON, FILTERS, SELECTION, checkFilters, oneOf } from './question.ts';
import type { Report } from './question.ts';
import {
  all,
  beforeVector,
  bucketSql,
  createBinder,
  factsOf,
  firstSeenOf,
  holds,
  inRange,
  namedByOne,
  selected,
  visible,
} from './sql.ts';
import type { Binder, Scope, Statement } from './sql.ts';
import { readBuckets } from './time-range.ts';
import type { TimeRange } from './time-range.ts';

const SCHEMA = Type.Object(
  {
    ...COMMON,
    period: Type.Optional(oneOf(RETENTION_PERIODS, 'Width of a period, in `tz`.', 'day')),
    periods: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 400,
        description: 'How many periods after the start; values[0] is the start itself.',
        default: 7,
      }),
    ),
    start: SELECTION,
    return: Type.Optional(SELECTION),
    mode: Type.Optional(
      oneOf(
        RETENTION_MODES,
        'Came back in exactly the n-th period, or in that or a later one of the range.',
        'on',
      ),
    ),
    cohort: Type.Optional(
      oneOf(
        RETENTION_COHORTS,
        'By the first start event of all time, by the first one of the range, or by every period with one.',
        'first_ever',
      ),
    ),
    filters: FILTERS,
  },
  { additionalProperties: false },
);

export type Plan = TimeRange & {
  readonly period: (typeof RETENTION_PERIODS)[number];
  readonly periods: number;
  readonly start: EventSelection;
  readonly return: EventSelection;
  readonly mode: (typeof RETENTION_MODES)[number];
  readonly cohort: (typeof RETENTION_COHORTS)[number];
  readonly filters: readonly EventFilter[];
  readonly edges: readonly number[];
};

/** How many users of a cohort came back in later periods (Q-11, MF-08): the meaning of `foldRetention`. */
export const retention: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'retention',
  schema: SCHEMA,
  summary: 'How many users of a cohort came back',
  example: {
    question: {
      tenant_id: 'acme',
      from: '2024-03-04',
      to: '2024-03-07',
      tz: 'UTC',
      period: 'day',
      periods: 7,
      start: { event: 'signup' },
      return: { event: 'any' },
      mode: 'on',
      cohort: 'first_ever',
    },
    answer: {
      cohorts: [
        { start: '2024-03-04', size: 3, values: [3, 1, 2], rates: [100, 33.33, 66.67] },
        { start: '2024-03-05', size: 0, values: [0, 0], rates: [0, 0] },
        { start: '2024-03-06', size: 1, values: [1], rates: [100] },
      ],
    },
  },

  plan(question, time, report) {
    const { period = 'day', periods = 7, mode = 'on', cohort = 'first_ever' } = question;
    const filters = (question.filters ?? []) as EventFilter[];
    checkFilters(filters, 'filters', report);
    return {
      ...time,
      period,
      periods,
      mode,
      cohort,
      filters,
      start: readSelection(question.start, 'start', report),
      return: readSelection(question.return ?? { event: ANY_EVENT }, 'return', report),
      edges: readBuckets(time, period, report),
    };
  },

  // A period that is not over is null, until it is.
  settledAtMs: ({ edges }) => edges.at(-1) ?? -Infinity,

  readsAllFacts: (plan) => plan.cohort === 'first_ever' && !isPlain(plan),

  selections: (plan) => [plan.start, plan.return],

  async answer(plan, scope, ask) {
    const counts = plan.edges.slice(1).map(() => ({
      size: 0,
      returned: Array.from({ length: plan.periods + 1 }, () => 0),
    }));
    for (const { period, after, users } of await ask<CohortRow>(compileRetention(plan, scope))) {
      const cohort = counts[period];
      if (!cohort) continue;
      if (after < 0) cohort.size = Number(users);
      else if (plan.mode === 'on') cohort.returned[after] = Number(users);
      // Whoever came back last in the n-th period after has come back in that or a later one of all before.
      else cohort.returned = cohort.returned.map((sum, n) => (n <= after ? sum + Number(users) : sum));
    }
    return { cohorts: retentionCohorts(counts, plan.edges, plan) };
  },
};

/** How many users of a cohort came back so many periods after it; `after` −1 counts all of the cohort. */
type CohortRow = { readonly period: number; readonly after: number; readonly users: string };

export function readSelection(
  selection: Static<typeof SELECTION>,
  field: string,
  report: Report,
): EventSelection {
  const { event, kind, filters = [] } = selection;
  checkFilters(filters, `${field}.filters`, report);
  return { event, ...(kind === undefined ? {} : { kind }), filters: filters };
}

/** Users per cohort and period after it; where `on_or_after` is asked, by the last period they came back in. */
export function compileRetention(plan: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const bucket = bucketSql(binder, plan.edges);
  const users =
    plan.cohort === 'first_ever'
      ? firstEver(plan, scope, binder, bucket)
      : ofRange(plan, scope, binder, bucket);
  const after = 'arrayMap(r -> toInt32(r) - toInt32(period), arrayFilter(r -> r >= period, returns))';
  const shown =
    plan.mode === 'on'
      ? `arrayFilter(n -> n <= ${plan.periods}, ${after})`
      : `arrayMap(n -> least(n, ${plan.periods}), arraySlice(arrayReverseSort(${after}), 1, 1))`;
  const sql = `SELECT period, after, count() AS users
    FROM (SELECT period, arrayJoin(arrayPushFront(${shown}, -1)) AS after FROM (${users}))
    GROUP BY period, after ORDER BY period, after`;
  return { sql, params: binder.params };
}

/** `period, returns` of every user who did the start event in the range. */
function ofRange(plan: Plan, scope: Scope, binder: Binder, bucket: string): string {
  const starts = selected(binder, plan.start);
  const first = plan.cohort === 'first_in_range';
  return `SELECT ${first ? `minIf(${bucket}, ${starts})` : `arrayJoin(groupUniqArrayIf(${bucket}, ${starts}))`} AS period,
      groupUniqArrayIf(${bucket}, ${selected(binder, plan.return)}) AS returns
    FROM ${factsOf(scope)}
    WHERE ${visible(binder, scope)} AND ${inRange(binder, plan)} AND actor_id != ''
      AND ${namedByOne(binder, [plan.start, plan.return])}${filtered(binder, plan)}
    GROUP BY actor_id HAVING countIf(${starts}) > 0`;
}

/** `period, returns` of every user whose first start event of all time lies in the range. */
function firstEver(plan: Plan, scope: Scope, binder: Binder, bucket: string): string {
  return `SELECT period, returns FROM (
      SELECT actor_id, ${bucket} AS period FROM (
        SELECT actor_id, min(at) AS ts FROM (${firsts(plan, scope, binder)}) GROUP BY actor_id
      ) WHERE ${inRange(binder, plan)}
    ) AS cohort LEFT JOIN (
      SELECT actor_id, groupUniqArray(${bucket}) AS returns FROM ${factsOf(scope)}
      WHERE ${visible(binder, scope)} AND ${inRange(binder, plan)} AND actor_id != ''
        AND ${selected(binder, plan.return)}${filtered(binder, plan)}
      GROUP BY actor_id
    ) AS back USING (actor_id)`;
}

/**
 * Users and times that hold the first start event of each user. The kept fold knows names, not attributes:
 * with filters all facts are read.
 */
function firsts(plan: Plan, scope: Scope, binder: Binder): string {
  const starts = selected(binder, plan.start);
  const facts = `SELECT actor_id, ts AS at FROM ${factsOf(scope)}
    WHERE ${visible(binder, scope)} AND actor_id != '' AND ${starts}${filtered(binder, plan)}`;
  if (!isPlain(plan)) return facts;
  const kept = scope.vector.map((next, partition) => {
    const folded = scope.firstSeen[partition] ?? 0n;
    return folded < next ? folded : next;
  });
  return `SELECT actor_id, ts AS at FROM ${firstSeenOf(scope)}
      WHERE tenant_id = ${binder.bind('String', scope.tenant)} AND ${beforeVector(binder, kept)}
        AND actor_id != '' AND ${starts}
    UNION ALL ${facts} AND NOT (${beforeVector(binder, kept)})`;
}

/** Whether names alone tell a start event. */
function isPlain({ filters, start }: Plan): boolean {
  return filters.length === 0 && (start.filters ?? []).length === 0;
}

function filtered(binder: Binder, plan: Plan): string {
  return plan.filters.length === 0 ? '' : ` AND ${all(plan.filters.map((filter) => holds(binder, filter)))}`;
}
