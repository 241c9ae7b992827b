import assert from 'node:assert/strict';
import type { LoggedEvent, PositionVector, TenantId } from '#domain';
import type { LogRecord } from '#log';
import type { AnalysisName } from './analysis.ts';
import { LOG, openAsking } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { openAudited } from './audited.contract.ts';
import type { AuditedLog } from './audited.contract.ts';
import { createExplanations } from './explain.ts';
import type { Explanation } from './explain.ts';
import type { RawLog } from './explain-log.ts';
import type { RecountLimits } from './explain-recount.ts';

/** Facts and the log they are made from, and the explanations over both. */
export type Explaining = AsyncDisposable & {
  readonly asking: Asking;
  /** Puts a history into the log, and it or another one into the facts. */
  put(
    history: readonly LoggedEvent[],
    confirmed?: PositionVector,
    facts?: readonly LoggedEvent[],
  ): Promise<TenantId>;
  explain(name: AnalysisName, tenant: TenantId, question: object): Promise<Explanation>;
  /** Explains with other limits of the recount. */
  explainWithin(
    limits: RecountLimits,
    name: AnalysisName,
    asked: { readonly tenant: TenantId; readonly question: object },
  ): Promise<Explanation>;
  readonly audited: AuditedLog;
  /** Every page of a level from the first on. */
  pages(name: AnalysisName, tenant: TenantId, question: object): Promise<readonly Row[]>;
};

/** An entry of a page of whatever level. */
export type Row = {
  readonly user?: string | null;
  readonly item?: string | null;
  readonly value?: number;
  readonly events?: number;
  readonly position?: { readonly partition: number; readonly offset: string };
  readonly [member: string]: unknown;
};

export async function openExplaining(): Promise<Explaining> {
  const asking = await openAsking();
  const logs = new Map<TenantId, LoggedEvent[]>();
  const log = logOf(logs);
  const { queries, facts } = asking;
  const audited = openAudited(log);
  const { history, asker } = audited;
  const standard = createExplanations({ queries, facts, log, history });
  const explaining: Explaining = {
    asking,
    audited,
    async put(history, confirmed, held = history) {
      const tenant = await asking.put(held, confirmed);
      logs.set(tenant, [...(logs.get(tenant) ?? []), ...history]);
      return tenant;
    },
    explain: (name, tenant, question) =>
      standard.explain(name, { tenant, ...asker, question: { ...question } }),
    explainWithin: (limits, name, { tenant, question }) =>
      createExplanations({ queries, facts, log, history, limits }).explain(name, {
        tenant,
        ...asker,
        question: { ...question },
      }),
    async pages(name, tenant, question) {
      const rows: Row[] = [];
      let cursor: string | null = null;
      do {
        const page: Explanation = await explaining.explain(name, tenant, {
          ...question,
          recount: false,
          ...(cursor === null ? {} : { cursor }),
        });
        const list = (page.users ?? page.items ?? page.events ?? page.records ?? []) as readonly Row[];
        rows.push(...list);
        cursor = page.next_cursor;
        assert.ok(rows.length < 100_000, 'the pages come to an end');
      } while (cursor !== null);
      return rows;
    },
    [Symbol.asyncDispose]: () => asking[Symbol.asyncDispose](),
  };
  return explaining;
}

const encoder = new TextEncoder();

/** The log as an adapter would read it, kept in memory: batches of two, so that ranges end within one. */
function logOf(logs: ReadonlyMap<TenantId, readonly LoggedEvent[]>): RawLog {
  const of = (tenant: TenantId, partition: number) =>
    (logs.get(tenant) ?? [])
      .filter((record) => record.partition === partition)
      .sort((a, b) => Number(a.offset - b.offset));
  return {
    async *read({ tenant }, { partition, from, to }) {
      const next = to ?? BigInt(of(tenant, partition).length);
      const found = of(tenant, partition).filter(({ offset }) => offset >= from && offset < next);
      for (let start = 0; start < found.length; start += 2) {
        yield await Promise.resolve({ partition, records: found.slice(start, start + 2).map(recordOf) });
      }
    },
    bounds: (name) =>
      Promise.resolve({
        identity: LOG,
        first: [0n, 0n, 0n, 0n],
        next: [0, 1, 2, 3].map((partition) => BigInt(of(name.tenant, partition).length)),
      }),
  };
}

function recordOf({ partition, offset, event }: LoggedEvent): LogRecord {
  return {
    partition,
    offset,
    key: encoder.encode(event.user_id ?? event.device_id ?? event.session_id ?? ''),
    headers: {
      eventId: event.event_id,
      contentHash: new Uint8Array(16),
      source: 'http',
      schema: event.schema,
      schemaVersion: event.schema_version,
      receivedAtMs: event.server_time,
      timestampMs: event.timestamp,
      valid: event.valid_status === 1,
    },
    value: encoder.encode(JSON.stringify(event)),
  };
}

/** `partition:offset` of the positions of a page, sorted. */
export function positionsOf(rows: readonly Row[]): string[] {
  return rows
    .flatMap(({ position }) => (position ? [`${position.partition}:${position.offset}`] : []))
    .sort();
}

/** What an explanation must say: the number, and the positions of the events of every member of its first part. */
export type Expected = {
  readonly cell: object;
  readonly value: unknown;
  readonly by: 'user' | 'item';
  readonly found: ReadonlyMap<string, readonly string[]>;
};

/**
 * Compares an explanation with what it must say: the number, the recount, every page of its members, the
 * events of each, and the raw records of the first.
 */
export async function checkExplained(
  explaining: Explaining,
  expected: Expected,
  asked: { readonly name: AnalysisName; readonly tenant: TenantId; readonly question: object },
): Promise<void> {
  const { name, tenant, question } = asked;
  const { cell, value, by, found } = expected;
  const what = `${name} ${JSON.stringify({ ...question, cell })}`;
  const whole = await explaining.explain(name, tenant, { ...question, cell });
  assert.deepEqual(whole.value, value, what);
  assert.deepEqual(
    { equal: whole.recount?.equal, value: whole.recount?.value, examples: whole.recount?.examples },
    { equal: true, value, examples: [] },
    what,
  );
  const members = await explaining.pages(name, tenant, { ...question, cell, page_size: 2 });
  const ids = [...found.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(
    members.map((member) => [member[by] ?? '', member.events]),
    ids.map((id) => [id, found.get(id)?.length]),
    what,
  );
  for (const [index, id] of ids.entries()) {
    const own = { ...question, cell, [by]: id };
    const events = await explaining.pages(name, tenant, { ...own, level: 'events', page_size: 3 });
    assert.deepEqual(positionsOf(events), [...(found.get(id) ?? [])].sort(), `${what} ${id}`);
    if (index > 0) continue;
    const records = await explaining.pages(name, tenant, { ...own, level: 'records' });
    assert.deepEqual(positionsOf(records), positionsOf(events), what);
    for (const record of records) {
      const kept = JSON.parse(String(record['raw'])) as Record<string, unknown>;
      assert.deepEqual(record['event'], kept, what);
      assert.equal(kept['tenant_id'], tenant, what);
    }
  }
}
