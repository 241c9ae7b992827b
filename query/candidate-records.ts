import { comparePositions } from '#domain';
import type { Position, PositionVector, TenantId } from '#domain';
import type { FactProgress, FactState, FactStore } from '#projections';
import type { Ask } from './analysis.ts';
import { askOf } from './ask.ts';
import type { Narrowed } from './live-cells.ts';
import { rangesOf } from './record-ranges.ts';
import type { RecordRange } from './record-ranges.ts';
import { beforeVector, createBinder, factsOf } from './sql.ts';
import type { Binder } from './sql.ts';

/** Records among which all are that somebody asks for, and how they were found. */
export type Candidates = {
  readonly ranges: readonly RecordRange[];
  /** How many records the ranges name. */
  readonly records: number;
  /** Whether more would have to be read than was allowed: then these are only the first of them. */
  readonly isCut: boolean;
};

/** Where not all could be read: how many of the records were. */
export function sampledBy({ records, isCut }: Candidates): object {
  return isCut ? { sampled: { records, note: SAMPLED } } : {};
}

const SAMPLED =
  'Too much to read whole: only the first of the records, by partition and offset, were looked at. The value itself was not counted again.';

export type CandidateQuestion = {
  readonly tenant: TenantId;
  /** Only records before it. */
  readonly vector: PositionVector;
  readonly narrowed: Narrowed;
};

/** By what candidates are found. */
export type CandidateSources = {
  readonly facts: Pick<FactStore, 'query'>;
  readonly progress: Pick<FactProgress, 'state'>;
  /** Most records read for one explanation. @default 100,000 */
  readonly maxRecords?: number;
};

/** As long as any question may take. */
const LIMITS = { maxSeconds: 30 };

/**
 * Finds the records before a vector that may be meant: by the facts, as far as these have come; besides every
 * record that the facts do not hold, because it has not reached them, was no line for them, has been let go or
 * is missing there. So what is wrong with the facts does not hide a record.
 */
export async function findCandidates(
  question: CandidateQuestion,
  { facts: store, progress, maxRecords: limit = 100_000 }: CandidateSources,
  signal?: AbortSignal,
): Promise<Candidates> {
  const { tenant, vector } = question;
  const ask = askOf(store, LIMITS, signal);
  const facts = await progress.state(tenant);
  const seen = vector.map((next, partition) => least(next, facts?.confirmed[partition] ?? 0n));
  const ranges: RecordRange[] = seen.flatMap((from, partition) => {
    const to = vector[partition] ?? 0n;
    return from < to ? [{ partition, from, to }] : [];
  });
  if (facts && seen.some((next) => next > 0n)) {
    ranges.push(...(await absentFromFacts({ ...question, facts, seen }, ask)));
    ranges.push(...(await namedByFacts({ ...question, facts, seen, limit }, ask)));
  }
  ranges.sort((one, other) => comparePositions(startOf(one), startOf(other)));
  return cut(ranges, limit);
}

type OnFacts = CandidateQuestion & {
  /** How far the facts are. */
  readonly facts: FactState;
  readonly seen: PositionVector;
};

async function namedByFacts(
  { tenant, narrowed, facts, seen, limit }: OnFacts & { readonly limit: number },
  ask: Ask,
): Promise<readonly RecordRange[]> {
  const binder = createBinder();
  const rows = await ask<{ readonly p: number; readonly o: string }>({
    sql: `SELECT DISTINCT log_partition AS p, log_offset AS o FROM ${tableOf(tenant, facts)}
      WHERE ${seenOf(binder, tenant, seen)}${narrowedSql(binder, narrowed)}
      ORDER BY p, o LIMIT ${limit + 1}`,
    params: binder.params,
  });
  return rangesOf(rows.map(({ p: partition, o }) => ({ partition, offset: BigInt(o) })));
}

async function absentFromFacts({ tenant, facts, seen }: OnFacts, ask: Ask): Promise<readonly RecordRange[]> {
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

function startOf({ partition, from: offset }: RecordRange): Position {
  return { partition, offset };
}

/** The first ranges, as many as may be read. */
function cut(ranges: readonly RecordRange[], limit: number): Candidates {
  const kept: RecordRange[] = [];
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

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
