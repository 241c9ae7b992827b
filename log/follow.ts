import type { PositionVector } from '#domain';
import type { EventLog, LogName, RecordBatch } from './event-log.ts';

/**
 * Reads on from a vector: what stands in the log, then what comes, until the signal aborts; then it ends.
 * Partitions take turns, each in offset order. The next batch is read when the last one has been taken, so a
 * slow reader slows the reading. Woken by commits; it waits without a timer.
 *
 * Throws what `read` throws, `LOG_GAP` among it.
 */
export async function* follow(
  log: EventLog,
  name: LogName,
  from: PositionVector,
  signal: AbortSignal,
): AsyncIterable<RecordBatch> {
  let wake = Promise.withResolvers<undefined>();
  const stop = (): void => {
    wake.resolve(undefined);
  };
  signal.addEventListener('abort', stop, { once: true });
  using _listening = log.onCommit((committed) => {
    if (committed.tenant === name.tenant && committed.channel === name.channel) wake.resolve(undefined);
  });
  try {
    const vector: bigint[] = [];
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      const { next } = await log.bounds(name);
      let moved = false;
      for (let partition = 0; partition < next.length; partition++) {
        const start = (vector[partition] ??= from[partition] ?? 0n);
        const to = next[partition] ?? 0n;
        if (start >= to) continue;
        moved = true;
        for await (const batch of log.read(name, { partition, from: start, to }, signal)) {
          yield batch;
          vector[partition] = (vector[partition] ?? 0n) + BigInt(batch.records.length);
        }
      }
      if (!moved && !isAborted(signal)) await wake.promise;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Read afresh: the signal may have changed across an await, which the type checker does not expect. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
