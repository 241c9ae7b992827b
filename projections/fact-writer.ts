import { Fault } from '#domain';
import type { Position, TenantId } from '#domain';
import { announced } from './announced.ts';
import type { FactBatch, FactStore } from './fact-store.ts';

/** A record that the engine cannot take, and what it said. */
export type PoisonRecord = {
  readonly tenant: TenantId;
  readonly position: Position;
  readonly reason: string;
};

/** Whether the engine refused an insert because of what stands in a line. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof Fault && error.details['unreadable'] === true;
}

/** What of the batches is not in the facts, by reading back which offsets are. */
export async function missingOf(
  facts: FactStore,
  generation: number,
  batches: readonly FactBatch[],
): Promise<FactBatch[]> {
  const missing: FactBatch[] = [];
  // One question per partition: batches of one partition follow each other.
  const together = Map.groupBy(batches, ({ tenant, partition }) => `${tenant}/${partition}`);
  for (const own of together.values()) {
    const present = await presentOf(facts, generation, own);
    for (const batch of own) {
      const rest = keep(batch, (index) => !present.has(batch.offsets[index] ?? -1n));
      if (rest.offsets.length > 0) missing.push(rest);
    }
  }
  return missing;
}

/** Inserts the batches, in one insert. */
export function insertFacts(
  facts: FactStore,
  generation: number,
  batches: readonly FactBatch[],
): Promise<void> {
  return announced({ what: 'facts', generation }, () => facts.insert(generation, batches));
}

/** Which offsets between the first and the last of the batches are in the facts. */
async function presentOf(
  facts: FactStore,
  generation: number,
  batches: readonly FactBatch[],
): Promise<ReadonlySet<bigint>> {
  const offsets = batches.flatMap((batch) => [batch.offsets[0] ?? [], batch.offsets.at(-1) ?? []].flat());
  const [first, ...others] = offsets;
  if (first === undefined || batches[0] === undefined) return new Set();
  const from = others.reduce((least, offset) => (offset < least ? offset : least), first);
  const last = others.reduce((most, offset) => (offset > most ? offset : most), first);
  const { tenant, partition } = batches[0];
  return new Set(await facts.present(generation, { tenant, partition, from, to: last + 1n }));
}

/**
 * Inserts what is missing of the batches, halving what the engine cannot read until single lines are left.
 * Answers those; everything else stands in the facts then. Throws what is not about a line, and
 * `PROJECTION_PAUSED` when more than `maxPoison` lines are unreadable: then it is not the lines.
 */
export async function insertIsolating(
  facts: FactStore,
  generation: number,
  batches: readonly FactBatch[],
  maxPoison: number,
): Promise<PoisonRecord[]> {
  const poison: PoisonRecord[] = [];
  const parts: (readonly FactBatch[])[] = [batches];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    // A refused insert may have left any part of its lines in the table.
    const missing = await missingOf(facts, generation, part);
    try {
      await insertFacts(facts, generation, missing);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const [first, second] = halve(missing);
      if (second.length > 0) {
        parts.push(second, first);
        continue;
      }
      poison.push(...first.map((batch) => poisonOf(batch, error)));
      if (poison.length > maxPoison) throw tooMany(poison, error);
    }
  }
  return poison;
}

function poisonOf(batch: FactBatch, error: unknown): PoisonRecord {
  const { tenant, partition, offsets } = batch;
  const said = error instanceof Fault ? error.details['engine_message'] : undefined;
  return {
    tenant,
    position: { partition, offset: offsets[0] ?? 0n },
    reason: typeof said === 'string' ? said : 'the engine cannot read the record',
  };
}

function tooMany(poison: readonly PoisonRecord[], cause: unknown): Fault {
  return new Fault('PROJECTION_PAUSED', 'So many records are unreadable that they cannot be at fault.', {
    details: { unreadable_records: poison.length, first: poison[0]?.position, reason: poison[0]?.reason },
    cause,
  });
}

/** The first half of the lines and the second; the second is empty when there is but one. */
function halve(batches: readonly FactBatch[]): [FactBatch[], FactBatch[]] {
  const middle = Math.ceil(batches.reduce((sum, { lines }) => sum + lines.length, 0) / 2);
  const first: FactBatch[] = [];
  const second: FactBatch[] = [];
  let before = 0;
  for (const batch of batches) {
    const cut = middle - before;
    before += batch.lines.length;
    const head = keep(batch, (index) => index < cut);
    const tail = keep(batch, (index) => index >= cut);
    if (head.lines.length > 0) first.push(head);
    if (tail.lines.length > 0) second.push(tail);
  }
  return [first, second];
}

function keep(batch: FactBatch, wanted: (index: number) => boolean): FactBatch {
  return {
    ...batch,
    offsets: batch.offsets.filter((_offset, index) => wanted(index)),
    lines: batch.lines.filter((_line, index) => wanted(index)),
  };
}
