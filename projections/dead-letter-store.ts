import type { TenantId } from '#domain';

/** Where the finding of a tenant's dead letters stands in their log. */
export type DeadLetterCheckpoint = {
  readonly logIdentity: string;
  /** Next offset to take. */
  readonly next: bigint;
};

/** Dead letters of one event id. */
export type DeadLetterOffsets = {
  /** Newest first, at most as many as were asked for. */
  readonly offsets: readonly bigint[];
  /** How many there are. */
  readonly total: number;
};

/**
 * Keeps where the dead letters of each event stand, by a fixed-size digest of the event's id, so that what it
 * costs does not depend on what senders take for ids.
 *
 * Implement it for a new storage; `dead-letter-store.contract.ts` is the definition of correct. What is lost is
 * folded again from the log, so nothing need be durable, but entries and checkpoint move in one step.
 */
export interface DeadLetterStore extends AsyncDisposable {
  checkpoint(tenant: TenantId): Promise<DeadLetterCheckpoint | undefined>;
  /** Adds entries and moves the checkpoint. A checkpoint of another log, or an earlier one, begins anew. */
  add(
    tenant: TenantId,
    entries: readonly { readonly digest: Uint8Array; readonly offset: bigint }[],
    checkpoint: DeadLetterCheckpoint,
  ): Promise<void>;
  find(tenant: TenantId, digest: Uint8Array, limit: number): Promise<DeadLetterOffsets>;
}
