import type { PositionVector } from '#domain';
import type { ViewApplied, ViewClaim, ViewStep, ViewStore } from './view-store.ts';

/** What a scope keeps beside its collections, as it is stored. */
export type ViewCheckpoint = {
  readonly log_identity: string;
  readonly pruned_at_ms: number;
  /** Per partition: the next offset to fold, in decimal. */
  readonly offsets: readonly string[];
  /** Per partition: how often it has been claimed. */
  readonly epochs: readonly number[];
};

/** The checkpoint after somebody has claimed partitions. */
export function claimed(
  known: ViewCheckpoint | undefined,
  claim: Parameters<ViewStore['claim']>[1],
): ViewCheckpoint {
  const partitions = Array.from(
    { length: Math.max(claim.partitionCount, known?.offsets.length ?? 0) },
    (_, partition) => partition,
  );
  return {
    log_identity: known?.log_identity ?? claim.logIdentity,
    pruned_at_ms: Math.max(claim.prunedAtMs, known?.pruned_at_ms ?? 0),
    offsets: partitions.map((partition) => known?.offsets[partition] ?? '0'),
    epochs: partitions.map(
      (partition) => (known?.epochs[partition] ?? 0) + (claim.partitions.includes(partition) ? 1 : 0),
    ),
  };
}

/** What the claimant is told. */
export function claimOf(checkpoint: ViewCheckpoint, partitions: readonly number[]): ViewClaim {
  return {
    logIdentity: checkpoint.log_identity,
    checkpoints: vectorOf(checkpoint),
    epochs: new Map(partitions.map((partition) => [partition, checkpoint.epochs[partition] ?? 0])),
    prunedAtMs: checkpoint.pruned_at_ms,
  };
}

export function vectorOf(checkpoint: ViewCheckpoint): PositionVector {
  return checkpoint.offsets.map(BigInt);
}

/** Why the steps may not be taken from the checkpoint; undefined when they may. */
export function refusalOf(
  checkpoint: ViewCheckpoint | undefined,
  steps: readonly ViewStep[],
): Exclude<ViewApplied, { ok: true }> | undefined {
  const checkpoints = checkpoint ? vectorOf(checkpoint) : [];
  // Who has lost a partition must hear that first: its checkpoint is no longer theirs to compare.
  const lost = steps.find(({ partition, epoch }) => checkpoint?.epochs[partition] !== epoch);
  if (lost) return { ok: false, reason: 'epoch_superseded', partition: lost.partition };
  const differs = steps.some(({ partition, from }) => checkpoints[partition] !== from);
  return differs ? { ok: false, reason: 'checkpoint_differs', checkpoints } : undefined;
}

/** The checkpoint after the steps. */
export function stepped(checkpoint: ViewCheckpoint, steps: readonly ViewStep[]): ViewCheckpoint {
  const offsets = [...checkpoint.offsets];
  for (const { partition, to } of steps) offsets[partition] = String(to);
  return { ...checkpoint, offsets };
}
