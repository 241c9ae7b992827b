import { Fault, parseReceipt } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { DocumentProgress, DocumentState } from '#projections';
import { invalidQuestion } from './question.ts';

/** Instead of a receipt: everything that stands in the log when the question is asked. */
export const LATEST = 'latest';

/** Whether `wait_for` has the form of something one can wait for. */
export function isAwaitable(waitFor: string): boolean {
  return waitFor === LATEST || parseReceipt(waitFor) !== undefined;
}

/**
 * Resolves when the read model holds what is awaited: the event of a receipt, or with {@link LATEST} all that was
 * acknowledged before. Throws `QUERY_NOT_YET_VISIBLE` after the time limit, or when the projector stands
 * still, and `QUERY_INVALID` for a receipt of another log.
 */
export async function untilVisible(
  progress: DocumentProgress,
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

function vectorOf(waitFor: string, state: DocumentState): PositionVector | undefined {
  if (waitFor === LATEST) return state.highWater;
  const receipt = parseReceipt(waitFor);
  if (receipt?.logIdentity !== state.logIdentity || receipt.partition >= state.confirmed.length)
    return undefined;
  return state.confirmed.map((_, partition) => (partition === receipt.partition ? receipt.offset + 1n : 0n));
}
