import { hash } from 'node:crypto';
import { canonicalJson, eventTime, keyOf, kindOf, normalise, parseTenantId } from '#domain';
import type { Event, EventKind, EventTime, EventWarning, Json, JsonObject, TenantId } from '#domain';
import type { NewRecord } from '#log';
import type { FieldCode, FieldError, SchemaRegistry, SchemaVersion } from '#schema-registry';
import { eventLine } from './event-line.ts';
import { withScenarioWarnings } from './examine-scenario.ts';
import { maskedNetwork } from './place.ts';
import type { Whereabouts } from './place.ts';

/** One thing somebody asks to be kept, as far as it could be read. */
export type Input = {
  /** Undefined when the bytes are no JSON. */
  readonly value: Json | undefined;
  /** What reading it brought up; with an error it will be rejected. */
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
  /** The bytes as sent, asked for only when they are kept. */
  readonly sent: () => Uint8Array;
  /** What was sent, where `value` is another spelling of it. */
  readonly original?: Json;
};

/** Who sends, and what they may do. */
export type Sender = {
  /** From the credential or a trusted header, not yet checked. */
  readonly tenant: string | undefined;
  /** Whether an unknown tenant is created by its first event. */
  readonly mayCreateTenants: boolean;
  /** Of the connection, or forwarded by somebody trusted. */
  readonly address: string | undefined;
  /** How it came: `http`. */
  readonly source: string;
  /** Who it was, not authenticated. */
  readonly actor: string;
  /** What an event is that says neither its kind nor a name. */
  readonly fallbackKind: EventKind;
  /** Whether events of any age are taken, as an import brings them. @default false */
  readonly anyAge?: boolean;
};

/** An input after all checks that need no log. */
export type Examined =
  | {
      readonly ok: true;
      readonly tenant: TenantId;
      readonly event: Event;
      readonly record: NewRecord;
      readonly warnings: readonly FieldError[];
    }
  | {
      readonly ok: false;
      /** Whose dead letter it becomes; undefined when nobody's. */
      readonly tenant: TenantId | undefined;
      readonly eventId: string | undefined;
      readonly errors: readonly FieldError[];
    };

export type Examination = {
  readonly registry: SchemaRegistry;
  readonly whereabouts: (address: string | undefined) => Whereabouts;
  readonly newEventId: () => string;
  /** Epoch ms, the same for all inputs of one request. */
  readonly nowMs: number;
  /** 0 takes any age. */
  readonly maxAgeDays: number;
};

const CONTENT_HASH_BYTES = 16;

/** Tells apart what senders say under one event id: over the canonical text of their own members. */
export function contentHash(canonical: string): Uint8Array {
  // As text first: a buffer of its own for every digest costs as much as the digest.
  return Buffer.from(hash('sha256', canonical, 'binary').slice(0, CONTENT_HASH_BYTES), 'latin1');
}

/** Checks one input and makes the record that would be kept of it. Changes nothing anywhere. */
export function examine(input: Input, sender: Sender, examination: Examination): Examined {
  const { value } = input;
  if (!isObject(value)) return unreadable(input, sender);
  const errors: FieldError[] = [...input.errors];
  const tenant = tenantOf(value, sender, errors);
  const kind = kindOf(value, sender.fallbackKind);
  if (kind === 'unknown') {
    errors.push({
      field: 'kind',
      code: 'unknown_kind',
      message: 'must be behaviour, generic, user or catalog',
    });
    return refused(value, tenant, errors);
  }
  const schema = examination.registry.envelope(kind);
  const violations = schema.validate(value);
  // Of a member already named, what else is wrong with it is only a consequence.
  if (violations)
    errors.push(...violations.filter(({ field }) => !errors.some((one) => one.field === field)));
  if (kind === 'generic' || kind === 'user') requireActor(value, errors);
  const time = timeOf(value, sender, examination);
  if (!time.ok && !errors.some(({ field }) => field === time.field)) {
    errors.push({ field: time.field, code: time.code, message: time.message });
  }
  if (tenant === undefined || !time.ok || errors.length > 0) return refused(value, tenant, errors);
  const warnings: EventWarning[] = time.warning ? [...input.warnings, time.warning] : [...input.warnings];
  const about = { input, value, tenant, kind, schema, warnings, timestamp: time.ms };
  return accepted(about, sender, examination);
}

function timeOf(value: JsonObject, sender: Sender, { nowMs, maxAgeDays }: Examination): EventTime {
  return eventTime(value, { nowMs, maxAgeDays: sender.anyAge === true ? 0 : maxAgeDays });
}

function accepted(
  about: {
    readonly input: Input;
    readonly value: JsonObject;
    readonly tenant: TenantId;
    readonly kind: EventKind;
    readonly schema: SchemaVersion;
    readonly warnings: EventWarning[];
    readonly timestamp: number;
  },
  sender: Sender,
  { registry, whereabouts, newEventId, nowMs }: Examination,
): Examined {
  const { input, value, tenant, kind, timestamp } = about;
  const scenario = kind === 'behaviour' ? value['scenario_id'] : undefined;
  const config = typeof scenario === 'string' ? registry.config(tenant, scenario) : undefined;
  const schema = config ?? about.schema;
  const { place, ipPrefix } = whereabouts(sender.address);
  const ownPrefix = prefixOf(value['context'], about.warnings) ?? ipPrefix;
  const normalised = normalise(
    {
      sent: value,
      kind,
      scenarioType: config?.scenarioType,
      stamps: {
        ...place,
        tenant_id: tenant,
        newEventId,
        timestamp,
        server_time: nowMs,
        ...(ownPrefix === undefined ? {} : { ip_prefix: ownPrefix }),
        schema: schema.subject,
        schema_version: schema.version,
      },
    },
    about.warnings,
  );
  const { event, warnings } = withScenarioWarnings(value, normalised, config);
  const canonical = canonicalJson(input.original ?? value);
  const line = input.original === undefined ? eventLine(event, value, canonical) : JSON.stringify(event);
  const record: NewRecord = {
    key: Buffer.from(keyOf(event)),
    headers: {
      eventId: event.event_id,
      contentHash: contentHash(canonical),
      source: sender.source,
      schema: schema.subject,
      schemaVersion: schema.version,
      receivedAtMs: nowMs,
      timestampMs: timestamp,
      valid: true,
    },
    value: Buffer.from(line),
    ...(normalised.changed || input.original !== undefined ? { sent: input.sent() } : {}),
  };
  // Whoever wrote a warning took its code from the catalogue.
  return { ok: true, tenant, event, record, warnings: warnings as readonly FieldError[] };
}

/** The network of the device by its own word, which holds also behind a server that sends for it. */
function prefixOf(context: Json | undefined, warnings: EventWarning[]): string | undefined {
  const ip = isObject(context) ? context['ip'] : undefined;
  if (typeof ip !== 'string' || ip === '') return undefined;
  const prefix = maskedNetwork(ip);
  if (prefix === undefined) {
    warnings.push({ field: 'context.ip', code: 'format', message: 'is no IP address' });
  }
  return prefix;
}

function tenantOf(value: JsonObject, sender: Sender, errors: FieldError[]): TenantId | undefined {
  const own = value['tenant_id'] ?? undefined;
  const given = own === '' || own === undefined ? sender.tenant : own;
  const refuse = (code: FieldCode, message: string): void => {
    errors.push({ field: 'tenant_id', code, message });
  };
  if (given === undefined) {
    refuse('required', 'is required, in the event or from the credential');
    return undefined;
  }
  const parsed = parseTenantId(given);
  if (!parsed.ok) {
    // A value of another type is named by the schema.
    if (typeof given === 'string') refuse('tenant_invalid', parsed.reason);
    return undefined;
  }
  if (sender.tenant === undefined || sender.tenant === parsed.tenant) return parsed.tenant;
  refuse('tenant_mismatch', 'is another tenant than that of the credential or header');
  // Kept for the tenant the sender is known to be, never for the one it claims.
  const authentic = parseTenantId(sender.tenant);
  return authentic.ok ? authentic.tenant : undefined;
}

function requireActor(value: JsonObject, errors: FieldError[]): void {
  const data = value['data'];
  const candidates = [value['user_id'], value['device_id'], value['session_id']];
  if (isObject(data)) candidates.push(data['session_id']);
  // A value of another type is named by the schema.
  if (candidates.some((candidate) => candidate !== undefined && candidate !== null && candidate !== ''))
    return;
  const message = 'is required, or device_id or session_id';
  errors.push({ field: 'user_id', code: 'required', message });
}

function unreadable(input: Input, sender: Sender): Examined {
  const errors = [...input.errors];
  if (input.value !== undefined) {
    errors.push({ field: '', code: 'not_an_object', message: 'must be a JSON object' });
  }
  const parsed = parseTenantId(sender.tenant);
  return { ok: false, tenant: parsed.ok ? parsed.tenant : undefined, eventId: undefined, errors };
}

function refused(value: JsonObject, tenant: TenantId | undefined, errors: readonly FieldError[]): Examined {
  const id = value['event_id'];
  // An id too long for a header is still in the bytes as sent.
  const usable = typeof id === 'string' && id !== '' && !errors.some(({ field }) => field === 'event_id');
  return { ok: false, tenant, eventId: usable ? id : undefined, errors };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
