import type { TenantId } from '#domain';
import type { EventLog, RecordTimes } from '#log';
import { presentOffsets } from './fact-counts.ts';
import type { FactStore } from './fact-store.ts';
import type { Horizon } from './facts-horizon.ts';
import type { HourLedger } from './hour-ledger.ts';

/** Offsets `[from, to)` of a partition of a tenant, all of them before the confirmed vector. */
export type FactRange = {
  readonly tenant: TenantId;
  readonly logIdentity: string;
  readonly generation: number;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
};

/** A record that should be among the facts and is not. */
export type MissingFact = { readonly offset: bigint; readonly timestampMs: number };

export type FactDifferencesDeps = {
  readonly log: Pick<EventLog, 'read'> & RecordTimes;
  readonly facts: Pick<FactStore, 'query'>;
  readonly ledger: HourLedger;
  readonly horizon: () => Horizon | undefined;
};

/** The records of a range that should be among the facts and are not, ascending. */
export async function missingFacts(
  { log, facts, ledger, horizon }: FactDifferencesDeps,
  range: FactRange,
  signal?: AbortSignal,
): Promise<readonly MissingFact[]> {
  const { tenant, logIdentity, generation, partition, from, to } = range;
  const present = await presentOffsets(facts, range);
  if (BigInt(present.size) === to - from) return [];
  const poisoned = (await ledger.poisoned({ tenant, logIdentity }, generation)) ?? [];
  const known = new Set(present);
  for (const record of poisoned) if (record.partition === partition) known.add(record.offset);
  const missing: MissingFact[] = [];
  const name = { tenant, channel: 'events' } as const;
  for await (const batch of log.readTimes(name, { partition, from, to }, signal)) {
    batch.timesMs.forEach((timestampMs, index) => {
      const offset = batch.from + BigInt(index);
      if (!known.has(offset)) missing.push({ offset, timestampMs });
    });
  }
  // Only now: what has been let go meanwhile was announced before it went.
  const keptFromMs = horizon()?.beforeMs ?? -Infinity;
  return missing.filter(({ timestampMs }) => timestampMs >= keptFromMs);
}
