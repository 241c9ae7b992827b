import type { Event } from '#domain';
import type { NewRecord } from '#log';

/** The record of an event as the door hands it to the log; its hash is that of the id, which no other event has. */
export function recordOf(event: Event, value = JSON.stringify(event)): NewRecord {
  return {
    key: Buffer.from(event.user_id ?? event.item_id ?? ''),
    headers: {
      eventId: event.event_id,
      contentHash: Buffer.alloc(16, event.event_id),
      source: 'http',
      schema: event.schema,
      schemaVersion: event.schema_version,
      receivedAtMs: event.server_time,
      timestampMs: event.timestamp,
      valid: true,
    },
    value: Buffer.from(value),
  };
}
