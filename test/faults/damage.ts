import { join } from 'node:path';
import { open } from 'lmdb';

/** A block of the log as it stands in its environment. */
export type StoredBlock = {
  readonly partition: number;
  readonly firstOffset: bigint;
  readonly bytes: Buffer;
};

/** Where the body of a block begins, behind two digests and the header. */
export const BODY_AT = 88;

/** Changes blocks of a tenant's events behind the log's back; answers what undoes it. */
export async function damageLog(
  dataDir: string,
  tenant: string,
  change: (blocks: readonly StoredBlock[]) => {
    readonly block: StoredBlock;
    readonly bytes: Buffer | undefined;
  },
): Promise<{ readonly block: StoredBlock; readonly undo: () => Promise<void> }> {
  const keyOf = (log: number, { partition, firstOffset }: StoredBlock): Buffer => {
    const key = Buffer.alloc(14);
    key.writeUInt32BE(log, 0);
    key.writeUInt16BE(partition, 4);
    key.writeBigUInt64BE(firstOffset, 6);
    return key;
  };
  const write = async (log: number, block: StoredBlock, bytes: Buffer | undefined): Promise<void> => {
    await inLog(dataDir, async ({ blocks }) => {
      if (bytes) await blocks.put(keyOf(log, block), bytes);
      else await blocks.remove(keyOf(log, block));
    });
  };
  const { log, stored } = await inLog(dataDir, async ({ logs, blocks }) => {
    const log = logs.findIndex((one) => one.tenant === tenant && one.channel === 'events');
    const all = [...blocks.getRange({})].filter(({ key }) => key.readUInt32BE(0) === log);
    const stored = all.map(({ key, value }) => ({
      partition: key.readUInt16BE(4),
      firstOffset: key.readBigUInt64BE(6),
      bytes: Buffer.from(value),
    }));
    return { log, stored };
  });
  const { block, bytes } = change(stored);
  await write(log, block, bytes);
  return { block, undo: () => write(log, block, block.bytes) };
}

type StoredLog = { readonly tenant: string; readonly channel: string };

async function inLog<Result>(
  dataDir: string,
  work: (of: {
    readonly logs: readonly StoredLog[];
    readonly blocks: ReturnType<typeof blocksOf>;
  }) => Promise<Result>,
): Promise<Result> {
  const env = open({ path: join(dataDir, 'log'), noSubdir: false, overlappingSync: false, maxDbs: 8 });
  try {
    const meta = env.openDB<readonly StoredLog[], string>({ name: 'meta', encoding: 'json' });
    return await work({ logs: meta.get('logs') ?? [], blocks: blocksOf(env) });
  } finally {
    await env.close();
  }
}

function blocksOf(env: ReturnType<typeof open>) {
  return env.openDB<Buffer, Buffer>({ name: 'blocks', encoding: 'binary', keyEncoding: 'binary' });
}

/** What a checkpoint of the facts looks like where it is kept. */
export type StoredCheckpoint = { readonly log_identity: string; readonly vector: readonly string[] };

/** Changes the checkpoint of a tenant's facts; answers what undoes it. */
export async function damageCheckpoint(
  dataDir: string,
  tenant: string,
  change: (stored: StoredCheckpoint) => StoredCheckpoint,
): Promise<{ readonly undo: () => Promise<void> }> {
  const save = async (stored: (before: StoredCheckpoint) => StoredCheckpoint): Promise<StoredCheckpoint> => {
    const path = join(dataDir, 'checkpoints');
    const checkpoints = open<StoredCheckpoint, string>({ path, encoding: 'json', overlappingSync: false });
    const key = `facts/1/${tenant}`;
    const before = checkpoints.get(key)!;
    await checkpoints.put(key, stored(before));
    await checkpoints.close();
    return before;
  };
  const before = await save(change);
  return {
    undo: async () => {
      await save(() => before);
    },
  };
}
