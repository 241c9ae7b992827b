import type { PositionVector, TenantId } from '#domain';
import type { FactStore } from './fact-store.ts';
import { tablesOf } from './facts-schema.ts';
import { HourCounts } from './hours.ts';

/** Whose facts are counted, of which generation, up to where. */
export type CountedFacts = {
  readonly tenant: TenantId;
  readonly generation: number;
  readonly vector: PositionVector;
};

/** Offsets that are compared at once. */
export const EXTENT = 65_536n;

/** What stands in the facts of `[number × EXTENT, …)` of a partition. */
export type FactExtent = {
  readonly partition: number;
  readonly number: bigint;
  readonly rows: bigint;
  /** Sum of the offsets. */
  readonly sum: bigint;
};

/** Counting is meant to cost little; when it does not it is left undone. */
const LIMITS = { maxSeconds: 10 };
const DAY_MS = 86_400_000;
/** More runs of days than this are counted as one. */
const MAX_RUNS = 40;

const params = ({ tenant, vector }: CountedFacts) => ({ tenant, vector });
const MINE = `tenant_id = {tenant:String} AND log_offset < {vector:Array(UInt64)}[log_partition + 1]`;

/**
 * Names a column that the projection by position lacks, so that the rows themselves are read: a row deleted by
 * hand can still stand in the projection.
 */
const ITSELF = 'toYear(ts) > 0';

/** Which offsets of a range are present, ascending, each once. Read from the rows themselves, unlike `FactStore.present`. */
export async function presentOffsets(
  facts: Pick<FactStore, 'query'>,
  of: {
    readonly tenant: TenantId;
    readonly generation: number;
    readonly partition: number;
    readonly from: bigint;
    readonly to: bigint;
  },
): Promise<ReadonlySet<bigint>> {
  const { tenant, generation, partition, from, to } = of;
  const { rows } = await facts.query<{ offsets: readonly string[] }>({
    sql: `SELECT arraySort(groupUniqArray(log_offset)) AS offsets FROM ${tablesOf(generation).facts}
      WHERE tenant_id = {tenant:String} AND log_partition = ${partition}
        AND log_offset >= ${from} AND log_offset < ${to} AND ${ITSELF}`,
    params: { tenant },
  });
  return new Set(rows[0]?.offsets.map(BigInt));
}

/** How many facts of these days (days since 1970, ascending) happened in which hour; a copy counts unless `distinct`. */
export async function countFacts(
  facts: Pick<FactStore, 'query'>,
  of: CountedFacts & { readonly days: readonly number[]; readonly distinct: boolean },
): Promise<HourCounts> {
  const counts = new HourCounts();
  if (of.days.length === 0) return counts;
  const count = of.distinct ? 'uniqExact(log_partition, log_offset)' : 'count()';
  const { rows } = await facts.query<{ hour: string; n: string }>({
    sql: `SELECT toInt64(floor(toUnixTimestamp64Milli(ts) / 3600000)) AS hour, ${count} AS n
      FROM ${tablesOf(of.generation).facts} WHERE ${MINE} AND (${withinDays(of.days)}) GROUP BY hour`,
    params: params(of),
    limits: LIMITS,
  });
  for (const { hour, n } of rows) counts.add(Number(hour), Number(n));
  return counts;
}

/** How many facts carry an event id that another fact of the same hour carries too, per hour of these days. */
export async function countRepeatedIds(
  facts: Pick<FactStore, 'query'>,
  of: CountedFacts & { readonly days: readonly number[] },
): Promise<HourCounts> {
  const counts = new HourCounts();
  if (of.days.length === 0) return counts;
  const { rows } = await facts.query<{ hour: string; n: string }>({
    sql: `SELECT toInt64(floor(toUnixTimestamp64Milli(ts) / 3600000)) AS hour,
        count() - uniqExact(event_id) AS n
      FROM ${tablesOf(of.generation).facts} WHERE ${MINE} AND (${withinDays(of.days)})
      GROUP BY hour HAVING n > 0`,
    params: params(of),
    limits: LIMITS,
  });
  for (const { hour, n } of rows) counts.add(Number(hour), Number(n));
  return counts;
}

/** Counts and sums of the offsets by extent, ascending; extents without facts left out. */
export async function readExtents(
  facts: Pick<FactStore, 'query'>,
  of: CountedFacts,
): Promise<readonly FactExtent[]> {
  const { rows } = await facts.query<{ partition: number; number: string; n: string; sum: string }>({
    sql: `SELECT log_partition AS partition, intDiv(log_offset, ${EXTENT}) AS number, count() AS n,
        sum(log_offset) AS sum
      FROM ${tablesOf(of.generation).facts} WHERE ${MINE} AND ${ITSELF}
      GROUP BY partition, number ORDER BY partition, number`,
    params: params(of),
    limits: LIMITS,
  });
  return rows.map(({ partition, number, n, sum }) => ({
    partition,
    number: BigInt(number),
    rows: BigInt(n),
    sum: BigInt(sum),
  }));
}

/** Copies of facts within offsets of a partition: in which months and days (since 1970) they stand, and how many. */
export async function findCopies(
  facts: Pick<FactStore, 'query'>,
  of: {
    readonly tenant: TenantId;
    readonly generation: number;
    readonly partition: number;
    readonly from: bigint;
    readonly to: bigint;
  },
): Promise<readonly { readonly month: number; readonly day: number; readonly copies: number }[]> {
  const { tenant, generation, partition, from, to } = of;
  const { rows } = await facts.query<{ month: number; day: string; copies: string }>({
    sql: `SELECT toUInt32(toYYYYMM(ts)) AS month,
        toInt64(floor(toUnixTimestamp64Milli(ts) / ${DAY_MS})) AS day,
        count() - uniqExact(log_offset) AS copies
      FROM ${tablesOf(generation).facts}
      WHERE tenant_id = {tenant:String} AND log_partition = ${partition}
        AND log_offset >= ${from} AND log_offset < ${to}
      GROUP BY month, day HAVING copies > 0 ORDER BY day`,
    params: { tenant },
  });
  return rows.map(({ month, day, copies }) => ({ month, day: Number(day), copies: Number(copies) }));
}

function withinDays(days: readonly number[]): string {
  const runs: [from: number, to: number][] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last?.[1] === day) last[1] = day + 1;
    else runs.push([day, day + 1]);
  }
  const first = runs[0]?.[0] ?? 0;
  const end = runs.at(-1)?.[1] ?? 0;
  const pieces = runs.length > MAX_RUNS ? [[first, end] as const] : runs;
  const instant = (day: number) => `fromUnixTimestamp64Milli(toInt64(${day * DAY_MS}), 'UTC')`;
  return pieces.map(([from, to]) => `ts >= ${instant(from)} AND ts < ${instant(to)}`).join(' OR ');
}
