import { channel } from 'node:diagnostics_channel';
import { UTC, Fault, parseInstant } from '#domain';
import type { TenantId } from '#domain';
import type { Tenants } from '#log';
import { hasExpired } from '#projections';
import type { ViewAnswer, ViewProgress, ViewState, ViewStore, ViewWanted } from '#projections';
import { hotItems } from './live-hot-items.ts';
import { exposures, itemStats, recentViews } from './live-members.ts';
import { describeLiveAnswer } from './live-meta.ts';
import type { LiveMeta, LiveSeen } from './live-meta.ts';
import { realtimeMetrics } from './live-metrics.ts';
import { realtimeMinutes } from './live-minutes.ts';
import type { LivePlan, LiveQuestion } from './live-question.ts';
import { activeSessions } from './live-sessions.ts';
import { realtimeStats } from './live-stats.ts';
import { createFormCheck, invalidQuestion } from './question.ts';
import type { Problem, Report } from './question.ts';
import { inOneGeneration, readWait } from './visibility.ts';
import type { Wait } from './visibility.ts';

/** All questions that the live views answer. */
export const LIVE_QUESTIONS: readonly LiveQuestion[] = [
  hotItems,
  realtimeMetrics,
  realtimeMinutes,
  realtimeStats,
  activeSessions,
  recentViews,
  exposures,
  itemStats,
];

/** The figures of an answer and, beside them, what they reflect. */
export type LiveAnswer = { readonly [member: string]: unknown; readonly meta: LiveMeta };

/** Answers questions about one tenant's live views. */
export type LiveQuestions = {
  /**
   * Answers a question of untrusted form, named as in the API description. A tenant without events gets zeros
   * and a notice.
   *
   * Throws `QUERY_INVALID` with all that is wrong in `details.errors`, `QUERY_PIN_UNAVAILABLE` for `as_of` and
   * for an instant of which something has been removed, and `QUERY_NOT_YET_VISIBLE`.
   */
  ask(
    name: string,
    request: {
      readonly tenant: TenantId;
      readonly question: unknown;
      /** Whether all is listed, whatever the limit of the question. @default false */
      readonly whole?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<LiveAnswer>;
};

export type LiveQuestionsOptions = {
  readonly views: Pick<ViewStore, 'read'>;
  readonly progress: ViewProgress;
  readonly tenants: Pick<Tenants, 'get' | 'position'>;
  /** Epoch ms. */
  readonly clock: () => number;
};

type Common = {
  readonly at?: string | number;
  readonly as_of?: string | number;
  readonly wait_for?: string;
  readonly timeout?: string;
};

const answered = channel('daybook:query:answered');

export function createLiveQuestions({
  views,
  progress,
  tenants,
  clock,
}: LiveQuestionsOptions): LiveQuestions {
  const checked = new Map(
    LIVE_QUESTIONS.map((question) => [question.name, { question, check: createFormCheck(question.schema) }]),
  );

  function read(name: string, question: unknown, whole: boolean): Read {
    const known = checked.get(name);
    if (!known) throw new Fault('NOT_FOUND');
    const problems: Problem[] = [...known.check(question)];
    if (problems.length > 0) throw invalidQuestion(problems);
    const report: Report = (field, code, message) => problems.push({ field, code, message });
    const common = question as Common;
    const atMs = readAt(common.at, report);
    const waitFor = readWait(common, report);
    const planned = whole ? { ...(question as Common), limit: Infinity } : question;
    const planAt = (instantMs: number): LivePlan => known.question.plan(planned, instantMs, report);
    planAt(atMs ?? clock());
    if (problems.length > 0) throw invalidQuestion(problems);
    if (common.as_of !== undefined) throw new Fault('QUERY_PIN_UNAVAILABLE', PIN_REFUSED);
    return { atMs, waitFor, planAt };
  }

  async function look(
    state: ViewState | undefined,
    { atMs, planAt }: Read,
    nowMs = clock(),
  ): Promise<Looked> {
    const plan = planAt(atMs ?? nowMs);
    const answer = state && (await views.read(state.scope, plan.wanted));
    if (!answer || !reachesBelow(plan.wanted, answer)) {
      const seen = state && { state, answer };
      return { seen, atMs: atMs ?? nowMs, data: plan.answer(answer?.found ?? []) };
    }
    if (atMs !== undefined) throw gone(answer);
    // Something was removed meanwhile, so "now" has become later.
    return look(state, { atMs, planAt, waitFor: undefined }, Math.max(clock(), answer.prunedAtMs));
  }

  return {
    async ask(name, { tenant, question, whole = false, signal }) {
      const startedMs = clock();
      const asked = read(name, question, whole);
      const { seen, atMs, data } = await inOneGeneration(
        progress,
        { tenant, wait: asked.waitFor, signal },
        (state) => look(tenants.get(tenant) ? state : undefined, asked),
      );
      const clockMs = clock();
      const elapsedMs = clockMs - startedMs;
      if (answered.hasSubscribers) {
        answered.publish({ tenant, analysis: name, elapsedMs, rowsRead: 0, cached: false });
      }
      const controlPosition = tenants.position();
      return { ...data, meta: describeLiveAnswer(seen, { atMs, elapsedMs, clockMs, controlPosition }) };
    },
  };
}

/** A question that has been read. */
type Read = {
  /** Undefined: now. */
  readonly atMs: number | undefined;
  readonly waitFor: Wait | undefined;
  readonly planAt: (instantMs: number) => LivePlan;
};

type Looked = { readonly seen: LiveSeen | undefined; readonly atMs: number; readonly data: object };

const PIN_REFUSED =
  'Live views keep only what is current, so there is no answer as of an earlier vector. Ask with at, or ask the facts.';

/** Whether something that is wanted may have been removed. */
function reachesBelow(wanted: readonly ViewWanted[], { prunedAtMs }: ViewAnswer): boolean {
  return wanted.some(({ view, range }) => range !== undefined && hasExpired(view, range.fromMs, prunedAtMs));
}

function gone({ prunedAtMs }: ViewAnswer): Fault {
  const instant = new Date(prunedAtMs).toISOString();
  return new Fault('QUERY_PIN_UNAVAILABLE', `What had expired at ${instant} has been removed.`, {
    details: { horizon: instant },
  });
}

function readAt(value: string | number | undefined, report: Report): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseInstant(value, UTC);
  if (ms === undefined || ms < 0)
    report('at', 'time', 'must be ISO 8601 or epoch milliseconds, from 1970 on');
  return ms;
}
