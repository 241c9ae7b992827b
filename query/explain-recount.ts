import { formatPosition } from '#domain';
import type { Ask } from './analysis.ts';
import type { Cell } from './explain-cell.ts';
import { countFacts, readFacts } from './explain-facts.ts';
import type { Windows } from './explain-facts.ts';
import { scanLog } from './explain-log.ts';
import type { RawLog, Scanned } from './explain-log.ts';
import { addedBy } from './explain-part.ts';
import type { Marked, Part } from './explain-part.ts';
import type { Scope } from './sql.ts';

export type RecountLimits = {
  /** Most records of the log that one recount reads. @default 1,000,000 */
  readonly maxRecords?: number;
  /** Most events of a cell that are compared one by one. @default 200,000 */
  readonly maxEvents?: number;
  /** Length of a stretch of the log where only samples are read. @default 1,000 */
  readonly stretch?: number;
};

/** An event that stands in the log and in the facts differently, by its position. */
export type Difference = {
  readonly partition: number;
  readonly offset: string;
  /** Not in the facts; in the facts but not of the log's making; in both but not the same; more than once in the facts. */
  readonly what: 'missing' | 'unexpected' | 'differing' | 'repeated';
};

/** A cell counted again from the raw records, beside what the facts hold. */
export type Recount = {
  /** That the value is that of the answer, and that the facts hold just the events of the log. */
  readonly equal: boolean;
  /** From the raw records alone. Null where only samples were read. */
  readonly value: unknown;
  readonly records_read: number;
  /** Events of the cell in the log and in the facts, and how they differ. */
  readonly events: {
    readonly log: number;
    readonly facts: number;
  } & Readonly<Record<Difference['what'], number>>;
  /** Some of the differences. */
  readonly examples: readonly Difference[];
  /** Only where it would have been too much to read all: what share of the records was read. */
  readonly sampled?: { readonly records: number; readonly of: number; readonly note: string };
};

const MAX_EXAMPLES = 20;

/** Counts a cell again by the folds of the domain over the raw records before the scope's vector. */
export async function recount(
  cell: Cell,
  from: {
    readonly log: RawLog;
    readonly scope: Scope;
    readonly limits: RecountLimits;
    readonly signal: AbortSignal | undefined;
  },
  ask: Ask,
): Promise<Recount> {
  const { log, scope, limits, signal } = from;
  const { tenant, vector } = scope;
  const { first } = await log.bounds({ tenant, channel: 'events' });
  const total = vector.reduce((sum, next, partition) => sum + (next - (first[partition] ?? 0n)), 0n);
  let facts = 0;
  for (const part of cell.parts) facts += await countFacts(part, scope, ask);
  const windows = windowsOf({ records: Number(total), facts }, limits);
  const scanned = await scanLog(log, cell.parts, { tenant, first, vector, windows, signal });
  const differences: Difference[] = [];
  const events = { log: 0, facts: 0 };
  for (const part of cell.parts) {
    const rows = await readFacts(part, { scope, windows }, ask);
    const own = scanned.rows.get(part) ?? [];
    events.log += own.length;
    events.facts += rows.length;
    differences.push(...compare(own, rows));
  }
  const value = windows ? null : worthOf(cell, scanned);
  const count = (what: Difference['what']) => differences.filter((one) => one.what === what).length;
  return {
    equal: differences.length === 0 && (windows !== undefined || value === cell.value),
    value,
    records_read: scanned.records,
    events: {
      ...events,
      missing: count('missing'),
      unexpected: count('unexpected'),
      differing: count('differing'),
      repeated: count('repeated'),
    },
    examples: differences.slice(0, MAX_EXAMPLES),
    ...(windows && { sampled: { records: scanned.records, of: Number(total), note: SAMPLED } }),
  };
}

const SAMPLED =
  'Too much to read whole: in stretches of the log spread evenly over it, the events of the cell were compared one by one with the facts. The value itself was not counted again.';

function worthOf(cell: Cell, { rows }: Scanned): unknown {
  const added = new Map(
    cell.parts.map((part) => [
      part,
      [...addedBy(part, rows.get(part) ?? []).values()].map((one) => one.amount),
    ]),
  );
  const each = (part: Part): readonly bigint[] => added.get(part) ?? [];
  return cell.worth({ each, of: (part) => each(part).reduce((sum, amount) => sum + amount, 0n) });
}

/** Which part of the log is read so that neither limit is exceeded; undefined = all of it. */
export function windowsOf(
  { records, facts }: { readonly records: number; readonly facts: number },
  { maxRecords = 1_000_000, maxEvents = 200_000, stretch = 1000 }: RecountLimits,
): Windows | undefined {
  const times = Math.max(records / maxRecords, facts / maxEvents);
  if (times <= 1) return undefined;
  return { every: BigInt(Math.ceil(times * stretch)), length: BigInt(stretch) };
}

function compare(log: readonly Marked[], facts: readonly Marked[]): Difference[] {
  const differences: Difference[] = [];
  const note = (what: Difference['what'], { partition, offset }: Marked): void => {
    differences.push({ partition, offset: String(offset), what });
  };
  const left = new Map<string, Marked>();
  for (const fact of facts) {
    if (left.has(formatPosition(fact))) note('repeated', fact);
    left.set(formatPosition(fact), fact);
  }
  for (const record of log) {
    const fact = left.get(formatPosition(record));
    if (!fact) note('missing', record);
    else if (!isSame(record, fact)) note('differing', record);
    left.delete(formatPosition(record));
  }
  for (const fact of left.values()) note('unexpected', fact);
  return differences;
}

function isSame(a: Marked, b: Marked): boolean {
  return a.member === b.member && a.atMs === b.atMs && a.marks === b.marks && a.amount === b.amount;
}
