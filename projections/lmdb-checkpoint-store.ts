import { open } from 'lmdb';
import { join } from 'node:path';
import type { Position } from '#domain';
import { hearingFailure } from '#log';
import type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';

type Stored = {
  readonly log_identity: string;
  readonly vector: readonly string[];
  readonly dead_lettered?: readonly (readonly [partition: number, offset: string])[];
};

/** Opens the checkpoints of a data directory. Durable when resolved: a save waits for the disk. */
export async function openLmdbCheckpointStore(options: {
  readonly dataDir: string;
}): Promise<CheckpointStore> {
  const checkpoints = open<Stored, string>({
    path: join(options.dataDir, 'checkpoints'),
    encoding: 'json',
    overlappingSync: false,
  });
  return {
    async load(key) {
      const stored = checkpoints.get(keyOf(key));
      return stored && fromStored(stored);
    },
    async save(key, checkpoint) {
      await hearingFailure(checkpoints, async () => {
        await checkpoints.put(keyOf(key), toStored(checkpoint));
        await checkpoints.flushed;
      });
    },
    async remove(key) {
      await checkpoints.remove(keyOf(key));
      await checkpoints.flushed;
    },
    async [Symbol.asyncDispose]() {
      await checkpoints.close();
    },
  };
}

/** Tenant ids and projection names hold no slash. */
function keyOf({ projection, generation, tenant }: CheckpointKey): string {
  return `${projection}/${generation}/${tenant}`;
}

function toStored({ logIdentity, vector, deadLettered }: Checkpoint): Stored {
  return {
    log_identity: logIdentity,
    vector: vector.map(String),
    ...(deadLettered && {
      dead_lettered: deadLettered.map(({ partition, offset }) => [partition, String(offset)] as const),
    }),
  };
}

function fromStored(stored: Stored): Checkpoint {
  const deadLettered = stored.dead_lettered?.map(([partition, offset]): Position => ({
    partition,
    offset: BigInt(offset),
  }));
  return {
    logIdentity: stored.log_identity,
    vector: stored.vector.map(BigInt),
    ...(deadLettered && { deadLettered }),
  };
}
