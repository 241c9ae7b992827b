import { hash, subtle } from 'node:crypto';
import { promisify } from 'node:util';
import {
  constants,
  createZstdDecompress,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import type { ZstdOptions } from 'node:zlib';
import { Fault } from '#domain';

/** The block this code writes; older versions stay readable. */
export const BLOCK_VERSION = 1;

const DIGEST_BYTES = 32;
const HEADER_AT = 2 * DIGEST_BYTES;
const BODY_AT = HEADER_AT + 24;
/** Below this a body is kept as it is: starting the compressor costs more than it saves. */
const COMPRESS_FROM_BYTES = 2048;
/** Above this handing the work to another thread costs less than doing it. */
const COMPRESS_APART_FROM_BYTES = 128 * 1024;
const FASTEST = { [constants.ZSTD_c_compressionLevel]: 1 };
const STORED = 0;
const ZSTD = 1;

const compressApart = promisify<Buffer, ZstdOptions, Buffer>(zstdCompress);
const decompressApart = promisify<Buffer, Buffer>(zstdDecompress);

/**
 * Layout: digest (32) · previous digest (32) · header · body. The digest is the SHA-256 of everything after
 * itself, so it covers the previous digest, the header and the stored body: the blocks of a partition form a
 * chain in which nothing can be changed, left out or put in between unnoticed.
 *
 * Header, little-endian: block version (u8), codec (u8), spare (u16), record count (u32), first offset (u64),
 * bytes of the body before compression (u32), spare (u32).
 */
export type BlockHeader = {
  readonly digest: Buffer;
  readonly previous: Buffer;
  readonly firstOffset: number;
  readonly count: number;
  readonly rawBytes: number;
};

/** The digest before the first block: bound to the log and partition, so that no chain fits elsewhere. */
export function genesisDigest(identity: string, partition: number): Buffer {
  return hash('sha256', `daybook log ${identity} partition ${partition}`, 'buffer');
}

/** What a block will hold, compressed or not. */
export type BlockBody = { readonly stored: Buffer; readonly codec: number; readonly rawBytes: number };

/**
 * Compresses frames, large ones on another thread: the calling thread has more to do than to wait. `frames` must not change until then.
 */
export async function packBody(frames: Buffer): Promise<BlockBody> {
  const rawBytes = frames.length;
  if (rawBytes < COMPRESS_FROM_BYTES) return { stored: Buffer.from(frames), codec: STORED, rawBytes };
  if (rawBytes < COMPRESS_APART_FROM_BYTES) {
    return { stored: zstdCompressSync(frames, optionsFor(rawBytes)), codec: ZSTD, rawBytes };
  }
  return { stored: await compressApart(frames, optionsFor(rawBytes)), codec: ZSTD, rawBytes };
}

/** Room for the whole result at once and no more: the default of 64 KiB costs more than the compression of a small body. */
function optionsFor(rawBytes: number): ZstdOptions {
  return { params: FASTEST, chunkSize: Math.min(rawBytes, 64 * 1024) };
}

/** Makes a block; its digest are the first 32 bytes. */
export function encodeBlock(block: {
  readonly firstOffset: number;
  readonly count: number;
  readonly body: BlockBody;
  readonly previous: Uint8Array;
}): Buffer {
  const { stored, codec, rawBytes } = block.body;
  const bytes = Buffer.allocUnsafeSlow(BODY_AT + stored.length);
  bytes.set(block.previous, DIGEST_BYTES);
  bytes.writeUInt8(BLOCK_VERSION, HEADER_AT);
  bytes.writeUInt8(codec, HEADER_AT + 1);
  bytes.writeUInt16LE(0, HEADER_AT + 2);
  bytes.writeUInt32LE(block.count, HEADER_AT + 4);
  bytes.writeBigUInt64LE(BigInt(block.firstOffset), HEADER_AT + 8);
  bytes.writeUInt32LE(rawBytes, HEADER_AT + 16);
  bytes.writeUInt32LE(0, HEADER_AT + 20);
  bytes.set(stored, BODY_AT);
  bytes.set(digestOf(bytes), 0);
  return bytes;
}

/** The digest a block should carry. */
export function digestOf(bytes: Buffer): Buffer {
  return hash('sha256', bytes.subarray(DIGEST_BYTES), 'buffer');
}

/** The digest a block carries. */
export function carriedDigest(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, DIGEST_BYTES));
}

/** Reads a block's header without looking at its body. Throws `LOG_CORRUPT` when it is not a block. */
export function readBlockHeader(bytes: Buffer): BlockHeader {
  if (bytes.length < BODY_AT) throw new Fault('LOG_CORRUPT', 'A block is shorter than its header.');
  const version = bytes.readUInt8(HEADER_AT);
  if (version !== BLOCK_VERSION) {
    throw new Fault('LOG_CORRUPT', `A block has version ${version}, which this version cannot read.`, {
      details: { version, newestKnown: BLOCK_VERSION },
    });
  }
  return {
    digest: bytes.subarray(0, DIGEST_BYTES),
    previous: bytes.subarray(DIGEST_BYTES, HEADER_AT),
    count: bytes.readUInt32LE(HEADER_AT + 4),
    firstOffset: Number(bytes.readBigUInt64LE(HEADER_AT + 8)),
    rawBytes: bytes.readUInt32LE(HEADER_AT + 16),
  };
}

/**
 * Checks a block against its digest and gives its frames, in memory of their own. Throws `LOG_CORRUPT`,
 * naming the first offset, when the bytes are not those that were written.
 */
export function openBlock(bytes: Buffer): { readonly header: BlockHeader; readonly body: Buffer } {
  const header = readBlockHeader(bytes);
  if (!digestOf(bytes).equals(header.digest)) {
    throw new Fault('LOG_CORRUPT', `The block at offset ${header.firstOffset} does not match its digest.`, {
      details: { firstOffset: header.firstOffset, count: header.count },
    });
  }
  const stored = bytes.subarray(BODY_AT);
  const codec = bytes.readUInt8(HEADER_AT + 1);
  return { header, body: codec === ZSTD ? zstdDecompressSync(stored) : Buffer.from(stored) };
}

/** As {@link digestOf}, of large blocks on another thread. `bytes` must not change until then. */
export async function digestApart(bytes: Buffer): Promise<Buffer> {
  if (bytes.length < COMPRESS_APART_FROM_BYTES) return digestOf(bytes);
  return Buffer.from(await subtle.digest('SHA-256', bytes.subarray(DIGEST_BYTES) as Buffer<ArrayBuffer>));
}

/** The frames of a block whose digest is right; large ones are decompressed on another thread. */
export async function unpackBody(bytes: Buffer): Promise<Buffer> {
  const stored = bytes.subarray(BODY_AT);
  if (bytes.readUInt8(HEADER_AT + 1) !== ZSTD) return Buffer.from(stored);
  return stored.length < COMPRESS_APART_FROM_BYTES ? zstdDecompressSync(stored) : decompressApart(stored);
}

/** What can still be read of a damaged block's frames, from their beginning, and whether they break off. */
export async function unpackDamaged(
  bytes: Buffer,
): Promise<{ readonly body: Buffer; readonly brokenOff: boolean }> {
  if (bytes.length < BODY_AT) return { body: Buffer.alloc(0), brokenOff: true };
  const stored = bytes.subarray(BODY_AT);
  if (bytes.readUInt8(HEADER_AT + 1) !== ZSTD) {
    return { body: Buffer.from(stored), brokenOff: stored.length < bytes.readUInt32LE(HEADER_AT + 16) };
  }
  const parts: Buffer[] = [];
  const stream = createZstdDecompress();
  stream.end(stored);
  try {
    for await (const part of stream) parts.push(part as Buffer);
    return { body: Buffer.concat(parts), brokenOff: false };
  } catch {
    return { body: Buffer.concat(parts), brokenOff: true };
  }
}
