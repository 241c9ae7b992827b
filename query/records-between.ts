import type { EventKind, Position, PositionVector, TenantId } from '#domain';
import type { Ask } from './analysis.ts';
import { newestReceived } from './as-of.ts';
import type { ListedEvent } from './explanation-page.ts';
import { beforeVector, createBinder, factsOf, inRange, visible } from './sql.ts';
import type { Binder, Scope } from './sql.ts';

/**
 * Why a record changes an answer. `late`: it had happened before the newest record of the first vector was
 * received, and came after it. `new`: everything else that came.
 */
export const RECORD_CLASSES = ['late', 'new'] as const;
export type RecordClass = (typeof RECORD_CLASSES)[number];

/** An event that the second vector has and the first has not. */
export type RecordBetween = ListedEvent & { readonly user: string; readonly class: RecordClass };

export type Between = {
  readonly tenant: TenantId;
  readonly generation: number;
  readonly before: PositionVector;
  readonly after: PositionVector;
  /** Of the events' own time, epoch ms. */
  readonly range: { readonly fromMs: number; readonly toMs: number };
};

/** How many records came between two vectors: in the range by class, and outside of it. */
export type CountsBetween = Readonly<Record<RecordClass, number>> & { readonly outside: number };

export async function countBetween(between: Between, ask: Ask): Promise<CountsBetween> {
  const binder = createBinder();
  const receivedMs = await newestReceived(scopeOf(between, between.before), ask);
  const within = inRange(binder, between.range);
  const [row] = await ask<Record<'late' | 'fresh' | 'outside', string>>({
    sql: `SELECT uniqExactIf((log_partition, log_offset), ${within} AND ${isLate(binder, receivedMs)}) AS late,
        uniqExactIf((log_partition, log_offset), ${within} AND NOT ${isLate(binder, receivedMs)}) AS fresh,
        uniqExactIf((log_partition, log_offset), NOT (${within})) AS outside
      FROM ${from(binder, between)}`,
    params: binder.params,
  });
  return { late: Number(row?.late ?? 0), new: Number(row?.fresh ?? 0), outside: Number(row?.outside ?? 0) };
}

/** Those in the range by partition and offset, from behind a position on. */
export async function listBetween(
  between: Between,
  page: { readonly after: Position | undefined; readonly limit: number },
  ask: Ask,
): Promise<readonly RecordBetween[]> {
  const binder = createBinder();
  const receivedMs = await newestReceived(scopeOf(between, between.before), ask);
  const behind = page.after
    ? ` AND (log_partition, log_offset) > (${binder.bind('UInt16', page.after.partition)}, ${binder.bind('UInt64', page.after.offset)})`
    : '';
  const rows = await ask<Readonly<Record<string, string | number>>>({
    sql: `SELECT DISTINCT log_partition, log_offset, event_id, kind, event_name, actor_id,
        toUnixTimestamp64Milli(ts) AS time_ms, toUnixTimestamp64Milli(received_at) AS received_ms
      FROM ${from(binder, between)} AND ${inRange(binder, between.range)}${behind}
      ORDER BY log_partition, log_offset LIMIT ${page.limit}`,
    params: binder.params,
  });
  return rows.map((row) => ({
    partition: Number(row['log_partition']),
    offset: BigInt(row['log_offset'] ?? 0),
    eventId: String(row['event_id']),
    kind: row['kind'] as EventKind,
    name: String(row['event_name']),
    user: String(row['actor_id']),
    atMs: Number(row['time_ms']),
    receivedAtMs: Number(row['received_ms']),
    class: Number(row['time_ms']) < receivedMs ? 'late' : 'new',
  }));
}

function isLate(binder: Binder, receivedMs: number): string {
  return `toUnixTimestamp64Milli(ts) < ${binder.bind('Int64', receivedMs)}`;
}

function from(binder: Binder, between: Between): string {
  const scope = scopeOf(between, between.after);
  return `${factsOf(scope)} WHERE ${visible(binder, scope)} AND NOT (${beforeVector(binder, between.before)})`;
}

function scopeOf({ tenant, generation }: Between, vector: PositionVector): Scope {
  return { tenant, generation, vector, firstSeen: [] };
}
