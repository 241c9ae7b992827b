import { comparePositions } from '#domain';
import type { EventLog, LogBounds, LogName, LogRecord } from '#log';

/** The newest `count` records over all partitions: by time of receipt, then as they stand in their partition. */
export async function newestRecords(
  log: EventLog,
  name: LogName,
  { bounds, count }: { readonly bounds: LogBounds; readonly count: number },
): Promise<readonly LogRecord[]> {
  if (count === 0) return [];
  const found: LogRecord[] = [];
  for (const [partition, to] of bounds.next.entries()) {
    const first = bounds.first[partition] ?? 0n;
    const from = to - BigInt(count) > first ? to - BigInt(count) : first;
    for await (const { records } of log.read(name, { partition, from, to })) found.push(...records);
  }
  return found
    .sort((a, b) => a.headers.receivedAtMs - b.headers.receivedAtMs || comparePositions(a, b))
    .slice(-count);
}
