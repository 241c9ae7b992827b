import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { acme, deadLetters, entry, events, isFault, other, readAll } from './event-log.contract.ts';
import type { EventLog, LogName } from './event-log.ts';
import type { RecordTimes, TimesBatch } from './record-times.ts';

/** What telling event times must promise; `open` gives a log that is written, and what reads it. */
export function recordTimesContract(
  name: string,
  open: (t: TestContext) => Promise<{ readonly log: EventLog; readonly times: RecordTimes }>,
): void {
  const START = Date.UTC(2024, 1, 29);

  test(`${name}: tells the time of every record of a range, in offset order`, async (t) => {
    const { log, times } = await open(t);
    for (const tenant of [acme, other]) await log.create(tenant, { partitions: 3 });
    const entries = Array.from({ length: 5_000 }, (_, index) =>
      entry(`evt_${index}`, { timestampMs: START + ((index * 7919) % 100_000) * 1000 }),
    );
    // Blocks of every size, from a single record on.
    for (const [from, to] of [
      [0, 1],
      [1, 3],
      [3, 900],
      [900, 5_000],
    ])
      await log.append(events, entries.slice(from, to));
    await log.append({ tenant: other, channel: 'events' }, [entry('evt_1', { timestampMs: 1 })]);
    const wanted = await readAll(log, events);
    for (const from of [0n, 1n, 700n]) {
      for (const partition of [0, 1, 2]) {
        const told: [bigint, number][] = [];
        for await (const batch of times.readTimes(events, { partition, from, to: 1_200n })) {
          batch.timesMs.forEach((ms, index) => told.push([batch.from + BigInt(index), ms]));
        }
        assert.deepEqual(
          told,
          wanted
            .filter((record) => record.partition === partition && record.offset >= from)
            .filter(({ offset }) => offset < 1_200n)
            .map(({ offset, headers }) => [offset, headers.timestampMs]),
        );
      }
    }
  });

  test(`${name}: tells the times of dead letters, and refuses unknown tenants`, async (t) => {
    const { log, times } = await open(t);
    await log.create(acme, { partitions: 1 });
    await log.append(deadLetters, [entry('', { timestampMs: -5 })]);
    const first = async (log: LogName): Promise<TimesBatch | undefined> => {
      for await (const batch of times.readTimes(log, { partition: 0, from: 0n })) return batch;
      return undefined;
    };
    assert.deepEqual(await first(deadLetters), { partition: 0, from: 0n, timesMs: [-5] });
    assert.equal(await first(events), undefined);
    await assert.rejects(first({ tenant: other, channel: 'events' }), isFault('TENANT_UNKNOWN'));
  });
}
