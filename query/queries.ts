import { channel } from 'node:diagnostics_channel';
import { UTC, parseAsOf, parseZone } from '#domain';
import type { TenantId } from '#domain';
import type { Catalogue, Tenants } from '#log';
import type { FactCompleteness, FactProgress, FactStore } from '#projections';
import type { Analysis, AnalysisName, Ask } from './analysis.ts';
import { createAnswerCache } from './answer-cache.ts';
import { newestReceived, nowRequired, pinnedState, readPin, refuseDropped, resolvePin } from './as-of.ts';
import type { Pin } from './as-of.ts';
import { behaviorAnalysis } from './behavior-analysis.ts';
import { countRange } from './counted-range.ts';
import { dailyStats } from './daily-stats.ts';
import { dashboard } from './dashboard.ts';
import { distribution } from './distribution.ts';
import { events } from './events.ts';
import { funnel } from './funnel.ts';
import { hotItems } from './hot-items.ts';
import { itemStats } from './item-stats.ts';
import { describeAnswer } from './meta.ts';
import type { Meta, Seen } from './meta.ts';
import { minutes } from './minutes.ts';
import { createNameKinds } from './name-kinds.ts';
import { createFormCheck, invalidQuestion } from './question.ts';
import type { Problem, Report } from './question.ts';
import { range } from './range.ts';
import { retention } from './retention.ts';
import { scenarioMetrics } from './scenario-metrics.ts';
import { usableSeals } from './slices.ts';
import type { Scope } from './sql.ts';
import { isUpToNow, readTimeRange } from './time-range.ts';
import type { TimeQuestion, TimeRange } from './time-range.ts';
import { trend } from './trend.ts';
import { userActivity } from './user-activity.ts';
import { readWait, untilVisible } from './visibility.ts';
import type { Wait } from './visibility.ts';

/** All analyses by name. */
export const CATALOGUE: Readonly<Record<AnalysisName, Analysis>> = {
  dashboard: dashboard,
  trend: trend,
  distribution: distribution,
  events: events,
  funnel: funnel,
  retention: retention,
  'hot-items': hotItems,
  'behavior-analysis': behaviorAnalysis,
  'scenario-metrics': scenarioMetrics,
  minutes: minutes,
  'user-activity': userActivity,
  'item-stats': itemStats,
  'daily-stats': dailyStats,
  range: range,
};

/** The figures of an answer and, beside them, what they reflect. */
export type Answer = { readonly [member: string]: unknown; readonly meta: Meta };

/** Answers questions about one tenant's facts. */
export type Queries = {
  /**
   * Answers a question of untrusted form. A tenant without events gets zeros and a notice.
   *
   * Throws `QUERY_INVALID` with all that is wrong in `details.errors`, `QUERY_PIN_UNAVAILABLE`,
   * `QUERY_NOT_YET_VISIBLE`, `QUERY_TOO_DEAR`, `QUERY_OVERLOADED`.
   */
  ask(name: AnalysisName, request: QueryRequest): Promise<Answer>;

  /** The same, with what the answer was worked out from. */
  askWithGrounds(name: AnalysisName, request: QueryRequest): Promise<Answered>;
};

/** One question of one tenant. */
export type QueryRequest = {
  readonly tenant: TenantId;
  readonly question: unknown;
  readonly signal?: AbortSignal;
};

/** An answer and its grounds: what was planned, for when, over which records. */
export type Answered = {
  readonly answer: Answer;
  readonly plan: unknown;
  readonly time: TimeRange;
  /** Undefined where the tenant has no events. */
  readonly seen: (Seen & { readonly scope: Scope }) | undefined;
};

export type QueriesOptions = {
  readonly facts: Pick<FactStore, 'query'>;
  readonly progress: FactProgress;
  readonly tenants: Pick<Tenants, 'get' | 'position'>;
  /** The control plane's scenarios; its position is the one that answers report. @default none, and the position of `tenants` */
  readonly catalogue?: Pick<Catalogue, 'activeScenarios' | 'position'>;
  /** Says of every answer whether the facts of its range are complete. @default answers do not say it */
  readonly completeness?: Pick<FactCompleteness, 'of' | 'forgotten'>;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly limits?: {
    /** Longest run of one statement. @default 30 */
    readonly maxSeconds?: number;
    /** Most memory of one statement, in bytes. @default the store's */
    readonly maxBytes?: number;
    /** Most characters of answers kept for equal questions. @default 16,000,000 */
    readonly cacheLength?: number;
  };
};

type Common = TimeQuestion & {
  readonly tenant_id?: string;
  readonly as_of?: string | number;
  readonly wait_for?: string;
  readonly timeout?: string;
};

/** A question that has been read. */
type Read = {
  readonly plan: unknown;
  readonly time: TimeRange;
  readonly pin: Pin;
  readonly waitFor: Wait | undefined;
  /** Whether it is pinned without saying what now is. */
  readonly needsNow: boolean;
};

const answered = channel('daybook:query:answered');

export function createQueries(options: QueriesOptions): Queries {
  const { facts, progress, tenants, catalogue, completeness, clock } = options;
  const { maxSeconds = 30, maxBytes, cacheLength = 16_000_000 } = options.limits ?? {};
  const limits = { maxSeconds, ...(maxBytes === undefined ? {} : { maxBytes }) };
  const cache = createAnswerCache(cacheLength);
  const kinds = createNameKinds();
  const checks = Object.fromEntries(
    Object.values(CATALOGUE).map(({ name, schema }) => [name, createFormCheck(schema)]),
  ) as Record<AnalysisName, ReturnType<typeof createFormCheck>>;

  function read(analysis: Analysis, question: unknown): Read {
    const problems: Problem[] = [...checks[analysis.name](question)];
    if (problems.length > 0) throw invalidQuestion(problems);
    const report: Report = (field, code, message) => problems.push({ field, code, message });
    const common = question as Common;
    const pin = readPin(common.as_of, parseZone(common.tz ?? 'UTC') ?? UTC, report);
    // What was received before an instant is asked about as it was at that instant.
    const clockMs = pin.kind === 'received_before' ? pin.atMs : clock();
    const { upToNow, ...asked } = whenAsked(analysis, question, clockMs);
    const time = readTimeRange({ ...asked, defaultRange: analysis.defaultRange }, clockMs, report);
    const needsNow = pin.kind === 'token' && common.now === undefined;
    if (needsNow && upToNow) problems.push(nowRequired());
    const waitFor = readWait(common, report);
    const plan = analysis.plan(question, time, report);
    if (problems.length > 0) throw invalidQuestion(problems);
    return { plan, time, pin, waitFor, needsNow };
  }

  /** Everything before it has run: which records are seen, and by which statements' scope. */
  async function pinDown(
    tenant: TenantId,
    { pin, fromMs }: { readonly pin: Pin; readonly fromMs: number },
    ask: Ask,
  ): Promise<(Seen & { scope: Scope }) | undefined> {
    const state = tenants.get(tenant) ? await pinnedState(progress, tenant, pin) : undefined;
    if (!state) return undefined;
    const { generation, confirmed: vector, firstSeen } = state;
    const scope: Scope = { tenant, generation, vector, firstSeen };
    const controlPosition = (catalogue ?? tenants).position();
    const pinned = await resolvePin(pin, { state, scope, controlPosition, fromMs }, ask);
    const sealed = usableSeals(state.sealed, pinned.vector);
    const at = parseAsOf(pinned.token)?.controlPosition ?? controlPosition;
    const activeScenarios = catalogue?.activeScenarios(tenant, at) ?? 0;
    return { state, ...pinned, scope: { ...scope, vector: pinned.vector, sealed, activeScenarios } };
  }

  async function askWithGrounds(
    name: AnalysisName,
    { tenant, question, signal }: QueryRequest,
  ): Promise<Answered> {
    const startedMs = clock();
    const analysis = CATALOGUE[name];
    const { plan, time, pin, waitFor, needsNow } = read(analysis, question);
    if (waitFor) await untilVisible(progress, { ...waitFor, tenant, signal });
    let rowsRead = 0;
    const ask: Ask = async <Row>(statement: Parameters<Ask>[0]) => {
      const { rows, rowsRead: more } = await facts.query<Row>({
        ...statement,
        limits,
        ...(signal ? { signal } : {}),
      });
      rowsRead += more;
      return rows;
    };
    const fromMs = analysis.readsAllFacts?.(plan) ? -Infinity : time.fromMs;
    const seen = await pinDown(tenant, { pin, fromMs }, ask);
    const finish = async (data: object, cached: boolean): Promise<Answered> => {
      const counted = seen && completeness && (await countRange(completeness, { tenant, seen, time }));
      const elapsedMs = clock() - startedMs;
      if (answered.hasSubscribers) answered.publish({ tenant, analysis: name, elapsedMs, rowsRead, cached });
      const meta = describeAnswer(seen, time, { elapsedMs, rowsRead, cached, clockMs: clock(), counted });
      return { answer: { ...data, meta }, plan, time, seen };
    };
    if (!seen) return finish(await analysis.answer(plan, NOWHERE, nothing), false);
    if (needsNow) await refuseUnsettled(analysis.settledAtMs?.(plan), seen.scope, ask);
    // Facts that have been repaired may answer differently.
    const repairs = completeness?.forgotten(tenant) ?? 0;
    const key = `${tenant} ${name} ${seen.token} ${repairs} ${JSON.stringify(plan)}`;
    const kept = cache.get(key);
    if (kept) return finish(kept.data, true);
    const problems = await kinds.check(analysis.selections(plan), seen.scope, ask);
    if (problems.length > 0) throw invalidQuestion(problems);
    const data = await analysis.answer(plan, seen.scope, ask);
    await refuseDropped(progress, tenant, seen.state);
    cache.set(key, { data, rowsRead });
    return finish(data, false);
  }

  return {
    ask: async (name, request) => (await askWithGrounds(name, request)).answer,
    askWithGrounds,
  };
}

/** When a question is about, and whether it means another time when it is asked later. */
function whenAsked(
  analysis: Analysis,
  question: unknown,
  clockMs: number,
): TimeQuestion & { readonly upToNow: boolean } {
  const common = question as Common;
  const asked = analysis.time?.(question, clockMs) ?? common;
  return { ...asked, upToNow: analysis.isUpToNow?.(question) ?? isUpToNow(common) };
}

/** Throws when the answer would change by the clock alone, because the newest record is from before it settles. */
async function refuseUnsettled(settledAtMs: number | undefined, scope: Scope, ask: Ask): Promise<void> {
  if (settledAtMs === undefined || (await newestReceived(scope, ask)) >= settledAtMs) return;
  throw invalidQuestion([nowRequired()]);
}

/** A tenant without facts is answered by the analysis itself, over no rows. */
const NOWHERE: Scope = { tenant: '' as TenantId, generation: 0, vector: [], firstSeen: [] };
const nothing: Ask = () => Promise.resolve([]);
