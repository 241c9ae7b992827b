import assert from 'node:assert/strict';
import { canonicalJson, parseTenantId } from '#domain';
import type { Event, Json, TenantId } from '#domain';
import { openLmdbEventLog } from '../../log/lmdb-event-log.ts';
import { verifyLog } from '../../log/verify.ts';
import { AGGREGATE_VIEWS } from '../invariants/aggregate-views.ts';
import { ask, readTable, rowsAsTexts } from '../invariants/asking.ts';
import type { FunnelAnswer } from '../invariants/asking.ts';
import type { Input } from '../invariants/history.ts';
import { withKeptUnanswered } from '../invariants/killing.ts';
import { OUTCOMES, settle } from '../invariants/ledger.ts';
import type { Answer, Kept, Settled } from '../invariants/ledger.ts';
import { itemCountersOf } from '../invariants/live-oracles.ts';
import { funnelUsers } from '../invariants/oracles.ts';
import { profileQuestions } from '../invariants/profile-oracle.ts';
import { askPath, comparable } from '../invariants/scenario-questions.ts';
import type { Platform } from '../platform.ts';
import { tenantId } from '../tenant-id.ts';

/** What was sent, what was said to it, and what is known beside that. */
export type Told = {
  readonly inputs: readonly Input[];
  readonly answers: ReadonlyMap<number, Answer>;
  /** Epoch ms: facts of events before it have been let go. @default none have */
  readonly factsFromMs?: number;
  /** `tenant event id` of accepted events that came when the facts of their time had been let go. @default none did */
  readonly tooLate?: ReadonlySet<string>;
  /** The accepted event that became a dead letter on its way into the facts. @default none did */
  readonly unreadable?: { readonly tenant: string; readonly eventId: string };
};

const FUNNEL = ['impression', 'click', 'view'];
/** How many users and items of a tenant are looked at one by one. */
const LOOKED_AT = 6;
const PAGE_ROWS = 5_000;
const STAMPS = new Set(['server_time', 'valid_status', 'schema', 'schema_version']);

/**
 * Asserts that the sender's own ledger, the log, the facts, the aggregates, the views, the profiles and folds that
 * share no line with the product agree, and that received = stored + duplicate + conflict + rejected. Stops the
 * platform, because the log is read from its directory. Every input must have been answered.
 */
export async function assertTruth(platform: Platform, told: Told): Promise<void> {
  const settled = await assertTruthOnline(platform, told);
  assert.equal(await platform.stop(), 0, platform.written());
  await logAgrees(platform.dataDir, told, settled);
}

/**
 * The same of a platform that goes on, without reading the log: what is in there stays there, so it is enough to
 * read it at the end.
 */
export async function assertTruthOnline(platform: Platform, told: Told): Promise<Settled> {
  const settled = settle(told.inputs, withKeptUnanswered(told.inputs, told.answers));
  assert.deepEqual(settled.problems.slice(0, 5), []);
  const { counts } = settled;
  const received = OUTCOMES.reduce((sum, outcome) => sum + counts[outcome], 0);
  assert.equal(received, told.inputs.length, 'received = stored + duplicate + conflict + rejected');
  for (const [tenant, kept] of settled.accepted) {
    await untilFolded(platform, tenant);
    await readModelsAgree(platform, tenant, kept, told);
  }
  return settled;
}

/** Waits until the facts, the views, the profiles and the items hold all that stands in the log. */
export async function untilFolded(platform: Platform, tenant: string): Promise<void> {
  const user = '/api/analytics/users/nobody/profile';
  for (const path of ['/api/analytics/dashboard', '/api/analytics/realtime/stats', user]) {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const reply = await platform.get(`${path}?tenant_id=${tenant}&wait_for=latest&timeout=30s`);
      if (reply.status === 200) break;
      assert.match(reply.text, /NOT_YET_VISIBLE/, reply.text);
      assert.ok(performance.now() < deadline, reply.text);
    }
  }
}

async function readModelsAgree(
  platform: Platform,
  tenant: string,
  kept: readonly Kept[],
  { factsFromMs = -Infinity, unreadable, tooLate }: Told,
): Promise<void> {
  const readable = kept.filter(({ event: { event_id: id } }) => {
    const refused = unreadable?.tenant === tenant && unreadable.eventId === id;
    return !refused && !tooLate?.has(`${tenant} ${id}`);
  });
  const inFacts = readable.filter(({ event }) => event.timestamp >= factsFromMs);
  assert.deepEqual(
    await factsOf(platform, tenant),
    inFacts.map(({ event, partition, offset }) => lineOf(event, `${partition}/${offset}`)).sort(),
  );
  const events = readable.map(({ event }) => event);
  for (const { sql, expected } of AGGREGATE_VIEWS) {
    const rows = await readTable(platform, tenant, sql);
    assert.deepEqual(rowsAsTexts(rows), rowsAsTexts(expected(events)), sql);
  }
  const fromMs = Math.max(factsFromMs, Math.min(...events.map(({ timestamp }) => timestamp)));
  const toMs = Math.max(...events.map(({ timestamp }) => timestamp)) + 1;
  const funnel = await ask<FunnelAnswer>(platform, 'funnel', {
    tenant_id: tenant,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    steps: FUNNEL.map((event) => ({ event })),
    window: '7d',
    order: 'ordered',
  });
  const steps = FUNNEL.map((name) => (event: Event) => event.event_name === name);
  assert.deepEqual(
    funnel.steps.map(({ users }) => users),
    funnelUsers(inFacts, { fromMs, toMs, windowMs: 7 * 86_400_000, steps }),
  );
  // What no engine has to read is folded whether the facts could take it or not, and never let go.
  await viewsAgree(
    platform,
    tenant,
    kept.map(({ event }) => event),
  );
}

/** Every event in the facts once, each as it was sent and where its receipt says. */
async function factsOf(platform: Platform, tenant: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let page: readonly Readonly<Record<string, unknown>>[] | undefined; page?.length !== 0;) {
    page = await readTable(
      platform,
      tenant,
      `SELECT event_id, event_name, kind, user_id, item_id, toUnixTimestamp64Milli(event_time) AS at,
        log_partition, log_offset FROM events ORDER BY log_partition, log_offset LIMIT ${PAGE_ROWS} OFFSET ${lines.length}`,
    );
    for (const row of page) {
      const { event_id, kind, event_name, user_id, item_id } = row as unknown as Event;
      const event = { event_id, kind, event_name, user_id, item_id, timestamp: Number(row['at']) };
      lines.push(lineOf(event, `${String(row['log_partition'])}/${String(row['log_offset'])}`));
    }
  }
  return lines.sort();
}

type Identified = Pick<Event, 'event_id' | 'kind' | 'event_name' | 'timestamp'> & {
  readonly user_id?: string | undefined;
  readonly item_id?: string | undefined;
};

function lineOf(event: Identified, place: string): string {
  const { event_id, kind, event_name, timestamp, user_id = '', item_id = '' } = event;
  return [event_id, place, kind, event_name, timestamp, user_id, item_id].join(' ');
}

async function viewsAgree(platform: Platform, tenant: string, events: readonly Event[]): Promise<void> {
  const of = (member: 'item_id' | 'user_id'): readonly string[] => {
    const own = events.flatMap((event) => event[member] ?? []);
    return [...new Set(own)].sort().slice(0, LOOKED_AT);
  };
  for (const item of of('item_id')) {
    const path = `/api/analytics/items/${encodeURIComponent(item)}/stats`;
    const found = await askPath(platform, { path }, { tenant_id: tenant });
    assert.deepEqual(found, comparable(itemCountersOf(events, item)));
  }
  const users = of('user_id').flatMap((user) => [user, ...Array.from({ length: 16 }, () => user)]);
  for (const question of profileQuestions({ users, scenarios: ['ecommerce_feed', 'video_feed'] })) {
    const found = await askPath(platform, question, { tenant_id: tenant, ...question.parameters });
    assert.deepEqual(found, comparable(question.expected(events)), question.path);
  }
}

/** Reads the log itself: every accepted event once and as it was sent, every other input among the dead letters. */
async function logAgrees(dataDir: string, told: Told, settled: Settled): Promise<void> {
  await using log = await openLmdbEventLog({ dataDir });
  for (const [name, kept] of settled.accepted) {
    const tenant = tenantId(name);
    const events = { tenant, channel: 'events' } as const;
    assert.ok((await verifyLog(log, events)).ok);
    const expected = new Map<string, Event>(
      kept.map(({ event, partition, offset }) => [`${partition}/${offset}`, event]),
    );
    for await (const { place, value } of recordsOf(log, events)) {
      const event = expected.get(place);
      assert.ok(event, `${name} ${place} was never acknowledged: ${value}`);
      expected.delete(place);
      sameEvent(JSON.parse(value) as Event, event);
    }
    assert.deepEqual([...expected.keys()].slice(0, 5), [], 'acknowledged, and not in the log');
    await deadLettersAgree(log, tenant, told);
  }
}

type Log = Awaited<ReturnType<typeof openLmdbEventLog>>;

async function* recordsOf(
  log: Log,
  of: { readonly tenant: TenantId; readonly channel: 'events' | 'dead_letters' },
): AsyncIterable<{ place: string; eventId: string; value: string; sent: string }> {
  const { next } = await log.bounds(of);
  for (const [partition, to] of next.entries()) {
    let offset = 0n;
    for await (const { records } of log.read(of, { partition, from: 0n, to })) {
      for (const record of records) {
        assert.equal(record.offset, offset++, 'offsets are contiguous');
        const [value, sent] = [record.value, record.sent ?? new Uint8Array(0)].map((bytes) =>
          Buffer.from(bytes).toString('utf8'),
        ) as [string, string];
        yield { place: `${partition}/${record.offset}`, eventId: record.headers.eventId, value, sent };
      }
    }
    assert.equal(offset, to);
  }
}

/** An input sent again because its answer was lost may have left more than one dead letter, never none. */
async function deadLettersAgree(log: Log, tenant: TenantId, told: Told): Promise<void> {
  const found = new Map<string, number>();
  for await (const { eventId, value, sent } of recordsOf(log, { tenant, channel: 'dead_letters' })) {
    const { code } = JSON.parse(value) as { code?: string };
    addTo(found, code === 'facts_unreadable' ? `facts ${eventId}` : sent);
  }
  const expected = turnedAway(tenant, told);
  for (const [text, count] of expected) {
    const kept = found.get(text) ?? 0;
    assert.ok(kept >= count, `turned away ${count} times, ${kept} times among the dead letters: ${text}`);
  }
  for (const text of found.keys()) assert.ok(expected.has(text), `became a dead letter: ${text}`);
}

/** What was turned away, as it was sent, and how often; what the facts could not take by its id. */
function turnedAway(tenant: TenantId, told: Told): ReadonlyMap<string, number> {
  const expected = new Map<string, number>();
  for (const { index, text, tenant: of } of told.inputs) {
    const outcome = told.answers.get(index)?.outcome;
    if (of !== tenant || (outcome !== 'rejected' && outcome !== 'conflict')) continue;
    // One that names no tenant that can be has nowhere to be kept.
    if (parseTenantId((JSON.parse(text) as { tenant_id: string }).tenant_id).ok) addTo(expected, text);
  }
  if (tenant === told.unreadable?.tenant) addTo(expected, `facts ${told.unreadable.eventId}`);
  return expected;
}

function addTo(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sameEvent(found: Event, sent: Event): void {
  for (const [member, value] of Object.entries(sent) as [string, Json][]) {
    if (STAMPS.has(member)) continue;
    const kept = (found as unknown as Record<string, Json>)[member];
    assert.equal(kept === undefined ? undefined : canonicalJson(kept), canonicalJson(value), member);
  }
}
