import { hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { Fault, partitionOf } from '#domain';
import type { Json, JsonObject } from '#domain';
import { readBlockHeader, unpackDamaged } from './block.ts';
import type { LogName, LogRecord } from './event-log.ts';
import { FrameReader } from './frame.ts';

/** The first record of a damaged block that is seen to be none that was written. */
export type Damage = { readonly offset: number; readonly message: string };

export type DamagedBlock = {
  readonly name: LogName;
  readonly partition: number;
  readonly partitions: number;
  /** Offset of its first record. */
  readonly firstOffset: number;
};

/** The members of an event that can be its key; the first there is, is it. */
const KEY_MEMBERS = ['user_id', 'device_id', 'session_id', 'item_id'];

/**
 * Looks for the first record of a damaged block that cannot be read or contradicts itself: a record says much of
 * itself twice, in its headers and in its value. Undefined when every record reads as if nothing had happened;
 * then the damage lies where only the digest sees it.
 */
export async function findDamage(bytes: Buffer, block: DamagedBlock): Promise<Damage | undefined> {
  const { body, brokenOff } = await unpackDamaged(bytes);
  const frames = new FrameReader(body);
  let offset = block.firstOffset;
  try {
    for (; !frames.done; offset++) {
      const why = contradiction(frames.record(block.partition, BigInt(offset)), block);
      if (why !== undefined) return { offset, message: `The record ${why}.` };
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { offset, message: `The record cannot be read: ${error.message}` };
  }
  // Either alone may be the damage itself, in a header whose records are all there.
  if (!brokenOff || offset - block.firstOffset >= countOf(bytes)) return undefined;
  return { offset, message: 'The record cannot be read: the block breaks off before it.' };
}

/** How many records the block says it has; endless when it does not even say that. */
function countOf(bytes: Buffer): number {
  try {
    return readBlockHeader(bytes).count;
  } catch {
    return Infinity;
  }
}

function contradiction(record: LogRecord, block: DamagedBlock): string | undefined {
  const { headers, key, value, sent } = record;
  const event = isUtf8(value) ? objectOf(value) : undefined;
  if (!event) return 'has a value that is no JSON object';
  if (block.name.channel === 'dead_letters') {
    if (sent && headers.source !== 'projection' && !isHashOf(headers.contentHash, sent)) {
      return 'has other bytes as sent than its content hash is of';
    }
    return twice(event, { tenant_id: block.name.tenant });
  }
  if (partitionOf(key, block.partitions) !== block.partition) return 'has a key of another partition';
  const own = KEY_MEMBERS.map((name) => event[name]).find((member) => member !== undefined);
  if (own !== undefined && (typeof own !== 'string' || Buffer.compare(Buffer.from(own), key) !== 0)) {
    return 'has another key than its value names';
  }
  return twice(event, {
    tenant_id: block.name.tenant,
    event_id: headers.eventId,
    timestamp: headers.timestampMs,
    server_time: headers.receivedAtMs,
    schema: headers.schema,
    schema_version: headers.schemaVersion,
  });
}

/** The first member that says something else than is known. */
function twice(event: JsonObject, known: Readonly<Record<string, Json>>): string | undefined {
  for (const [name, value] of Object.entries(known)) {
    if (event[name] !== undefined && event[name] !== value) return `says two things of its ${name}`;
  }
  return undefined;
}

function isHashOf(contentHash: Uint8Array, sent: Uint8Array): boolean {
  return hash('sha256', sent, 'buffer').subarray(0, contentHash.length).equals(contentHash);
}

function objectOf(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    ) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
