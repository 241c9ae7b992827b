import type { PositionVector, TenantId } from '#domain';
import type { EventLog, LogRecord, OffsetRange } from '#log';
import type { FactState } from '#projections';
import type { Ask } from './analysis.ts';
import type { Narrowed } from './live-cells.ts';
import { beforeVector, createBinder, factsOf } from './sql.ts';
import type { Binder } from './sql.ts';

/** Records among which all are that somebody asks for, and how they were found. */
export type Candidates = {
  readonly ranges: readonly CandidateRange[];
  /** How many records the ranges name. */
  readonly records: number;
  /** Whether more would have to be read than was allowed: then these are only the first of them. */
  readonly isCut: boolean;
};

/** Offsets `[from, to)` of one partition, of which only some may be meant. */
export type CandidateRange = Required<OffsetRange> & { readonly only?: ReadonlySet<bigint> };

export type CandidateQuestion = {
  readonly tenant: TenantId;
  /** Only records before it. */
  readonly vector: PositionVector;
  readonly narrowed: Narrowed;
  /** How far the facts are; undefined where there are none. */
  readonly facts: FactState | undefined;
  /** Most records. */
  readonly limit: number;
};

/** Offsets so close together are read as one range. */
const NEIGHBOURS = 256n;

/**
 * Finds the records before a vector that may be meant: by the facts, as far as these have come; besides every
 * record that the facts do not hold, because it has not reached them, was no line for them, has been let go or
 * is missing there. So what is wrong with the facts does not hide a record.
 */
export async function findCandidates(question: CandidateQuestion, ask: Ask): Promise<Candidates> {
  const { vector, facts, limit } = question;
  const seen = vector.map((next, partition) => least(next, facts?.confirmed[partition] ?? 0n));
  const ranges: CandidateRange[] = seen.flatMap((from, partition) => {
    const to = vector[partition] ?? 0n;
    return from < to ? [{ partition, from, to }] : [];
  });
  if (facts && seen.some((next) => next > 0n)) {
    ranges.push(...(await absentFromFacts({ ...question, facts, seen }, ask)));
    ranges.push(...(await namedByFacts({ ...question, facts, seen }, ask)));
  }
  ranges.sort((one, other) => one.partition - other.partition || (one.from < other.from ? -1 : 1));
  return cut(ranges, limit);
}

type OnFacts = CandidateQuestion & { readonly facts: FactState; readonly seen: PositionVector };

async function namedByFacts(
  { tenant, narrowed, facts, seen, limit }: OnFacts,
  ask: Ask,
): Promise<readonly CandidateRange[]> {
  const binder = createBinder();
  const rows = await ask<{ readonly p: number; readonly o: string }>({
    sql: `SELECT DISTINCT log_partition AS p, log_offset AS o FROM ${tableOf(tenant, facts)}
      WHERE ${seenOf(binder, tenant, seen)}${narrowedSql(binder, narrowed)}
      ORDER BY p, o LIMIT ${limit + 1}`,
    params: binder.params,
  });
  const ranges: CandidateRange[] = [];
  let only = new Set<bigint>();
  for (const { p: partition, o } of rows) {
    const offset = BigInt(o);
    const last = ranges.at(-1);
    if (last?.partition === partition && offset - last.to < NEIGHBOURS) {
      ranges[ranges.length - 1] = { ...last, to: offset + 1n };
    } else {
      only = new Set<bigint>();
      ranges.push({ partition, from: offset, to: offset + 1n, only });
    }
    only.add(offset);
  }
  return ranges;
}

async function absentFromFacts(
  { tenant, facts, seen }: OnFacts,
  ask: Ask,
): Promise<readonly CandidateRange[]> {
  const counting = createBinder();
  const counts = await ask<{ readonly p: number; readonly n: string }>({
    sql: `SELECT log_partition AS p, uniqExact(log_offset) AS n FROM ${tableOf(tenant, facts)}
      WHERE ${seenOf(counting, tenant, seen)} GROUP BY p`,
    params: counting.params,
  });
  const held = new Map(counts.map(({ p, n }) => [p, BigInt(n)]));
  const lacking = [...seen.keys()].filter(
    (partition) => (held.get(partition) ?? 0n) < (seen[partition] ?? 0n),
  );
  if (lacking.length === 0) return [];
  const binder = createBinder();
  // An offset stands for the gap before it; the end of what was seen closes the last one.
  const rows = await ask<{ readonly p: number; readonly first: string; readonly next: string }>({
    sql: `SELECT p, before + 1 AS first, o AS next FROM (
        SELECT p, o, lagInFrame(toInt64(o), 1, -1) OVER (PARTITION BY p ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
        FROM (
          SELECT log_partition AS p, log_offset AS o FROM ${tableOf(tenant, facts)}
          WHERE ${seenOf(binder, tenant, seen)} AND log_partition IN ${binder.bind('Array(UInt16)', lacking)}
          UNION ALL
          SELECT toUInt16(arrayJoin(${binder.bind('Array(UInt16)', lacking)})) AS p, ${binder.bind('Array(UInt64)', seen)}[p + 1] AS o
        )
      ) WHERE toInt64(o) > before + 1 ORDER BY p, o`,
    params: binder.params,
  });
  return rows.map(({ p, first, next }) => ({ partition: p, from: BigInt(first), to: BigInt(next) }));
}

function tableOf(tenant: TenantId, { generation, confirmed: vector, firstSeen }: FactState): string {
  return factsOf({ tenant, generation, vector, firstSeen });
}

function seenOf(binder: Binder, tenant: TenantId, seen: PositionVector): string {
  return `tenant_id = ${binder.bind('String', tenant)} AND ${beforeVector(binder, seen)}`;
}

function narrowedSql(binder: Binder, { range, scenarioId, userId, itemId }: Narrowed): string {
  const conditions: string[] = [];
  const instant = (ms: number) => `fromUnixTimestamp64Milli(${binder.bind('Int64', ms)}, 'UTC')`;
  if (range && Number.isFinite(range.fromMs)) conditions.push(`ts >= ${instant(range.fromMs)}`);
  if (range && Number.isFinite(range.toMs)) conditions.push(`ts < ${instant(range.toMs)}`);
  const equal = { scenario_id: scenarioId, user_id: userId, item_id: itemId };
  for (const [column, value] of Object.entries(equal)) {
    if (value !== undefined) conditions.push(`${column} = ${binder.bind('String', value)}`);
  }
  return conditions.map((condition) => ` AND ${condition}`).join('');
}

/** The first ranges, as many as may be read. */
function cut(ranges: readonly CandidateRange[], limit: number): Candidates {
  const kept: CandidateRange[] = [];
  let records = 0;
  for (const range of ranges) {
    const own = range.only ? range.only.size : Number(range.to - range.from);
    if (records + own <= limit) {
      kept.push(range);
      records += own;
      continue;
    }
    const rest = limit - records;
    kept.push(
      range.only
        ? { ...range, only: new Set([...range.only].slice(0, rest)) }
        : { ...range, to: range.from + BigInt(rest) },
    );
    return { ranges: kept, records: limit, isCut: true };
  }
  return { ranges: kept, records, isCut: false };
}

/** Reads the records that candidates name, by partition and offset. */
export async function* readCandidates(
  log: Pick<EventLog, 'read'>,
  { tenant, candidates }: { readonly tenant: TenantId; readonly candidates: Pick<Candidates, 'ranges'> },
  signal?: AbortSignal,
): AsyncIterable<readonly LogRecord[]> {
  const name = { tenant, channel: 'events' } as const;
  for (const { only, ...range } of candidates.ranges) {
    for await (const { records } of log.read(name, range, signal)) {
      yield only ? records.filter(({ offset }) => only.has(offset)) : records;
    }
  }
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
