import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** The bytes of a file as they are read, unpacked when its name ends in `.gz`. */
export type FileBytes = {
  readonly stream: Readable;
  /** How much of the file has been read, from 0 to 1. */
  readonly share: () => number;
};

const READ_BYTES = 256 * 1024;

export async function readFileBytes(path: string): Promise<FileBytes> {
  const { size } = await stat(path);
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  const share = (): number => (size === 0 ? 1 : file.bytesRead / size);
  if (!path.toLowerCase().endsWith('.gz')) return { stream: file, share };
  const unpacked = createGunzip({ chunkSize: READ_BYTES });
  // What fails in either is thrown to who reads the unpacked bytes.
  pipeline(file, unpacked, () => undefined);
  return { stream: unpacked, share };
}
