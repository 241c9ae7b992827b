import { covers } from '#domain';
import type { GenerationComparison, GenerationDifference, PositionVector } from '#domain';
import type { FactGenerations, RowDifference, Tally } from './fact-generations.ts';
import type { GenerationOf } from './read-model.ts';
import type { SealedDay } from './seals.ts';

/** A generation of facts with the days whose aggregates stand in slices. */
export type ComparedFacts = { readonly of: GenerationOf; readonly sealed: readonly SealedDay[] };

const DAY_MS = 86_400_000;
const LISTED = 1000;
const EXAMPLES_A_DAY = 3;
const NOTHING: Tally = { rows: 0n, checksum: 0n };

/** What stands of one day in both. */
type Day = { readonly active: Tally; readonly candidate: Tally };

/**
 * Compares two generations of a tenant's facts before a vector, day by day (UTC): how many rows, and what stands
 * in them; and what the slices hold of days that both have sealed. Facts of days before the horizon are left
 * out, because one of the two may have let go of them already; their slices are compared.
 */
export async function compareFacts(
  store: FactGenerations,
  { active, candidate }: { readonly active: ComparedFacts; readonly candidate: ComparedFacts },
  as: { readonly vector: PositionVector; readonly horizonMs: number; readonly signal: AbortSignal },
): Promise<GenerationComparison> {
  const facts = await tallyFacts(store, [active.of, candidate.of], as);
  const slices = await tallySlices(store, [active, candidate], as.vector);
  const days = [...new Set([...facts.keys(), ...slices.keys()])].sort((one, other) => one - other);
  const differing = days.filter((day) => !isEqual(facts.get(day)) || !isEqual(slices.get(day)));
  const listed = differing.slice(0, LISTED);
  const examples = await examplesOf(
    store,
    [active.of, candidate.of],
    listed.filter((day) => !isEqual(facts.get(day))),
    as,
  );
  return {
    compared: days.length,
    different: differing.length,
    differences: listed.map((day) =>
      differenceOf(day, { facts: facts.get(day), slices: slices.get(day) }, examples.get(day) ?? []),
    ),
    checksums: {
      active: checksumOf([...facts.values(), ...slices.values()].map((day) => day.active)),
      candidate: checksumOf([...facts.values(), ...slices.values()].map((day) => day.candidate)),
    },
  };
}

/** By months, so that somebody who gives up is heard soon. */
async function tallyFacts(
  store: FactGenerations,
  [active, candidate]: readonly [GenerationOf, GenerationOf],
  as: { readonly vector: PositionVector; readonly horizonMs: number; readonly signal: AbortSignal },
): Promise<Map<number, Day>> {
  const days = new Map<number, Day>();
  const months = new Set([...(await store.months(active)), ...(await store.months(candidate))]);
  for (const month of [...months].sort((one, other) => one - other)) {
    as.signal.throwIfAborted();
    const both = await Promise.all([
      store.tallyMonth(active, month, as.vector),
      store.tallyMonth(candidate, month, as.vector),
    ]);
    for (const [day, tallies] of together(both)) if (day * DAY_MS >= as.horizonMs) days.set(day, tallies);
  }
  return days;
}

/** Of days that both have sealed as of a vector that this one covers: then nothing of them lies in between. */
async function tallySlices(
  store: FactGenerations,
  both: readonly [ComparedFacts, ComparedFacts],
  vector: PositionVector,
): Promise<Map<number, Day>> {
  const usable = both.map(({ sealed }) => sealed.filter((day) => covers(vector, day.vector)));
  const inBoth = usable.map((sealed, index) => {
    const others = new Set(usable[1 - index]?.map(({ day }) => day));
    return sealed.filter(({ day }) => others.has(day));
  });
  const [active, candidate] = await Promise.all(
    both.map(({ of }, index) => store.tallySlices(of, inBoth[index] ?? [])),
  );
  return together([active ?? new Map(), candidate ?? new Map()]);
}

function together([active, candidate]: readonly [
  ReadonlyMap<number, Tally>,
  ReadonlyMap<number, Tally>,
]): Map<number, Day> {
  const days = new Set([...active.keys(), ...candidate.keys()]);
  return new Map(
    [...days].map((day) => [
      day,
      { active: active.get(day) ?? NOTHING, candidate: candidate.get(day) ?? NOTHING },
    ]),
  );
}

function isEqual(day: Day | undefined): boolean {
  return !day || (day.active.rows === day.candidate.rows && day.active.checksum === day.candidate.checksum);
}

async function examplesOf(
  store: FactGenerations,
  [active, candidate]: readonly [GenerationOf, GenerationOf],
  days: readonly number[],
  { vector, signal }: { readonly vector: PositionVector; readonly signal: AbortSignal },
): Promise<Map<number, string[]>> {
  const examples = new Map<number, string[]>();
  for (const month of Map.groupBy(days, monthOf).values()) {
    signal.throwIfAborted();
    const where = { days: month, vector, limit: EXAMPLES_A_DAY };
    for (const row of await store.differingRows(active, candidate, where)) {
      examples.set(row.day, [...(examples.get(row.day) ?? []), exampleOf(row)]);
    }
  }
  return examples;
}

function monthOf(day: number): string {
  return dayName(day).slice(0, 7);
}

function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

const LONGEST_VALUE = 80;

function exampleOf({ partition, offset, columns, only }: RowDifference): string {
  const where = `partition ${partition}, offset ${offset}`;
  if (only) return `${where}: only the ${only === 'active' ? 'active generation' : 'candidate'} has it`;
  if (columns.length === 0) return `${where}: stands there more than once`;
  const values = columns.map(
    ({ name, active, candidate }) => `${name} is ${shortened(active)}, becomes ${shortened(candidate)}`,
  );
  return `${where}: ${values.join('; ')}`;
}

function shortened(value: string): string {
  return value.length <= LONGEST_VALUE ? value : `${value.slice(0, LONGEST_VALUE)}…`;
}

function differenceOf(
  day: number,
  { facts, slices }: { readonly facts: Day | undefined; readonly slices: Day | undefined },
  examples: readonly string[],
): GenerationDifference {
  const said = (which: keyof Day): string | null => {
    const parts = [
      ...(facts ? [spoken('events', facts[which])] : []),
      ...(slices && !isEqual(slices) ? [spoken('counted in slices', slices[which])] : []),
    ];
    return (facts?.[which].rows ?? 0n) + (slices?.[which].rows ?? 0n) === 0n ? null : parts.join(', ');
  };
  const aggregates = isEqual(slices) ? [] : ['the sealed aggregates of the day differ'];
  return {
    name: dayName(day),
    active: said('active'),
    candidate: said('candidate'),
    examples: [...examples, ...aggregates],
  };
}

function spoken(what: string, { rows, checksum }: Tally): string {
  return `${rows} ${what} (${hex(checksum)})`;
}

/** Sums of sums: what is equal day by day is equal as a whole. */
function checksumOf(tallies: readonly Tally[]): string {
  return hex(tallies.reduce((sum, { checksum }) => BigInt.asUintN(64, sum + checksum), 0n));
}

function hex(checksum: bigint): string {
  return checksum.toString(16).padStart(16, '0');
}
