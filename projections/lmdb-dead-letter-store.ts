import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import type { TenantId } from '#domain';
import { hearingFailure } from '#log';
import type { DeadLetterCheckpoint, DeadLetterStore } from './dead-letter-store.ts';

type StoredCheckpoint = { readonly log_identity: string; readonly next: string };

const OFFSET_BYTES = 8;
const NO_VALUE = Buffer.alloc(0);

/** Opens the places of the dead letters of a data directory, in an LMDB environment of their own. */
export async function openLmdbDeadLetterStore(options: {
  readonly dataDir: string;
}): Promise<DeadLetterStore> {
  const path = join(options.dataDir, 'dead-letters');
  mkdirSync(path, { recursive: true });
  const env: RootDatabase = open(path, { noSubdir: false, overlappingSync: false, maxDbs: 2 });
  /** Tenant, zero byte, digest, offset (big-endian) → nothing. */
  const places: Database<Buffer, Buffer> = env.openDB({
    name: 'places',
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  const checkpoints: Database<StoredCheckpoint, string> = env.openDB({
    name: 'checkpoints',
    encoding: 'json',
  });

  const checkpointOf = (tenant: TenantId): DeadLetterCheckpoint | undefined => {
    const stored = checkpoints.get(tenant);
    return stored && { logIdentity: stored.log_identity, next: BigInt(stored.next) };
  };

  return {
    checkpoint: async (tenant) => checkpointOf(tenant),

    async add(tenant, entries, { logIdentity, next }) {
      const rows = (): void => {
        const before = checkpointOf(tenant);
        if (before && (before.logIdentity !== logIdentity || before.next > next)) {
          for (const key of [...places.getKeys(rangeUnder(prefixOf(tenant)))]) places.removeSync(key);
        }
        const prefix = prefixOf(tenant);
        for (const { digest, offset } of entries) {
          places.putSync(Buffer.concat([prefix, digest, bytesOf(offset)]), NO_VALUE);
        }
        checkpoints.putSync(tenant, { log_identity: logIdentity, next: String(next) });
      };
      await hearingFailure(env, () => env.transaction(rows));
    },

    async find(tenant, digest, limit) {
      const { start, end } = rangeUnder(Buffer.concat([prefixOf(tenant), digest]));
      const newest = places.getKeys({ start: end, end: start, reverse: true, limit });
      const offsets = [...newest].map((key) => key.readBigUInt64BE(key.length - OFFSET_BYTES));
      return { offsets, total: places.getKeysCount({ start, end }) };
    },

    async [Symbol.asyncDispose]() {
      await env.close();
    },
  };
}

/** Tenant ids hold no zero byte. */
function prefixOf(tenant: TenantId): Buffer {
  return Buffer.from(`${tenant}\0`);
}

/** All keys that begin so: what follows is an offset, or a digest and an offset, of fixed sizes. */
function rangeUnder(prefix: Buffer): { start: Buffer; end: Buffer } {
  return { start: prefix, end: Buffer.concat([prefix, Buffer.alloc(16 + OFFSET_BYTES + 1, 0xff)]) };
}

function bytesOf(offset: bigint): Buffer {
  const bytes = Buffer.alloc(OFFSET_BYTES);
  bytes.writeBigUInt64BE(offset);
  return bytes;
}
