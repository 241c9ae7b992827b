/** Where an event id first stands, and what its content was. */
export type Seen = { readonly partition: number; readonly offset: number; readonly contentHash: Uint8Array };

const SEGMENT_BYTES = 512 * 1024;
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
 * A few thousand ids not yet in the index on disk: a map for the answer and, packed in memory that a worker
 * shares, the very keys and values the worker will write. It is dropped as a whole when they are written.
 */
export class TailSegment {
  readonly #bytes: Buffer<SharedArrayBuffer>;
  readonly #logs = new Map<number, Map<string, number>>();
  #length = 0;

  constructor(leastBytes = 0) {
    this.#bytes = Buffer.from(new SharedArrayBuffer(Math.max(SEGMENT_BYTES, leastBytes)));
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
    const bytes = this.#bytes;
    const start = this.#length;
    if (start + entryBytes(id, seen) > bytes.length) return false;
    const keyStart = start + ENTRY_HEAD;
    bytes[keyStart] = ENTRY_TAG;
    bytes.writeUInt32BE(log, keyStart + 1);
    const valueStart = keyStart + KEY_HEAD + writeId(bytes, id, keyStart + KEY_HEAD);
    bytes.writeUInt32LE(valueStart - keyStart, start);
    bytes[start + 4] = seen.contentHash.length;
    bytes.writeUInt16BE(seen.partition, valueStart);
    bytes.writeDoubleBE(seen.offset, valueStart + 2);
    bytes.set(seen.contentHash, valueStart + VALUE_HEAD);
    this.#length = valueStart + VALUE_HEAD + seen.contentHash.length;
    let ids = this.#logs.get(log);
    if (!ids) this.#logs.set(log, (ids = new Map()));
    ids.set(id, start);
    return true;
  }

  get(log: number, id: string): Seen | undefined {
    const start = this.#logs.get(log)?.get(id);
    if (start === undefined) return undefined;
    const { value } = entryAt(this.#bytes, start);
    return parseSeen(value);
  }

  /** Takes out every entry that `isGone`. */
  forget(isGone: (log: number, seen: Seen) => boolean): void {
    for (const [log, ids] of this.#logs) {
      for (const [id, start] of ids) {
        if (!isGone(log, parseSeen(entryAt(this.#bytes, start).value))) continue;
        ids.delete(id);
        this.#bytes[start + ENTRY_HEAD] = VOID;
      }
    }
  }
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
  const end = valueStart + VALUE_HEAD + (bytes[start + 4] as number);
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
