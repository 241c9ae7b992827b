/** Where an event id first stands, and what its content was. */
export type Seen = { readonly partition: number; readonly offset: number; readonly contentHash: Uint8Array };

const SEGMENT_BYTES = 512 * 1024;
/** A power of two, and never so full that looking becomes long. */
const SLOTS = 16384;
const MAX_ENTRIES = 12000;
/** Key length (u32), hash length (u8). */
const ENTRY_HEAD = 5;
/** Tag (u8), number of the log (u32). */
const KEY_HEAD = 5;
/** Partition (u16), offset (f64). */
const VALUE_HEAD = 10;
const VOID = 0;
/** First byte of the key of an entry in the index. */
export const ENTRY_TAG = 1;

/**
 * A few thousand ids not yet in the index on disk, packed in memory that a worker shares as the very keys and
 * values it will write, with a hash table of their places. No object is made per id, so nothing burdens the
 * collector. A segment is dropped as a whole when it has been written.
 */
export class TailSegment {
  readonly #bytes: Buffer<SharedArrayBuffer>;
  readonly #view: DataView;
  /** Start of an entry plus one; 0 is empty. Open addressing, next free slot. */
  readonly #slots = new Int32Array(SLOTS);
  #length = 0;
  #count = 0;

  constructor(leastBytes = 0) {
    this.#bytes = Buffer.from(new SharedArrayBuffer(Math.max(SEGMENT_BYTES, leastBytes)));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The packed entries, for the worker. */
  get shared(): SharedArrayBuffer {
    return this.#bytes.buffer;
  }

  /** Answers false, having kept nothing, when there is no room left. */
  add(log: number, id: string, seen: Seen): boolean {
    const start = this.#length;
    if (start + entryBytes(id, seen) > this.#bytes.length || this.#count >= MAX_ENTRIES) return false;
    const { partition, offset, contentHash } = seen;
    const view = this.#view;
    const keyStart = start + ENTRY_HEAD;
    const idStart = keyStart + KEY_HEAD;
    const valueStart = idStart + writeId(this.#bytes, id, idStart);
    view.setUint32(start, valueStart - keyStart, true);
    view.setUint8(start + 4, contentHash.length);
    view.setUint8(keyStart, ENTRY_TAG);
    view.setUint32(keyStart + 1, log);
    view.setUint16(valueStart, partition);
    view.setFloat64(valueStart + 2, offset);
    this.#bytes.set(contentHash, valueStart + VALUE_HEAD);
    this.#length = valueStart + VALUE_HEAD + contentHash.length;
    this.#count += 1;
    let slot = slotOf(log, id);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    this.#slots[slot] = start + 1;
    return true;
  }

  get(log: number, id: string): Seen | undefined {
    for (let slot = slotOf(log, id); ; slot = (slot + 1) & (SLOTS - 1)) {
      const start = (this.#slots[slot] ?? 0) - 1;
      if (start < 0) return undefined;
      if (this.#isAt(start, log, id)) return parseSeen(entryAt(this.#bytes, start).value);
    }
  }

  /** Takes out every entry that `isGone`. */
  forget(isGone: (log: number, seen: Seen) => boolean): void {
    for (let at = 0; at < this.#length;) {
      const { key, value, end } = entryAt(this.#bytes.subarray(0, this.#length), at);
      if (isGone(key.readUInt32BE(1), parseSeen(value))) key[0] = VOID;
      at = end;
    }
  }

  #isAt(start: number, log: number, id: string): boolean {
    const keyStart = start + ENTRY_HEAD;
    const bytes = this.#bytes;
    if (bytes[keyStart] === VOID || this.#view.getUint32(keyStart + 1) !== log) return false;
    const idStart = keyStart + KEY_HEAD;
    const idBytes = this.#view.getUint32(start, true) - KEY_HEAD;
    if (idBytes < id.length) return false;
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      if (code > 127) return bytes.toString('utf8', idStart, idStart + idBytes) === id;
      if (bytes[idStart + i] !== code) return false;
    }
    return idBytes === id.length;
  }
}

function slotOf(log: number, id: string): number {
  let h = log;
  for (let i = 0; i < id.length; i++) h = Math.imul(h, 31) + id.charCodeAt(i);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) & (SLOTS - 1);
}

/** How many bytes an entry may take. */
export function entryBytes(id: string, seen: Seen): number {
  return ENTRY_HEAD + KEY_HEAD + id.length * 3 + VALUE_HEAD + seen.contentHash.length;
}

/** The key under which the index on disk keeps an id. */
export function entryKey(log: number, id: string): Buffer {
  const key = Buffer.allocUnsafe(KEY_HEAD + id.length * 3);
  key[0] = ENTRY_TAG;
  key.writeUInt32BE(log, 1);
  return key.subarray(0, KEY_HEAD + writeId(key, id, KEY_HEAD));
}

/** The log and id of a key made by {@link entryKey}. */
export function parseEntryKey(key: Buffer): { readonly log: number; readonly id: string } {
  return { log: key.readUInt32BE(1), id: key.toString('utf8', KEY_HEAD) };
}

/** The meaning of a value of the index. */
export function parseSeen(value: Buffer): Seen {
  return {
    partition: value.readUInt16BE(0),
    offset: value.readDoubleBE(2),
    contentHash: value.subarray(VALUE_HEAD),
  };
}

/** Walks the packed entries of a segment, those taken out left aside. */
export function* packedEntries(bytes: Buffer): Iterable<{ readonly key: Buffer; readonly value: Buffer }> {
  for (let at = 0; at < bytes.length;) {
    const { key, value, end } = entryAt(bytes, at);
    if (key[0] !== VOID) yield { key, value };
    at = end;
  }
}

function entryAt(bytes: Buffer, start: number): { key: Buffer; value: Buffer; end: number } {
  const keyStart = start + ENTRY_HEAD;
  const valueStart = keyStart + bytes.readUInt32LE(start);
  const end = valueStart + VALUE_HEAD + (bytes[start + 4] ?? 0);
  return { key: bytes.subarray(keyStart, valueStart), value: bytes.subarray(valueStart, end), end };
}

function writeId(bytes: Buffer, id: string, at: number): number {
  const { length } = id;
  if (length > 64) return bytes.write(id, at, 'utf8');
  for (let i = 0; i < length; i++) {
    const code = id.charCodeAt(i);
    if (code > 127) return bytes.write(id, at, 'utf8');
    bytes[at + i] = code;
  }
  return length;
}
