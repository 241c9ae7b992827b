import { Fault, parseReceipt } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { GenerationProgress, ProjectionProgress, ProjectionState } from '#projections';
import { invalidQuestion, parseDuration } from './question.ts';
import type { Report } from './question.ts';

/** What is waited for, and how long at most. */
export type Wait = { readonly waitFor: string; readonly timeoutMs: number };

const MAX_WAIT_MS = 30_000;

/** Instead of a receipt: everything that stands in the log when the question is asked. */
export const LATEST = 'latest';

/** Whether `wait_for` has the form of something one can wait for. */
export function isAwaitable(waitFor: string): boolean {
  return waitFor === LATEST || parseReceipt(waitFor) !== undefined;
}

/** Takes `wait_for` and `timeout` as sent. */
export function readWait(
  { wait_for: waitFor, timeout }: { readonly wait_for?: string; readonly timeout?: string },
  report: Report,
): Wait | undefined {
  const timeoutMs = timeout === undefined ? 5000 : parseDuration(timeout);
  if (timeoutMs === undefined || timeoutMs > MAX_WAIT_MS) {
    report('timeout', 'range', 'must be a number with ms or s, up to 30s');
  }
  if (waitFor === undefined) return undefined;
  if (!isAwaitable(waitFor)) report('wait_for', 'token', 'is no receipt token');
  return { waitFor, timeoutMs: timeoutMs ?? 0 };
}

/**
 * Resolves when the read model holds what is awaited: the event of a receipt, or with {@link LATEST} all that was
 * acknowledged before. Throws `QUERY_NOT_YET_VISIBLE` after the time limit, or when the projector stands
 * still, and `QUERY_INVALID` for a receipt of another log.
 */
export async function untilVisible(
  progress: ProjectionProgress,
  awaited: {
    readonly tenant: TenantId;
    readonly waitFor: string;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const { tenant, waitFor, timeoutMs, signal } = awaited;
  const state = await progress.state(tenant);
  if (!state && waitFor === LATEST) return;
  const vector = state && vectorOf(waitFor, state);
  if (!vector) {
    const message = 'is no receipt of an event of this tenant';
    throw invalidQuestion([{ field: 'wait_for', code: 'token', message }]);
  }
  const limit = AbortSignal.timeout(timeoutMs);
  const seen = await progress.waitFor(tenant, vector, signal ? AbortSignal.any([limit, signal]) : limit);
  if (!seen) throw new Fault('QUERY_NOT_YET_VISIBLE', undefined, { details: { timeout_ms: timeoutMs } });
}

/**
 * Answers from one generation, from what is awaited to the last thing read: when another one has been activated
 * meanwhile, everything is done once more.
 */
export async function inOneGeneration<State extends ProjectionState, Answer>(
  progress: GenerationProgress<State>,
  asked: {
    readonly tenant: TenantId;
    readonly wait: Wait | undefined;
    readonly signal?: AbortSignal | undefined;
  },
  read: (state: State | undefined) => Promise<Answer>,
): Promise<Answer> {
  const { tenant, wait, signal } = asked;
  for (;;) {
    const generation = progress.generation(tenant);
    if (wait) await untilVisible(progress, { ...wait, tenant, signal });
    const answer = await read(await progress.state(tenant));
    if (progress.generation(tenant) === generation) return answer;
  }
}

function vectorOf(waitFor: string, state: ProjectionState): PositionVector | undefined {
  if (waitFor === LATEST) return state.highWater;
  const receipt = parseReceipt(waitFor);
  if (receipt?.logIdentity !== state.logIdentity || receipt.partition >= state.confirmed.length)
    return undefined;
  return state.confirmed.map((_, partition) => (partition === receipt.partition ? receipt.offset + 1n : 0n));
}
