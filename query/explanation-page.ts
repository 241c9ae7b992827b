import { Type } from 'typebox';
import { compareText } from '#domain';
import type { Event, Position, TenantId } from '#domain';
import type { EventLog, LogRecord } from '#log';
import { oneOf } from './question.ts';

/** How far down an explanation goes: who, which events, which bytes. */
export const LEVELS = ['users', 'events', 'records'] as const;
export type Level = (typeof LEVELS)[number];

/** Members of every question for an explanation. */
export const EXPLAINING = {
  level: Type.Optional(
    oneOf(LEVELS, 'What is listed: users, their events, or the records with headers and raw bytes.', 'users'),
  ),
  user: Type.Optional(
    Type.String({
      maxLength: 255,
      description: 'Only events of this user: user id, else device id, else session id.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Most per page.' }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 4000,
      description:
        'The `next_cursor` of the page before; an opaque word that keeps to its vector and instant.',
    }),
  ),
};

/** One event that a figure depends on. */
export type Contribution = {
  readonly position: Position;
  readonly user: string;
  readonly event: Pick<Event, 'event_id' | 'kind' | 'event_name' | 'timestamp' | 'server_time'>;
  /** What of the figure it changes. */
  readonly counted: Readonly<Record<string, unknown>>;
};

/** Where a page goes on, and as of what. */
export type Cursor = { readonly vector: string; readonly atMs: number; readonly after: string };

export function formatCursor({ vector, atMs, after }: Cursor): string {
  return Buffer.from(JSON.stringify([vector, atMs, after])).toString('base64url');
}

/** Takes an untrusted cursor; undefined when it is none. */
export function parseCursor(cursor: string): Cursor | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 3) return undefined;
    const [vector, atMs, after] = parts as readonly unknown[];
    return typeof vector === 'string' && typeof atMs === 'number' && typeof after === 'string'
      ? { vector, atMs, after }
      : undefined;
  } catch {
    return undefined;
  }
}

export type Page = { readonly level: Level; readonly limit: number; readonly after: string | undefined };

/** What stands on a page, and where the next one begins. */
export type Paged = { readonly rows: readonly Contribution[]; readonly next: string | undefined };

/** Users in the order of their bytes with what they contribute. */
export function pageOfUsers(
  all: readonly Contribution[],
  { limit, after }: Page,
): { readonly users: readonly object[]; readonly next: string | undefined } {
  const byUser = [...Map.groupBy(all, ({ user }) => user)]
    .sort(([one], [other]) => compareText(one, other))
    .filter(([user]) => after === undefined || compareText(user, after) > 0);
  const page = byUser.slice(0, limit);
  return {
    users: page.map(([user, own]) => ({ user, events: own.length })),
    next: byUser.length > page.length ? page.at(-1)?.[0] : undefined,
  };
}

/** Events by partition and offset. */
export function pageOfEvents(all: readonly Contribution[], { limit, after }: Page): Paged {
  const from = after === undefined ? undefined : positionOf(after);
  const rest = from ? all.filter(({ position }) => byPosition(position, from) > 0) : all;
  const rows = rest.slice(0, limit);
  const last = rest.length > rows.length ? rows.at(-1)?.position : undefined;
  return { rows, next: last && `${last.partition}.${String(last.offset)}` };
}

/** Undefined when it is none. */
export function positionOf(text: string): Position | undefined {
  const match = /^(\d{1,4})\.(\d{1,19})$/.exec(text);
  return match ? { partition: Number(match[1]), offset: BigInt(match[2] ?? 0) } : undefined;
}

/** The order of the log, one partition after the other. */
export function byPosition(one: Position, other: Position): number {
  if (one.partition !== other.partition) return one.partition - other.partition;
  return one.offset < other.offset ? -1 : one.offset > other.offset ? 1 : 0;
}

/** An event as it is listed. */
export function eventRow({ position, user, event, counted }: Contribution): object {
  return {
    position: { partition: position.partition, offset: String(position.offset) },
    event_id: event.event_id,
    kind: event.kind,
    event: event.event_name,
    user,
    time: new Date(event.timestamp).toISOString(),
    received_at: new Date(event.server_time).toISOString(),
    counted,
  };
}

/** The same with the record as it stands in the log. */
export async function recordRows(
  log: Pick<EventLog, 'read'>,
  tenant: TenantId,
  rows: readonly Contribution[],
): Promise<readonly object[]> {
  const found: object[] = [];
  for (const row of rows) {
    const { partition, offset } = row.position;
    const range = { partition, from: offset, to: offset + 1n };
    for await (const { records } of log.read({ tenant, channel: 'events' }, range)) {
      for (const record of records) found.push({ ...eventRow(row), record: recordRow(record) });
    }
  }
  return found;
}

function recordRow({ key, headers, value, sent }: LogRecord): object {
  return {
    key: textOf(key),
    headers: {
      event_id: headers.eventId,
      content_hash: Buffer.from(headers.contentHash).toString('hex'),
      source: headers.source,
      schema: headers.schema,
      schema_version: headers.schemaVersion,
      received_at: new Date(headers.receivedAtMs).toISOString(),
      timestamp: new Date(headers.timestampMs).toISOString(),
      valid: headers.valid,
    },
    raw: textOf(value),
    ...(sent && { sent: textOf(sent) }),
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The event of a record's value; undefined when it is no JSON object. */
export function eventIn(value: Uint8Array): Event | undefined {
  try {
    const event: unknown = JSON.parse(textOf(value));
    return typeof event === 'object' && event !== null && !Array.isArray(event)
      ? (event as Event)
      : undefined;
  } catch {
    return undefined;
  }
}
