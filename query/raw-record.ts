import { isUtf8 } from 'node:buffer';
import { formatReceipt } from '#domain';
import type { Json } from '#domain';
import type { LogChannel, LogRecord } from '#log';
import { parseObject } from '#projections';
import { outcomeOf } from './raw-filter.ts';

/** What is shown of a record's value: the decoded event, the bytes, or both. */
export const RECORD_FORMS = ['event', 'raw', 'both'] as const;
export type RecordForm = (typeof RECORD_FORMS)[number];

/** What a record is shown from. */
export type Shown = {
  readonly channel: LogChannel;
  readonly logIdentity: string;
  readonly form: RecordForm;
};

/** The one form in which a record of raw history is answered, whatever way it was asked for. */
export function showRecord(record: LogRecord, { channel, logIdentity, form }: Shown): object {
  const { partition, offset, key, headers, value, sent } = record;
  return {
    position: { partition, offset: String(offset) },
    receipt: formatReceipt({ logIdentity, partition, offset }),
    outcome: outcomeOf(record, channel, channel === 'events' ? undefined : parseObject(value)),
    key: textOf(key),
    headers: {
      event_id: headers.eventId,
      content_hash: Buffer.from(headers.contentHash).toString('hex'),
      source: headers.source,
      schema: headers.schema,
      schema_version: headers.schemaVersion,
      received_at: instantOf(headers.receivedAtMs),
      timestamp: instantOf(headers.timestampMs),
      valid: headers.valid,
    },
    ...(form === 'raw' ? {} : { event: valueOf(value) }),
    ...(form === 'event' ? {} : bytesAs('raw', value)),
    ...(sent === undefined ? {} : bytesAs('sent', sent)),
  };
}

/** Bytes as text; as base64 under a name that says so when they are no UTF-8. */
function bytesAs(name: 'raw' | 'sent', bytes: Uint8Array): Record<string, string> {
  return isUtf8(bytes)
    ? { [name]: textOf(bytes) }
    : { [`${name}_base64`]: bufferOf(bytes).toString('base64') };
}

function valueOf(value: Uint8Array): Json {
  const text = textOf(value);
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** A dead letter may claim a time that no calendar has. */
function instantOf(ms: number): string {
  const instant = new Date(ms);
  return Number.isNaN(instant.getTime()) ? String(ms) : instant.toISOString();
}

function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('utf8');
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
