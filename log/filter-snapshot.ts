import { createHash } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { emptyLayer } from './id-filter.ts';
import type { FilterState, IndexCheckpoint } from './first-seen-messages.ts';

export type FilterSnapshot = {
  readonly identity: string;
  readonly checkpoints: readonly IndexCheckpoint[];
  readonly filter: FilterState;
};

type Header = {
  readonly version: 1;
  readonly identity: string;
  readonly ids: number;
  readonly layerBits: readonly number[];
  readonly checkpoints: readonly IndexCheckpoint[];
};

const DIGEST_BYTES = 32;

/** Replaces the snapshot file in one step: a crash leaves the old one or the new one. */
export async function writeFilterSnapshot(path: string, snapshot: FilterSnapshot): Promise<void> {
  const { layers, ids } = snapshot.filter;
  const header: Header = {
    version: 1,
    identity: snapshot.identity,
    ids,
    layerBits: layers.map((layer) => layer.length * 32),
    checkpoints: snapshot.checkpoints,
  };
  const json = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(json.length);
  const digest = createHash('sha256');
  const file = await open(`${path}.new`, 'w');
  try {
    const parts = [head, json, ...layers.map((layer) => Buffer.from(layer.buffer))];
    for (const part of parts) {
      // The log goes on adding bits while this runs; what is written must be what was hashed.
      const copy = Buffer.from(part);
      digest.update(copy);
      await file.writeFile(copy);
    }
    await file.writeFile(digest.digest());
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Undefined when there is none that is whole. */
export async function readFilterSnapshot(path: string): Promise<FilterSnapshot | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes || bytes.length < 4 + DIGEST_BYTES) return undefined;
  const end = bytes.length - DIGEST_BYTES;
  const digest = createHash('sha256').update(bytes.subarray(0, end)).digest();
  if (!digest.equals(bytes.subarray(end))) return undefined;
  let at = 4 + bytes.readUInt32LE(0);
  const header = JSON.parse(bytes.toString('utf8', 4, at)) as Header;
  const layers = header.layerBits.map((bits) => {
    const layer = emptyLayer(bits);
    const target = Buffer.from(layer.buffer);
    at += bytes.copy(target, 0, at, at + target.length);
    return layer;
  });
  const { identity, checkpoints, ids } = header;
  return { identity, checkpoints, filter: { layers, ids } };
}
