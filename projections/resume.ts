import { Fault } from '#domain';
import type { PositionVector } from '#domain';
import type { LogBounds } from '#log';
import type { Checkpoint } from './checkpoint-store.ts';

/**
 * Where a projection goes on in a log: at its checkpoint, or at the beginning without one. Throws
 * `LOG_IDENTITY_CHANGED` when the checkpoint belongs to another log, `LOG_GAP` when the log no longer holds
 * what comes next or ends before the checkpoint.
 */
export function resumeFrom(checkpoint: Checkpoint | undefined, bounds: LogBounds): PositionVector {
  if (checkpoint && checkpoint.logIdentity !== bounds.identity) {
    throw new Fault('LOG_IDENTITY_CHANGED', undefined, {
      details: { checkpoint: checkpoint.logIdentity, log: bounds.identity },
    });
  }
  const vector = bounds.next.map((_next, partition) => checkpoint?.vector[partition] ?? 0n);
  refuseGaps(vector, bounds);
  return vector;
}

/** Throws `LOG_GAP` when the log does not hold what comes next after the vector. */
export function refuseGaps(vector: PositionVector, bounds: LogBounds): void {
  for (const [partition, offset] of vector.entries()) {
    const first = bounds.first[partition] ?? 0n;
    const next = bounds.next[partition] ?? 0n;
    if (offset < first) {
      throw new Fault('LOG_GAP', `Records [${offset}, ${first}) of partition ${partition} are gone.`, {
        details: { partition, from: offset, to: first },
      });
    }
    if (offset > next) {
      throw new Fault(
        'LOG_GAP',
        `The log of partition ${partition} ends at ${next}, before the checkpoint.`,
        {
          details: { partition, from: next, to: offset },
        },
      );
    }
  }
}
