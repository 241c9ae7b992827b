import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { PositionVector, TenantId } from '#domain';
import type { NewRecord } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { tenantId } from '../test/tenant-id.ts';
import { openChdbFactStore } from './chdb-fact-store.ts';
import { startFactProjector } from './fact-projector.ts';
import type { FactStore } from './fact-store.ts';
import { openFactsHorizon } from './facts-horizon.ts';
import type { FactsHorizon, FactsHorizonOptions } from './facts-horizon.ts';
import { openLmdbCheckpointStore } from './lmdb-checkpoint-store.ts';

const PARTITIONS = 2;
const ACME = tenantId('acme');

function recordOf(day: string, n: number): NewRecord {
  const timestampMs = Date.parse(day);
  const id = `evt_${day}_${n}`;
  const event = { event_id: id, tenant_id: ACME, kind: 'generic', event_name: 'page', user_id: `u${n}` };
  return {
    key: Buffer.from(event.user_id),
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
    value: Buffer.from(JSON.stringify({ ...event, timestamp: timestampMs, server_time: timestampMs })),
  };
}

async function houseFor(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-horizon-'));
  const opened = new AsyncDisposableStack();
  const streams = opened.use(await openLmdbStreamStore({ dataDir }));
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const facts = opened.use(await openChdbFactStore({ dataDir }));
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  await facts.prepare(1);
  await log.create(ACME, { partitions: PARTITIONS });
  t.after(async () => {
    await opened.disposeAsync();
    await rm(dataDir, { recursive: true });
  });
  const horizonAt = (now: string, more: Partial<FactsHorizonOptions> = {}): Promise<FactsHorizon> =>
    openFactsHorizon({
      streams,
      facts,
      generations: () => [1],
      keepDays: 31,
      clock: () => Date.parse(now),
      newId: () => crypto.randomUUID(),
      ...more,
    });
  const append = async (...days: readonly string[]): Promise<PositionVector> => {
    await log.append({ tenant: ACME, channel: 'events' }, days.map(recordOf));
    return (await log.bounds({ tenant: ACME, channel: 'events' })).next;
  };
  /** Brings the facts up to a vector with the horizon given. */
  const project = async (horizon: FactsHorizon, vector: PositionVector): Promise<void> => {
    const tenants = {
      onTenant: (listener: (tenant: { id: TenantId; partitions: number; createdAtMs: number }) => void) => {
        listener({ id: ACME, partitions: PARTITIONS, createdAtMs: 0 });
        return { [Symbol.dispose]: () => undefined };
      },
    };
    const deps = { log, tenants, facts, checkpoints, clock: Date.now, horizon: () => horizon.current() };
    await using projector = startFactProjector(deps);
    assert.ok(await projector.waitFor(ACME, vector, AbortSignal.timeout(60_000)));
    const state = await projector.state(ACME);
    assert.deepEqual(state?.horizon, horizon.current());
  };
  return { facts, horizonAt, append, project };
}

async function daysIn(facts: FactStore): Promise<string[]> {
  const sql = 'SELECT toString(toDate(ts)) AS day FROM analysis_db.facts_g1 ORDER BY ts';
  return (await facts.query<{ day: string }>({ sql, params: {} })).rows.map(({ day }) => day);
}

test('facts of months wholly older than wanted go, and stay away after a restart', async (t) => {
  const { facts, horizonAt, append, project } = await houseFor(t);
  const vector = await append('2024-01-31', '2024-02-01', '2024-02-20', '2024-03-15');
  {
    await using early = await horizonAt('2024-02-21');
    assert.equal(early.current()?.beforeMs, Date.parse('2024-01-01'));
    await project(early, vector);
    assert.deepEqual(await daysIn(facts), ['2024-01-31', '2024-02-01', '2024-02-20', '2024-03-15']);
  }
  {
    await using later = await horizonAt('2024-03-20');
    assert.equal(later.current()?.beforeMs, Date.parse('2024-02-01'));
    assert.deepEqual(await daysIn(facts), ['2024-02-01', '2024-02-20', '2024-03-15']);
    // The projector looks back over what it has inserted before, and must not bring the dropped ones back.
    await project(later, await append('2024-01-30', '2024-03-16'));
    assert.deepEqual(await daysIn(facts), ['2024-02-01', '2024-02-20', '2024-03-15', '2024-03-16']);
  }
  await using longer = await horizonAt('2024-03-20', { keepDays: 400 });
  assert.equal(longer.current()?.beforeMs, Date.parse('2024-02-01'), 'wanting more brings nothing back');
});

test('what was said but not yet done when the process died is done at the next start', async (t) => {
  const { facts, horizonAt, append, project } = await houseFor(t);
  await using none = await horizonAt('2024-03-20', { keepDays: 0 });
  assert.equal(none.current(), undefined);
  await project(none, await append('2024-01-10', '2024-03-10'));
  const dies: FactStore = { ...facts, dropBefore: () => Promise.reject(new Error('killed')) };
  await assert.rejects(horizonAt('2024-03-20', { facts: dies }), /killed/);
  assert.deepEqual(await daysIn(facts), ['2024-01-10', '2024-03-10']);
  await using again = await horizonAt('2024-03-20', { keepDays: 0 });
  assert.equal(again.current()?.beforeMs, Date.parse('2024-02-01'));
  assert.deepEqual(await daysIn(facts), ['2024-03-10']);
});

test('the horizon is looked after while the process runs', async (t) => {
  const { facts, horizonAt, append, project } = await houseFor(t);
  let now = Date.parse('2024-02-21');
  const looked = Promise.withResolvers<undefined>();
  const counting: FactStore = {
    ...facts,
    dropBefore: async (...given) => {
      const months = await facts.dropBefore(...given);
      if (months.length > 0) looked.resolve(undefined);
      return months;
    },
  };
  await using horizon = await horizonAt('', { clock: () => now, everyMs: 20, facts: counting });
  await project(horizon, await append('2024-01-10', '2024-03-10'));
  now = Date.parse('2024-03-20');
  await looked.promise;
  assert.deepEqual(await daysIn(facts), ['2024-03-10']);
});

test('nothing is let go before what outlives it has been made', async (t) => {
  const { facts, horizonAt, append, project } = await houseFor(t);
  const asked: number[] = [];
  let made = false;
  const mayLetGo = (beforeMs: number): boolean => {
    asked.push(beforeMs);
    return made;
  };
  await using horizon = await horizonAt('2024-03-20', { mayLetGo });
  await project(horizon, await append('2024-01-10', '2024-03-10'));
  await horizon.expire();
  assert.equal(horizon.current(), undefined);
  assert.deepEqual(await daysIn(facts), ['2024-01-10', '2024-03-10']);
  made = true;
  await horizon.expire();
  assert.deepEqual(await daysIn(facts), ['2024-03-10']);
  assert.deepEqual(
    asked,
    Array.from({ length: 3 }, () => Date.parse('2024-02-01')),
  );
});
