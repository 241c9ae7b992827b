import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { Fault, parseTenantId, partitionOf } from '#domain';
import type { JsonObject, TenantId } from '#domain';
import { createAudit } from '#log';
import type { Audit, LogBounds, NewRecord } from '#log';
import type { FactState, FactStore } from '#projections';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { splicedLine } from '../projections/spliced-line.ts';
import { temporaryDir } from '../test/platform.ts';
import { createRandom, seedOfRun } from '../test/random.ts';
import type { HistoryAsker } from './audited-records.ts';
import { createRawHistory } from './raw-history.ts';
import type { RawHistory } from './raw-history.ts';

const PARTITIONS = 3;
const START_MS = Date.UTC(2024, 2, 4);
const NAMES = ['click', 'view', 'order', 'rare'];

const tenantOf = (id: string): TenantId => {
  const parsed = parseTenantId(id);
  assert.ok(parsed.ok);
  return parsed.tenant;
};
const acme = tenantOf('acme');
const globex = tenantOf('globex');

/** An event as the test itself remembers it. */
type Kept = {
  readonly partition: number;
  readonly offset: number;
  readonly id: string;
  readonly user: string;
  readonly item: string;
  readonly name: string;
  readonly atMs: number;
  readonly receivedMs: number;
};

function recordOf(tenant: TenantId, event: Omit<Kept, 'partition' | 'offset'>): NewRecord {
  const { id, user, item, name, atMs, receivedMs } = event;
  const value = {
    event_id: id,
    tenant_id: tenant,
    kind: 'generic',
    event_name: name,
    user_id: user,
    item_id: item,
    timestamp: atMs,
    server_time: receivedMs,
    valid_status: 1,
    schema: 'envelope.generic',
    schema_version: 1,
  };
  return {
    key: Buffer.from(user),
    headers: {
      eventId: id,
      contentHash: new Uint8Array(16),
      source: 'http',
      schema: 'envelope.generic',
      schemaVersion: 1,
      receivedAtMs: receivedMs,
      timestampMs: atMs,
      valid: true,
    },
    value: Buffer.from(JSON.stringify(value)),
  };
}

type World = {
  readonly history: RawHistory;
  readonly audit: Audit;
  readonly ledger: Kept[];
  readonly append: (count: number) => Promise<void>;
  /** Puts into the facts what stands in the log, but for the offsets left out. */
  readonly project: (isLeftOut: (kept: Kept) => boolean) => Promise<void>;
  /** What refuses to work from now on. */
  readonly failing: { facts: boolean; audit: boolean };
};

async function open(t: TestContext): Promise<World> {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const opened = new AsyncDisposableStack();
  t.after(() => opened.disposeAsync());
  const { path: dataDir } = opened.use(await temporaryDir());
  const log = opened.use(await openLmdbEventLog({ dataDir }));
  const store = opened.use(await openChdbFactStore({ dataDir }));
  const failing = { facts: false, audit: false };
  const facts: FactStore = {
    ...store,
    query: (query) => {
      if (failing.facts) return Promise.reject(new Fault('QUERY_OVERLOADED'));
      return store.query(query);
    },
  };
  const streams = opened.use(await openLmdbStreamStore({ dataDir, name: 'audit' }));
  await facts.prepare(1);
  await log.create(acme, { partitions: PARTITIONS });
  await log.create(globex, { partitions: PARTITIONS });
  const name = { tenant: acme, channel: 'events' } as const;
  const audit = createAudit(
    {
      append: (...asked) =>
        failing.audit ? Promise.reject(new Fault('LOG_CLOSED')) : streams.append(...asked),
      read: (...asked) => streams.read(...asked),
      last: (stream) => streams.last(stream),
      follow: (...asked) => streams.follow(...asked),
      [Symbol.asyncDispose]: () => streams[Symbol.asyncDispose](),
    },
    { newId: randomUUID },
  );
  let state: FactState | undefined;
  const history = createRawHistory({
    log,
    facts,
    progress: { state: async () => state },
    audit,
    clock: Date.now,
  });
  const ledger: Kept[] = [];
  const append = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 2_000) {
      const given = Array.from({ length: Math.min(2_000, count - done) }, () => {
        const n = ledger.length + done;
        return {
          id: `evt_${n}_${random.below(2 ** 31)}`,
          user: `u${random.below(40)}`,
          item: `i${random.below(300)}`,
          name: random.chance(0.002) ? 'rare' : random.pick(NAMES.slice(0, 3)),
          atMs: START_MS + random.below(5_000_000),
          // A clock that stands still, and now and then steps back.
          receivedMs: START_MS + Math.floor(n / 7) - random.below(5),
        };
      });
      const outcomes = await log.append(
        name,
        given.map((event) => recordOf(acme, event)),
      );
      outcomes.forEach(({ position }, i) => {
        ledger.push({ ...given[i]!, partition: position.partition, offset: Number(position.offset) });
      });
      // The other tenant has the very same ids, users and items.
      await log.append(
        { tenant: globex, channel: 'events' },
        given.map((event) => recordOf(globex, event)),
      );
    }
  };
  const project = async (isLeftOut: (kept: Kept) => boolean): Promise<void> => {
    const bounds: LogBounds = await log.bounds(name);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const rows = ledger.filter((kept) => kept.partition === partition && !isLeftOut(kept));
      await facts.insert(
        1,
        [acme, globex].map((tenant) => ({
          tenant,
          partition,
          offsets: rows.map(({ offset }) => BigInt(offset)),
          lines: rows.map((kept) =>
            splicedLine(recordOf(tenant, kept).value, partition, BigInt(kept.offset))!,
          ),
        })),
      );
    }
    state = {
      logIdentity: bounds.identity,
      generation: 1,
      confirmed: bounds.next,
      highWater: bounds.next,
      waitingSinceMs: undefined,
      paused: undefined,
      firstSeen: [],
      horizon: undefined,
    };
  };
  return { history, audit, ledger, append, project, failing };
}

const asker = (tenant: TenantId): HistoryAsker => ({
  tenant,
  reader: { actor: 'ada', address: '127.0.0.1' },
  signal: new AbortController().signal,
});

type Page = {
  readonly records: readonly {
    readonly position: { readonly partition: number; readonly offset: string };
    readonly headers: { readonly event_id: string };
    readonly event: JsonObject;
  }[];
  readonly more: boolean;
  readonly next_cursor: string | null;
  readonly searched: { readonly narrowed_by: string; readonly records_read: number };
};

async function browse(history: RawHistory, question: JsonObject, tenant = acme): Promise<Page> {
  return (await history.browse({ tenant_id: tenant, ...question }, asker(tenant))) as Page;
}

/** All pages of a question, with something that may happen after each. */
async function browseAll(
  history: RawHistory,
  question: JsonObject,
  between: () => Promise<void> = async () => undefined,
): Promise<string[]> {
  const found: string[] = [];
  let page = await browse(history, question);
  for (;;) {
    found.push(...page.records.map(({ headers }) => headers.event_id));
    if (!page.more || page.next_cursor === null) return found;
    await between();
    page = await browse(history, { ...question, cursor: page.next_cursor });
  }
}

/** By brute force: filter all, then always take the partition whose next one was received first (or last). */
function expected(ledger: readonly Kept[], order: string, matches: (kept: Kept) => boolean): string[] {
  const sign = order === 'oldest' ? 1 : -1;
  const queues = Array.from({ length: PARTITIONS }, (_, partition) =>
    ledger
      .filter((kept) => kept.partition === partition && matches(kept))
      .sort((a, b) => sign * (a.offset - b.offset)),
  );
  const found: string[] = [];
  for (;;) {
    const heads = queues.flatMap((queue) => queue[0] ?? []);
    const [first] = heads.sort((a, b) => sign * (a.receivedMs - b.receivedMs || a.partition - b.partition));
    if (!first) return found;
    found.push(first.id);
    queues[first.partition]!.shift();
  }
}

type Wanted = {
  readonly user: string | undefined;
  readonly item: string | undefined;
  readonly name: string | undefined;
  readonly at: readonly [number, number] | undefined;
  readonly received: readonly [number, number] | undefined;
  readonly partition: number | undefined;
  readonly order: 'newest' | 'oldest';
};

const range = fc.tuple(fc.nat(4_000_000), fc.integer({ min: 1, max: 1_500_000 })).map(([from, length]) => {
  return [START_MS + from, START_MS + from + length] as const;
});
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const wantedArbitrary: fc.Arbitrary<Wanted> = fc.record({
  user: maybe(fc.nat(41).map((n) => `u${n}`)),
  item: maybe(fc.nat(300).map((n) => `i${n}`)),
  name: maybe(fc.constantFrom(...NAMES)),
  at: maybe(range),
  received: maybe(
    fc.tuple(fc.nat(4_000), fc.integer({ min: 1, max: 2_000 })).map(([from, length]) => {
      return [START_MS + from, START_MS + from + length] as const;
    }),
  ),
  partition: maybe(fc.nat(PARTITIONS - 1)),
  order: fc.constantFrom('newest', 'oldest'),
});

function questionOf({ user, item, name, at, received, partition, order }: Wanted): JsonObject {
  return {
    order,
    ...(user === undefined ? {} : { user_id: user }),
    ...(item === undefined ? {} : { item_id: item }),
    ...(name === undefined ? {} : { event_name: name }),
    ...(at ? { from: at[0], to: at[1] } : {}),
    ...(received ? { received_from: received[0], received_to: received[1] } : {}),
    ...(partition === undefined ? {} : { partition }),
  };
}

function isWanted({ user, item, name, at, received, partition }: Wanted): (kept: Kept) => boolean {
  const isIn = (ms: number, within: Wanted['at']): boolean => !within || (ms >= within[0] && ms < within[1]);
  return (kept) =>
    (user ?? kept.user) === kept.user &&
    (item ?? kept.item) === kept.item &&
    (name ?? kept.name) === kept.name &&
    (partition ?? kept.partition) === kept.partition &&
    isIn(kept.atMs, at) &&
    isIn(kept.receivedMs, received);
}

test('browsing finds what filtering the whole log finds, whatever the facts hold', async (t) => {
  const { history, ledger, append, project, failing } = await open(t);
  await append(36_000);
  // One record of partition 0 never reached the facts, and of partition 1 a long stretch is gone.
  await project(({ partition, offset }) => {
    return (partition === 0 && offset === 9_000) || (partition === 1 && offset < 3_000);
  });
  await append(1_500);
  const missing = ledger.find(({ partition, offset }) => partition === 0 && offset === 9_000);
  assert.ok(missing, 'the partitions are long enough for the facts to be believed at all');
  const property = fc.asyncProperty(
    wantedArbitrary,
    fc.integer({ min: 1, max: 1_000 }),
    async (wanted, limit) => {
      const found = await browseAll(history, { ...questionOf(wanted), limit: Math.max(limit, 50) });
      assert.deepEqual(found, expected(ledger, wanted.order, isWanted(wanted)));
    },
  );
  await fc.assert(property, { numRuns: 40 });
  const alone = await browse(history, { user_id: missing.user, item_id: missing.item, limit: 1_000 });
  assert.ok(alone.records.some(({ headers }) => headers.event_id === missing.id));
  const rare = await browse(history, { event_name: 'rare', limit: 10 });
  assert.equal(rare.searched.narrowed_by, 'facts');
  assert.ok(rare.searched.records_read < ledger.length, `${rare.searched.records_read} records read`);
  failing.facts = true;
  const without = await browseAll(history, { event_name: 'rare', limit: 10 });
  assert.deepEqual(
    without,
    expected(ledger, 'newest', ({ name }) => name === 'rare'),
  );
});

test('pages neither repeat nor leave out anything while the log grows', async (t) => {
  const { history, ledger, append } = await open(t);
  await append(3_000);
  const before = [...ledger];
  let rounds = 0;
  const grow = async (): Promise<void> => {
    if (rounds++ < 4) await append(500);
  };
  const newest = await browseAll(history, { event_name: 'click', limit: 150 }, grow);
  assert.deepEqual(
    newest,
    expected(before, 'newest', ({ name }) => name === 'click'),
  );
  rounds = 0;
  const oldest = await browseAll(history, { event_name: 'click', limit: 150, order: 'oldest' }, grow);
  const clicks = ledger.filter(({ name }) => name === 'click').map(({ id }) => id);
  assert.deepEqual(oldest.toSorted(), clicks.toSorted());
});

test('a page whose time is up says how far it came, and the next goes on from there', async (t) => {
  const { history, ledger, append } = await open(t);
  await append(12_000);
  let pages = 0;
  const found = await browseAll(history, { item_id: 'i7', budget: '0ms', limit: 1_000 }, async () => {
    pages += 1;
  });
  assert.deepEqual(
    found,
    expected(ledger, 'newest', ({ item }) => item === 'i7'),
  );
  assert.ok(pages >= 3, `${pages} pages`);
});

test('an event is found by its id, a user in one partition, neither by reading the log', async (t) => {
  const { history, ledger, append } = await open(t);
  await append(8_000);
  const wanted = ledger[4_321]!;
  const page = await browse(history, { event_id: wanted.id });
  assert.deepEqual(
    page.records.map(({ position }) => position),
    [{ partition: wanted.partition, offset: String(wanted.offset) }],
  );
  assert.equal(page.searched.records_read, 1);
  assert.equal((await browse(history, { event_id: 'evt_none' })).records.length, 0);
  const user = await browse(history, { user_id: wanted.user, limit: 1_000 });
  const partition = partitionOf(Buffer.from(wanted.user), PARTITIONS);
  const inPartition = ledger.filter((kept) => kept.partition === partition).length;
  assert.equal(user.searched.records_read, inPartition);
});

test('no record of another tenant is shown, and its cursors are refused', async (t) => {
  const { history, ledger, append, project } = await open(t);
  await append(2_000);
  await project(() => false);
  for (const question of [{}, { user_id: 'u1' }, { event_id: ledger[5]!.id }, { from: START_MS }]) {
    const page = await browse(history, question, globex);
    assert.ok(page.records.length > 0);
    assert.ok(page.records.every(({ event }) => event['tenant_id'] === 'globex'));
  }
  const first = await browse(history, { limit: 5 });
  const refuses = async (question: JsonObject, tenant = acme): Promise<void> => {
    await assert.rejects(browse(history, question, tenant), (error) => {
      return error instanceof Fault && error.code === 'QUERY_INVALID';
    });
  };
  await refuses({ limit: 5, cursor: first.next_cursor }, globex);
  await refuses({ limit: 5, cursor: first.next_cursor, user_id: 'u1' });
  await refuses({ limit: 5, cursor: `${first.next_cursor}0` });
  await refuses({ limit: 5, cursor: 'dl1_x' });
});

test('every read is in the audit before it is answered, an export once', async (t) => {
  const { history, audit, append, ledger, failing } = await open(t);
  await append(1_500);
  failing.audit = true;
  const refused = (error: unknown): boolean => error instanceof Fault && error.code === 'LOG_CLOSED';
  await assert.rejects(browse(history, { limit: 7 }), refused);
  await assert.rejects(history.export({}, asker(acme)), refused);
  await assert.rejects(history.verify('events', asker(acme)), refused);
  failing.audit = false;
  await browse(history, { limit: 7 });
  await browse(history, { user_id: 'u3', limit: 5 });
  const lines = await history.export({ event_name: 'click' }, asker(acme));
  const begun = await audit.list(acme, { limit: 1 });
  assert.deepEqual([begun.entries[0]?.kind, begun.entries[0]?.state], ['export', 'open']);
  let exported = 0;
  for await (const text of lines) exported += text.split('\n').length - 1;
  const clicks = ledger.filter(({ name }) => name === 'click').length;
  assert.equal(exported, clicks);
  const { entries } = await audit.list(acme, { limit: 10 });
  assert.deepEqual(
    entries.map(({ kind, state, records, reader }) => [kind, state, records, reader.actor]),
    [
      ['export', 'complete', clicks, 'ada'],
      ['search', 'complete', 5, 'ada'],
      ['browse', 'complete', 7, 'ada'],
    ],
  );
  assert.deepEqual((await audit.list(globex, { limit: 10 })).entries, []);
  const half = await history.export({}, asker(acme));
  for await (const _ of half) break;
  const [broken] = (await audit.list(acme, { limit: 1 })).entries;
  assert.deepEqual([broken?.state, broken?.records], ['broken_off', 500]);
});
