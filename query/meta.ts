import { UTC, behind, formatInstant } from '#domain';
import type { PositionVector } from '#domain';
import type { FactState } from '#projections';
import type { CountedRange } from './counted-range.ts';
import type { TimeRange } from './time-range.ts';

/** What stands beside the figures of every answer. */
export type Meta = {
  /** Pins the answer: the same question with it gives the same figures for ever. Null without any facts. */
  readonly as_of: string | null;
  /** The generation of the facts that answered. */
  readonly generation: number | null;
  /** How far the answer is behind the log: records, and for how long the oldest of them has waited. */
  readonly lag: { readonly events: number; readonly ms: number };
  /**
   * How much of the log the answer has seen, from 0 to 1, rounded down to four decimals; and for the hours of
   * its range whether every record before its vector is among the facts, unless that could not be counted.
   */
  readonly completeness: {
    readonly confirmed_ratio: number;
    readonly behind_events: number;
  } & Partial<CountedRange>;
  /** Facts older than this are no longer kept; null = all are kept. */
  readonly horizon: string | null;
  /** The instant taken for now. */
  readonly now: string;
  readonly range: { readonly from: string; readonly to: string; readonly tz: string };
  readonly elapsed_ms: number;
  readonly rows_read: number;
  readonly cached: boolean;
  /** What the reader should know: an unknown tenant, a projector that stands still. */
  readonly notice?: string;
};

export type Seen = {
  readonly state: FactState;
  readonly vector: PositionVector;
  readonly token: string;
};

export function describeAnswer(
  seen: Seen | undefined,
  time: TimeRange,
  ran: {
    readonly elapsedMs: number;
    readonly rowsRead: number;
    readonly cached: boolean;
    readonly clockMs: number;
    readonly counted?: { readonly range: CountedRange; readonly notice: string | undefined } | undefined;
  },
): Meta {
  const missing = seen ? behind(seen.vector, seen.state.highWater) : 0n;
  const total = seen ? seen.state.highWater.reduce((sum, next) => sum + next, 0n) : 0n;
  const notice = noticeOf(seen, ran.counted?.notice);
  return {
    as_of: seen?.token ?? null,
    generation: seen?.state.generation ?? null,
    lag: { events: Number(missing), ms: waitedMs(seen, ran.clockMs) },
    completeness: {
      confirmed_ratio: confirmedRatio(missing, total),
      behind_events: Number(missing),
      ...ran.counted?.range,
    },
    horizon: horizonOf(seen?.state.horizon),
    now: formatInstant(time.nowMs, UTC),
    range: {
      from: formatInstant(time.fromMs, time.zone),
      to: formatInstant(time.toMs, time.zone),
      tz: time.zone.name,
    },
    elapsed_ms: ran.elapsedMs,
    rows_read: ran.rowsRead,
    cached: ran.cached,
    ...(notice === undefined ? {} : { notice }),
  };
}

function waitedMs(seen: Seen | undefined, clockMs: number): number {
  return Math.max(0, clockMs - (seen?.state.waitingSinceMs ?? clockMs));
}

function confirmedRatio(missing: bigint, total: bigint): number {
  return total === 0n ? 1 : Number(((total - missing) * 10_000n) / total) / 10_000;
}

function horizonOf(horizon: FactState['horizon']): string | null {
  return horizon ? formatInstant(horizon.beforeMs, UTC) : null;
}

/** Why the projector stands still, if it does, and what else is to be said. */
function noticeOf(seen: Seen | undefined, counted: string | undefined): string | undefined {
  if (!seen) return 'There is no event of this tenant yet.';
  const { paused } = seen.state;
  if (!paused) return counted;
  return `${counted === undefined ? '' : `${counted} `}The facts stand still at partition ${paused.partition}, offset ${paused.offset}: ${paused.reason}`;
}
