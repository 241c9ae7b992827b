import type { Position, PositionVector, TenantId } from '#domain';

/** Whose checkpoint it is. */
export type CheckpointKey = {
  readonly projection: string;
  readonly generation: number;
  readonly tenant: TenantId;
};

/** How far a generation is durably done. */
export type Checkpoint = {
  /** The log it belongs to; of another identity it is worth nothing. */
  readonly logIdentity: string;
  readonly vector: PositionVector;
  /** Records shortly before the vector that became dead letters, so that looking back leaves them out. */
  readonly deadLettered?: readonly Position[];
};

/** Keeps checkpoints of read models that cannot keep their own beside their rows. Durable when resolved. */
export interface CheckpointStore extends AsyncDisposable {
  load(key: CheckpointKey): Promise<Checkpoint | undefined>;
  save(key: CheckpointKey, checkpoint: Checkpoint): Promise<void>;
  /** As if it had never been saved. */
  remove(key: CheckpointKey): Promise<void>;
}
