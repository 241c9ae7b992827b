import { behind, formatAsOf } from '#domain';
import type { ViewAnswer, ViewState } from '#projections';

/** What stands beside the figures of an answer from the live views. */
export type LiveMeta = {
  /** Always null: live views keep only what is current, so an answer cannot be pinned. */
  readonly as_of: null;
  /** What the answer reflects, as a token; null without any event. */
  readonly vector: string | null;
  readonly generation: number | null;
  /** How far the answer is behind the log: records, and for how long the oldest of them has waited. */
  readonly lag: { readonly events: number; readonly ms: number };
  /** How much of the log the answer has seen, from 0 to 1, rounded down to four decimals. */
  readonly completeness: { readonly confirmed_ratio: number; readonly behind_events: number };
  /** What had expired at this instant has been removed; null before the first time. */
  readonly horizon: string | null;
  /** The instant looked back from. */
  readonly at: string;
  readonly data_source: 'live_views';
  readonly elapsed_ms: number;
  /** What the reader should know: an unknown tenant, a projector that stands still. */
  readonly notice?: string;
};

/** How far the views were, and what was read from them; undefined when nobody has folded anything yet. */
export type LiveSeen = { readonly state: ViewState; readonly answer: ViewAnswer | undefined };

type Ran = {
  readonly atMs: number;
  readonly elapsedMs: number;
  readonly clockMs: number;
  readonly controlPosition: bigint;
};

export function describeLiveAnswer(seen: LiveSeen | undefined, ran: Ran): LiveMeta {
  const notice = noticeOf(seen?.state);
  return {
    as_of: null,
    ...(seen ? reflected(seen, ran) : NOTHING),
    at: new Date(ran.atMs).toISOString(),
    data_source: 'live_views',
    elapsed_ms: ran.elapsedMs,
    ...(notice === undefined ? {} : { notice }),
  };
}

const NOTHING = {
  vector: null,
  generation: null,
  lag: { events: 0, ms: 0 },
  completeness: { confirmed_ratio: 1, behind_events: 0 },
  horizon: null,
};

function reflected({ state, answer }: LiveSeen, { clockMs, controlPosition }: Ran) {
  const { logIdentity, scope, highWater, waitingSinceMs = clockMs } = state;
  const vector = answer?.vector ?? state.confirmed;
  const missing = behind(vector, highWater);
  const total = highWater.reduce((sum, next) => sum + next, 0n);
  return {
    vector: formatAsOf({ logIdentity, generation: scope.generation, controlPosition, vector }),
    generation: scope.generation,
    lag: { events: Number(missing), ms: missing === 0n ? 0 : Math.max(0, clockMs - waitingSinceMs) },
    completeness: {
      confirmed_ratio: total === 0n ? 1 : Number(((total - missing) * 10_000n) / total) / 10_000,
      behind_events: Number(missing),
    },
    horizon: answer ? new Date(answer.prunedAtMs).toISOString() : null,
  };
}

function noticeOf(state: ViewState | undefined): string | undefined {
  if (!state) return 'There is no event of this tenant yet.';
  const { paused } = state;
  if (!paused) return undefined;
  return `The live views stand still at partition ${paused.partition}, offset ${paused.offset}: ${paused.reason}`;
}
