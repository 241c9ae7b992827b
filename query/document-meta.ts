import { behind, formatAsOf } from '#domain';
import type { DocumentState } from '#projections';

/** What stands beside an answer from documents. */
export type DocumentMeta = {
  /**
   * How far the documents were when they were read. It can be compared and waited for, not asked again: a
   * document is kept as it is now. Null without any event.
   */
  readonly as_of: string | null;
  readonly generation: number | null;
  /** How far the documents are behind the log: records, and for how long the oldest of them has waited. */
  readonly lag: { readonly events: number; readonly ms: number };
  readonly elapsed_ms: number;
  readonly notice?: string;
};

export function describeDocuments(
  state: DocumentState | undefined,
  ran: {
    readonly elapsedMs: number;
    readonly clockMs: number;
    readonly controlPosition: bigint;
    readonly notice?: string;
  },
): DocumentMeta {
  const { elapsedMs, clockMs, controlPosition } = ran;
  const since = state?.waitingSinceMs;
  const notice = noticeOf(state) ?? ran.notice;
  return {
    as_of: state
      ? formatAsOf({
          logIdentity: state.logIdentity,
          generation: state.generation,
          controlPosition,
          vector: state.confirmed,
        })
      : null,
    generation: state?.generation ?? null,
    lag: {
      events: state ? Number(behind(state.confirmed, state.highWater)) : 0,
      ms: since === undefined ? 0 : Math.max(0, clockMs - since),
    },
    elapsed_ms: elapsedMs,
    ...(notice === undefined ? {} : { notice }),
  };
}

function noticeOf(state: DocumentState | undefined): string | undefined {
  if (!state) return 'There is no event of this tenant yet.';
  const { paused } = state;
  if (!paused) return undefined;
  return `The documents stand still at partition ${paused.partition}, offset ${paused.offset}: ${paused.reason}`;
}
