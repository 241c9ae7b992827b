import type { Event } from '#domain';

/** The event of a record, as it was normalised; undefined when the value is no JSON object. */
export function parseEvent(value: Uint8Array): Event | undefined {
  try {
    const event: unknown = JSON.parse(bufferOf(value).toString());
    return event !== null && typeof event === 'object' && !Array.isArray(event)
      ? (event as Event)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The same bytes, as what can search them and make text of them. */
export function bufferOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
