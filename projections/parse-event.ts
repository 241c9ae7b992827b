import type { Event, JsonObject } from '#domain';

/** The event of a record, as it was normalised; undefined when the value is no JSON object. */
export function parseEvent(value: Uint8Array): Event | undefined {
  return parseObject(value) as Event | undefined;
}

/** The object that bytes are the JSON text of; undefined when they are none. */
export function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bufferOf(bytes).toString());
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The same bytes, as what can search them and make text of them. */
export function bufferOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
