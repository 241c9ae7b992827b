import { Type } from 'typebox';
import type { Static } from 'typebox';
import { FUNNEL_ORDERS, funnelSteps } from '#domain';
import type { Analysis, Ask } from './analysis.ts';
import { countAnyOrder } from './funnel-any-order.ts';
import { compileFunnel, compileFunnelEvents, compileFunnelSize } from './funnel-sql.ts';
import type { FunnelPlan } from './funnel-sql.ts';
import { COMMON, FILTERS, SELECTION, checkFilters, oneOf, parseDuration } from './question.ts';
import { readSelection } from './retention.ts';
import type { Scope } from './sql.ts';

const MAX_STEPS = 20;
/** The work for steps in any order doubles with each of them. */
const MAX_STEPS_ANY_ORDER = 8;
const MAX_WINDOW_MS = 3660 * 86_400_000;

const SCHEMA = Type.Object(
  {
    ...COMMON,
    steps: Type.Array(SELECTION, {
      minItems: 1,
      maxItems: MAX_STEPS,
      description: 'What is done one after the other.',
    }),
    window: Type.Optional(
      Type.String({
        maxLength: 16,
        description: 'Longest time from the first step to the last, inclusive: a number with s, m, h or d.',
        default: '7d',
      }),
    ),
    order: Type.Optional(
      oneOf(
        FUNNEL_ORDERS,
        'Steps in their order with anything between, with nothing between, or in any order.',
        'ordered',
      ),
    ),
    filters: FILTERS,
  },
  { additionalProperties: false },
);

/**
 * How many users went how far through a list of steps (Q-10, MF-06, MF-07): the meaning of `foldFunnel`.
 * All steps lie in the range.
 */
export const funnel: Analysis<Static<typeof SCHEMA>, FunnelPlan> = {
  name: 'funnel',
  schema: SCHEMA,
  summary: 'How many users went how far through a list of steps',
  example: {
    question: {
      tenant_id: 'acme',
      from: '2024-03-04',
      to: '2024-03-11',
      tz: 'UTC',
      steps: [
        { event: 'impression', filters: [{ property: 'price', op: '>', value: 100 }] },
        { event: 'click' },
      ],
      window: '7d',
      order: 'ordered',
    },
    answer: {
      steps: [
        {
          event: 'impression',
          users: 3,
          conversion_rate: 100,
          step_rate: 100,
          drop_off: 0,
          average_seconds: null,
          median_seconds: null,
        },
        {
          event: 'click',
          users: 2,
          conversion_rate: 66.67,
          step_rate: 66.67,
          drop_off: 1,
          average_seconds: 12.5,
          median_seconds: 12.5,
        },
      ],
    },
  },

  plan(question, time, report) {
    const { window = '7d', order = 'ordered' } = question;
    const windowMs = /^\d+(s|m|h|d)$/.test(window) ? parseDuration(window) : undefined;
    if (windowMs === undefined) report('window', 'form', 'must be a number with s, m, h or d, such as 7d');
    else if (windowMs === 0 || windowMs > MAX_WINDOW_MS) {
      report('window', 'range', 'must be more than nothing and at most ten years');
    }
    if (order === 'any' && question.steps.length > MAX_STEPS_ANY_ORDER) {
      report('steps', 'length', `must be at most ${MAX_STEPS_ANY_ORDER} where their order is any`);
    }
    const filters = question.filters ?? [];
    checkFilters(filters, 'filters', report);
    const steps = question.steps.map((step, index) => readSelection(step, `steps[${index}]`, report));
    return { ...time, steps, windowMs: windowMs ?? 0, order, filters };
  },

  selections: (plan) => plan.steps,

  async answer(plan, scope, ask) {
    const counted =
      plan.order === 'any' ? await countByFold(plan, scope, ask) : await countBySql(plan, scope, ask);
    const figures = funnelSteps(counted);
    return { steps: plan.steps.map(({ event }, index) => ({ event, ...figures[index] })) };
  },
};

type Counted = {
  readonly users: number;
  readonly averageMs: number | null;
  readonly medianMs: number | null;
};

type FunnelRow = {
  readonly users: readonly string[];
  readonly sums: readonly string[];
  readonly medians: readonly (number | null)[];
};

async function countBySql(plan: FunnelPlan, scope: Scope, ask: Ask): Promise<Counted[]> {
  const [row] = await ask<FunnelRow>(compileFunnel(plan, scope));
  return plan.steps.map((_, index) => {
    const users = Number(row?.users[index] ?? 0);
    const timed = index > 0 && users > 0;
    return {
      users,
      averageMs: timed ? Number(row?.sums[index - 1]) / users : null,
      medianMs: timed ? Number(row?.medians[index - 1]) : null,
    };
  });
}

/** As many events as one statement of the fold may bring; users are divided so that it does not bring more. */
const EVENTS_AT_ONCE = 500_000;

async function countByFold(plan: FunnelPlan, scope: Scope, ask: Ask): Promise<Counted[]> {
  const [size] = await ask<{ readonly events: string }>(compileFunnelSize(plan, scope));
  const shares = Math.ceil(Number(size?.events ?? 0) / EVENTS_AT_ONCE);
  const fold = countAnyOrder(plan.steps.length, plan.windowMs);
  for (let share = 0; share < shares; share++) {
    const rows = await ask<{ readonly times: readonly number[]; readonly masks: readonly number[] }>(
      compileFunnelEvents(plan, scope, { share, shares }),
    );
    for (const { times, masks } of rows) fold.add(times, masks);
  }
  return fold.counted();
}
