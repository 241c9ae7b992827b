import { formatReceipt, isBefore, parseReceipt } from '#domain';
import type { Position, TenantId } from '#domain';
import type { EventLog, LogBounds, LogChannel, LogRecord } from '#log';
import type { ConfirmationTimes, ConfirmedBy, DeadLetterIndex, Horizon, ProjectionState } from '#projections';
import { readDeadLetter } from './dead-letter.ts';
import type {
  AcceptedFate,
  HeldBy,
  Place,
  ReceiptAnswer,
  RefusedFate,
  UnknownFate,
} from './receipt-answer.ts';

/** How far the active generation of one projection is with a tenant. */
export type FollowedProjection = {
  state(tenant: TenantId): Promise<FollowedState | undefined>;
};

export type FollowedState = ProjectionState & {
  readonly generation?: number;
  /** Of live views, whose generation stands in here. */
  readonly scope?: { readonly generation: number };
  readonly horizon?: Horizon | undefined;
};

export type ReceiptsOptions = {
  readonly log: Pick<EventLog, 'find' | 'read' | 'bounds' | 'turnedAway'>;
  readonly deadLetters: Pick<DeadLetterIndex, 'find'>;
  /** By name; `facts` says what is queryable. */
  readonly projections: Readonly<Record<string, FollowedProjection>>;
  readonly times: Pick<ConfirmationTimes, 'since'>;
};

/** Says what became of everything that was ever sent with an event id. */
export interface Receipts {
  /**
   * `sent` is an event id, or the token of a receipt or dead letter of the tenant. Exact for everything that was
   * acknowledged before it is asked. Throws `TENANT_UNKNOWN`.
   */
  ask(tenant: TenantId, sent: string): Promise<ReceiptAnswer>;
}

const MOST_LETTERS = 20;
const HOUR_MS = 3_600_000;
const FACTS = 'facts';

type Logs = Readonly<Record<LogChannel, LogBounds>>;
type Fate = AcceptedFate | RefusedFate;
type Fates = {
  readonly eventId: string | null;
  /** The accepted one first, then those kept out of the log, newest first. */
  readonly all: readonly Fate[];
  readonly deadLetters: number;
};
type Meant = { readonly eventId: string; readonly letter: LogRecord | undefined };

/** Holds nothing that must be closed. */
export function createReceipts(options: ReceiptsOptions): Receipts {
  const { log, deadLetters, projections, times } = options;

  async function readAt(tenant: TenantId, channel: LogChannel, at: Position): Promise<LogRecord | undefined> {
    const range = { partition: at.partition, from: at.offset, to: at.offset + 1n };
    for await (const { records } of log.read({ tenant, channel }, range)) return records[0];
    return undefined;
  }

  async function lettersOf(
    tenant: TenantId,
    of: { readonly eventId: string; readonly kept: 'inputs' | 'events' },
  ): Promise<{ readonly letters: readonly LogRecord[]; readonly total: number }> {
    const { offsets, total } = await deadLetters.find(tenant, of, MOST_LETTERS);
    const letters: LogRecord[] = [];
    for (const offset of offsets) {
      const letter = await readAt(tenant, 'dead_letters', { partition: 0, offset });
      if (letter?.headers.eventId === of.eventId.toWellFormed()) letters.push(letter);
    }
    return { letters, total };
  }

  async function accepted(tenant: TenantId, record: LogRecord, logs: Logs): Promise<AcceptedFate> {
    const { eventId, receivedAtMs, timestampMs, source, schema, schemaVersion } = record.headers;
    const { letters } = await lettersOf(tenant, { eventId, kept: 'events' });
    const held: HeldBy[] = [];
    let because: AcceptedFate['not_queryable_because'] = 'behind';
    for (const [projection, followed] of Object.entries(projections)) {
      const state = await followed.state(tenant);
      const generation = state?.generation ?? state?.scope?.generation;
      const isFacts = projection === FACTS;
      const refused = isFacts && letters.find((letter) => isRefused(letter, record, generation));
      const by: HeldBy = {
        projection,
        generation: generation ?? null,
        ...whetherHeld(state, { projection, generation: generation ?? 0, tenant }, record),
        dead_letter: refused ? placeOf(refused, logs.dead_letters) : null,
      };
      held.push(by);
      if (isFacts) because = hiddenBecause(by, timestampMs, state?.horizon);
    }
    return {
      state: 'accepted',
      receipt: placeOf(record, logs.events),
      received_at: instantOf(receivedAtMs),
      timestamp: instantOf(timestampMs),
      source,
      schema,
      schema_version: schemaVersion,
      queryable: because === null,
      not_queryable_because: because,
      projections: held,
      turned_away: await turnedAway(tenant, timestampMs),
    };
  }

  function whetherHeld(
    state: FollowedState | undefined,
    by: ConfirmedBy,
    record: LogRecord,
  ): Pick<HeldBy, 'confirmed' | 'since' | 'since_within_ms' | 'paused'> {
    if (!state || !isBefore(record, state.confirmed)) {
      const paused = state?.paused?.reason ?? null;
      return { confirmed: false, since: null, since_within_ms: null, paused };
    }
    const since = times.since(by, record);
    if (!since) return { confirmed: true, since: null, since_within_ms: null, paused: null };
    // It was not there before it came.
    const withinMs = Math.max(0, Math.min(since.withinMs, since.atMs - record.headers.receivedAtMs));
    return { confirmed: true, since: instantOf(since.atMs), since_within_ms: withinMs, paused: null };
  }

  async function turnedAway(tenant: TenantId, timestampMs: number): Promise<AcceptedFate['turned_away']> {
    const hourMs = Math.floor(timestampMs / HOUR_MS) * HOUR_MS;
    const [counts] = await log.turnedAway(tenant, { fromMs: hourMs, toMs: hourMs + HOUR_MS });
    const { duplicates = 0, conflicts = 0 } = counts ?? {};
    return { hour: instantOf(hourMs), duplicates, conflicts };
  }

  async function fatesOf(tenant: TenantId, eventId: string, logs: Logs): Promise<Fates> {
    const position = await log.find(tenant, eventId);
    const record = position && (await readAt(tenant, 'events', position));
    const { letters, total } = await lettersOf(tenant, { eventId, kept: 'inputs' });
    const refused = letters.map((letter) => refusedFate(letter, logs));
    return {
      eventId,
      all: record ? [await accepted(tenant, record, logs), ...refused] : refused,
      deadLetters: total,
    };
  }

  /** Whose id a token stands for, and which input if it was kept out of the log. */
  async function meant(tenant: TenantId, sent: string, logs: Logs): Promise<Meant> {
    const token = parseReceipt(sent);
    for (const channel of ['events', 'dead_letters'] as const) {
      if (token?.logIdentity !== logs[channel].identity) continue;
      const record = isBefore(token, logs[channel].next) ? await readAt(tenant, channel, token) : undefined;
      // What a projection could not take is no input of its own: the event is.
      const letter = channel === 'dead_letters' && record?.headers.source !== 'projection';
      return { eventId: record?.headers.eventId ?? '', letter: letter ? record : undefined };
    }
    return { eventId: sent, letter: undefined };
  }

  return {
    async ask(tenant, sent) {
      const logs: Logs = {
        events: await log.bounds({ tenant, channel: 'events' }),
        dead_letters: await log.bounds({ tenant, channel: 'dead_letters' }),
      };
      const { eventId, letter } = await meant(tenant, sent, logs);
      const own = letter && refusedFate(letter, logs);
      const fates =
        eventId === ''
          ? { eventId: null, all: [], deadLetters: own ? 1 : 0 }
          : await fatesOf(tenant, eventId, logs);
      const [first = { state: absence(logs) }] = fates.all;
      const main = own ?? first;
      return {
        tenant_id: tenant,
        event_id: fates.eventId,
        ...main,
        also: fates.all.filter((other) => !isSame(other, main)),
        dead_letters: fates.deadLetters,
      };
    },
  };
}

function hiddenBecause(
  facts: HeldBy,
  timestampMs: number,
  horizon: Horizon | undefined,
): AcceptedFate['not_queryable_because'] {
  if (facts.dead_letter) return 'dead_letter';
  if (horizon && timestampMs < horizon.beforeMs) return 'horizon';
  if (facts.confirmed) return null;
  return facts.paused === null ? 'behind' : 'paused';
}

function isRefused(
  letter: LogRecord,
  { partition, offset }: Position,
  generation: number | undefined,
): boolean {
  const by = readDeadLetter(letter).refusedBy;
  return (
    by?.generation === generation && by?.position.partition === partition && by.position.offset === offset
  );
}

function refusedFate(letter: LogRecord, logs: Logs): RefusedFate {
  const { reason, errors, first } = readDeadLetter(letter);
  return {
    state: first ? 'conflict' : 'rejected',
    dead_letter: placeOf(letter, logs.dead_letters),
    first: first ? placeOf(first, logs.events) : null,
    received_at: instantOf(letter.headers.receivedAtMs),
    source: letter.headers.source,
    reason,
    errors,
  };
}

function isSame(one: Fate, other: Fate | UnknownFate): boolean {
  return 'dead_letter' in one && 'dead_letter' in other
    ? one.dead_letter.token === other.dead_letter.token
    : one === other;
}

/** A log that does not begin at its beginning any more cannot say "never". */
function absence(logs: Logs): UnknownFate['state'] {
  const begins = Object.values(logs).every(({ first }) => first.every((offset) => offset === 0n));
  return begins ? 'unknown' : 'not_known_any_more';
}

function placeOf({ partition, offset }: Position, { identity }: LogBounds): Place {
  return {
    partition,
    offset: String(offset),
    token: formatReceipt({ logIdentity: identity, partition, offset }),
  };
}

function instantOf(ms: number): string {
  return new Date(ms).toISOString();
}
