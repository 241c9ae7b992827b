import { Type } from 'typebox';
import { furthestAttempt, percent } from '#domain';
import { cellOf, plainCell } from './explain-cell.ts';
import type { Cell, CellsOf, NoCell } from './explain-cell.ts';
import { anyOf, fits, isDone, isSelected } from './explain-condition.ts';
import { rulePart } from './explain-part.ts';
import type { Marked, Part } from './explain-part.ts';
import type { FunnelPlan } from './funnel-sql.ts';
import { oneOf } from './question.ts';

const FIGURES = [
  'users',
  'drop_off',
  'conversion_rate',
  'step_rate',
  'average_seconds',
  'median_seconds',
] as const;

const STEP = { minimum: 1, maximum: 20 };
const SCHEMA = Type.Object(
  {
    step: Type.Optional(Type.Integer({ ...STEP, description: 'A step, from 1.' })),
    drop_off: Type.Optional(
      Type.Integer({ ...STEP, description: 'The `drop_off` of a step: short for `step` and `figure`.' }),
    ),
    figure: Type.Optional(oneOf(FIGURES, 'A number of the step, by its name.', 'users')),
  },
  { additionalProperties: false },
);

type Figures = Readonly<Record<(typeof FIGURES)[number], number | null>>;

/** The steps of a funnel. */
export const funnelCells: CellsOf<Type.Static<typeof SCHEMA>, FunnelPlan> = {
  schema: SCHEMA,
  example: { step: 2 },
  find(named, { plan, answer }) {
    const step = named.step ?? named.drop_off;
    if (step === undefined) return { problem: 'must name a step' };
    const figure = named.figure ?? (named.drop_off === undefined ? 'users' : 'drop_off');
    const value = (answer as { readonly steps: readonly Figures[] }).steps[step - 1]?.[figure];
    return value === undefined ? { problem: 'names no step' } : stepCell(plan, { step, figure, value });
  },
};

function stepCell(
  plan: FunnelPlan,
  { step, figure, value }: { step: number; figure: (typeof FIGURES)[number]; value: number | null },
): Cell | NoCell {
  const users = reachedPart(plan, step);
  const rate = (whole: Part): Cell | NoCell =>
    cellOf(value, {
      parts: [users, whole],
      worth: (totals) => percent(Number(totals.of(users)), Number(totals.of(whole))),
    });
  switch (figure) {
    case 'users':
      return plainCell(value, users);
    case 'drop_off':
      return plainCell(value, droppedPart(plan, step));
    case 'conversion_rate':
      return rate(reachedPart(plan, 1));
    case 'step_rate':
      return rate(reachedPart(plan, Math.max(1, step - 1)));
    case 'average_seconds': {
      const took = tookPart(plan, step);
      return cellOf(value, {
        parts: [took, users],
        worth: (totals) => seconds(Number(totals.of(took)) / Number(totals.of(users))),
      });
    }
    case 'median_seconds': {
      const took = tookPart(plan, step);
      return cellOf(value, { parts: [took], worth: (totals) => seconds(median(totals.each(took))) });
    }
  }
}

/** To the millisecond. */
function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

/** Of an even number of values the mean of the two in the middle. */
function median(values: readonly bigint[]): number {
  const sorted = values.map(Number).sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? 0;
  const lower = sorted[(sorted.length - 1) >> 1] ?? 0;
  return (lower + upper) / 2;
}

/** Users who came as far as a step, by their attempt up to it. */
function reachedPart(plan: FunnelPlan, step: number): Part {
  return attemptPart(plan, `users of step ${step}`, {
    needs: plan.order === 'any' ? 0 : 2 ** step - 1,
    count: (attempt) => (attempt.length < step ? undefined : { amount: 1n, events: attempt.slice(0, step) }),
  });
}

/** Users who came to the step before and no further, by what they did. Nobody drops off at the first step. */
function droppedPart(plan: FunnelPlan, step: number): Part {
  return attemptPart(plan, `users who left before step ${step}`, {
    needs: plan.order === 'any' ? 0 : 2 ** (step - 1) - 1,
    count: (attempt) =>
      step > 1 && attempt.length === step - 1 ? { amount: 1n, events: attempt } : undefined,
  });
}

/** How long the users of a step took from the one before. */
function tookPart(plan: FunnelPlan, step: number): Part {
  return attemptPart(plan, `ms to step ${step}`, {
    needs: plan.order === 'any' ? 0 : 2 ** step - 1,
    unit: 'ms',
    count: (attempt) => {
      const [before, done] = [attempt[step - 2], attempt[step - 1]];
      return before && done && { amount: BigInt(done.atMs - before.atMs), events: [before, done] };
    },
  });
}

function attemptPart(
  plan: FunnelPlan,
  name: string,
  ruled: Omit<Parameters<typeof rulePart>[1], 'marks' | 'member'>,
): Part {
  const marks = plan.steps.map(isSelected);
  // Between strict steps everything is looked at.
  const looked = plan.order === 'strict' ? [] : [anyOf(marks)];
  const { order, windowMs, steps } = plan;
  const does = ({ marks: done }: Marked, step: number) => (done & (1 << step)) !== 0;
  const rule = { order, windowMs, steps: steps.length, does };
  return rulePart(
    { ...plan, name, conditions: [isDone, ...looked, ...fits(plan.filters)] },
    { ...ruled, marks, count: (own) => ruled.count(furthestAttempt(own, rule)) },
  );
}
