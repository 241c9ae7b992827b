import type { EventKind } from '#domain';
import type { Ask } from './analysis.ts';
import type { Place } from './explain-cursor.ts';
import { MEMBERS } from './explain-part.ts';
import type { Marked, Part } from './explain-part.ts';
import type { ListedEvent } from './explanation-page.ts';
import { all, createBinder, factsOf, inRange, visible } from './sql.ts';
import type { Binder, Scope } from './sql.ts';

/** Which of the records before the vector are looked at: of every so many in a row the first ones. */
export type Windows = { readonly every: bigint; readonly length: bigint };

/** `FROM … WHERE` of the facts a part is made of. */
function rowsOf(binder: Binder, scope: Scope, part: Part): string {
  const conditions = [
    visible(binder, scope),
    inRange(binder, part),
    ...part.conditions.map((condition) => `(${condition.sql(binder)})`),
  ];
  if (part.count !== 'amounts') conditions.push(`${MEMBERS[part.member].sql} != ''`);
  return `FROM ${factsOf(scope)} WHERE ${all(conditions)}`;
}

// Names that no column of the facts has: an alias hides a column of the same name.
const MS = 'toUnixTimestamp64Milli(ts) AS e_ms';

function columns(binder: Binder, part: Part): string {
  return [
    `${MEMBERS[part.member].sql} AS e_member`,
    MS,
    'log_partition AS e_partition',
    'log_offset AS e_offset',
    `${marksSql(binder, part)} AS e_marks`,
    `toInt64(${part.amount.sql}) AS e_amount`,
  ].join(', ');
}

function marksSql(binder: Binder, { marks }: Part): string {
  const bits = marks.map((mark, index) => `toUInt32(${mark.sql(binder)}) * ${2 ** index}`);
  return bits.length === 0 ? 'toUInt32(0)' : `toUInt32(${bits.join(' + ')})`;
}

type Row = {
  readonly e_member: string;
  readonly e_ms: string;
  readonly e_partition: number;
  readonly e_offset: string;
  readonly e_marks: number;
  readonly e_amount: string;
};

function markedOf(row: Row): Marked {
  return {
    member: row.e_member,
    partition: row.e_partition,
    offset: BigInt(row.e_offset),
    atMs: Number(row.e_ms),
    marks: row.e_marks,
    amount: BigInt(row.e_amount),
  };
}

/** How many facts a part is made of. */
export async function countFacts(part: Part, scope: Scope, ask: Ask): Promise<number> {
  const binder = createBinder();
  const sql = `SELECT count() AS e_rows ${rowsOf(binder, scope, part)}`;
  const [row] = await ask<{ readonly e_rows: string }>({ sql, params: binder.params });
  return Number(row?.e_rows ?? 0);
}

/** The facts a part is made of, within the windows where some are given; copies of a record too. */
export async function readFacts(
  part: Part,
  { scope, windows }: { readonly scope: Scope; readonly windows: Windows | undefined },
  ask: Ask,
): Promise<readonly Marked[]> {
  const binder = createBinder();
  const inWindows = windows ? ` AND log_offset % ${windows.every} < ${windows.length}` : '';
  const sql = `SELECT ${columns(binder, part)} ${rowsOf(binder, scope, part)}${inWindows}`;
  return (await ask<Row>({ sql, params: binder.params })).map(markedOf);
}

/** A member as a page lists it. */
export type Member = { readonly id: string; readonly amount: bigint; readonly events: number };

/** Members after one, by the bytes of their ids, where every event or every member counts. */
export async function readMembers(
  part: Part,
  page: { readonly scope: Scope; readonly after: string | undefined; readonly limit: number },
  ask: Ask,
): Promise<readonly Member[]> {
  const binder = createBinder();
  const amount = part.count === 'amounts' ? 'sum(e_amount)' : '1';
  const sql = `SELECT e_member, toString(${amount}) AS e_sum, count() AS e_events
    FROM (${memberRows(binder, part, page)}) GROUP BY e_member HAVING ${needed(part)}
    ORDER BY e_member LIMIT ${page.limit}`;
  const rows = await ask<{ e_member: string; e_sum: string; e_events: string }>({
    sql,
    params: binder.params,
  });
  return rows.map(({ e_member: id, e_sum, e_events }) => ({
    id,
    amount: BigInt(e_sum),
    events: Number(e_events),
  }));
}

/** Those who may be members after one, each with the events to judge them by. */
export async function readCandidates(
  part: Part,
  page: { readonly scope: Scope; readonly after: string | undefined; readonly limit: number },
  ask: Ask,
): Promise<readonly (readonly Marked[])[]> {
  const binder = createBinder();
  const sql = `SELECT e_member,
      arraySort(groupArray((e_ms, e_partition, e_offset, e_marks, e_amount))) AS e_events
    FROM (${memberRows(binder, part, page)}) GROUP BY e_member HAVING ${needed(part)}
    ORDER BY e_member LIMIT ${page.limit}`;
  const rows = await ask<{
    readonly e_member: string;
    readonly e_events: readonly [string, number, string, number, string][];
  }>({ sql, params: binder.params });
  return rows.map(({ e_member, e_events }) =>
    e_events.map(([e_ms, e_partition, e_offset, e_marks, e_amount]) =>
      markedOf({ e_member, e_ms, e_partition, e_offset, e_marks, e_amount }),
    ),
  );
}

function memberRows(
  binder: Binder,
  part: Part,
  { scope, after }: { readonly scope: Scope; readonly after: string | undefined },
): string {
  const later =
    after === undefined ? '' : ` AND ${MEMBERS[part.member].sql} > ${binder.bind('String', after)}`;
  return `SELECT ${columns(binder, part)} ${rowsOf(binder, scope, part)}${later}`;
}

function needed({ needs }: Part): string {
  return needs === 0 ? '1' : `bitAnd(groupBitOr(e_marks), ${needs}) = ${needs}`;
}

/** An event as a page lists it. */
export type Listed = Marked & ListedEvent;

/** Facts of a part in order, of one member or of all, after a place where one is given. */
export async function listFacts(
  part: Part,
  page: {
    readonly scope: Scope;
    readonly member: string | undefined;
    readonly after: Place | undefined;
    readonly limit: number;
  },
  ask: Ask,
): Promise<readonly Listed[]> {
  const { scope, member, after, limit } = page;
  const binder = createBinder();
  const more = [
    ...(member === undefined ? [] : [`${MEMBERS[part.member].sql} = ${binder.bind('String', member)}`]),
    ...(after ? [isAfter(binder, after)] : []),
  ].map((condition) => ` AND ${condition}`);
  const sql = `SELECT ${columns(binder, part)}, kind AS e_kind, event_name AS e_name, event_id AS e_id,
      toUnixTimestamp64Milli(received_at) AS e_received
    ${rowsOf(binder, scope, part)}${more.join('')}
    ORDER BY e_ms, e_partition, e_offset LIMIT 1 BY e_partition, e_offset LIMIT ${limit}`;
  const rows = await ask<Row & { e_kind: EventKind; e_name: string; e_id: string; e_received: string }>({
    sql,
    params: binder.params,
  });
  return rows.map((row) => ({
    ...markedOf(row),
    kind: row.e_kind,
    name: row.e_name,
    eventId: row.e_id,
    receivedAtMs: Number(row.e_received),
  }));
}

function isAfter(binder: Binder, { atMs, partition, offset }: Place): string {
  const place = [binder.bind('Int64', atMs), binder.bind('UInt16', partition), binder.bind('UInt64', offset)];
  return `(toUnixTimestamp64Milli(ts), log_partition, log_offset) > (${place.join(', ')})`;
}
