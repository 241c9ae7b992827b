import { Type } from 'typebox';
import { bucketOf, cohortsOf, isBack, percent } from '#domain';
import { bucketOn, cellOf, plainCell } from './explain-cell.ts';
import type { CellsOf } from './explain-cell.ts';
import { allOf, anyOf, fits, isSelected, within } from './explain-condition.ts';
import { rulePart } from './explain-part.ts';
import type { Added, Marked, Part } from './explain-part.ts';
import { oneOf } from './question.ts';
import type { Plan } from './retention.ts';
import { ALWAYS } from './slice-view.ts';

const SCHEMA = Type.Object(
  {
    cohort: Type.String({ maxLength: 10, description: 'The cohort, by its `start`.' }),
    period: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 400,
        description: 'Which of its `values`; without it the cohort itself, its `size`.',
      }),
    ),
    figure: Type.Optional(
      oneOf(['users', 'rate'], 'Of a period: its place in `values`, or that in `rates`.', 'users'),
    ),
  },
  { additionalProperties: false },
);

type Cohort = {
  readonly size: number;
  readonly values: readonly (number | null)[];
  readonly rates: readonly (number | null)[];
};

/** The cohorts of a retention, and who of them came back when. */
export const retentionCells: CellsOf<Type.Static<typeof SCHEMA>, Plan> = {
  schema: SCHEMA,
  example: { cohort: '2024-03-04', period: 2 },
  find({ cohort: start, period, figure = 'users' }, { plan, answer }) {
    const bucket = bucketOn(start, plan.edges, plan);
    const cohort = bucket && (answer as { readonly cohorts: readonly Cohort[] }).cohorts[bucket.index];
    if (!cohort) return { problem: 'names no cohort of this answer' };
    const size = cohortPart(plan, bucket.index);
    if (period === undefined) return plainCell(cohort.size, size);
    const back = backPart(plan, bucket.index, period);
    if (figure === 'users') return plainCell(cohort.values[period], back);
    return cellOf(cohort.rates[period], {
      parts: [back, size],
      worth: (totals) => percent(Number(totals.of(back)), Number(totals.of(size))),
    });
  },
};

const STARTED = 1;
const RETURNED = 2;

/** Users of a cohort, by what brings them into it. */
function cohortPart(plan: Plan, cohort: number): Part {
  return retainedPart(plan, 'size', {
    needs: STARTED,
    count: (own) => {
      const events = startsIn(plan, own, cohort);
      return events.length === 0 ? undefined : { amount: 1n, events };
    },
  });
}

/** Users of a cohort who came back, by what brings them into it and what they came back with. */
function backPart(plan: Plan, cohort: number, period: number): Part {
  return retainedPart(plan, `values[${period}]`, {
    needs: STARTED | RETURNED,
    count: (own) => {
      const starts = startsIn(plan, own, cohort);
      const returns = own.filter(
        ({ atMs, marks }) =>
          (marks & RETURNED) !== 0 && isBack(plan.mode, bucketOf(atMs, plan.edges), cohort + period),
      );
      if (starts.length === 0 || returns.length === 0) return undefined;
      const counting = new Set([...starts, ...returns]);
      return { amount: 1n, events: own.filter((one) => counting.has(one)) };
    },
  });
}

/** The start events that put somebody into a cohort: the first one, or where cohorts recur all of its period. */
function startsIn(plan: Plan, own: readonly Marked[], cohort: number): readonly Marked[] {
  const starts = own.filter(({ marks }) => (marks & STARTED) !== 0);
  const times = starts.map(({ atMs }) => atMs);
  if (!cohortsOf(times, plan, plan.edges).includes(cohort)) return [];
  const inPeriod = starts.filter(
    ({ atMs }) => atMs >= plan.fromMs && atMs < plan.toMs && bucketOf(atMs, plan.edges) === cohort,
  );
  return plan.cohort === 'recurring' ? inPeriod : inPeriod.slice(0, 1);
}

function retainedPart(
  plan: Plan,
  name: string,
  ruled: { readonly needs: number; readonly count: (own: readonly Marked[]) => Added | undefined },
): Part {
  const range = { fromMs: plan.fromMs, toMs: plan.toMs };
  const started = isSelected(plan.start);
  const returned = allOf([isSelected(plan.return), within(range)]);
  return rulePart(
    {
      // Whether a start event was the first ever only the whole history tells.
      ...(plan.cohort === 'first_ever' ? ALWAYS : range),
      name,
      conditions: [anyOf([started, returned]), ...fits(plan.filters)],
    },
    { ...ruled, marks: [started, returned] },
  );
}
