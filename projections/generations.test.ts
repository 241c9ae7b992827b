import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { StreamStore } from '#log';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { tenantId } from '../test/tenant-id.ts';
import { parseGenerationEvent, toStreamEvent } from './generation-stream.ts';
import { openGenerations } from './generations.ts';
import type { Generations } from './generations.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const OF_ACME = { projection: 'facts', tenant: ACME };
const OF_UMBRA = { projection: 'facts', tenant: UMBRA };
const BY = { actor: 'ann', reason: 'a test' };
const EQUAL = { compared: 1, different: 0, differences: [], checksums: { active: 'x', candidate: 'x' } };

async function streamsFor(t: TestContext): Promise<StreamStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-generations-'));
  const streams = await openLmdbStreamStore({ dataDir });
  t.after(async () => {
    await streams[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return streams;
}

function open(streams: StreamStore): Promise<Generations> {
  return openGenerations(streams, { clock: () => 5, newId: () => crypto.randomUUID() });
}

async function activateAnother(generations: Generations, generation: number): Promise<void> {
  const start = { type: 'start', generation, version: 1, scope: { kind: 'all' }, activate: false } as const;
  const against = generations.active('facts', ACME);
  for (const wanted of [
    { ...start, scopes: ['all'] },
    { type: 'caught_up', generation },
    { type: 'verified', generation, against, vector: [7n], comparison: EQUAL },
    { type: 'activate' },
  ] as const) {
    assert.ok((await generations.change(OF_ACME, wanted, BY)).ok, wanted.type);
  }
}

test('which generation was active is known for every instant, also after opening again', async (t) => {
  const streams = await streamsFor(t);
  const at: bigint[] = [];
  {
    await using generations = await open(streams);
    assert.equal(generations.active('facts', ACME), 1);
    await generations.change(OF_ACME, { type: 'adopt', generation: 1, version: 1 }, BY);
    at.push(generations.position());
    await activateAnother(generations, 2);
    at.push(generations.position());
    await activateAnother(generations, 3);
    at.push(generations.position());
    await generations.change(OF_ACME, { type: 'rollback' }, BY);
    at.push(generations.position());
  }
  await using again = await open(streams);
  assert.deepEqual(
    at.map((position) => again.activeAt('facts', ACME, position)),
    [1, 2, 3, 2],
  );
  assert.deepEqual(
    at.map((position) => again.activeAt('facts', ACME, position - 1n)),
    [1, 1, 2, 3],
  );
  assert.deepEqual(again.kept('facts', ACME), [1, 2, 3]);
  assert.equal(again.activeAt('facts', UMBRA, at[3] ?? 0n), 1);
  assert.equal(again.active('items', ACME), 1, 'another projection is another matter');
});

test('of two that decide at the same time one is first, and the other decides anew', async (t) => {
  const streams = await streamsFor(t);
  await using one = await open(streams);
  await using other = await open(streams);
  await one.change(OF_ACME, { type: 'adopt', generation: 1, version: 1 }, BY);
  await other.adopted(OF_ACME);
  const start = {
    type: 'start',
    version: 1,
    scope: { kind: 'all' },
    activate: false,
    scopes: ['all'],
  } as const;
  const both = await Promise.all([
    one.change(OF_ACME, { ...start, generation: 2 }, BY),
    other.change(OF_ACME, { ...start, generation: 2 }, BY),
  ]);
  assert.deepEqual(both.map((changed) => (changed.ok ? 'begun' : changed.reason)).sort(), [
    'begun',
    'rebuild_unfinished',
  ]);
});

test('a number under which somebody keeps another version is passed over until that is removed', async (t) => {
  await using generations = await open(await streamsFor(t));
  await generations.change(OF_ACME, { type: 'adopt', generation: 1, version: 1 }, BY);
  assert.equal(generations.nextNumber(OF_UMBRA, 1), 1);
  assert.equal(generations.nextNumber(OF_UMBRA, 2), 2);
  assert.equal(generations.nextNumber({ projection: 'items', tenant: UMBRA }, 2), 1);
  await activateAnother(generations, 2);
  assert.equal(generations.nextNumber(OF_UMBRA, 2), 3);
  await generations.change(OF_ACME, { type: 'drop', generation: 1 }, BY);
  assert.equal(generations.nextNumber(OF_UMBRA, 2), 3, 'its rows still stand there');
  assert.ok(generations.isShared(OF_UMBRA, 1));
  await generations.change(OF_ACME, { type: 'removed', generation: 1 }, BY);
  assert.equal(generations.nextNumber(OF_UMBRA, 2), 1);
  assert.equal(generations.nextNumber(OF_ACME, 1), 3, 'the tenant itself never gets it again');
  assert.ok(!generations.isShared(OF_UMBRA, 1));
});

test('an event comes out of its stream as it went in, offsets beyond 2^53 included', () => {
  const event = {
    type: 'rebuild_started',
    generation: 2,
    version: 3,
    scope: { kind: 'offsets', partition: 1, from: 9_007_199_254_740_993n, to: 18_446_744_073_709_551_615n },
    activate: true,
    atMs: 5,
    by: BY,
  } as const;
  const stored = toStreamEvent(OF_ACME, event, 'id');
  const read = JSON.parse(JSON.stringify(stored)) as typeof stored;
  assert.deepEqual(parseGenerationEvent({ ...read, stream: 'generations-facts/acme' }), {
    of: OF_ACME,
    event,
  });
  assert.equal(parseGenerationEvent({ ...read, stream: 'generations-facts/umbra' }), undefined);
  assert.equal(parseGenerationEvent({ ...read, stream: 'generations-facts/acme', type: 'other' }), undefined);
});
