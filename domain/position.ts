/** Where one record stands in a tenant's log. */
export type Position = { readonly partition: number; readonly offset: bigint };

/**
 * The next offset to read of every partition, so `vector[p]` records of partition `p` lie before it.
 * Compared partition by partition, never by a maximum.
 */
export type PositionVector = readonly bigint[];

/** The order of a log: one partition after the other, within each by offset. */
export function comparePositions(one: Position, other: Position): number {
  if (one.partition !== other.partition) return one.partition - other.partition;
  return one.offset < other.offset ? -1 : one.offset > other.offset ? 1 : 0;
}

/** Writes a position as one word, `2:17`. */
export function formatPosition({ partition, offset }: Position): string {
  return `${partition}:${offset}`;
}

/** Takes an untrusted word; undefined when it is no position. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(\d{1,5}):(\d{1,19})$/.exec(text);
  return match ? { partition: Number(match[1]), offset: BigInt(match[2] ?? 0) } : undefined;
}

/** Whether the record at `position` lies before the vector. */
export function isBefore(position: Position, vector: PositionVector): boolean {
  const next = vector[position.partition];
  return next !== undefined && position.offset < next;
}

/** Whether every partition of `vector` has come at least as far as in `other`. */
export function covers(vector: PositionVector, other: PositionVector): boolean {
  return other.every((offset, partition) => (vector[partition] ?? 0n) >= offset);
}

/** How many records lie between the vectors, counting only partitions in which `vector` is behind. */
export function behind(vector: PositionVector, highWater: PositionVector): bigint {
  return highWater.reduce((sum, high, partition) => {
    const own = vector[partition] ?? 0n;
    return own < high ? sum + (high - own) : sum;
  }, 0n);
}
