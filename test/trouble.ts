import type { ViewProjectorTuning } from '../projections/view-projector.ts';

/** What a test asks of the store in the thread; read before every step. */
export const TROUBLE = { none: 0, fails: 1, diesAmidSteps: 2, neverEnds: 3, diesAtOnce: 4 } as const;

/** What a test tells the thread it starts. */
export type TestSettings = {
  readonly dataDir: string;
  readonly nowMs: number;
  readonly tuning: Partial<ViewProjectorTuning>;
  /** Generations from this one on are folded wrongly: a click weighs more, and counts twice for a user. */
  readonly wrongFrom?: number;
  /** Whole numbers: the trouble, and how many more steps go well before the thread dies. */
  readonly trouble: Int32Array;
};
