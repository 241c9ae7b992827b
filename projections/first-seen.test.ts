import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TenantId } from '#domain';
import { openChdbFactStore } from './chdb-fact-store.ts';
import type { FactStore } from './fact-store.ts';
import { splicedLine } from './spliced-line.ts';

type Seen = {
  readonly partition: number;
  readonly actor: string;
  readonly name: string;
  readonly ms: number;
};

const START = Date.UTC(2024, 0, 1);
const RECORDS = 60;

const seen = fc
  .record({
    actor: fc.constantFrom('a', 'b', 'c', 'd'),
    name: fc.constantFrom('view', 'click'),
    // Few instants, so that many are equal, in any order.
    ms: fc.integer({ min: 0, max: 40 }).map((step) => START + step * 86_400_000),
  })
  .map((event): Seen => ({ ...event, partition: event.actor < 'c' ? 0 : 1 }));

/** A history with shuffled times and how it is folded: cuts in any order, forwards with repeats. */
const history = fc.record({
  events: fc.array(seen, { minLength: 1, maxLength: RECORDS }),
  cuts: fc.array(fc.nat({ max: RECORDS }), { maxLength: 6 }),
  again: fc.array(fc.nat({ max: 6 }), { maxLength: 4 }),
});

test('first_seen before any vector is the earliest time among the records before it', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-first-seen-'));
  const facts = await openChdbFactStore({ dataDir });
  t.after(async () => {
    await facts[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  await facts.prepare(1);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(history, async ({ events, cuts, again }) => {
      const tenant = `tenant-${run++}` as TenantId;
      const offsets = [0n, 0n];
      const placed = events.map((event) => ({ ...event, offset: next(offsets, event.partition) }));
      for (const partition of [0, 1]) await insert(facts, tenant, partition, placed);

      const steps = [...new Set([0, ...cuts.filter((cut) => cut < events.length), events.length])].sort(
        (a, b) => a - b,
      );
      const vectors = steps.map((count) =>
        [0, 1].map((partition) =>
          BigInt(events.slice(0, count).filter((event) => event.partition === partition).length),
        ),
      );
      for (let step = 1; step < vectors.length; step++) {
        await facts.foldFirstSeen(1, { tenant, from: vectors[step - 1] ?? [], to: vectors[step] ?? [] });
        // A crash between the fold and its checkpoint repeats from an earlier vector.
        const back = again[step - 1];
        if (back !== undefined) {
          await facts.foldFirstSeen(1, {
            tenant,
            from: vectors[Math.max(0, step - back)] ?? [],
            to: vectors[step] ?? [],
          });
        }
      }
      for (const vector of vectors) {
        assert.deepEqual(await firstSeen(facts, tenant, vector), earliestBefore(placed, vector));
      }
      assert.deepEqual(await keptPositions(facts, tenant), runningMinima(placed));
    }),
    { numRuns: 12 },
  );
});

test('a fold that a crash left half written is completed by repeating it', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-first-seen-'));
  const facts = await openChdbFactStore({ dataDir });
  t.after(async () => {
    await facts[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  await facts.prepare(1);
  const tenant = 'acme' as TenantId;
  const falling = [9, 7, 8, 5, 1].map((day, index) => {
    return { partition: 0, actor: 'a', name: 'view', ms: START + day * 86_400_000, offset: BigInt(index) };
  });
  await insert(facts, tenant, 0, falling);
  // Only the later half was written; its row of offset 4 must not hide the earlier ones.
  await facts.foldFirstSeen(1, { tenant, from: [3n], to: [5n] });
  await facts.foldFirstSeen(1, { tenant, from: [0n], to: [5n] });
  for (const vector of [[0n], [1n], [2n], [3n], [4n], [5n]]) {
    assert.deepEqual(await firstSeen(facts, tenant, [...vector, 0n]), earliestBefore(falling, vector));
  }
});

type Placed = Seen & { readonly offset: bigint };

/** The earliest instant of every actor and event among the records before the vector. */
function earliestBefore(placed: readonly Placed[], vector: readonly bigint[]): Map<string, number> {
  const earliest = new Map<string, number>();
  for (const { partition, offset, actor, name, ms } of placed) {
    const who = `${actor} ${name}`;
    if (offset < (vector[partition] ?? 0n)) earliest.set(who, Math.min(earliest.get(who) ?? Infinity, ms));
  }
  return new Map([...earliest].sort());
}

/** Positions of the records that are earlier than all before them of the same actor and event. */
function runningMinima(placed: readonly Placed[]): string[] {
  const earliest = new Map<string, number>();
  return placed
    .filter(({ actor, name, ms }) => {
      const who = `${actor} ${name}`;
      const before = earliest.get(who) ?? Infinity;
      earliest.set(who, Math.min(before, ms));
      return ms < before;
    })
    .map(({ partition, offset }) => `${partition}:${offset}`)
    .sort();
}

async function keptPositions(facts: FactStore, tenant: TenantId): Promise<string[]> {
  const { rows } = await facts.query<{ position: string }>({
    sql: `SELECT DISTINCT concat(toString(log_partition), ':', toString(log_offset)) AS position
      FROM analysis_db.first_seen_g1 WHERE tenant_id = {tenant:String}`,
    params: { tenant },
  });
  return rows.map(({ position }) => position).sort();
}

function next(offsets: bigint[], partition: number): bigint {
  const offset = offsets[partition] ?? 0n;
  offsets[partition] = offset + 1n;
  return offset;
}

async function insert(
  facts: FactStore,
  tenant: TenantId,
  partition: number,
  events: readonly Placed[],
): Promise<void> {
  const own = events.filter((event) => event.partition === partition);
  const lines = own.map(({ offset, actor, name, ms }) => {
    const value = {
      event_id: `${offset}`,
      tenant_id: tenant,
      kind: 'generic',
      event_name: name,
      user_id: actor,
    };
    const line = splicedLine(Buffer.from(JSON.stringify({ ...value, timestamp: ms })), partition, offset);
    assert.ok(line);
    return line;
  });
  await facts.insert(1, [{ tenant, partition, offsets: own.map(({ offset }) => offset), lines }]);
}

async function firstSeen(
  facts: FactStore,
  tenant: TenantId,
  vector: readonly bigint[],
): Promise<Map<string, number>> {
  const { rows } = await facts.query<{ who: string; ms: string }>({
    sql: `SELECT concat(actor_id, ' ', event_name) AS who, toString(toUnixTimestamp64Milli(min(ts))) AS ms
      FROM analysis_db.first_seen_g1 WHERE tenant_id = {tenant:String}
        AND ((log_partition = 0 AND log_offset < {first:UInt64}) OR (log_partition = 1 AND log_offset < {second:UInt64}))
      GROUP BY who ORDER BY who`,
    params: { tenant, first: vector[0], second: vector[1] },
  });
  return new Map(rows.map(({ who, ms }) => [who, Number(ms)]));
}
