import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { PositionVector, TenantId } from '#domain';
import type { NewRecord } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { tenantId } from '../test/tenant-id.ts';
import type { Pause } from './followed-tenant.ts';
import { PROJECTOR_TUNING, Projector } from './projector.ts';
import type { Fold } from './projector.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const IN_TIME = (): AbortSignal => AbortSignal.timeout(60_000);
const TUNING = { ...PROJECTOR_TUNING, flushAfterMs: 8, restMs: 8, bulkRecords: 100, maxRecords: 40 };

function recordOf(id: string): NewRecord {
  return {
    key: Buffer.from(id),
    headers: {
      eventId: id,
      contentHash: Buffer.alloc(16, id),
      source: 'http',
      schema: 'envelope.generic',
      schemaVersion: 1,
      receivedAtMs: 1,
      timestampMs: 1,
      valid: true,
    },
    value: Buffer.from('{}'),
  };
}

type Taken = { readonly tenant: TenantId; readonly ids: readonly string[] };

/** A read model that is a list of event ids, applied when `open` says so. */
class Ids implements Fold<Taken> {
  readonly applied: Taken[] = [];
  gate: Promise<unknown> = Promise.resolve();
  readonly applying = Promise.withResolvers<undefined>();

  async open(_followed: unknown, { next }: { readonly next: PositionVector }): Promise<PositionVector> {
    return next.map(() => 0n);
  }
  collect({ tenant }: { readonly tenant: TenantId }, batch: Parameters<Fold<Taken>['collect']>[1]): Taken {
    return { tenant, ids: batch.records.map(({ headers }) => headers.eventId) };
  }
  async apply(batches: readonly Taken[]): Promise<ReadonlyMap<TenantId, Pause>> {
    if (batches.length > 0) this.applying.resolve(undefined);
    await this.gate;
    this.applied.push(...batches);
    return new Map<TenantId, Pause>();
  }
  async save(): Promise<void> {
    // Kept in memory only.
  }
  of(tenant: TenantId): string[] {
    return this.applied.flatMap((taken) => (taken.tenant === tenant ? taken.ids : [])).sort();
  }
}

async function house(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-limit-'));
  const log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
  const fold = new Ids();
  const nothing = (): void => undefined;
  const projector = new Projector({
    log,
    fold,
    clock: Date.now,
    ...TUNING,
    applied: nothing,
    paused: nothing,
  });
  t.after(async () => {
    await projector[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  const append = async (tenant: TenantId, from: number, to: number): Promise<PositionVector> => {
    await log.create(tenant, { partitions: 2 });
    const records = Array.from({ length: to - from }, (_, index) => recordOf(idOf(from + index)));
    await log.append({ tenant, channel: 'events' }, records);
    return (await log.bounds({ tenant, channel: 'events' })).next;
  };
  return { log, fold, projector, append };
}

const idOf = (index: number): string => `evt_${String(index).padStart(4, '0')}`;
const idsUpTo = (to: number): string[] => Array.from({ length: to }, (_, index) => idOf(index));

test('a tenant is followed exactly to its limit, others to the end, and on when it is lifted', async (t) => {
  const { projector, fold, append } = await house(t);
  const half = await append(ACME, 0, 150);
  const whole = await append(ACME, 150, 300);
  const other = await append(UMBRA, 0, 150);

  assert.deepEqual(await projector.limit(ACME, half), half);
  projector.follow(UMBRA);
  assert.ok(await projector.waitFor(ACME, half, IN_TIME()));
  assert.ok(await projector.waitFor(UMBRA, other, IN_TIME()));
  const more = await append(UMBRA, 150, 200);
  assert.ok(await projector.waitFor(UMBRA, more, IN_TIME()));
  assert.deepEqual((await projector.state(ACME))?.confirmed, half);
  assert.deepEqual(fold.of(ACME), idsUpTo(150));

  await projector.limit(ACME, undefined);
  assert.ok(await projector.waitFor(ACME, whole, IN_TIME()));
  assert.deepEqual(fold.of(ACME), idsUpTo(300));
});

test('limited to where it stands it answers once nothing is in flight, and stays there', async (t) => {
  const { projector, fold, append } = await house(t);
  const gate = Promise.withResolvers<undefined>();
  fold.gate = gate.promise;
  const end = await append(ACME, 0, 300);
  projector.follow(ACME);
  await fold.applying.promise;
  let stands: PositionVector | undefined;
  const limiting = projector.limit(ACME, 'here').then((vector) => (stands = vector));
  await projector.limit(UMBRA, undefined);
  assert.equal(stands, undefined, 'a portion is still being applied');
  gate.resolve(undefined);
  const here = await limiting;
  const count = Number(here.reduce((sum, offset) => sum + offset, 0n));
  assert.ok(count > 0 && count < 300, `it stands in between: ${count}`);
  assert.equal(fold.of(ACME).length, count);

  const beside = await append(UMBRA, 0, 150);
  assert.ok(await projector.waitFor(UMBRA, beside, IN_TIME()));
  assert.deepEqual((await projector.state(ACME))?.confirmed, here);
  assert.equal(fold.of(ACME).length, count);

  await projector.limit(ACME, undefined);
  assert.ok(await projector.waitFor(ACME, end, IN_TIME()));
  assert.deepEqual(fold.of(ACME), idsUpTo(300));
});

test('a limit behind where it stands takes nothing back and says so', async (t) => {
  const { projector, append } = await house(t);
  const end = await append(ACME, 0, 60);
  assert.ok(await projector.waitFor(ACME, end, IN_TIME()));
  assert.deepEqual(await projector.limit(ACME, [1n, 0n]), end);
  const further = await append(ACME, 60, 120);
  assert.deepEqual((await projector.state(ACME))?.confirmed, end);
  await projector.limit(ACME, further);
  assert.ok(await projector.waitFor(ACME, further, IN_TIME()));
});
