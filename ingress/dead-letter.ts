import { hash } from 'node:crypto';
import type { Position, TenantId } from '#domain';
import type { NewRecord } from '#log';
import type { FieldError } from '#schema-registry';

/** The value of a dead letter, one JSON line in the tenant's log of dead letters; the bytes stand beside it. */
export type DeadLetter = {
  readonly tenant_id: string;
  readonly event_id?: string;
  /** Code of the first error. */
  readonly reason: string;
  readonly errors: readonly FieldError[];
  /** Epoch ms. */
  readonly received_at: number;
  readonly source: string;
  readonly valid_status: 0;
  /** Of a conflict: where the event stands whose id it has. Its own position is that of this record. */
  readonly first?: { readonly partition: number; readonly offset: string };
};

export type DeadLetterInput = {
  readonly tenant: TenantId;
  readonly eventId: string | undefined;
  readonly errors: readonly FieldError[];
  readonly sent: Uint8Array;
  readonly source: string;
  readonly receivedAtMs: number;
  readonly first?: Position;
};

const CONTENT_HASH_BYTES = 16;
const NO_KEY = new Uint8Array(0);

/** The record that keeps an input out of the main log, with the bytes as sent and the reasons. */
export function deadLetterOf(input: DeadLetterInput): NewRecord {
  const { tenant, eventId, errors, sent, source, receivedAtMs, first } = input;
  const value: DeadLetter = {
    tenant_id: tenant,
    ...(eventId === undefined ? {} : { event_id: eventId }),
    reason: errors[0]?.code ?? 'not_json',
    errors,
    received_at: receivedAtMs,
    source,
    valid_status: 0,
    ...(first ? { first: { partition: first.partition, offset: String(first.offset) } } : {}),
  };
  return {
    key: NO_KEY,
    headers: {
      eventId: eventId ?? '',
      contentHash: hash('sha256', sent, 'buffer').subarray(0, CONTENT_HASH_BYTES),
      source,
      schema: '',
      schemaVersion: 0,
      receivedAtMs,
      timestampMs: receivedAtMs,
      valid: false,
    },
    value: Buffer.from(JSON.stringify(value)),
    sent,
  };
}
