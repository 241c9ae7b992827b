import { Type } from 'typebox';
import type { Static } from 'typebox';
import { covers, formatPosition, parseAsOf, parsePosition } from '#domain';
import type { AsOfToken, TenantId } from '#domain';
import type { FactStore } from '#projections';
import { ANALYSES } from './analysis.ts';
import { askOf } from './ask.ts';
import { differencesBetween } from './differences.ts';
import { showEvent } from './explanation-page.ts';
import type { Answer, Queries } from './queries.ts';
import { COMMON, createFormCheck, invalidQuestion, oneOf } from './question.ts';
import type { Problem } from './question.ts';
import { countBetween, listBetween } from './records-between.ts';
import type { Between, RecordBetween } from './records-between.ts';

const token = (description: string) => Type.String({ minLength: 1, maxLength: 2000, description });

/** The form of the question. */
export const DIFF_QUESTION = Type.Object(
  {
    tenant_id: COMMON.tenant_id,
    analysis: oneOf(ANALYSES, 'Which question is asked twice.'),
    question: Type.Optional(
      Type.Object({}, { description: 'The members of that question; in an address as JSON text.' }),
    ),
    before: token('The `meta.as_of` of the earlier answer.'),
    after: token('The `meta.as_of` of the later one.'),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Most records per page.' }),
    ),
    cursor: Type.Optional(
      Type.String({ maxLength: 40, description: 'The `next_cursor` of the page of records before.' }),
    ),
  },
  { additionalProperties: false },
);

/** Most figures that are listed; how many there are is said besides. */
const MAX_CHANGES = 1000;

export type DiffsOptions = {
  readonly queries: Queries;
  readonly facts: Pick<FactStore, 'query'>;
  /** Epoch ms. */
  readonly clock: () => number;
};

/** Says what became of an answer between two vectors. */
export type Diffs = {
  /**
   * Both answers, the figures in which they differ, and why: the records between the vectors, another position
   * of the control plane, another generation. The same token twice gives no difference.
   *
   * Throws what {@link Queries} throws, and `QUERY_INVALID` for tokens that are none or in the wrong order.
   */
  diff(asked: {
    readonly tenant: TenantId;
    readonly question: unknown;
    readonly signal?: AbortSignal;
  }): Promise<object>;
};

export function createDiffs({ queries, facts, clock }: DiffsOptions): Diffs {
  const check = createFormCheck(DIFF_QUESTION);
  return {
    async diff({ tenant, question, signal }) {
      const asked = read(check, question);
      const { analysis, before, after } = asked;
      // Both are asked at one instant, so that nothing but the records makes a difference.
      const body = { now: clock(), ...asked.question, tenant_id: tenant };
      const answer = (as_of: string): Promise<Answer> =>
        queries.ask(analysis, { tenant, question: { ...body, as_of }, ...(signal && { signal }) });
      const first = await answer(before.token);
      const second = await answer(after.token);
      const { meta: firstMeta, ...firstData } = first;
      const { meta: secondMeta, ...secondData } = second;
      const changed = differencesBetween(firstData, secondData);
      const between: Between = {
        tenant,
        generation: after.pin.generation,
        before: before.pin.vector,
        after: after.pin.vector,
        range: { fromMs: Date.parse(secondMeta.range.from), toMs: Date.parse(secondMeta.range.to) },
      };
      const ask = askOf(facts, { maxSeconds: 30 }, signal);
      const { limit = 100 } = asked;
      const counts = await countBetween(between, ask);
      const records = await listBetween(between, { after: asked.cursor, limit }, ask);
      return {
        analysis,
        before: { as_of: firstMeta.as_of, answer: firstData },
        after: { as_of: secondMeta.as_of, answer: secondData },
        changed: changed.slice(0, MAX_CHANGES),
        changed_total: changed.length,
        why: {
          records: { late: counts.late, new: counts.new, outside_range: counts.outside },
          ...differing('generation', before.pin.generation, after.pin.generation),
          ...differing('control_position', before.pin.controlPosition, after.pin.controlPosition),
        },
        records: records.map(showBetween),
        next_cursor: nextOf(records, { ...counts, limit }),
        meta: { now: secondMeta.now, range: secondMeta.range },
      };
    },
  };
}

type Read = Pick<Static<typeof DIFF_QUESTION>, 'analysis' | 'question' | 'limit'> & {
  readonly before: Pinned;
  readonly after: Pinned;
  readonly cursor: ReturnType<typeof parsePosition>;
};
type Pinned = { readonly token: string; readonly pin: AsOfToken };

function read(check: ReturnType<typeof createFormCheck>, question: unknown): Read {
  const problems: Problem[] = [...check(question)];
  if (problems.length > 0) throw invalidQuestion(problems);
  const { before, after, cursor, ...asked } = question as Static<typeof DIFF_QUESTION>;
  const position = cursor === undefined ? undefined : parsePosition(cursor);
  if (cursor !== undefined && !position)
    problems.push({ field: 'cursor', code: 'cursor', message: 'is no cursor that a diff gave' });
  if (asked.question && 'as_of' in asked.question)
    problems.push({ field: 'question.as_of', code: 'unknown', message: 'is said by before and after' });
  const pins = readPins({ before, after }, problems);
  if (problems.length > 0 || !pins) throw invalidQuestion(problems);
  return { ...asked, ...pins, cursor: position };
}

/** The two tokens; what is wrong with them is added to the problems. */
function readPins(
  tokens: Readonly<Record<'before' | 'after', string>>,
  problems: Problem[],
): Pick<Read, 'before' | 'after'> | undefined {
  const before = parseAsOf(tokens.before);
  const after = parseAsOf(tokens.after);
  const message = 'is no token that an answer gave';
  if (!before) problems.push({ field: 'before', code: 'token', message });
  if (!after) problems.push({ field: 'after', code: 'token', message });
  if (!before || !after) return undefined;
  if (!covers(after.vector, before.vector))
    problems.push({ field: 'after', code: 'range', message: 'must not lie before the other token' });
  return { before: { token: tokens.before, pin: before }, after: { token: tokens.after, pin: after } };
}

function differing(name: string, before: number | bigint, after: number | bigint): object {
  return before === after ? {} : { [name]: { before: Number(before), after: Number(after) } };
}

function showBetween(record: RecordBetween): object {
  return { class: record.class, ...showEvent(record), user: record.user };
}

/** A full page may have another behind it. */
function nextOf(
  records: readonly RecordBetween[],
  { late, new: fresh, limit }: { readonly late: number; readonly new: number; readonly limit: number },
): string | null {
  const last = records.at(-1);
  if (!last || records.length < limit || late + fresh <= limit) return null;
  return formatPosition(last);
}
