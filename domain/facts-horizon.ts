/** Facts of events before an instant are no longer kept; the log has them still. */
export type FactsExpired = {
  readonly type: 'facts_expired';
  /** Epoch ms: the beginning of a month in UTC, because facts go by whole months. */
  readonly beforeMs: number;
};

const DAY_MS = 86_400_000;

/**
 * Decides how far the horizon of the facts moves: to the beginning of the month in which the oldest wanted day
 * lies, and never back.
 *
 * @param keepDays how many days back facts are wanted; 0 keeps all
 */
export function decideExpiry(
  horizonMs: number | undefined,
  { nowMs, keepDays }: { readonly nowMs: number; readonly keepDays: number },
): readonly FactsExpired[] {
  if (keepDays === 0) return [];
  const oldest = new Date(nowMs - keepDays * DAY_MS);
  const beforeMs = Date.UTC(oldest.getUTCFullYear(), oldest.getUTCMonth());
  return horizonMs !== undefined && horizonMs >= beforeMs ? [] : [{ type: 'facts_expired', beforeMs }];
}
