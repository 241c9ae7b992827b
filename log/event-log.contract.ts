import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Fault, partitionOf } from '#domain';
import type { FaultCode, TenantId } from '#domain';
import type { AppendOutcome, EventLog, LogName, LogRecord, NewRecord } from './event-log.ts';

/** A place that holds one log, which can be closed and opened again. */
export type LogStorage = AsyncDisposable & { open(): Promise<EventLog> };

export const acme = 'acme' as TenantId;
export const other = 'other' as TenantId;
export const events: LogName = { tenant: acme, channel: 'events' };
export const deadLetters: LogName = { tenant: acme, channel: 'dead_letters' };

const HOUR_MS = 3_600_000;

/** An entry with an id; `body` decides its content hash. */
export function entry(
  id: string,
  options: { body?: string; key?: string; timestampMs?: number; sent?: Uint8Array } = {},
): NewRecord {
  const { body = 'first', key = `user-${id}`, timestampMs = 1_700_000_000_000, sent } = options;
  const headers = {
    eventId: id,
    contentHash: new Uint8Array(createHash('md5').update(body).digest()),
    source: 'http',
    schema: 'envelope.behaviour',
    schemaVersion: 3,
    receivedAtMs: timestampMs + 12,
    timestampMs,
    valid: true,
  };
  const value = Buffer.from(JSON.stringify({ event_id: id, body }));
  return { key: Buffer.from(key), headers, value, ...(sent && { sent }) };
}

/** Everything that stands in one log, partition by partition. */
export async function readAll(log: Pick<EventLog, 'read' | 'bounds'>, name: LogName): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const { next } = await log.bounds(name);
  for (let partition = 0; partition < next.length; partition++) {
    for await (const batch of log.read(name, { partition, from: 0n })) records.push(...batch.records);
  }
  return records;
}

export function isFault(code: FaultCode): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

/** What a record says, in plain values that can be compared whatever kind of byte array holds them. */
function said(record: NewRecord): unknown {
  const { key, value, sent, headers } = record;
  return {
    key: Buffer.from(key).toString('hex'),
    value: Buffer.from(value).toString('hex'),
    sent: sent && Buffer.from(sent).toString('hex'),
    headers: { ...headers, contentHash: Buffer.from(headers.contentHash).toString('hex') },
  };
}

type Clause = (storage: LogStorage) => Promise<void>;

const CLAUSES = {
  'a new log is empty, and its identity and bounds outlive a reopening': async (storage) => {
    let identity: string;
    {
      await using log = await storage.open();
      const bounds = await log.create(acme, { partitions: 3 });
      assert.deepEqual(bounds.first, [0n, 0n, 0n]);
      assert.deepEqual(bounds.next, [0n, 0n, 0n]);
      assert.match(bounds.identity, /^[0-9a-f-]{36}$/);
      identity = bounds.identity;
      const dead = await log.bounds(deadLetters);
      assert.deepEqual(dead.next, [0n]);
      assert.notEqual(dead.identity, identity);
    }
    await using log = await storage.open();
    assert.equal((await log.bounds(events)).identity, identity);
  },

  'creating a log that exists changes nothing': async (storage) => {
    await using log = await storage.open();
    const bounds = await log.create(acme, { partitions: 3 });
    const together = await Promise.all([
      log.create(acme, { partitions: 5 }),
      log.create(acme, { partitions: 3 }),
    ]);
    assert.deepEqual(together, [bounds, bounds]);
  },

  'records come back byte for byte, each partition with contiguous offsets': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 4 });
    const entries = [
      entry('plain'),
      entry('ключ-日本', { key: 'пользователь', sent: Buffer.from([0, 255, 10, 13]) }),
      { ...entry('empty'), key: Buffer.alloc(0), value: Buffer.alloc(0) },
      { ...entry('large'), value: Buffer.alloc(300_000, 'xyz') },
      entry('before-1970', { timestampMs: -1 }),
      ...Array.from({ length: 200 }, (_, i) => entry(`many-${i}`, { key: `user-${i % 9}` })),
    ];
    const outcomes = await log.append(events, entries);
    const byId = new Map((await readAll(log, events)).map((record) => [record.headers.eventId, record]));
    entries.forEach((sent, i) => {
      const record = byId.get(sent.headers.eventId);
      assert.ok(record);
      assert.deepEqual(said(record), said(sent));
      assert.equal(record.partition, partitionOf(sent.key, 4));
      const position = { partition: record.partition, offset: record.offset };
      assert.deepEqual(outcomes[i], { outcome: 'accepted', position });
    });
    const { next } = await log.bounds(events);
    for (let partition = 0; partition < 4; partition++) {
      const offsets = [...byId.values()].filter((r) => r.partition === partition).map((r) => r.offset);
      assert.deepEqual(
        offsets,
        offsets.map((_, i) => BigInt(i)),
      );
      assert.equal(next[partition], BigInt(offsets.length));
    }
  },

  'within one call the first of an id wins': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    const outcomes = await log.append(events, [
      entry('a'),
      entry('b'),
      entry('a'),
      entry('a', { body: 'other' }),
    ]);
    assert.deepEqual(outcomes, [
      { outcome: 'accepted', position: { partition: 0, offset: 0n } },
      { outcome: 'accepted', position: { partition: 0, offset: 1n } },
      { outcome: 'duplicate', position: { partition: 0, offset: 0n } },
      { outcome: 'conflict', position: { partition: 0, offset: 0n } },
    ]);
    assert.equal((await readAll(log, events)).length, 2);
  },

  'calls made without waiting are decided in their order': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    const calls = Array.from({ length: 60 }, (_, i) =>
      log.append(events, [entry(`id-${i % 20}`, { body: i < 40 ? 'first' : 'other' }), entry(`own-${i}`)]),
    );
    const outcomes = await Promise.all(calls);
    outcomes.forEach(([shared, own], i) => {
      assert.equal(own?.outcome, 'accepted');
      assert.equal(shared?.outcome, i < 20 ? 'accepted' : i < 40 ? 'duplicate' : 'conflict');
      assert.deepEqual(shared.position, outcomes[i % 20]?.[0]?.position);
    });
    const offsets = outcomes.map(([, own]) => own?.position.offset ?? -1n);
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => Number(a - b)),
    );
  },

  'an id is known for the life of the log': async (storage) => {
    let first: AppendOutcome | undefined;
    {
      await using log = await storage.open();
      await log.create(acme, { partitions: 4 });
      [first] = await log.append(events, [entry('a')]);
    }
    await using log = await storage.open();
    const [again, changed] = await log.append(events, [entry('a'), entry('a', { body: 'other' })]);
    assert.deepEqual(again, { outcome: 'duplicate', position: first?.position });
    assert.deepEqual(changed, { outcome: 'conflict', position: first?.position });
    assert.deepEqual(await log.find(acme, 'a'), first?.position);
    assert.equal(await log.find(acme, 'b'), undefined);
  },

  'an id with half a character is one id, before and after a reopening': async (storage) => {
    const ids = ['half-\ud800', 'half-\udfff', 'half-\ufffd'];
    {
      await using log = await storage.open();
      await log.create(acme, { partitions: 2 });
      const outcomes = await log.append(
        events,
        [...ids, ...ids].map((id) => entry(id, { key: 'k' })),
      );
      assert.deepEqual(
        outcomes.map(({ outcome }) => outcome),
        ['accepted', 'duplicate', 'duplicate', 'duplicate', 'duplicate', 'duplicate'],
      );
    }
    await using log = await storage.open();
    const again = await log.append(
      events,
      ids.map((id) => entry(id)),
    );
    assert.ok(again.every(({ outcome }) => outcome === 'duplicate'));
  },

  'the id of one tenant is new to another': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    await log.create(other, { partitions: 1 });
    await log.append(events, [entry('a')]);
    assert.equal(await log.find(other, 'a'), undefined);
    const [outcome] = await log.append({ tenant: other, channel: 'events' }, [entry('a', { body: 'mine' })]);
    assert.equal(outcome?.outcome, 'accepted');
    const records = await readAll(log, { tenant: other, channel: 'events' });
    assert.deepEqual(records.map(said), [said(entry('a', { body: 'mine' }))]);
  },

  'dead letters are always appended, in one partition, and their ids are not taken': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 4 });
    const outcomes = await log.append(deadLetters, [entry(''), entry('a'), entry('a'), entry('')]);
    assert.deepEqual(
      outcomes,
      [0n, 1n, 2n, 3n].map((offset) => ({ outcome: 'accepted', position: { partition: 0, offset } })),
    );
    const [outcome] = await log.append(events, [entry('a')]);
    assert.equal(outcome?.outcome, 'accepted');
    assert.equal((await readAll(log, deadLetters)).length, 4);
  },

  'what is turned away is counted by the hour of the event, durably': async (storage) => {
    {
      await using log = await storage.open();
      await log.create(acme, { partitions: 2 });
      const at = (hour: number): { timestampMs: number } => ({ timestampMs: hour * HOUR_MS + 5 });
      await log.append(events, [entry('a', at(10)), entry('a', at(10)), entry('a', at(12))]);
      await log.append(events, [entry('a', { ...at(10), body: 'other' }), entry('b', at(11))]);
      await log.append(events, [entry('a', at(10))]);
    }
    await using log = await storage.open();
    assert.deepEqual(await log.turnedAway(acme, { fromMs: 0, toMs: 100 * HOUR_MS }), [
      { hourMs: 10 * HOUR_MS, duplicates: 2, conflicts: 1 },
      { hourMs: 12 * HOUR_MS, duplicates: 1, conflicts: 0 },
    ]);
    assert.deepEqual(await log.turnedAway(acme, { fromMs: 11 * HOUR_MS, toMs: 12 * HOUR_MS }), []);
    assert.deepEqual(await log.turnedAway(other, { fromMs: 0, toMs: 100 * HOUR_MS }), []);
  },

  'a range is read from any offset up to the high-water mark of the call': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    for (let i = 0; i < 5; i++) await log.append(events, [entry(`${2 * i}`), entry(`${2 * i + 1}`)]);
    const ids = async (from: bigint, to?: bigint): Promise<string> => {
      const found: string[] = [];
      const range = { partition: 0, from, ...(to === undefined ? {} : { to }) };
      for await (const { records } of log.read(events, range)) {
        assert.ok(records.length > 0);
        found.push(...records.map(({ headers }) => headers.eventId));
      }
      return found.join('');
    };
    assert.equal(await ids(0n), '0123456789');
    assert.equal(await ids(3n, 6n), '345');
    assert.equal(await ids(9n, 50n), '9');
    assert.equal(await ids(10n), '');
    assert.equal(await ids(7n, 7n), '');
    const called = log.read(events, { partition: 0, from: 8n });
    await log.append(events, [entry('late')]);
    const late: string[] = [];
    for await (const { records } of called) late.push(...records.map(({ headers }) => headers.eventId));
    assert.deepEqual(late, ['8', '9']);
  },

  'a range that begins before the log is a gap': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    await assert.rejects(async () => {
      for await (const _ of log.read(events, { partition: 0, from: -1n })) assert.fail('read before the log');
    }, isFault('LOG_GAP'));
  },

  'an aborted reading ends': async (storage) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    await log.append(
      events,
      Array.from({ length: 10_000 }, (_, i) => entry(`${i}`)),
    );
    const abort = new AbortController();
    let read = 0;
    for await (const { records } of log.read(events, { partition: 0, from: 0n }, abort.signal)) {
      read += records.length;
      abort.abort();
    }
    assert.ok(read > 0 && read < 10_000);
  },

  'a commit is told after its records can be read, to each listener until it is disposed': async (
    storage,
  ) => {
    await using log = await storage.open();
    await log.create(acme, { partitions: 1 });
    const told = Promise.withResolvers<LogName>();
    let calls = 0;
    let silent = 0;
    using _first = log.onCommit((name) => {
      calls += 1;
      told.resolve(name);
    });
    const disposed = log.onCommit(() => {
      silent += 1;
    });
    disposed[Symbol.dispose]();
    await log.append(events, [entry('a')]);
    assert.deepEqual(await told.promise, events);
    assert.equal((await readAll(log, events)).length, 1);
    await log.append(events, [entry('a')]);
    await log.append(events, []);
    await log.append(deadLetters, [entry('a')]);
    await new Promise(setImmediate);
    assert.equal(calls, 2);
    assert.equal(silent, 0);
  },

  'a tenant without a log is unknown': async (storage) => {
    await using log = await storage.open();
    await assert.rejects(log.append(events, [entry('a')]), isFault('TENANT_UNKNOWN'));
    await assert.rejects(log.bounds(events), isFault('TENANT_UNKNOWN'));
    await assert.rejects(async () => {
      for await (const _ of log.read(events, { partition: 0, from: 0n }))
        assert.fail('read an unknown tenant');
    }, isFault('TENANT_UNKNOWN'));
  },

  'a closed log says so, and closing keeps what was asked before': async (storage) => {
    const log = await storage.open();
    await log.create(acme, { partitions: 1 });
    const appending = log.append(events, [entry('a')]);
    await log[Symbol.asyncDispose]();
    assert.equal((await appending)[0]?.outcome, 'accepted');
    await assert.rejects(log.append(events, [entry('b')]), isFault('LOG_CLOSED'));
    await using again = await storage.open();
    assert.equal((await readAll(again, events)).length, 1);
  },

  'any interleaving of appends, duplicates, conflicts and reopenings equals a list': async (storage) => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.array(fc.array(entryArbitrary, { maxLength: 6 }), { maxLength: 6 }) },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await compareWithModel(storage, `model-${run++}` as TenantId, steps);
      }),
      { numRuns: 25 },
    );
  },
} satisfies Record<string, Clause>;

const entryArbitrary = fc.record({
  id: fc.integer({ min: 0, max: 12 }),
  body: fc.constantFrom('first', 'other'),
  key: fc.integer({ min: 0, max: 4 }),
});

type Step = 'reopen' | readonly (readonly { id: number; body: string; key: number }[])[];

/** The oracle: a list per partition and a map of ids. */
async function compareWithModel(
  storage: LogStorage,
  tenant: TenantId,
  steps: readonly Step[],
): Promise<void> {
  const name: LogName = { tenant, channel: 'events' };
  const partitions: string[][] = [[], [], []];
  const first = new Map<string, { position: AppendOutcome['position']; body: string }>();
  const decide = (id: string, body: string, key: string): AppendOutcome => {
    const known = first.get(id);
    if (known) return { outcome: known.body === body ? 'duplicate' : 'conflict', position: known.position };
    const partition = partitionOf(Buffer.from(key), 3);
    const position = { partition, offset: BigInt(partitions[partition]!.push(id) - 1) };
    first.set(id, { position, body });
    return { outcome: 'accepted', position };
  };
  let log = await storage.open();
  try {
    await log.create(tenant, { partitions: 3 });
    for (const step of steps) {
      if (step === 'reopen') {
        await log[Symbol.asyncDispose]();
        log = await storage.open();
        continue;
      }
      const expected = step.map((call) => call.map(({ id, body, key }) => decide(`${id}`, body, `${key}`)));
      const calls = step.map((call) =>
        log.append(
          name,
          call.map(({ id, body, key }) => entry(`${id}`, { body, key: `${key}` })),
        ),
      );
      assert.deepEqual(await Promise.all(calls), expected);
    }
    const found = [[], [], []] as string[][];
    for (const { partition, headers } of await readAll(log, name)) found[partition]!.push(headers.eventId);
    assert.deepEqual(found, partitions);
    for (const [id, { position }] of first) assert.deepEqual(await log.find(tenant, id), position);
  } finally {
    await log[Symbol.asyncDispose]();
  }
}

/** The name of a promise that an adapter may say it cannot give. */
export type EventLogClause = keyof typeof CLAUSES;

/**
 * What every `EventLog` promises. An adapter lists what it cannot promise by the clause's name, with the reason.
 */
export function eventLogContract(
  name: string,
  make: () => Promise<LogStorage>,
  cannot: Partial<Record<EventLogClause, string>> = {},
): void {
  describe(`${name} keeps the contract of the event log`, () => {
    for (const [clause, check] of Object.entries(CLAUSES)) {
      const reason = cannot[clause as EventLogClause];
      test(clause, reason === undefined ? {} : { skip: reason }, async () => {
        await using storage = await make();
        await check(storage);
      });
    }
  });
}
