import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '#domain';
import type { PositionVector, RebuildScope, TenantId } from '#domain';
import { openFactViewUpkeep } from '#projections';
import type { ProjectionOf } from '#projections';
import { eventsOf, openRebuildHouse, withOtherLogic } from '../test/rebuild-house.ts';
import type { RebuildHouse } from '../test/rebuild-house.ts';
import { tenantId } from '../test/tenant-id.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const FACTS_OF_ACME = { projection: 'facts', tenant: ACME };
const FACTS_OF_UMBRA = { projection: 'facts', tenant: UMBRA };
const WHOLE = { scope: { kind: 'all' }, activate: false } as const;

test('a whole rebuild is verified equal, activated, and answers what was answered before', async () => {
  await using house = await openRebuildHouse();
  const { rebuilds, by, queries } = house;
  await house.folded(ACME, await house.append(ACME, eventsOf(ACME, 0, 400)));
  const ask = async (more: object = {}) =>
    queries.ask('trend', { tenant: ACME, question: { from: '2024-03-01', to: '2024-03-07', ...more } });
  const before = await ask();

  const begun = await rebuilds.rebuild(FACTS_OF_ACME, WHOLE, by);
  assert.equal(begun.rebuild?.generation, 2);
  const ready = await house.until(FACTS_OF_ACME, 'ready', 'different', 'failed');
  assert.equal(ready.rebuild?.stage, 'ready', String(ready.rebuild?.reason));
  assert.equal(ready.rebuild.verification?.different, 0);
  assert.ok(ready.rebuild.verification.compared >= 3);
  assert.equal(ready.active, 1);
  assert.equal((await ask()).meta.generation, 1);

  const activated = await rebuilds.activate(FACTS_OF_ACME, by);
  assert.equal(activated.active, 2);
  assert.deepEqual(
    activated.generations.map(({ generation, role }) => [generation, role]),
    [
      [1, 'previous'],
      [2, 'active'],
    ],
  );
  const { meta, ...data } = await ask();
  const { meta: metaBefore, ...dataBefore } = before;
  assert.equal(meta.generation, 2);
  assert.deepEqual(data, dataBefore);

  // Both go on following; the token given before is answered from the generation it names.
  const more = await house.append(ACME, eventsOf(ACME, 400, 450));
  await house.folded(ACME, more);
  const { meta: pinnedMeta, ...pinned } = await ask({ as_of: metaBefore.as_of });
  assert.equal(pinnedMeta.generation, 1);
  assert.equal(JSON.stringify(pinned), JSON.stringify(dataBefore));
  assert.ok(await house.model.waitFor({ tenant: ACME, generation: 1 }, more, AbortSignal.timeout(60_000)));

  assert.equal((await rebuilds.rollback(FACTS_OF_ACME, by)).active, 1);
  assert.equal((await ask()).meta.generation, 1);
  assert.equal((await rebuilds.activate(FACTS_OF_ACME, by)).active, 2);
  await rebuilds.drop(FACTS_OF_ACME, 1, by);
  await assert.rejects(ask({ as_of: metaBefore.as_of }), /generation 1 of the facts is not kept/);
});

/** The new logic gives the events of one user on one day another name. */
const withFault = withOtherLogic((event) => {
  const isMeant =
    new Date(event.timestamp).toISOString().startsWith('2024-03-05') && event.user_id === 'user_4';
  return isMeant ? { ...event, event_name: 'clack' } : event;
});

test('a fault in the new logic is named by day with examples, and must be accepted by name', async () => {
  await using house = await openRebuildHouse({ facts: withFault });
  const { rebuilds, by } = house;
  const events = eventsOf(ACME, 0, 400);
  await house.folded(ACME, await house.append(ACME, events));
  await house.folded(UMBRA, await house.append(UMBRA, eventsOf(UMBRA, 0, 300)));
  await rebuilds.rebuild(FACTS_OF_ACME, { ...WHOLE, activate: true }, by);
  const status = await house.until(FACTS_OF_ACME, 'ready', 'different', 'failed', 'activated');
  assert.equal(status.rebuild?.stage, 'different', String(status.rebuild?.reason));
  assert.equal(status.active, 1, 'what differs is not activated by itself');
  const { verification } = status.rebuild;
  assert.deepEqual(
    verification?.differences.map(({ name }) => name),
    ['2024-03-05'],
  );
  const [difference] = verification.differences;
  assert.ok(difference);
  const wrong = events.filter(
    ({ timestamp, user_id }) =>
      user_id === 'user_4' && new Date(timestamp).toISOString().startsWith('2024-03-05'),
  );
  const wholeDay = events.filter(({ timestamp }) =>
    new Date(timestamp).toISOString().startsWith('2024-03-05'),
  );
  assert.ok(wrong.length > 0);
  assert.match(difference.active ?? '', new RegExp(`^${wholeDay.length} events `));
  assert.equal(
    difference.examples.filter((text) => text.includes('becomes "clack"')).length,
    Math.min(3, wrong.length),
  );
  assert.match(
    difference.examples[0] ?? '',
    /^partition \d, offset \d+: event_name is "(click|page_open)", becomes "clack"$/,
  );

  await assert.rejects(rebuilds.activate(FACTS_OF_ACME, by), isRefusedFor('differences_not_accepted'));
  await assert.rejects(
    rebuilds.accept(FACTS_OF_ACME, ['2024-03-04'], by),
    isRefusedFor('no_such_difference'),
  );
  const accepted = await rebuilds.accept(FACTS_OF_ACME, ['2024-03-05'], { actor: 'ann', reason: 'meant' });
  assert.equal(accepted.rebuild?.stage, 'ready');
  assert.deepEqual(accepted.rebuild.accepted, [
    { name: '2024-03-05', by: { actor: 'ann', reason: 'meant' } },
  ]);
  assert.equal((await rebuilds.activate(FACTS_OF_ACME, by)).active, 2);
  assert.equal((await rebuilds.show(FACTS_OF_UMBRA)).active, 1);
});

test('two tenants with the same ids may have different generations active', async () => {
  await using house = await openRebuildHouse();
  const { rebuilds, by, store } = house;
  const ends = new Map<TenantId, PositionVector>();
  for (const [tenant, count] of [
    [ACME, 300],
    [UMBRA, 200],
  ] as const) {
    ends.set(tenant, await house.append(tenant, eventsOf(tenant, 0, count)));
    await house.folded(tenant, ends.get(tenant) ?? []);
  }
  await using _views = await openFactViewUpkeep({ ...house, facts: store });
  const views = async (): Promise<unknown> => (await store.query({ sql: COUNTED, params: {} })).rows;
  const expected = [
    { tenant_id: 'acme', n: '300', ids: '300' },
    { tenant_id: 'umbra', n: '200', ids: '200' },
  ];
  assert.deepEqual(await views(), expected);
  await rebuilds.rebuild(FACTS_OF_ACME, { ...WHOLE, activate: true }, by);
  await house.until(FACTS_OF_ACME, 'activated');
  assert.deepEqual(
    [(await rebuilds.show(FACTS_OF_ACME)).active, (await rebuilds.show(FACTS_OF_UMBRA)).active],
    [2, 1],
  );
  assert.deepEqual(await views(), expected);

  // Tenants share the tables of a number: the rows of one go, those of the other stay.
  await rebuilds.drop(FACTS_OF_ACME, 1, by);
  await removed(house, FACTS_OF_ACME, 1);
  assert.deepEqual(await rowsIn(house, 1), [{ tenant_id: 'umbra', n: '200' }]);
  await rebuilds.rebuild(FACTS_OF_UMBRA, { ...WHOLE, activate: true }, by);
  await house.until(FACTS_OF_UMBRA, 'activated');
  await rebuilds.drop(FACTS_OF_UMBRA, 1, by);
  await removed(house, FACTS_OF_UMBRA, 1);
  const { rows } = await store.query({
    sql: "SELECT name FROM system.tables WHERE name LIKE '%_g1'",
    params: {},
  });
  assert.deepEqual(rows, [], 'nobody keeps generation 1: its tables are gone');
  assert.deepEqual(await rowsIn(house, 2), [
    { tenant_id: 'acme', n: '300' },
    { tenant_id: 'umbra', n: '200' },
  ]);
});

test('what was folded by older logic stands still and says so, until it is rebuilt', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-version-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const ask = { from: '2024-03-01', to: '2024-03-07' };
  let early: PositionVector;
  {
    await using house = await openRebuildHouse({ dataDir });
    early = await house.append(ACME, eventsOf(ACME, 0, 200));
    await house.folded(ACME, early);
  }
  await using house = await openRebuildHouse({ dataDir, version: 2 });
  const { rebuilds, by, queries } = house;
  const end = await house.append(ACME, eventsOf(ACME, 200, 260));
  const due = await rebuilds.show(FACTS_OF_ACME);
  assert.deepEqual([due.version, due.rebuildDue, due.generations[0]?.version], [2, true, 1]);
  assert.match(due.generations[0]?.standsStill ?? '', /version 1 .* this process has version 2; a rebuild/);
  const answer = await queries.ask('trend', { tenant: ACME, question: ask });
  assert.match(
    answer.meta.notice ?? '',
    /version 1 of the logic of facts.*daybook projections rebuild facts --tenant acme/,
  );
  assert.equal(await house.progress.waitFor(ACME, end, AbortSignal.timeout(200)), false);
  assert.deepEqual(
    (await house.progress.state(ACME))?.confirmed,
    early,
    'nothing of the new logic was mixed in',
  );

  const part = { scope: { kind: 'event', event: 'click' }, activate: false } as const;
  await assert.rejects(rebuilds.rebuild(FACTS_OF_ACME, part, by), isRefusedFor('older_logic'));
  await rebuilds.rebuild(FACTS_OF_ACME, WHOLE, by);
  const ready = await house.until(FACTS_OF_ACME, 'ready', 'different', 'failed');
  assert.equal(ready.rebuild?.stage, 'ready', String(ready.rebuild?.reason));
  assert.deepEqual(ready.rebuild.verification?.vector, early, 'compared as of where the older one stands');
  const activated = await rebuilds.activate(FACTS_OF_ACME, by);
  assert.deepEqual([activated.rebuildDue, activated.active], [false, 2]);
  await house.folded(ACME, end);
  assert.equal((await queries.ask('trend', { tenant: ACME, question: ask })).meta.notice, undefined);
  // A tenant that comes now must not get into the tables of the older logic.
  await house.folded(UMBRA, await house.append(UMBRA, eventsOf(UMBRA, 0, 30)));
  assert.equal((await rebuilds.show(FACTS_OF_UMBRA)).active, 2);
});

test('a part is rebuilt and the rest is copied, every record once', async () => {
  await using house = await openRebuildHouse();
  const { rebuilds, by, store } = house;
  await house.folded(ACME, await house.append(ACME, eventsOf(ACME, 0, 400)));
  for (const scope of PARTS) {
    const { active } = await rebuilds.show(FACTS_OF_ACME);
    await rebuilds.rebuild(FACTS_OF_ACME, { scope, activate: true }, by);
    const status = await house.until(FACTS_OF_ACME, 'activated', 'different', 'failed');
    assert.equal(status.rebuild?.stage, 'activated', `${scope.kind}: ${String(status.rebuild?.reason)}`);
    assert.equal(status.active, active + 1);
    await rebuilds.drop(FACTS_OF_ACME, active, by);
  }
  assert.deepEqual(await rowsIn(house, 4), [{ tenant_id: 'acme', n: '400' }]);
  assert.deepEqual(await store.copies(4, ACME), []);
});

test('rows that the active generation has lost come back, and their days are named', async () => {
  const lost = (tenant: TenantId, generation: number, offset: bigint): boolean =>
    tenant === ACME && generation === 1 && offset % 40n === 7n;
  await using house = await openRebuildHouse({
    facts: (real) => ({
      ...real,
      insert: (generation, batches) =>
        real.insert(
          generation,
          batches.map((one) => ({
            ...one,
            offsets: one.offsets.filter((offset) => !lost(one.tenant, generation, offset)),
            lines: one.lines.filter((_, index) => !lost(one.tenant, generation, one.offsets[index] ?? 0n)),
          })),
        ),
    }),
  });
  const { rebuilds, by } = house;
  const end = await house.append(ACME, eventsOf(ACME, 0, 400));
  await house.folded(ACME, end);
  const missing = end.flatMap((next, partition) =>
    Array.from({ length: Number(next) }, (_, offset) => ({ partition, offset })).filter(
      ({ offset }) => offset % 40 === 7,
    ),
  );
  assert.deepEqual(await rowsIn(house, 1), [{ tenant_id: 'acme', n: String(400 - missing.length) }]);
  await rebuilds.rebuild(FACTS_OF_ACME, { scope: { kind: 'event', event: 'click' }, activate: false }, by);
  const { rebuild } = await house.until(FACTS_OF_ACME, 'ready', 'different', 'failed');
  assert.equal(rebuild?.stage, 'different', String(rebuild?.reason));
  const said = rebuild.verification?.differences.flatMap(({ examples }) => examples) ?? [];
  const named = new Set(
    missing.map(
      ({ partition, offset }) => `partition ${partition}, offset ${offset}: only the candidate has it`,
    ),
  );
  assert.ok(said.length > 0 && said.every((text) => named.has(text)), said.join('\n'));
  await rebuilds.accept(FACTS_OF_ACME, ['2024-03-*'], by);
  await rebuilds.activate(FACTS_OF_ACME, by);
  assert.deepEqual(await rowsIn(house, 2), [{ tenant_id: 'acme', n: '400' }]);
});

test('a rebuild is paused, survives a restart paused, goes on, and is cancelled without a trace', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-paused-'));
  t.after(() => rm(dataDir, { recursive: true }));
  // One record at a time, so that it lasts.
  const slow = { maxRecords: 3, bulkRecords: 1 };
  {
    await using house = await openRebuildHouse({ dataDir, tuning: slow });
    await house.append(ACME, eventsOf(ACME, 0, 300));
    await house.rebuilds.rebuild(FACTS_OF_ACME, WHOLE, house.by);
    const paused = await house.rebuilds.pause(FACTS_OF_ACME, { actor: 'ann', reason: 'too hot' });
    assert.deepEqual([paused.rebuild?.stage, paused.rebuild?.reason], ['paused', 'too hot']);
    await assert.rejects(house.rebuilds.pause(FACTS_OF_ACME, house.by), isRefusedFor('not_running'));
    await assert.rejects(
      house.rebuilds.rebuild(FACTS_OF_ACME, WHOLE, house.by),
      isRefusedFor('rebuild_unfinished'),
    );
  }
  await using house = await openRebuildHouse({ dataDir });
  const { rebuilds, by } = house;
  const end = (await house.log.bounds({ tenant: ACME, channel: 'events' })).next;
  await house.folded(ACME, end);
  assert.equal((await rebuilds.show(FACTS_OF_ACME)).rebuild?.stage, 'paused');
  const before = (await rebuilds.show(FACTS_OF_ACME)).rebuild?.done ?? 0;
  assert.ok(before < 300, 'it stood still while it was paused');
  await rebuilds.resume(FACTS_OF_ACME, by);
  const ready = await house.until(FACTS_OF_ACME, 'ready', 'different', 'failed');
  assert.equal(ready.rebuild?.stage, 'ready');
  assert.deepEqual([ready.rebuild.done, ready.rebuild.total], [300, 300]);
  const cancelled = await rebuilds.cancel(FACTS_OF_ACME, by);
  assert.deepEqual([cancelled.rebuild?.stage, cancelled.active], ['cancelled', 1]);
  await removed(house, FACTS_OF_ACME, 2);
  const { rows } = await house.store.query({
    sql: "SELECT name FROM system.tables WHERE name LIKE '%_g2'",
    params: {},
  });
  assert.deepEqual(rows, []);
  await rebuilds.rebuild(FACTS_OF_ACME, WHOLE, by);
  assert.equal((await house.until(FACTS_OF_ACME, 'ready')).rebuild?.generation, 3, 'no number comes back');
});

test('what is unknown is refused by name, and who acts and why is kept', async () => {
  await using house = await openRebuildHouse();
  const { rebuilds, by, generations } = house;
  await house.append(ACME, eventsOf(ACME, 0, 10));
  await assert.rejects(rebuilds.show({ projection: 'fact', tenant: ACME }), { code: 'PROJECTION_UNKNOWN' });
  await assert.rejects(rebuilds.show(FACTS_OF_UMBRA), { code: 'TENANT_UNKNOWN' });
  await assert.rejects(rebuilds.rollback(FACTS_OF_ACME, by), isRefusedFor('no_other_generation'));
  await assert.rejects(rebuilds.drop(FACTS_OF_ACME, 1, by), isRefusedFor('generation_active'));
  await rebuilds.rebuild(FACTS_OF_ACME, { ...WHOLE, activate: true }, { actor: 'ann', reason: 'a try' });
  await house.until(FACTS_OF_ACME, 'activated');
  const said: string[] = [];
  for await (const { type, metadata, position } of house.streams.read('generations-facts/acme')) {
    said.push(`${type} by ${JSON.stringify(metadata['actor'])}`);
    const active = type === 'generation_activated' ? 2 : 1;
    if (type !== 'generation_removed') assert.equal(generations.activeAt('facts', ACME, position), active);
  }
  assert.deepEqual(said, [
    'projection_adopted by "daybook"',
    'rebuild_started by "ann"',
    'verification_begun by "daybook"',
    'generation_verified by "daybook"',
    'generation_activated by "daybook"',
  ]);
});

const COUNTED = `SELECT tenant_id, count() AS n, uniqExact(event_id) AS ids FROM analysis_db.events
  GROUP BY tenant_id ORDER BY tenant_id`;

const PARTS: readonly RebuildScope[] = [
  { kind: 'event', event: 'click' },
  { kind: 'offsets', partition: 1, from: 20n, to: 90n },
  { kind: 'time', fromMs: Date.UTC(2024, 2, 4), toMs: Date.UTC(2024, 2, 5, 7) },
];

function isRefusedFor(reason: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Fault, String(error));
    assert.equal(error.code, 'PROJECTION_COMMAND_REFUSED');
    assert.equal(error.details['reason'], reason);
    return true;
  };
}

async function rowsIn({ store }: RebuildHouse, generation: number): Promise<unknown> {
  const sql = `SELECT tenant_id, count() AS n FROM analysis_db.facts_g${generation} GROUP BY tenant_id ORDER BY tenant_id`;
  return (await store.query({ sql, params: {} })).rows;
}

/** Resolves once nothing of a dropped generation is stored. */
async function removed(house: RebuildHouse, of: ProjectionOf, generation: number): Promise<void> {
  const isRemoved = (): boolean =>
    house.generations.of(of).all.some((one) => one.generation === generation && one.removed);
  const changed = Promise.withResolvers<undefined>();
  using _listening = house.generations.onChange(() => {
    if (isRemoved()) changed.resolve(undefined);
  });
  await changed.promise;
}
