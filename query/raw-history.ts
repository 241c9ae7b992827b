import { Fault } from '#domain';
import type { JsonObject, Position } from '#domain';
import { follow, verification } from '#log';
import type {
  Audit,
  BlockSource,
  EventLog,
  LogBounds,
  LogChannel,
  LogName,
  LogRecord,
  LogVerdict,
} from '#log';
import type { FactProgress, FactStore } from '#projections';
import { createAuditedRecords } from './audited-records.ts';
import type { AuditedRecords, HistoryAsker } from './audited-records.ts';
import { searchBounds } from './raw-bounds.ts';
import { formatCursor } from './raw-cursor.ts';
import { isOpen } from './raw-filter.ts';
import { readBrowse, readExport } from './raw-question.ts';
import type { RawSearch as RawSearchQuestion } from './raw-question.ts';
import { showRecord } from './raw-record.ts';
import { RawSearch } from './raw-search.ts';
import { everywhere, narrowByFacts } from './raw-spans.ts';
import { recordingEnd } from './raw-stream.ts';
import { newestRecords } from './raw-tail.ts';
import type { RecordPlace, Tail } from './raw-places.ts';

export type RawHistoryOptions = {
  readonly log: EventLog & BlockSource;
  readonly facts: FactStore;
  readonly progress: Pick<FactProgress, 'state'>;
  readonly audit: Audit;
  /** Epoch ms. */
  readonly clock: () => number;
};

/** An answer line by line, as portions of NDJSON text. */
export type HistoryLines = AsyncIterable<string>;

/**
 * Reads the log itself for people. Every read is recorded in the audit, durably, before anything of it is
 * answered; there is no other way to the records of a tenant. All of it throws `TENANT_UNKNOWN`, `QUERY_INVALID`
 * for what is not of the documented form, and `LOG_CORRUPT` where bytes are not those that were written.
 */
export interface RawHistory extends AuditedRecords {
  /** One page of the records that match, and where the next begins. */
  browse(question: JsonObject, asker: HistoryAsker): Promise<object>;
  /** All records that match, one entry in the audit however many they are. */
  export(question: JsonObject, asker: HistoryAsker): Promise<HistoryLines>;
  /** One record with the block it stands in. Throws `NOT_FOUND`. */
  show(place: RecordPlace, asker: HistoryAsker): Promise<object>;
  /** The newest records and, if wanted, those that come. */
  tail(tail: Tail, asker: HistoryAsker): Promise<HistoryLines>;
  /** Follows the digest chains; lines of progress, the last one the verdict. */
  verify(channel: LogChannel, asker: HistoryAsker): Promise<HistoryLines>;
}

/** Bytes of one page after which the rest is left to the next. */
const PAGE_BYTES = 8 * 1024 * 1024;
/** Of an export: records and ms after which a portion is given. */
const PORTION_RECORDS = 500;
const PORTION_MS = 500;

/** Prepares the reading of raw history. */
export function createRawHistory(options: RawHistoryOptions): RawHistory {
  const { log, audit, clock } = options;
  const audited = createAuditedRecords(options);

  async function show(place: RecordPlace, asker: HistoryAsker): Promise<object> {
    const name = { tenant: asker.tenant, channel: place.channel };
    const bounds = await log.bounds(name);
    const position = await positionOf(log, name, place, bounds);
    const positions = position ? [position] : [];
    const [record] = await audited.records(
      { channel: name.channel, positions, kind: 'show', question: place.asked },
      asker,
    );
    if (!record) throw new Fault('NOT_FOUND', 'There is no such record in the log of this tenant.');
    const block = log.block(name, record);
    const shown = { channel: name.channel, logIdentity: bounds.identity, form: 'both' } as const;
    return {
      tenant_id: asker.tenant,
      channel: name.channel,
      record: showRecord(record, shown),
      block: block && {
        first_offset: String(block.firstOffset),
        records: block.records,
        digest: Buffer.from(block.digest).toString('hex'),
        previous_digest: Buffer.from(block.previous).toString('hex'),
      },
    };
  }

  async function browse(asked: JsonObject, asker: HistoryAsker): Promise<object> {
    const { tenant, reader, signal } = asker;
    const question = readBrowse(tenant, asked);
    const { channel, filter, form, limit, budgetMs } = question;
    const startedMs = clock();
    const { search, bounds, narrowedBy } = await open(question, signal);
    const found: LogRecord[] = [];
    const spent = (): boolean => clock() - startedMs >= budgetMs;
    for (let bytes = 0; found.length < limit && bytes < PAGE_BYTES;) {
      const record = await search.next(spent);
      if (!record) break;
      found.push(record);
      bytes += record.value.length + (record.sent?.length ?? 0);
    }
    const kind = isOpen(filter) ? 'browse' : 'search';
    await audit.record({ tenant, kind, question: question.asked, reader }, found.length);
    const shown = { channel, logIdentity: bounds.identity, form };
    return {
      tenant_id: tenant,
      channel,
      records: found.map((record) => showRecord(record, shown)),
      more: !search.ended,
      next_cursor: cursorAfter(search, question, bounds),
      searched: {
        narrowed_by: narrowedBy,
        records_read: search.recordsRead,
        up_to: search.place.map(String),
        elapsed_ms: clock() - startedMs,
      },
    };
  }

  async function exportAll(asked: JsonObject, asker: HistoryAsker): Promise<HistoryLines> {
    const { tenant, reader, signal } = asker;
    const question = readExport(tenant, asked);
    const { channel, form, marks } = question;
    const { search, bounds } = await open(question, signal);
    const shown = { channel, logIdentity: bounds.identity, form };
    const read = { tenant, kind: 'export', question: question.asked, reader } as const;
    return recordingEnd(await audit.begin(read), signal, async function* (count) {
      while (!search.ended) {
        const startedMs = clock();
        const spent = (): boolean => clock() - startedMs >= PORTION_MS;
        let text = '';
        let given = 0;
        for (let bytes = 0; given < PORTION_RECORDS && bytes < PAGE_BYTES;) {
          const record = await search.next(spent);
          if (!record) break;
          text += `${JSON.stringify(showRecord(record, shown))}\n`;
          given += 1;
          bytes += record.value.length + (record.sent?.length ?? 0);
        }
        count(given);
        const mark = { next_cursor: cursorAfter(search, question, bounds), records: given };
        yield marks ? `${text}${JSON.stringify(mark)}\n` : text;
      }
    });
  }

  async function tail({ channel, count, following, form, asked }: Tail, asker: HistoryAsker) {
    const { tenant, reader, signal } = asker;
    const name = { tenant, channel };
    const bounds = await log.bounds(name);
    const shown = { channel, logIdentity: bounds.identity, form };
    const textOf = (given: readonly LogRecord[]): string =>
      given.map((record) => `${JSON.stringify(showRecord(record, shown))}\n`).join('');
    const read = { tenant, kind: 'tail', question: asked, reader } as const;
    return recordingEnd(await audit.begin(read), signal, async function* (counted) {
      const newest = await newestRecords(log, name, { bounds, count });
      counted(newest.length);
      yield textOf(newest);
      if (!following) return;
      for await (const batch of follow(log, name, bounds.next, signal)) {
        counted(batch.records.length);
        yield textOf(batch.records);
      }
    });
  }

  async function verify(channel: LogChannel, { tenant, reader, signal }: HistoryAsker) {
    const name = { tenant, channel };
    await log.bounds(name);
    const read = { tenant, kind: 'verify', question: { channel }, reader } as const;
    return recordingEnd(await audit.begin(read), signal, () => verifyLines(log, name, signal));
  }

  /** A search at the place where its question begins, or goes on. */
  async function open(question: RawSearchQuestion, signal: AbortSignal) {
    const { tenant, channel, filter, order } = question;
    const name = { tenant, channel };
    const bounds = await log.bounds(name);
    const narrowedBy =
      channel === 'events' && filter.eventId !== undefined
        ? 'event_id'
        : channel === 'events' && !isOpen(filter)
          ? 'facts'
          : 'nothing';
    const spans = { tenant, filter, order, logIdentity: bounds.identity };
    const search = new RawSearch({
      log,
      name,
      filter,
      order,
      bounds: await searchBounds(log, question, bounds),
      narrow: narrowedBy === 'facts' ? narrowByFacts(options, spans) : everywhere,
      signal,
    });
    return { search, bounds, narrowedBy };
  }

  return { ...audited, browse, export: exportAll, show, tail, verify };
}

/** Of the oldest first there is always one: what comes later stands after it. */
function cursorAfter(
  search: RawSearch,
  { order, about }: RawSearchQuestion,
  { identity }: LogBounds,
): string | null {
  if (order === 'newest' && search.ended) return null;
  return formatCursor({ logIdentity: identity, vector: search.place }, about);
}

async function positionOf(
  log: EventLog,
  { tenant, channel }: LogName,
  place: RecordPlace,
  { identity }: LogBounds,
): Promise<Position | undefined> {
  if ('position' in place) return place.position;
  if ('receipt' in place) return place.receipt.logIdentity === identity ? place.receipt : undefined;
  return channel === 'events' ? log.find(tenant, place.eventId) : undefined;
}

async function* verifyLines(
  log: EventLog & BlockSource,
  name: LogName,
  signal: AbortSignal,
): AsyncIterable<string> {
  for await (const { progress, verdict } of verification(log, name, signal)) {
    yield `${JSON.stringify(progress ? { progress } : { verdict: showVerdict(verdict) }, textOfOffset)}\n`;
  }
}

function showVerdict(verdict: LogVerdict): object {
  if (verdict.ok) return verdict;
  const { firstOffset, ...said } = verdict;
  return { ...said, first_offset: firstOffset };
}

function textOfOffset(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
