import { createHash } from 'node:crypto';
import type { TenantId } from '#domain';
import type { NewRecord } from '#log';
import { eventOf } from './events.ts';

const RECEIVED_AT = 1_730_100_000_000;

/** The n-th event as it stands in the log: normalised and stamped, about 500 bytes. @default timestamp the event's own */
export function recordOf(tenant: TenantId, n: number, timestampMs?: number): NewRecord {
  const id = n.toString(36).padStart(12, '0');
  const event = eventOf(tenant, n, id);
  const { scenario_id, user_id, item_id, action_type, context, position, scenario_data } = event;
  const timestamp = timestampMs ?? event.timestamp;
  const value = JSON.stringify({
    event_id: `evt_${id}`,
    tenant_id: tenant,
    kind: 'behaviour',
    event_name: action_type,
    action_type,
    scenario_id,
    scenario_type: 'ecommerce',
    user_id,
    item_id,
    timestamp,
    context,
    position,
    scenario_data,
    currency: 'CNY',
    server_time: RECEIVED_AT,
    ip_prefix: '203.0.113.0/24',
    valid_status: 1,
    schema: 'envelope.behaviour',
    schema_version: 1,
  });
  const bytes = Buffer.from(value);
  return {
    key: Buffer.from(user_id),
    headers: {
      eventId: `evt_${id}`,
      contentHash: createHash('sha256').update(bytes).digest().subarray(0, 16),
      source: 'http',
      schema: 'envelope.behaviour',
      schemaVersion: 1,
      receivedAtMs: RECEIVED_AT,
      timestampMs: timestamp,
      valid: true,
    },
    value: bytes,
  };
}
