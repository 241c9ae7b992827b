import type { TObject } from 'typebox';
import type { EventSelection } from '#domain';
import type { Report } from './question.ts';
import type { Scope, Statement } from './sql.ts';
import type { RangeLength, TimeQuestion, TimeRange } from './time-range.ts';

/** Runs one statement of an answer. */
export type Ask = <Row>(statement: Statement) => Promise<readonly Row[]>;

/**
 * One kind of question: its form, what is planned for it, and how the plan is answered.
 *
 * A plan is all an answer depends on besides the scope: two equal plans of one scope have equal answers, so
 * a plan's JSON is its name in the cache.
 */
export type Analysis<Question = unknown, Plan = unknown> = {
  readonly name: AnalysisName;
  readonly schema: TObject;
  /** The form of the answer without `meta`, for the description of the API. */
  readonly answerSchema?: TObject;
  /** How long the range is where the question does not say. @default 7d */
  readonly defaultRange?: RangeLength;
  /** One complete question and its answer without `meta`, for the description of the API. */
  readonly example: { readonly question: object; readonly answer: object };
  readonly summary: string;
  /** When the question is about, where its members do not say so by themselves. */
  time?(question: Question, clockMs: number): TimeQuestion;
  /** Whether the question means another time when it is asked later. @default whether its range ends now */
  isUpToNow?(question: Question): boolean;
  /**
   * From which instant (epoch ms) on it makes no difference to the answer what now is, for a range that does
   * not end now. @default it never makes one
   */
  settledAtMs?(plan: Plan): number;
  /** Whether facts from before the range are read too. @default not */
  readsAllFacts?(plan: Plan): boolean;
  /** Takes a question of the right form; reports what the form does not tell. */
  plan(question: Question, time: TimeRange, report: Report): Plan;
  /** The selections whose names must not mean two kinds of event. */
  selections(plan: Plan): readonly EventSelection[];
  /** Zero rows must give a well-formed answer: that is how an unknown tenant is answered. */
  answer(plan: Plan, scope: Scope, ask: Ask): Promise<object>;
};

export const ANALYSES = [
  'dashboard',
  'trend',
  'distribution',
  'events',
  'funnel',
  'retention',
  'hot-items',
  'behavior-analysis',
  'scenario-metrics',
  'minutes',
  'user-activity',
  'item-stats',
  'daily-stats',
  'range',
] as const;
export type AnalysisName = (typeof ANALYSES)[number];
