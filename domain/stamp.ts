import type { LoggedEvent } from './event-filter.ts';

/**
 * When something was said: by the event's own time, at equal times by partition, then by offset. Of two
 * writes the one with the later stamp counts, in whatever order they are folded. Offsets as decimal text, so
 * that a stamp is JSON.
 */
export type Stamp = readonly [atMs: number, partition: number, offset: string];

export function stampOf({ event, partition, offset }: LoggedEvent): Stamp {
  return [event.timestamp, partition, String(offset)];
}

/** Whether `one` is later than `other`; anything is later than nothing. */
export function isLater(one: Stamp | undefined, other: Stamp | undefined): boolean {
  if (one === undefined || other === undefined) return one !== undefined;
  if (one[0] !== other[0]) return one[0] > other[0];
  if (one[1] !== other[1]) return one[1] > other[1];
  // Numbers without leading zeros: the longer one is larger.
  return one[2].length === other[2].length ? one[2] > other[2] : one[2].length > other[2].length;
}
