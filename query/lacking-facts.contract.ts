import assert from 'node:assert/strict';
import { isBefore, parseTenantId } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { FactState, FactStore } from '#projections';
import type { Door, Kept } from '../test/door.ts';

export const GENERATION = 1;

/** Two tenants whose events share all their ids. */
export const TENANTS = ['acme', 'umbra'].map((name): TenantId => {
  const parsed = parseTenantId(name);
  assert.ok(parsed.ok);
  return parsed.tenant;
});

/** Puts some of a tenant's records into the facts, and answers the state of facts that say how far they are. */
export async function putSome(
  facts: FactStore,
  door: Door,
  some: {
    readonly tenant: TenantId;
    readonly own: readonly Kept[];
    /** How far the facts say they are, of all that the log holds. */
    confirmed(next: PositionVector): PositionVector;
    /** Which of the records stand in the facts. */
    isThere(index: number, isConfirmed: boolean): boolean;
  },
): Promise<FactState> {
  const { tenant, own } = some;
  const { identity, next } = await door.log.bounds({ tenant, channel: 'events' });
  const confirmed = some.confirmed(next);
  const there = own.filter((position, index) => some.isThere(index, isBefore(position, confirmed)));
  await facts.insert(
    GENERATION,
    [...Map.groupBy(there, ({ partition }) => partition)].map(([partition, records]) => ({
      tenant,
      partition,
      offsets: records.map(({ offset }) => offset),
      lines: records.map(lineOf),
    })),
  );
  return {
    generation: GENERATION,
    logIdentity: identity,
    confirmed,
    firstSeen: next.map(() => 0n),
    highWater: next,
    waitingSinceMs: undefined,
    horizon: undefined,
    paused: undefined,
  };
}

function lineOf({ partition, offset, value }: Kept): Uint8Array {
  const position = `"log_partition":${partition},"log_offset":${String(offset)}`;
  return Buffer.from(`{${position},${JSON.stringify(value).slice(1)}`);
}
