import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { EntryCommand, EntryRef } from '#domain';
import { temporaryDir } from '../test/platform.ts';
import { openCatalogue } from './catalogue.ts';
import { acme, other } from './event-log.contract.ts';
import { openLmdbStreamStore } from './lmdb-stream-store.ts';
import type { StreamStore } from './stream-store.ts';

const by = { actor: 'ann', reason: 'because' };
const options = { newId: randomUUID };
const scenario = (id: string, tenant = acme): EntryRef => ({ kind: 'scenario', tenant, id: [id] });
const replace = (members: object, more: object = {}): EntryCommand =>
  ({ type: 'replace', atMs: 1, members, ...more }) as EntryCommand;

async function streamsFor(t: TestContext): Promise<StreamStore> {
  const dir = await temporaryDir();
  const streams = await openLmdbStreamStore({ dataDir: dir.path });
  t.after(async () => {
    await streams[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return streams;
}

test('what was written is seen at once, by others too, and after opening again', async (t) => {
  const streams = await streamsFor(t);
  await using other = await openCatalogue(streams, options);
  {
    await using catalogue = await openCatalogue(streams, options);
    const written = await catalogue.write(scenario('feed'), replace({ name: 'Feed' }), by);
    assert.ok(written.ok);
    assert.deepEqual(catalogue.get(scenario('feed')), written.entry);
    const changed = await other.write(scenario('feed'), replace({ name: 'Feed 2' }), by);
    assert.ok(changed.ok && changed.changed);
    assert.equal(changed.entry.version, 2);
  }
  await using again = await openCatalogue(streams, options);
  assert.deepEqual(again.get(scenario('feed'))?.members, { name: 'Feed 2' });
  assert.equal(again.position(), 2n);
});

test('of many who write at once each is decided on what the one before left', async (t) => {
  const streams = await streamsFor(t);
  await using one = await openCatalogue(streams, options);
  await using two = await openCatalogue(streams, options);
  const expecting = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      [one, two][n % 2]!.write(scenario('feed'), replace({ n }, { expectedVersion: 0 }), by),
    ),
  );
  assert.equal(expecting.filter(({ ok }) => ok).length, 1);
  const blind = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      [one, two][n % 2]!.write(scenario('feed'), replace({ n: n + 100 }), by),
    ),
  );
  const versions = blind.map((written) => (written.ok ? written.entry.version : 0));
  assert.deepEqual(
    versions.sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, n) => n + 2),
  );
});

test('ids of several parts and odd letters name each its own entry, and tenants share none', async (t) => {
  const streams = await streamsFor(t);
  await using catalogue = await openCatalogue(streams, options);
  const refs: EntryRef[] = [
    { kind: 'model_config', tenant: acme, id: ['a', 'b/c'] },
    { kind: 'model_config', tenant: acme, id: ['a/b', 'c'] },
    { kind: 'model_config', tenant: acme, id: ['a', 'b%2Fc'] },
    { kind: 'scenario', tenant: acme, id: ['a'] },
    { kind: 'scenario', tenant: other, id: ['a'] },
  ];
  for (const [n, ref] of refs.entries()) await catalogue.write(ref, replace({ n }), by);
  for (const [n, ref] of refs.entries()) assert.deepEqual(catalogue.get(ref)?.members, { n });
  assert.deepEqual(
    catalogue.list('model_config', acme).map(({ id }) => id),
    [
      ['a', 'b%2Fc'],
      ['a', 'b/c'],
      ['a/b', 'c'],
    ],
  );
  assert.equal(catalogue.list('scenario', other).length, 1);
  assert.deepEqual(catalogue.list('model_config', other), []);
});

test('every version is kept with who made it and why', async (t) => {
  const streams = await streamsFor(t);
  await using catalogue = await openCatalogue(streams, options);
  assert.deepEqual(await catalogue.versions(scenario('feed')), []);
  await catalogue.write(scenario('feed'), replace({ name: 'A' }), by);
  await catalogue.write(scenario('feed'), { type: 'delete', atMs: 5 }, { actor: 'bob', reason: 'old' });
  const versions = await catalogue.versions(scenario('feed'));
  assert.deepEqual(
    versions.map(({ version, status, actor, reason, updatedAtMs }) => [
      version,
      status,
      actor,
      reason,
      updatedAtMs,
    ]),
    [
      [1, 'active', 'ann', 'because', 1],
      [2, 'deleted', 'bob', 'old', 5],
    ],
  );
});

test('how many scenarios were active can be asked as of any position', async (t) => {
  const streams = await streamsFor(t);
  await using catalogue = await openCatalogue(streams, options);
  const counts: [position: bigint, active: number][] = [];
  const note = (active: number): void => {
    counts.push([catalogue.position(), active]);
  };
  note(0);
  await catalogue.write(scenario('a'), replace({}), by);
  note(1);
  await catalogue.write(scenario('b'), replace({}, { status: 'inactive' }), by);
  note(1);
  await catalogue.write(scenario('b'), replace({ name: 'B' }), by);
  note(2);
  await catalogue.write(scenario('b'), replace({ name: 'C' }), by);
  note(2);
  await catalogue.write(scenario('a'), { type: 'delete', atMs: 2 }, by);
  note(1);
  await catalogue.write({ kind: 'model_config', tenant: acme, id: ['a', 'm'] }, replace({}), by);
  await catalogue.write(scenario('a', other), replace({}), by);
  note(1);
  await using again = await openCatalogue(streams, options);
  for (const one of [catalogue, again]) {
    for (const [position, active] of counts) assert.equal(one.activeScenarios(acme, position), active);
  }
});

test('listeners hear of the entries there are, then of those that come, until disposed', async (t) => {
  const streams = await streamsFor(t);
  await using catalogue = await openCatalogue(streams, options);
  await catalogue.write(scenario('a'), replace({}), by);
  const heard: string[] = [];
  const listening = catalogue.onEntry(({ id, version }) => heard.push(`${id.join()} ${version}`));
  await catalogue.write(scenario('b'), replace({}), by);
  listening[Symbol.dispose]();
  await catalogue.write(scenario('c'), replace({}), by);
  assert.deepEqual(heard, ['a 1', 'b 1']);
});

test('streams and events of other kinds make no entries', async (t) => {
  const streams = await streamsFor(t);
  const data = { kind: 'scenario', tenant: 'acme', id: ['x'], members: {}, status: 'active', atMs: 1 };
  const event = (type: string, changed: object = {}) => ({
    id: randomUUID(),
    type,
    data: { ...data, ...changed },
    metadata: {},
  });
  await streams.append('tenant-acme', [event('entry_written')], 'any');
  await streams.append(
    'scenario-acme/x',
    [event('something'), event('entry_written', { status: 'odd' })],
    'any',
  );
  await using catalogue = await openCatalogue(streams, options);
  assert.deepEqual(catalogue.list('scenario', acme), []);
  assert.equal(catalogue.position(), 3n);
});
