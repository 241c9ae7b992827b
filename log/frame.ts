import { Fault } from '#domain';
import type { LogRecord, NewRecord } from './event-log.ts';

/** The frame this code writes. Frames of every older version stay readable, each by its own decoder. */
export const FRAME_VERSION = 1;

const VALID = 1;
const SENT = 2;
/** Version, flags, hash length, spare; five lengths; schema version; two instants. */
const FIXED_BYTES = 44;
const TIMESTAMP_AT = 36;

type Source = {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
};

/**
 * Writes records one after another, each as a length and a frame, into one buffer that grows and is used
 * again. Lengths are 32 bit throughout: the zeros cost nothing after compression, and nothing can be too long.
 */
export class FrameWriter {
  #bytes = Buffer.allocUnsafeSlow(8192);
  #view = viewOf(this.#bytes);
  #length = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written; valid until the next call. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#count = 0;
  }

  write(record: NewRecord): void {
    const { headers, key, value, sent } = record;
    const { eventId, source, schema, contentHash } = headers;
    const text = (eventId.length + source.length + schema.length) * 3;
    const most =
      4 + FIXED_BYTES + text + contentHash.length + key.length + value.length + (sent?.length ?? 0);
    if (this.#length + most > this.#bytes.length) this.#grow(most);
    const start = this.#length;
    const bytes = this.#bytes;
    const view = this.#view;
    let at = start + 4 + FIXED_BYTES;
    bytes.set(contentHash, at);
    at += contentHash.length;
    const eventIdBytes = writeText(bytes, eventId, at);
    at += eventIdBytes;
    const sourceBytes = writeText(bytes, source, at);
    at += sourceBytes;
    const schemaBytes = writeText(bytes, schema, at);
    at += schemaBytes;
    bytes.set(key, at);
    at += key.length;
    if (sent) {
      bytes.set(sent, at);
      at += sent.length;
    }
    bytes.set(value, at);
    at += value.length;

    view.setUint32(start, at - start - 4, true);
    view.setUint8(start + 4, FRAME_VERSION);
    view.setUint8(start + 5, (headers.valid ? VALID : 0) | (sent ? SENT : 0));
    view.setUint8(start + 6, contentHash.length);
    view.setUint8(start + 7, 0);
    view.setUint32(start + 8, eventIdBytes, true);
    view.setUint32(start + 12, sourceBytes, true);
    view.setUint32(start + 16, schemaBytes, true);
    view.setUint32(start + 20, key.length, true);
    view.setUint32(start + 24, sent?.length ?? 0, true);
    view.setUint32(start + 28, headers.schemaVersion, true);
    view.setFloat64(start + 32, headers.receivedAtMs, true);
    view.setFloat64(start + 40, headers.timestampMs, true);
    this.#length = at;
    this.#count += 1;
  }

  #grow(more: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

/** What the first-seen index needs of a record. */
export type FrameIdentity = { readonly eventId: string; readonly contentHash: Uint8Array };

/**
 * Reads the records that {@link FrameWriter} wrote, in order. Keys and values are views of `bytes`, not
 * copies. Throws `LOG_CORRUPT` on a frame that is cut off or of a version this code does not know.
 */
export class FrameReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;
  // Source and schema repeat from record to record; one comparison spares making the same string again.
  #source = { text: '', bytes: Buffer.alloc(0) };
  #schema = { text: '', bytes: Buffer.alloc(0) };

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(): void {
    this.#next();
  }

  identity(): FrameIdentity {
    const { bytes, view, start, end } = this.#next();
    checkVersion(view.getUint8(start));
    const hashStart = start + FIXED_BYTES;
    const idStart = hashStart + view.getUint8(start + 2);
    const idEnd = idStart + view.getUint32(start + 4, true);
    if (idEnd > end) throw corrupt('A record is shorter than its frame says.');
    return {
      eventId: bytes.toString('utf8', idStart, idEnd),
      contentHash: bytes.subarray(hashStart, idStart),
    };
  }

  /** When the record happened, epoch ms; everything else of it is passed over. */
  time(): number {
    const { view, start } = this.#next();
    checkVersion(view.getUint8(start));
    return view.getFloat64(start + TIMESTAMP_AT, true);
  }

  record(partition: number, offset: bigint): LogRecord {
    const frame = this.#next();
    checkVersion(frame.view.getUint8(frame.start));
    return this.#recordV1(frame, partition, offset);
  }

  #recordV1({ bytes, view, start, end }: Source, partition: number, offset: bigint): LogRecord {
    const flags = view.getUint8(start + 1);
    const hashStart = start + FIXED_BYTES;
    const idStart = hashStart + view.getUint8(start + 2);
    const sourceStart = idStart + view.getUint32(start + 4, true);
    const schemaStart = sourceStart + view.getUint32(start + 8, true);
    const keyStart = schemaStart + view.getUint32(start + 12, true);
    const sentStart = keyStart + view.getUint32(start + 16, true);
    const valueStart = sentStart + view.getUint32(start + 20, true);
    if (valueStart > end) throw corrupt('A record is shorter than its frame says.');
    const headers = {
      eventId: bytes.toString('utf8', idStart, sourceStart),
      contentHash: bytes.subarray(hashStart, idStart),
      source: repeatedText(this.#source, bytes, { start: sourceStart, end: schemaStart }),
      schema: repeatedText(this.#schema, bytes, { start: schemaStart, end: keyStart }),
      schemaVersion: view.getUint32(start + 24, true),
      receivedAtMs: view.getFloat64(start + 28, true),
      timestampMs: view.getFloat64(start + TIMESTAMP_AT, true),
      valid: (flags & VALID) !== 0,
    };
    const key = bytes.subarray(keyStart, sentStart);
    const value = bytes.subarray(valueStart, end);
    return (flags & SENT) === 0
      ? { partition, offset, key, headers, value }
      : { partition, offset, key, headers, value, sent: bytes.subarray(sentStart, valueStart) };
  }

  #next(): Source {
    const start = this.#at + 4;
    if (start > this.#bytes.length) throw corrupt('A block ends inside the length of a record.');
    const end = start + this.#view.getUint32(this.#at, true);
    if (end > this.#bytes.length || end < start + FIXED_BYTES)
      throw corrupt('A block ends inside a record or holds one without a frame.');
    this.#at = end;
    return { bytes: this.#bytes, view: this.#view, start, end };
  }
}

function checkVersion(version: number): void {
  if (version !== FRAME_VERSION) {
    throw new Fault('LOG_CORRUPT', `A record has frame version ${version}, which this version cannot read.`, {
      details: { version, newestKnown: FRAME_VERSION },
    });
  }
}

function corrupt(message: string): Fault {
  return new Fault('LOG_CORRUPT', message);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Short ASCII text is written faster by a loop than by a call into native code. */
function writeText(bytes: Buffer, text: string, at: number): number {
  const { length } = text;
  if (length > 64) return bytes.write(text, at, 'utf8');
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return bytes.write(text, at, 'utf8');
    bytes[at + i] = code;
  }
  return length;
}

function repeatedText(
  last: { text: string; bytes: Buffer },
  bytes: Buffer,
  range: { readonly start: number; readonly end: number },
): string {
  const length = range.end - range.start;
  let same = length === last.bytes.length;
  for (let i = 0; same && i < length; i++) same = bytes[range.start + i] === last.bytes[i];
  if (same) return last.text;
  last.bytes = bytes.subarray(range.start, range.end);
  last.text = last.bytes.toString('utf8');
  return last.text;
}
