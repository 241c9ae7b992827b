import { covers } from '#domain';
import type { PositionVector } from '#domain';
import type { SealedDay } from '#projections';
import type { Scope } from './sql.ts';

/** Half-open, epoch ms. */
export type Piece = { readonly fromMs: number; readonly toMs: number };

/** Where the counts of a range are read from. */
export type Sources = {
  /** What is read from slices, of days or of hours; undefined when nothing is. */
  readonly slices:
    | { readonly grain: 'day' | 'hour'; readonly seals: readonly number[]; readonly pieces: readonly Piece[] }
    | undefined;
  /** The rest of the range, which is read from facts; ascending, none empty. */
  readonly facts: readonly Piece[];
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The seals whose slices hold just the records before a vector: those it covers. A day that got a record
 * after its seal is no longer among the sealed, so nothing of it lies between its seal and the vector.
 */
export function usableSeals(
  sealed: readonly SealedDay[] | undefined,
  vector: PositionVector,
): readonly SealedDay[] {
  return sealed?.filter((day) => covers(vector, day.vector)) ?? [];
}

/**
 * The rule by which counts are read: sealed days from slices, the rest from facts. Slices of days serve where
 * buckets change at midnight UTC only, those of hours where they change at full hours of UTC; of the first
 * and the last day or hour of a range what is not whole is read from facts. Where a zone is off by a part of
 * an hour, and where nothing is sealed, all of it is.
 */
export function sourcesOf(
  { fromMs, toMs }: Piece,
  edges: readonly number[],
  { sealed = [] }: Pick<Scope, 'sealed'>,
): Sources {
  const inside = edges.filter((edge) => edge > fromMs && edge < toMs);
  const width = [DAY_MS, HOUR_MS].find((width) => inside.every((edge) => edge % width === 0));
  if (width === undefined) return { slices: undefined, facts: [{ fromMs, toMs }] };
  const firstMs = Math.ceil(fromMs / width) * width;
  const lastMs = Math.floor(toMs / width) * width;
  const seals: number[] = [];
  const pieces: Piece[] = [];
  const facts: Piece[] = [];
  let readMs = fromMs;
  for (const { day, seal } of sealed) {
    const piece = { fromMs: Math.max(day * DAY_MS, firstMs), toMs: Math.min((day + 1) * DAY_MS, lastMs) };
    if (piece.fromMs >= piece.toMs) continue;
    seals.push(seal);
    addPiece(pieces, piece);
    addPiece(facts, { fromMs: readMs, toMs: piece.fromMs });
    readMs = piece.toMs;
  }
  addPiece(facts, { fromMs: readMs, toMs });
  const grain = width === DAY_MS ? 'day' : 'hour';
  return { slices: seals.length === 0 ? undefined : { grain, seals, pieces }, facts };
}

/** Adds a piece that is not empty; one that begins where the last one ends becomes part of it. */
function addPiece(pieces: Piece[], piece: Piece): void {
  if (piece.fromMs >= piece.toMs) return;
  const last = pieces.at(-1);
  if (last?.toMs === piece.fromMs) pieces[pieces.length - 1] = { ...last, toMs: piece.toMs };
  else pieces.push(piece);
}
