import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { acme, entry, events, readAll } from './event-log.contract.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';
import { verifyLog } from './verify.ts';

const KILLS = 20;

type Ledger = Map<string, { partition: number; offset: number }>;
type Acknowledgement = [id: string, outcome: string, partition: number, offset: number];

/** Runs the child until it has acknowledged `calls` calls, kills it, and keeps what it acknowledged. */
async function runAndKill(dataDir: string, ledger: Ledger, calls: number, resend: number): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'lmdb-event-log.kill-child.ts'), dataDir, `${resend}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  let left = calls;
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [id, outcome, partition, offset] of JSON.parse(line) as Acknowledgement[]) {
      const known = ledger.get(id);
      if (known) {
        assert.equal(outcome, 'duplicate', `${id} was acknowledged before`);
        assert.deepEqual({ partition, offset }, known);
      }
      ledger.set(id, { partition, offset });
    }
    if (--left === 0) child.kill('SIGKILL');
  }
  const [, signal] = (await ended) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
}

test(`${KILLS} times kill -9 lose no acknowledged entry and keep none twice`, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-kill-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const ledger: Ledger = new Map();
  // A generator with a fixed start, so that a failure can be run again.
  let seed = 20_240_607;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % limit;
  };
  for (let kill = 0; kill < KILLS; kill++) {
    // Begin some way before the end, so that every start resends what may or may not have been kept.
    await runAndKill(dataDir, ledger, 1 + below(120), Math.max(0, ledger.size - below(60)));
  }
  await using log = await openLmdbEventLog({ dataDir });
  const records = await readAll(log, events);
  const { next } = await log.bounds(events);
  assert.ok((await verifyLog(log, events)).ok);
  const seen = new Map<string, { partition: number; offset: number }>();
  const expected = next.map(() => 0);
  for (const { partition, offset, headers } of records) {
    assert.equal(Number(offset), expected[partition]!++, 'offsets are contiguous');
    assert.ok(!seen.has(headers.eventId), `${headers.eventId} stands there twice`);
    seen.set(headers.eventId, { partition, offset: Number(offset) });
  }
  for (const [id, position] of ledger) assert.deepEqual(seen.get(id), position);
  const all = [...seen.keys()];
  const again = await log.append(
    events,
    all.map((id) => entry(id)),
  );
  again.forEach(({ outcome, position }, i) => {
    const { partition, offset } = seen.get(all[i]!)!;
    assert.deepEqual([outcome, position], ['duplicate', { partition, offset: BigInt(offset) }]);
  });
  assert.deepEqual((await log.bounds(events)).next, next);
  for (const [id, { partition, offset }] of [...seen].slice(0, 50)) {
    assert.deepEqual(await log.find(acme, id), { partition, offset: BigInt(offset) });
  }
});
