import { Type } from 'typebox';
import type { Static } from 'typebox';
import { UTC, behind, formatDate, formatInstant } from '#domain';
import type { TenantId } from '#domain';
import type { EventLog, Tenants } from '#log';
import { countRepeatedIds } from '#projections';
import type {
  Compared,
  ComparedHour,
  FactCompleteness,
  FactExtents,
  FactProgress,
  FactState,
  FactStore,
  HourLedger,
} from '#projections';
import { COMMON, createFormCheck, invalidQuestion, oneOf } from './question.ts';
import type { Problem } from './question.ts';
import { readTimeRange } from './time-range.ts';

const { tenant_id, from, to, range, now } = COMMON;
export const RECONCILIATION_QUESTION = Type.Object(
  {
    tenant_id,
    from,
    to,
    range,
    now,
    interval: Type.Optional(oneOf(['hour', 'day'], 'How long each bucket is, in UTC.', 'day')),
  },
  { additionalProperties: false },
);

/** What the door has answered since the process started. */
export type GatewayCounts = {
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
};

/** One hour or day of UTC: `records = facts + dead_letters + before_horizon + missing`. */
type Bucket = {
  readonly from: string;
  records: number;
  facts: number;
  dead_letters: number;
  before_horizon: number;
  missing: number;
  copies: number;
  /** Facts whose event id another fact of the same hour has: 0 where every event counts once. */
  repeated_ids: number;
  duplicates: number;
  conflicts: number;
  /** Inputs kept out of the log that were received in it, by reason. */
  kept_out: Record<string, number>;
};

export type ReconciliationOptions = {
  readonly log: Pick<EventLog, 'bounds' | 'turnedAway'>;
  readonly tenants: Pick<Tenants, 'get' | 'list'>;
  readonly facts: Pick<FactStore, 'query'>;
  readonly progress: FactProgress;
  readonly ledger: HourLedger;
  readonly completeness: FactCompleteness;
  readonly extents: FactExtents;
  readonly gateway: (tenant: TenantId) => GatewayCounts;
  /** Epoch ms. */
  readonly clock: () => number;
};

/** Puts what the door accepted, what stands in the log and what stands in the facts beside each other. */
export type Reconciliation = {
  /** Throws `QUERY_INVALID`. */
  ask(tenant: TenantId, question: unknown): Promise<object>;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Must be opened before the door takes anything: what it accepts is compared with what the log has grown by. */
export async function openReconciliation(options: ReconciliationOptions): Promise<Reconciliation> {
  const { log, tenants, progress, completeness, clock } = options;
  const sinceMs = clock();
  const check = createFormCheck(RECONCILIATION_QUESTION);
  const before = new Map<TenantId, bigint>();
  for (const { id } of tenants.list()) before.set(id, await recordsOf(id));

  async function recordsOf(tenant: TenantId): Promise<bigint> {
    const { next } = await log.bounds({ tenant, channel: 'events' });
    return next.reduce((sum, offset) => sum + offset, 0n);
  }

  async function bucketsOf(compared: Compared, interval: 'hour' | 'day') {
    const hours = await completeness.hours(compared);
    if (!hours) return undefined;
    const width = interval === 'hour' ? HOUR_MS : DAY_MS;
    const buckets = new Map<number, Bucket>();
    const at = (ms: number): Bucket => {
      const startMs = Math.floor(ms / width) * width;
      const known = buckets.get(startMs) ?? emptyBucket(startMs);
      buckets.set(startMs, known);
      return known;
    };
    for (const hour of hours) addHour(at(hour.hour * HOUR_MS), hour);
    await addTurnedAway(compared, at);
    await addRepeatedIds(compared, hours, at);
    return [...buckets].sort(([one], [other]) => one - other).map(([, bucket]) => bucket);
  }

  async function addTurnedAway(compared: Compared, at: (ms: number) => Bucket): Promise<void> {
    const { tenant, logIdentity, fromMs, toMs } = compared;
    for (const { hourMs, duplicates, conflicts } of await log.turnedAway(tenant, compared)) {
      const bucket = at(hourMs);
      bucket.duplicates += duplicates;
      bucket.conflicts += conflicts;
    }
    const within = { fromHour: fromMs / HOUR_MS, toHour: toMs / HOUR_MS };
    const letters = (await options.ledger.letters({ tenant, logIdentity }, within)) ?? [];
    for (const { hour, reason, letters: count } of letters) {
      const { kept_out } = at(hour * HOUR_MS);
      kept_out[reason] = (kept_out[reason] ?? 0) + count;
    }
  }

  async function addRepeatedIds(
    compared: Compared,
    hours: readonly ComparedHour[],
    at: (ms: number) => Bucket,
  ): Promise<void> {
    const days = [...new Set(hours.map(({ hour }) => Math.floor(hour / 24)))];
    const repeated = await countRepeatedIds(options.facts, { ...compared, days });
    for (const { hour } of hours) at(hour * HOUR_MS).repeated_ids += repeated.at(hour);
  }

  function extentsOf(tenant: TenantId): object | null {
    const report = options.extents.report(tenant);
    return (
      (report && {
        checked_at: formatInstant(report.checkedAtMs, UTC),
        differences: report.differences.map(({ from, to, firstMissing, days, ...difference }) => ({
          ...difference,
          from: String(from),
          to: String(to),
          first_missing: firstMissing === undefined ? null : String(firstMissing),
          days: days.map((day) => formatDate(day * DAY_MS, UTC)),
        })),
      }) ??
      null
    );
  }

  async function describe(tenant: TenantId, state: FactState): Promise<object> {
    const letters = await log.bounds({ tenant, channel: 'dead_letters' });
    const records = await recordsOf(tenant);
    return {
      gateway: { since: formatInstant(sinceMs, UTC), ...options.gateway(tenant) },
      log: {
        records: Number(records),
        records_since: Number(records - (before.get(tenant) ?? 0n)),
        dead_letters: Number(letters.next[0] ?? 0n),
      },
      facts: {
        generation: state.generation,
        behind_events: Number(behind(state.confirmed, state.highWater)),
      },
      extents: extentsOf(tenant),
    };
  }

  return {
    async ask(tenant, question) {
      const problems: Problem[] = [...check(question)];
      if (problems.length > 0) throw invalidQuestion(problems);
      const asked = question as Static<typeof RECONCILIATION_QUESTION>;
      const { fromMs, toMs } = readTimeRange(asked, clock(), (field, code, message) =>
        problems.push({ field, code, message }),
      );
      if (problems.length > 0) throw invalidQuestion(problems);
      const { interval = 'day' } = asked;
      const widened = {
        fromMs: Math.floor(fromMs / HOUR_MS) * HOUR_MS,
        toMs: Math.ceil(toMs / HOUR_MS) * HOUR_MS,
      };
      const asks = {
        tenant_id: tenant,
        range: { from: formatInstant(widened.fromMs, UTC), to: formatInstant(widened.toMs, UTC), interval },
      };
      const state = tenants.get(tenant) ? await progress.state(tenant) : undefined;
      if (!state) return { ...asks, buckets: [], notice: 'There is no event of this tenant yet.' };
      const { generation, logIdentity, confirmed: vector } = state;
      const buckets = await bucketsOf({ tenant, generation, logIdentity, vector, ...widened }, interval);
      return {
        ...asks,
        ...(await describe(tenant, state)),
        buckets: buckets ?? [],
        ...(buckets ? {} : { notice: 'The records of the log are still being counted; ask again soon.' }),
      };
    },
  };
}

function emptyBucket(startMs: number): Bucket {
  return {
    from: formatInstant(startMs, UTC),
    records: 0,
    facts: 0,
    dead_letters: 0,
    before_horizon: 0,
    missing: 0,
    copies: 0,
    repeated_ids: 0,
    duplicates: 0,
    conflicts: 0,
    kept_out: {},
  };
}

function addHour(bucket: Bucket, hour: ComparedHour): void {
  bucket.records += hour.records;
  bucket.facts += hour.facts;
  bucket.dead_letters += hour.deadLetters;
  bucket.before_horizon += hour.beforeHorizon;
  bucket.missing += hour.missing;
  bucket.copies += hour.copies;
}
