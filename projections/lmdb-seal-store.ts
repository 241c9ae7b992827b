import { open } from 'lmdb';
import { join } from 'node:path';
import { hearingFailure } from '#log';
import type { SealEntry, SealKey, SealStore } from './seal-store.ts';

type Stored = {
  readonly seal: number;
  readonly tried_at?: number;
  readonly vector?: readonly string[];
  readonly counts?: readonly [string, string, string, string];
};

/** Beyond every day an event can name, before and after 1970. */
const FAR = 2 ** 40;

/** Behind every log identity. */
const LAST = '\u{10ffff}';

/** Opens the seals of a data directory. Durable when resolved: a save waits for the disk. */
export async function openLmdbSealStore(options: { readonly dataDir: string }): Promise<SealStore> {
  const seals = open<Stored, (string | number)[]>({
    path: join(options.dataDir, 'seals'),
    encoding: 'json',
    overlappingSync: false,
  });
  return {
    async load(key) {
      // Saved with every entry, so that nothing saved yet differs from no entries.
      if (!seals.doesExist(keyOf(key))) return undefined;
      const range = seals.getRange({ start: [...keyOf(key), -FAR], end: [...keyOf(key), FAR] });
      return [...range].map(({ key: entryKey, value }) => fromStored(Number(entryKey.at(-1)), value));
    },
    async save(key, entries) {
      await hearingFailure(seals, async () => {
        const puts = entries.map((entry) => seals.put([...keyOf(key), entry.day], toStored(entry)));
        await Promise.all([seals.put(keyOf(key), { seal: 0 }), ...puts]);
        await seals.flushed;
      });
    },
    async remove({ generation, tenant }) {
      // A key sorts before all keys that begin with it.
      const own = [...seals.getKeys({ start: [generation, tenant], end: [generation, tenant, LAST] })];
      await Promise.all(own.map((key) => seals.remove(key)));
      await seals.flushed;
    },
    async [Symbol.asyncDispose]() {
      await seals.close();
    },
  };
}

function keyOf({ generation, tenant, logIdentity }: SealKey): (string | number)[] {
  return [generation, tenant, logIdentity];
}

function toStored({ seal, triedAtMs, sealed }: SealEntry): Stored {
  const [hours = 0n, items = 0n, experiments = 0n, days = 0n] = sealed?.counts ?? [];
  return {
    seal,
    ...(triedAtMs !== undefined && { tried_at: triedAtMs }),
    ...(sealed && {
      vector: sealed.vector.map(String),
      counts: [String(hours), String(items), String(experiments), String(days)],
    }),
  };
}

function fromStored(day: number, { seal, tried_at, vector, counts }: Stored): SealEntry {
  const [hours = '0', items = '0', experiments = '0', days = '0'] = counts ?? [];
  return {
    day,
    seal,
    ...(tried_at !== undefined && { triedAtMs: tried_at }),
    ...(vector && {
      sealed: {
        vector: vector.map(BigInt),
        counts: [BigInt(hours), BigInt(items), BigInt(experiments), BigInt(days)],
      },
    }),
  };
}
