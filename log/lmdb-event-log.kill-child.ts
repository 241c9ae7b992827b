import { acme, entry, events } from './event-log.contract.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';

// A process to be killed: resends what was sent to it before, appends on, and tells each acknowledgement.

const [dataDir = '', firstId = '0'] = process.argv.slice(2);

// So little may wait for the index that it is being written, and its filter saved, at almost every instant.
const log = await openLmdbEventLog({ dataDir, maxIndexTailBytes: 2000, snapshotEveryIds: 50 });
await log.create(acme, { partitions: 7 });

let next = Number(firstId);
const say = (line: unknown): void => void process.stdout.write(JSON.stringify(line) + '\n');

async function client(): Promise<void> {
  for (;;) {
    const first = next;
    next += 5;
    // Every second round also sends an id again, some in the same call.
    const ids = Array.from({ length: 5 }, (_, i) => `id-${first + i}`);
    if (first % 2 === 0) ids.push(`id-${Math.max(0, first - 7)}`, `id-${first}`);
    const outcomes = await log.append(
      events,
      ids.map((id) => entry(id)),
    );
    say(
      outcomes.map(({ outcome, position }, i) => [
        ids[i],
        outcome,
        position.partition,
        Number(position.offset),
      ]),
    );
  }
}

await Promise.all(Array.from({ length: 6 }, client));
