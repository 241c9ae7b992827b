import type { Json, JsonObject, TenantId } from '#domain';
import { Fault } from '#domain';
import type { StreamEvent, StreamStore } from './stream-store.ts';

/** The ways in which raw history is read. */
export const HISTORY_READS = ['browse', 'search', 'show', 'tail', 'export', 'verify', 'explain'] as const;
export type HistoryReadKind = (typeof HISTORY_READS)[number];

/** Who reads, as far as it is known; nothing of it has been proven. */
export type HistoryReader = {
  /** By their own word, `anonymous` without one. */
  readonly actor: string;
  /** Of the connection. */
  readonly address: string;
  /** What a proxy says of where it came from. */
  readonly forwardedFor?: string;
  readonly userAgent?: string;
};

/** One read of a tenant's raw history. */
export type HistoryRead = {
  readonly tenant: TenantId;
  readonly kind: HistoryReadKind;
  /** What was asked, as it was asked. */
  readonly question: JsonObject;
  readonly reader: HistoryReader;
};

/** How an answer that goes on came to its end: all of it given, the reader gone, or something failed. */
export type HistoryReadEnd = 'complete' | 'broken_off' | 'failed';

/** An answer that goes on, from the first record to the last. */
export type OpenHistoryRead = {
  /** Durable when resolved. */
  end(how: HistoryReadEnd, records: number): Promise<void>;
};

/** One read as it stands in the audit. */
export type AuditEntry = Omit<HistoryRead, 'tenant'> & {
  readonly id: string;
  /** Epoch ms; of a read that has ended, of its end. */
  readonly recordedAtMs: number;
  /** `open` while it goes on, and for ever when the process was killed meanwhile. */
  readonly state: 'open' | HistoryReadEnd;
  /** How many records were given; undefined while it goes on. */
  readonly records: number | undefined;
};

/** Where the next page of entries begins. */
export type AuditPlace = {
  /** Only what was recorded before it. */
  readonly before: bigint;
  /** Beginnings before it that have been shown by their ends already. */
  readonly shown: readonly bigint[];
};

export type AuditPage = {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  /** Undefined at the end. */
  readonly next: AuditPlace | undefined;
};

/**
 * Keeps who has read raw history, when and what, one stream per tenant. Reading the audit is not recorded
 * itself, because that would never end.
 */
export interface Audit {
  /** Records a read whose answer is known whole. Durable when resolved; answer nothing before. */
  record(read: HistoryRead, records: number): Promise<void>;
  /** Records that a read begins. Durable when resolved; answer nothing before. */
  begin(read: HistoryRead): Promise<OpenHistoryRead>;
  /** The entries of a tenant, each read once, the newest first. */
  list(tenant: TenantId, page: { readonly limit: number; readonly from?: AuditPlace }): Promise<AuditPage>;
}

const READ = 'history_read';
const BEGAN = 'history_read_began';
const ENDED = 'history_read_ended';
const PAGE_EVENTS = 256n;

/** The audit in a store of its own, so that nobody who follows the control plane is woken by every read. */
export function createAudit(streams: StreamStore, { newId }: { readonly newId: () => string }): Audit {
  async function append(type: string, read: HistoryRead, more: JsonObject): Promise<bigint> {
    const { actor, ...origin } = read.reader;
    const event = {
      id: newId(),
      type,
      data: { kind: read.kind, question: read.question, ...more },
      metadata: { actor, authenticated: false, ...origin },
    };
    const appended = await streams.append(streamOf(read.tenant), [event], 'any');
    if (!appended.ok) throw new Fault('INTERNAL', 'The audit refused an entry.');
    return appended.revision;
  }

  return {
    async record(read, records) {
      await append(READ, read, { records, state: 'complete' });
    },
    async begin(read) {
      const began = await append(BEGAN, read, {});
      return {
        async end(how, records) {
          await append(ENDED, read, { records, state: how, began: String(began) });
        },
      };
    },
    async list(tenant, { limit, from }) {
      const stream = streamOf(tenant);
      const last = await streams.last(stream);
      const end = last === 'no_stream' ? 0n : last + 1n;
      const shown = new Set(from?.shown);
      const entries: AuditEntry[] = [];
      let before = from && from.before < end ? from.before : end;
      for await (const event of readBack(streams, stream, before)) {
        if (entries.length === limit) break;
        before = event.revision;
        // Its end, which says all of it and more, has been shown already.
        if (event.type === BEGAN && shown.delete(event.revision)) continue;
        const { began } = event.data;
        if (typeof began === 'string') shown.add(BigInt(began));
        entries.push(entryOf(event));
      }
      const left = [...shown].filter((revision) => revision < before);
      // Where nothing is left but beginnings that have been shown, there is no further page.
      const more = before > BigInt(left.length);
      return { entries, next: more ? { before, shown: left } : undefined };
    },
  };
}

function streamOf(tenant: TenantId): string {
  return `audit-${tenant}`;
}

/** The events before a revision, the newest first. */
async function* readBack(streams: StreamStore, stream: string, before: bigint): AsyncIterable<StreamEvent> {
  for (let end = before; end > 0n;) {
    const from = end > PAGE_EVENTS ? end - PAGE_EVENTS : 0n;
    const page: StreamEvent[] = [];
    for await (const event of streams.read(stream, from)) {
      if (event.revision >= end) break;
      page.push(event);
    }
    yield* page.reverse();
    end = from;
  }
}

function entryOf({ id, type, data, metadata, recordedAtMs }: StreamEvent): AuditEntry {
  const { kind, question, records, state } = data;
  const text = (value: Json | undefined): string | undefined =>
    typeof value === 'string' ? value : undefined;
  const forwardedFor = text(metadata['forwardedFor']);
  const userAgent = text(metadata['userAgent']);
  return {
    id,
    recordedAtMs,
    kind: HISTORY_READS.find((one) => one === kind) ?? 'browse',
    question: question as JsonObject,
    reader: {
      actor: text(metadata['actor']) ?? '',
      address: text(metadata['address']) ?? '',
      ...(forwardedFor === undefined ? {} : { forwardedFor }),
      ...(userAgent === undefined ? {} : { userAgent }),
    },
    state: type === BEGAN ? 'open' : state === 'broken_off' || state === 'failed' ? state : 'complete',
    records: typeof records === 'number' ? records : undefined,
  };
}
