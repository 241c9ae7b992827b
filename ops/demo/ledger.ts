import { countFigures } from './figures.ts';
import type { Figures } from './figures.ts';
import { startOf } from './month.ts';
import type { Expected, Month, MonthOptions } from './month.ts';

/** The tenant whose traffic the demo makes. */
export const DEMO_TENANT = 'demo';

/** What a demo sends, kept beside its data so that it can go on after an interruption, and be checked. */
export type Plan = MonthOptions & {
  readonly tenant: string;
  readonly startAt: number;
  /** Whether every input has been answered. */
  readonly loaded: boolean;
};

/** A plan, and what must come of it. */
export type DemoLedger = {
  readonly plan: Plan;
  readonly release: Month['release'];
  /** How the inputs must be answered by a platform that has seen none of them. */
  readonly outcomes: Readonly<Record<Expected, number>>;
  readonly figures: Figures;
};

/** Enters a month into a ledger. */
export function keepLedger(options: MonthOptions, month: Month): DemoLedger {
  const { inputs, again, release } = month;
  const startAt = startOf(options);
  const outcomes = { accepted: 0, duplicate: 0, conflict: 0, rejected: 0 };
  for (const { expected } of [...inputs, ...again]) outcomes[expected]++;
  return {
    plan: { tenant: DEMO_TENANT, ...options, startAt, loaded: false },
    release,
    outcomes,
    figures: countFigures(inputs, { startAt, endAt: options.endAt }),
  };
}

/** The ledger of a file, or undefined when the text is none. */
export function parseLedger(text: string): DemoLedger | undefined {
  try {
    const ledger = JSON.parse(text) as Partial<DemoLedger> | null;
    const { seed, days, events, endAt } = ledger?.plan ?? {};
    if (![seed, days, events, endAt].every(Number.isSafeInteger)) return undefined;
    return ledger?.figures && ledger.outcomes && ledger.release ? (ledger as DemoLedger) : undefined;
  } catch {
    return undefined;
  }
}
