import type { TObject } from 'typebox';
import { bucketOf, formatDate, parseInstant } from '#domain';
import type { Zone } from '#domain';
import { ofScenario, fits } from './explain-condition.ts';
import type { Condition } from './explain-condition.ts';
import type { Part } from './explain-part.ts';
import type { Narrowing } from './narrowing.ts';
import type { Piece } from './slices.ts';

/** What the parts of a cell come to. */
export type Totals = {
  /** The sum over all members of a part. */
  of(part: Part): bigint;
  /** What every member of a part adds. */
  each(part: Part): readonly bigint[];
};

/** One number of an answer. */
export type Cell = {
  /** As the answer has it. */
  readonly value: unknown;
  /** What it is worked out from; never empty, the one that is explained by default first. */
  readonly parts: readonly Part[];
  /** The number its parts come to. */
  worth(totals: Totals): unknown;
};

/** Why there is no such cell, or why it cannot be explained. */
export type NoCell = { readonly problem: string } | { readonly unexplained: string };

/** The cells of an analysis: by which members they are named, and what they are made of. */
export type CellsOf<Named = unknown, Plan = unknown> = {
  /** The members that name a cell. */
  readonly schema: TObject;
  readonly example: object;
  find(named: Named, given: { readonly plan: Plan; readonly answer: unknown }): Cell | NoCell;
};

/** Of a figure that an answer must have somewhere for there to be a cell. */
export function cellOf(value: unknown, made: Omit<Cell, 'value'>): Cell | NoCell {
  if (value === undefined) return { problem: 'names no number of this answer' };
  if (value === null) return { problem: 'names a number that the answer leaves open' };
  return { value, ...made };
}

/** A cell that is one part. */
export function plainCell(value: unknown, part: Part): Cell | NoCell {
  return cellOf(value, { parts: [part], worth: (totals) => Number(totals.of(part)) });
}

/** The bucket that begins at a time as an answer writes it, cut to the range. */
export function bucketAt(
  time: string | number,
  edges: readonly number[],
  { fromMs, toMs, zone }: Piece & { readonly zone: Zone },
): (Piece & { readonly index: number }) | undefined {
  const startMs = parseInstant(time, zone);
  if (startMs === undefined) return undefined;
  const index = bucketOf(startMs, edges);
  if (edges[index] !== startMs) return undefined;
  return { index, ...cut({ fromMs, toMs }, edges, index) };
}

/** The bucket of a day, week or month as an answer writes it, cut to the range. */
export function bucketOn(
  date: string,
  edges: readonly number[],
  { fromMs, toMs, zone }: Piece & { readonly zone: Zone },
): (Piece & { readonly index: number }) | undefined {
  const index = edges.slice(0, -1).findIndex((edge) => formatDate(edge, zone) === date);
  return index < 0 ? undefined : { index, ...cut({ fromMs, toMs }, edges, index) };
}

/** What an answer shows of a day, or without a date of the whole range, and of which time that is. */
export function onDay<Shown>(
  date: string | undefined,
  { edges, narrowing }: { readonly edges: readonly number[]; readonly narrowing: Narrowing },
  { total, days }: { readonly total: Shown; readonly days: readonly Shown[] },
): Piece & { readonly shown: Shown | undefined } {
  const { fromMs, toMs } = narrowing;
  if (date === undefined) return { fromMs, toMs, shown: total };
  const bucket = bucketOn(date, edges, narrowing);
  return bucket
    ? { fromMs: bucket.fromMs, toMs: bucket.toMs, shown: days[bucket.index] }
    : { fromMs, toMs, shown: undefined };
}

function cut({ fromMs, toMs }: Piece, edges: readonly number[], index: number): Piece {
  return {
    fromMs: Math.max(edges[index] ?? fromMs, fromMs),
    toMs: Math.min(edges[index + 1] ?? toMs, toMs),
  };
}

/** What a question leaves of the tenant's events, besides its range. */
export function leftBy({
  scenarioId,
  filters,
}: Pick<Narrowing, 'scenarioId' | 'filters'>): readonly Condition[] {
  return [...ofOneScenario(scenarioId), ...fits(filters)];
}

export function ofOneScenario(scenarioId: string | undefined): readonly Condition[] {
  return scenarioId === undefined ? [] : [ofScenario(scenarioId)];
}
