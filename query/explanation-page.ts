import { Type } from 'typebox';
import { UTC, compareText, comparePositions, formatInstant } from '#domain';
import type { EventKind, JsonObject, LoggedEvent, Position, Zone } from '#domain';
import type { AuditedRecords, HistoryAsker } from './audited-records.ts';
import type { After } from './explain-cursor.ts';
import { invalidQuestion, oneOf } from './question.ts';
import { showRecord } from './raw-record.ts';

/** How far down an explanation goes: who, which events, which bytes. */
export const LEVELS = ['users', 'events', 'records'] as const;
export type Level = (typeof LEVELS)[number];

/** How many a page of each level has. A record may be large. */
const PAGE_SIZES = { users: 100, events: 100, records: 20 } as const;
const MAX_PAGE_SIZES = { users: 1000, events: 1000, records: 100 } as const;

/** Members of every question for an explanation. */
export const EXPLAINING = {
  level: Type.Optional(
    oneOf(LEVELS, 'Who is in it, by which events, or those events as raw records.', 'users'),
  ),
  user: Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      maxLength: 255,
      description:
        'Only events of this user (user id, else device id, else session id); empty or null where it was nobody.',
    }),
  ),
  page_size: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'How many at most: by default 100, of records 20 and at most 100.',
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 4000,
      description: 'The `next_cursor` of the page before; it keeps to the vector and instant of that page.',
    }),
  ),
};

/** Asks for an explanation, in the name of who reads what it shows. */
export type ExplainRequest = HistoryAsker & {
  /** The question whose answer is explained, and beside its members those of the explanation. */
  readonly question: Readonly<Record<string, unknown>>;
};

/** How many a page has. Throws `QUERY_INVALID` for more than there may be. */
export function pageSizeOf(level: Level, given: number | undefined): number {
  const size = given ?? PAGE_SIZES[level];
  if (size <= MAX_PAGE_SIZES[level]) return size;
  const message = `must be at most ${MAX_PAGE_SIZES[level]}`;
  throw invalidQuestion([{ field: 'page_size', code: 'range', message }]);
}

/** An event as it is listed. */
export type ListedEvent = Position & {
  readonly eventId: string;
  readonly kind: EventKind;
  readonly name: string;
  readonly atMs: number;
  readonly receivedAtMs: number;
};

export function showEvent(event: ListedEvent, zone: Zone = UTC): object {
  return {
    position: { partition: event.partition, offset: String(event.offset) },
    event_id: event.eventId,
    kind: event.kind,
    event: event.name,
    time: formatInstant(event.atMs, zone),
    received_at: formatInstant(event.receivedAtMs, zone),
  };
}

/** An event that a number depends on. */
export type ExplainedEvent = ListedEvent & {
  /** Whose it is, and what of the number it changes, as it is answered. */
  readonly beside: { readonly counted: object };
};

/** How events are shown, and to whom. */
export type Showing = {
  readonly history: AuditedRecords;
  readonly logIdentity: string;
  readonly asker: HistoryAsker;
  /** As asked, for the audit. */
  readonly question: JsonObject;
  /** Of times. @default UTC */
  readonly zone?: Zone;
};

/** The events of a page, or their records where that is the level: then the read is recorded before. */
export async function showEvents(
  level: Level,
  events: readonly ExplainedEvent[],
  showing: Showing,
): Promise<readonly object[]> {
  const { history, logIdentity, asker, question, zone } = showing;
  if (level !== 'records') return events.map((event) => ({ ...showEvent(event, zone), ...event.beside }));
  // Where there is nothing to read, nothing is recorded.
  if (events.length === 0) return [];
  const positions = events.map(({ partition, offset }) => ({ partition, offset }));
  const records = await history.records({ channel: 'events', positions, kind: 'explain', question }, asker);
  const form = { channel: 'events', logIdentity, form: 'both' } as const;
  return records.map((record) => ({
    ...showRecord(record, form),
    ...events.find((event) => comparePositions(event, record) === 0)?.beside,
  }));
}

/** One event that a figure of a live view or a profile depends on. */
export type Contribution = ListedEvent & {
  /** Empty where it is nobody's. */
  readonly user: string;
  readonly counted: Readonly<Record<string, unknown>>;
};

/** The event of a record as it is listed. */
export function listedEvent({ partition, offset, event }: LoggedEvent): ListedEvent {
  return {
    partition,
    offset,
    eventId: event.event_id,
    kind: event.kind,
    name: event.event_name,
    atMs: event.timestamp,
    receivedAtMs: event.server_time,
  };
}

type Page = { readonly size: number; readonly after: After | undefined };
type Listed = { readonly list: readonly object[]; readonly after: After | undefined };

/** One page of a level of what a figure depends on, in the order of the log; and where the next one begins. */
export async function pageOf(
  level: Level,
  all: readonly Contribution[],
  { size, after, ...showing }: Page & Showing,
): Promise<Listed> {
  if (level === 'users') return pageOfUsers(all, { size, after });
  const behind = after && 'place' in after ? after.place : undefined;
  const rest = behind ? all.filter((each) => comparePositions(each, behind) > 0) : all;
  const page = rest.slice(0, size);
  const last = rest.length > page.length ? page.at(-1) : undefined;
  const events = page.map(({ user, counted, ...event }) => {
    return { ...event, beside: { user: nobodyIsNull(user), counted } };
  });
  return { list: await showEvents(level, events, showing), after: last && { place: last } };
}

/** Users in the order of the bytes of their ids, and by how many events they are in it. */
function pageOfUsers(all: readonly Contribution[], { size, after }: Page): Listed {
  const behind = after && 'member' in after ? after.member : undefined;
  const byUser = [...Map.groupBy(all, ({ user }) => user)]
    .sort(([one], [other]) => compareText(one, other))
    .filter(([user]) => behind === undefined || compareText(user, behind) > 0);
  const page = byUser.slice(0, size);
  const last = byUser.length > page.length ? page.at(-1)?.[0] : undefined;
  return {
    list: page.map(([user, own]) => ({ user: nobodyIsNull(user), events: own.length })),
    after: last === undefined ? undefined : { member: last },
  };
}

function nobodyIsNull(user: string): string | null {
  return user === '' ? null : user;
}
