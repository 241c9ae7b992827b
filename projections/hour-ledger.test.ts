import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog, NewRecord, RecordTimes } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import type { HostedProjector } from './hosted-projectors.ts';
import { STRIDE } from './hour-ledger-store.ts';
import type { HourLedgerStore, LedgerKey } from './hour-ledger-store.ts';
import { createHourLedger } from './hour-ledger.ts';
import type { HourLedger } from './hour-ledger.ts';
import { startHourLedgerProjector } from './hour-ledger-projector.ts';
import { openLmdbHourLedgerStore } from './lmdb-hour-ledger-store.ts';

const ACME = 'acme' as TenantId;
const UMBRA = 'umbra' as TenantId;
const HOUR_MS = 3_600_000;
const START_HOUR = Date.UTC(2024, 1, 27) / HOUR_MS;
const NEVER = new AbortController().signal;
const ALL_DAYS = { fromDay: -200_000, toDay: 200_000 };

type House = {
  readonly log: EventLog & RecordTimes;
  readonly store: HourLedgerStore;
  readonly ledger: HourLedger;
  readonly projector: HostedProjector;
};

async function houseFor(t: TestContext): Promise<House> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-ledger-'));
  const opened = new AsyncDisposableStack();
  t.after(async () => {
    await opened.disposeAsync();
    await rm(dataDir, { recursive: true });
  });
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const store = opened.use(openLmdbHourLedgerStore({ dataDir }));
  // It counts when it is waited for, and never by itself.
  const projector = opened.use(startHourLedgerProjector({ log, store, everyMs: 2 ** 30 }));
  for (const tenant of [ACME, UMBRA]) projector.follow(tenant);
  return { log, store, projector, ledger: createHourLedger({ store, log }) };
}

let numbered = 0;

function recordAt(timestampMs: number, user: number): NewRecord {
  const id = `evt_${++numbered}`;
  return {
    key: Buffer.from(`user_${user}`),
    headers: {
      eventId: id,
      contentHash: Buffer.alloc(16, id),
      source: 'http',
      schema: 'envelope.generic',
      schemaVersion: 1,
      receivedAtMs: timestampMs,
      timestampMs,
      valid: true,
    },
    value: Buffer.from('{}'),
  };
}

/** Records whose times are mostly near each other, and now and then years away, before 1970 too. */
function recordsOf(count: number, seed: number): NewRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const scattered = (index * 7919 + seed * 104_729) % 1_000_003;
    const hour =
      scattered % 50 === 0 ? START_HOUR - (scattered % 700_000) : START_HOUR + (scattered % 60) - 3;
    return recordAt(hour * HOUR_MS + (scattered % HOUR_MS), scattered % 211);
  });
}

/** Every record of the log: where it stands and its hour, read in full. */
async function everything(log: EventLog, tenant: TenantId) {
  const found: { partition: number; offset: bigint; hour: number }[] = [];
  for (const partition of [0, 1, 2]) {
    for await (const { records } of log.read({ tenant, channel: 'events' }, { partition, from: 0n })) {
      for (const { offset, headers } of records)
        found.push({ partition, offset, hour: Math.floor(headers.timestampMs / HOUR_MS) });
    }
  }
  return found;
}

async function keyOf(log: EventLog, tenant: TenantId): Promise<LedgerKey> {
  return { tenant, logIdentity: (await log.bounds({ tenant, channel: 'events' })).identity };
}

async function hoursIn(ledger: HourLedger, key: LedgerKey, vector: PositionVector) {
  const days = await ledger.records(key, vector, ALL_DAYS);
  return (days ?? assert.fail('nothing has been counted')).flatMap(({ day, hours }) =>
    hours.flatMap((count, hour) => (count === 0 ? [] : [[day * 24 + hour, count] as const])),
  );
}

test('counts of records by hour are those of the whole log read record by record, as of any vector', async (t) => {
  const { log, ledger, projector } = await houseFor(t);
  for (const tenant of [ACME, UMBRA]) await log.create(tenant, { partitions: 3 });
  const events = { tenant: ACME, channel: 'events' } as const;
  await log.append({ tenant: UMBRA, channel: 'events' }, recordsOf(2_000, 5));
  // Some are counted, some have come since.
  await log.append(events, recordsOf(40_000, 1));
  assert.equal(await projector.waitFor(ACME, (await log.bounds(events)).next, NEVER), true);
  await log.append(events, recordsOf(7_000, 2));
  const all = await everything(log, ACME);
  const key = await keyOf(log, ACME);
  const { next } = await log.bounds(events);
  const within = next.map((offset) => fc.bigInt({ min: 0n, max: offset }));
  const edge = next.map((offset) =>
    fc
      .integer({ min: 0, max: Math.floor(Number(offset) / STRIDE) })
      .chain((stride) => fc.integer({ min: -1, max: 1 }).map((more) => BigInt(stride * STRIDE + more)))
      .map((at) => (at < 0n ? 0n : at > offset ? offset : at)),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.tuple(...within), fc.tuple(...edge)), async (vector) => {
      const wanted = new Map<number, number>();
      for (const { partition, offset, hour } of all) {
        if (offset < (vector[partition] ?? 0n)) wanted.set(hour, (wanted.get(hour) ?? 0) + 1);
      }
      const sorted = [...wanted].sort(([one], [other]) => one - other);
      assert.deepEqual(await hoursIn(ledger, key, vector), sorted);
    }),
    { numRuns: 60 },
  );
});

test('another tenant, a part of the days and what is not counted yet', async (t) => {
  const { log, ledger, store, projector } = await houseFor(t);
  for (const tenant of [ACME, UMBRA]) await log.create(tenant, { partitions: 3 });
  const day = START_HOUR / 24;
  const spread = (count: number): NewRecord[] =>
    Array.from({ length: count }, (_, index) => recordAt((START_HOUR + (index % 72)) * HOUR_MS, index % 50));
  await log.append({ tenant: ACME, channel: 'events' }, spread(7_200));
  await log.append({ tenant: UMBRA, channel: 'events' }, spread(72));
  const [acme, umbra] = [await keyOf(log, ACME), await keyOf(log, UMBRA)];
  const next = async (tenant: TenantId) => (await log.bounds({ tenant, channel: 'events' })).next;
  const middle = { fromDay: day + 1, toDay: day + 2 };
  const counted = async (key: LedgerKey) => ledger.records(key, await next(key.tenant), middle);
  const evenly = (count: number) => [{ day: day + 1, hours: Array<number>(24).fill(count) }];
  assert.deepEqual(await counted(acme), evenly(100));
  assert.deepEqual(await counted(umbra), evenly(1));
  await log.append({ tenant: ACME, channel: 'events' }, spread(72_000 * 2));
  assert.equal(await counted(acme), undefined);
  await projector.waitFor(ACME, await next(ACME), NEVER);
  assert.deepEqual(await counted(acme), evenly(2_100));
  assert.deepEqual((await store.progress(umbra)).strides, []);
});

test('dead letters are counted by hour and reason, and records that the facts could not take are named', async (t) => {
  const { log, ledger, projector } = await houseFor(t);
  for (const tenant of [ACME, UMBRA]) await log.create(tenant, { partitions: 3 });
  const letter = (hour: number, value: object): NewRecord => ({
    ...recordAt(hour * HOUR_MS + 5, 0),
    value: Buffer.from(JSON.stringify(value)),
  });
  const poison = (offset: string, generation = 1) =>
    letter(START_HOUR + 1, {
      reason: 'Cannot parse',
      code: 'facts_unreadable',
      projection: 'facts',
      generation,
      partition: 2,
      offset,
    });
  const put = async (tenant: TenantId, ...letters: NewRecord[]): Promise<void> => {
    await log.append({ tenant, channel: 'dead_letters' }, letters);
  };
  await log.append({ tenant: ACME, channel: 'events' }, [recordAt(0, 1)]);
  const key = await keyOf(log, ACME);
  const hours = { fromHour: START_HOUR, toHour: START_HOUR + 2 };
  const wanted = [
    { hour: START_HOUR, reason: 'conflict', letters: 1 },
    { hour: START_HOUR, reason: 'required', letters: 3 },
    { hour: START_HOUR + 1, reason: 'facts_unreadable', letters: 3 },
  ];
  const told = async () =>
    [...((await ledger.letters(key, hours)) ?? [])].sort(
      (one, other) => one.hour - other.hour || one.reason.localeCompare(other.reason),
    );
  await put(ACME, letter(START_HOUR, { reason: 'required' }), poison('70000'), poison('70000'));
  await projector.waitFor(ACME, [], NEVER);
  await put(ACME, letter(START_HOUR, { reason: 'required' }), letter(START_HOUR, { reason: 'required' }));
  await put(ACME, letter(START_HOUR, { reason: 'conflict' }), letter(START_HOUR + 2, { reason: 'required' }));
  await put(ACME, poison('70001', 2));
  await put(UMBRA, letter(START_HOUR, { reason: 'required' }), poison('5'));
  assert.deepEqual(await told(), wanted);
  const named = async (generation: number) =>
    ((await ledger.poisoned(key, generation)) ?? []).map(({ offset, hour }) => [offset, hour]);
  assert.deepEqual(await named(1), [[70_000n, START_HOUR + 1]]);
  await projector.waitFor(ACME, [], NEVER);
  assert.deepEqual(await told(), wanted);
  assert.deepEqual(await named(2), [[70_001n, START_HOUR + 1]]);
});

test('counting goes on where it was, and counts every record once', async (t) => {
  const { log, ledger, projector, store } = await houseFor(t);
  await log.create(ACME, { partitions: 3 });
  const events = { tenant: ACME, channel: 'events' } as const;
  const key = await keyOf(log, ACME);
  for (let round = 1; round <= 3; round++) {
    await log.append(events, recordsOf(15_000, round));
    const { next } = await log.bounds(events);
    await projector.waitFor(ACME, next, NEVER);
    const { strides } = await store.progress(key);
    assert.deepEqual(
      strides,
      next.map((offset) => Math.floor(Number(offset) / STRIDE)),
    );
    const counted = await hoursIn(ledger, key, next);
    assert.equal(
      counted.reduce((sum, [, count]) => sum + count, 0),
      round * 15_000,
    );
  }
});
