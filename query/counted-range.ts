import { Fault, UTC, formatDate, formatInstant } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { Completeness, FactCompleteness, FactState } from '#projections';
import type { TimeRange } from './time-range.ts';

/**
 * The records of a range beside its facts, as of the vector of an answer:
 * `records = facts + dead_letters + before_horizon + missing`.
 */
export type CountedRange = {
  /** The hours of UTC that were counted: the range of the question, widened to whole hours. */
  readonly from: string;
  readonly to: string;
  /** Whether that is more than the question asked about. */
  readonly widened: boolean;
  readonly records: number;
  readonly facts: number;
  /** Records that the facts could not take; each stands among the dead letters. */
  readonly dead_letters: number;
  /** Records whose facts are no longer kept. */
  readonly before_horizon: number;
  /** Records that should be among the facts and are not. */
  readonly missing: number;
  /** Rows that stand in the facts more often than once. */
  readonly copies: number;
  /** Turned away at the door up to now, as they were known already. */
  readonly duplicates: number;
  readonly conflicts: number;
};

const integer = { type: 'integer' } as const;

/** The members of {@link CountedRange} for the description of the API. */
export const COUNTED_RANGE = {
  from: { type: 'string', description: 'The range, widened to whole hours of UTC; absent while uncounted.' },
  to: { type: 'string' },
  widened: { type: 'boolean' },
  records: { ...integer, description: 'In the log before the vector of the answer.' },
  facts: { ...integer, description: 'Of these in the facts, copies counted once.' },
  dead_letters: { ...integer, description: 'Of these those that the facts could not take.' },
  before_horizon: { ...integer, description: 'Of these those whose facts are no longer kept.' },
  missing: { ...integer, description: 'Of these those that should be in the facts and are not.' },
  copies: { ...integer, description: 'Rows that stand in the facts more often than once.' },
  duplicates: { ...integer, description: 'Turned away at the door up to now.' },
  conflicts: integer,
} as const;

export const COUNTED_RANGE_EXAMPLE: CountedRange = {
  from: '2024-03-04T00:00:00.000Z',
  to: '2024-03-11T00:00:00.000Z',
  widened: false,
  records: 12_001,
  facts: 12_000,
  dead_letters: 1,
  before_horizon: 0,
  missing: 0,
  copies: 0,
  duplicates: 7,
  conflicts: 0,
};

const DAY_MS = 86_400_000;
/** More days than this are named by the first and the last. */
const NAMED_DAYS = 5;

/**
 * Compares the facts of an answer's range with the log. Undefined where that cannot be done at the moment:
 * the answer itself does not depend on it.
 */
export async function countRange(
  completeness: Pick<FactCompleteness, 'of'>,
  {
    tenant,
    seen,
    time,
  }: {
    readonly tenant: TenantId;
    readonly seen: { readonly state: FactState; readonly vector: PositionVector };
    readonly time: TimeRange;
  },
): Promise<{ readonly range: CountedRange; readonly notice: string | undefined } | undefined> {
  const { state, vector } = seen;
  const { logIdentity, generation } = state;
  const { fromMs, toMs } = time;
  try {
    const found = await completeness.of({ tenant, logIdentity, generation, vector, fromMs, toMs });
    if (!found) return undefined;
    const widened = found.fromMs !== fromMs || found.toMs !== toMs;
    return { range: membersOf(found, widened), notice: noticeOf(found, tenant) };
  } catch (error) {
    if (error instanceof Fault && error.retryable) return undefined;
    if (error instanceof Fault && error.code === 'QUERY_TOO_DEAR') return undefined;
    throw error;
  }
}

function membersOf(found: Completeness, widened: boolean): CountedRange {
  return {
    from: formatInstant(found.fromMs, UTC),
    to: formatInstant(found.toMs, UTC),
    widened,
    records: found.records,
    facts: found.facts,
    dead_letters: found.deadLetters,
    before_horizon: found.beforeHorizon,
    missing: found.missing,
    copies: found.copies,
    duplicates: found.duplicates,
    conflicts: found.conflicts,
  };
}

/** What is wrong, of which days, and what repairs it. */
function noticeOf({ missing, copies, days }: Completeness, tenant: TenantId): string | undefined {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const dates = days.map((day) => formatDate(day * DAY_MS, UTC));
  const named =
    dates.length > NAMED_DAYS
      ? `${dates.length} days from ${dates[0] ?? ''} to ${dates.at(-1) ?? ''}`
      : dates.join(', ');
  const until = formatDate((last + 1) * DAY_MS, UTC);
  const command = `daybook projections repair --tenant ${tenant} --from ${dates[0] ?? ''} --to ${until}`;
  return `${missing} records are missing from the facts and ${copies} rows are there twice (${named}). To repair: ${command}`;
}
