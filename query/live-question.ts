import { Type } from 'typebox';
import type { TObject } from 'typebox';
import type { ViewFound, ViewWanted } from '#projections';
import { COMMON } from './question.ts';
import type { Report } from './question.ts';

/** What is to be read for an answer, and how the answer follows from what was found. */
export type LivePlan = {
  readonly wanted: readonly ViewWanted[];
  /** Nothing found must give a well-formed answer: that is how an unknown tenant is answered. */
  answer(found: readonly (readonly ViewFound[])[]): object;
};

/** One kind of question that is answered from the live views. */
export type LiveQuestion<Question = unknown> = {
  readonly name: string;
  /** Its route, with path parameters in braces. */
  readonly path: string;
  readonly schema: TObject;
  readonly summary: string;
  /** One complete question and its answer without `meta`, for the description of the API. */
  readonly example: { readonly question: object; readonly answer: object };
  /** Takes a question of the right form and the instant it is asked at. */
  plan(question: Question, atMs: number, report: Report): LivePlan;
};

const MINUTE = 60_000;

/** Members that every live question has. */
export const LIVE_COMMON = {
  tenant_id: COMMON.tenant_id,
  at: Type.Optional(
    Type.Unsafe<string | number>({
      type: ['string', 'number'],
      maxLength: 64,
      description:
        'The instant looked back from: ISO 8601 or epoch ms. By default now; earlier ones as far as `meta.horizon` lets.',
    }),
  ),
  as_of: Type.Optional(
    Type.Unsafe<string | number>({
      type: ['string', 'number'],
      maxLength: 2000,
      description: 'Always refused: live views keep only what is current, so no earlier vector can be given.',
    }),
  ),
  wait_for: COMMON.wait_for,
  timeout: COMMON.timeout,
};

export const SCENARIO = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'Only events of this scenario.',
});

/** How many minutes before the instant are looked at, the one it lies in included. */
export const MINUTES = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 60,
    default: 60,
    description: 'How many minutes are looked at, the current one included.',
  }),
);

export function limitOf(fallback: number, maximum: number) {
  return Type.Optional(
    Type.Integer({ minimum: 1, maximum, default: fallback, description: 'How many are listed at most.' }),
  );
}

export type Window = { readonly fromMs: number; readonly toMs: number };

/** The minutes up to and including the one the instant lies in; half-open. */
export function lastMinutes(atMs: number, count: number): Window {
  const toMs = Math.floor(atMs / MINUTE) * MINUTE + MINUTE;
  return { fromMs: toMs - count * MINUTE, toMs };
}

export function describeWindow({ fromMs, toMs }: Window): { readonly from: string; readonly to: string } {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** All buckets of a length that begin in a window. */
export function bucketsIn({ fromMs, toMs }: Window, lengthMs: number): readonly number[] {
  const count = Math.max(0, Math.ceil((toMs - fromMs) / lengthMs));
  return Array.from({ length: count }, (_, index) => fromMs + index * lengthMs);
}
