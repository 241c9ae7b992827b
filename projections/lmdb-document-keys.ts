import type { DocumentCollection, DocumentId, DocumentSet } from './document-store.ts';

/**
 * Keys that sort as the port promises. Every part is its UTF-8 bytes and an end mark, 0x00 0x00; a zero byte
 * within is written 0x00 0xff. So no part can reach into the next, and a part comes before those it begins.
 */
export function keyOf(set: DocumentSet, id: DocumentId): Buffer {
  return Buffer.concat([...partsOf(set), bytesOf(set.tenant), ...id.map(bytesOf)]);
}

/** The keys of a tenant's documents under a prefix of their ids. */
export function prefixRange(set: DocumentSet, prefix: DocumentId = []): { start: Buffer; end: Buffer } {
  return rangeUnder(keyOf(set, prefix));
}

/** The first key behind one. */
export function keyAfter(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** Takes the id out of a key. */
export function idOf(key: Buffer, set: DocumentSet): DocumentId {
  const parts: string[] = [];
  let start = keyOf(set, []).length;
  for (let at = key.indexOf(END, start); at >= 0; at = key.indexOf(END, start)) {
    parts.push(key.subarray(start, at).toString('latin1'));
    start = at + END.length;
  }
  return parts.map((part) => Buffer.from(part.replaceAll('\0\xff', '\0'), 'latin1').toString());
}

const END = Buffer.of(0, 0);

function partsOf({ name, generation }: DocumentCollection): Buffer[] {
  return [bytesOf(name), bytesOf(String(generation))];
}

function bytesOf(part: string): Buffer {
  const text = part.includes('\0') ? escaped(part) : Buffer.from(part);
  return Buffer.concat([text, END]);
}

function escaped(part: string): Buffer {
  return Buffer.from(Buffer.from(part).toString('latin1').replaceAll('\0', '\0\xff'), 'latin1');
}

function rangeUnder(prefix: Buffer): { start: Buffer; end: Buffer } {
  // Every prefix ends with 0x00 0x00, so 0x00 0x01 at its place is behind all that begin with it.
  const end = Buffer.from(prefix);
  end[end.length - 1] = 1;
  return { start: prefix, end };
}
