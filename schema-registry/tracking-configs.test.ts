import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Fault } from '#domain';
import type { Event, JsonObject, TenantId, TrackingConfigCommand } from '#domain';
import type { StreamStore } from '#log';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { temporaryDir } from '../test/platform.ts';
import { openTrackingConfigs } from './tracking-configs.ts';
import type { ConfigChanged, TrackingConfigs, TrackingConfigsOptions } from './tracking-configs.ts';

const acme = 'acme' as TenantId;
const other = 'other' as TenantId;
const by = { actor: 'ada', authenticated: false };
const FEED = 'vlog_feed';

let now = 1000;
const options = { clock: () => now, newId: () => randomUUID() as string };

const needs = (...names: string[]): JsonObject => ({
  required_fields: names.map((field_name) => ({ field_name, field_type: 'integer' })),
});
const create = (tenant: TenantId, scenario: string, rest: JsonObject = {}): TrackingConfigCommand => ({
  type: 'create',
  tenant,
  scenario,
  definition: { scenario_type: 'video', name: scenario, ...rest },
});
const update = (changes: JsonObject, expectedVersion?: number): TrackingConfigCommand => ({
  type: 'update',
  tenant: acme,
  scenario: FEED,
  changes,
  ...(expectedVersion === undefined ? {} : { expectedVersion }),
});
const deactivate: TrackingConfigCommand = { type: 'deactivate', tenant: acme, scenario: FEED };

async function openStreams(
  t: TestContext,
): Promise<{ readonly streams: StreamStore; readonly path: string }> {
  const dir = await temporaryDir();
  const streams = await openLmdbStreamStore({ dataDir: dir.path });
  t.after(async () => {
    await streams[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return { streams, path: dir.path };
}

/** What an empty event lacks by the config in force; undefined without one. */
function lacks(configs: TrackingConfigs, tenant = acme, scenario = FEED): readonly string[] | undefined {
  const config = configs.inForce(tenant, scenario);
  return (
    config && (config.check({} as Event) ?? []).map(({ field }) => field.slice(field.lastIndexOf('.') + 1))
  );
}

/** Position of a change that must have been made. */
function positionOf(changed: ConfigChanged): bigint {
  assert.ok(changed.ok && changed.position !== undefined);
  return changed.position;
}

test('a change is in force here when it resolves, and on every other node that follows the streams', async (t) => {
  const { streams } = await openStreams(t);
  await using one = await openTrackingConfigs(streams, options);
  await using two = await openTrackingConfigs(streams, options);
  assert.equal(lacks(one), undefined);
  const steps: (readonly [TrackingConfigs, TrackingConfigCommand, readonly string[] | undefined])[] = [
    [one, create(acme, FEED, needs('a')), ['a']],
    [two, update(needs('b', 'c')), ['b', 'c']],
    [one, deactivate, undefined],
    [two, create(acme, FEED, needs('d')), ['d']],
  ];
  for (const [node, command, expected] of steps) {
    const changed = await node.change(command, by);
    assert.deepEqual(lacks(node), expected);
    await Promise.all([one, two].map((each) => each.reached(positionOf(changed))));
    assert.deepEqual(lacks(one), expected);
    assert.deepEqual(lacks(two), expected);
  }
});

test('history tells every version with who, when, why and the whole definition', async (t) => {
  const { streams } = await openStreams(t);
  await using configs = await openTrackingConfigs(streams, options);
  now = 5000;
  await configs.change(create(acme, FEED, needs('a')), { ...by, reason: 'first' });
  now = 6000;
  await configs.change(update({ name: 'New' }), { actor: 'bob', authenticated: true });
  now = 7000;
  await configs.change(deactivate, { ...by, reason: 'not used' });
  await using again = await openTrackingConfigs(streams, options);
  for (const node of [configs, again]) {
    assert.deepEqual(
      node.history(acme, FEED).map(({ version, change, by: who, config }) => ({
        version,
        change,
        who,
        status: config.status,
        name: config.definition.name,
        fields: config.definition.required_fields.map((field) => field.field_name),
        at: config.updatedAtMs,
        created: config.createdAtMs,
      })),
      [
        {
          version: 1,
          change: 'config_created',
          who: { ...by, reason: 'first' },
          status: 'active',
          name: FEED,
          fields: ['a'],
          at: 5000,
          created: 5000,
        },
        {
          version: 2,
          change: 'config_updated',
          who: { actor: 'bob', authenticated: true },
          status: 'active',
          name: 'New',
          fields: ['a'],
          at: 6000,
          created: 5000,
        },
        {
          version: 3,
          change: 'config_deactivated',
          who: { ...by, reason: 'not used' },
          status: 'inactive',
          name: 'New',
          fields: ['a'],
          at: 7000,
          created: 5000,
        },
      ],
    );
  }
  assert.deepEqual(configs.history(acme, 'nothing'), []);
});

test('after a restart everything is as it was, read from the disk', async () => {
  await using dir = await temporaryDir();
  {
    await using streams = await openLmdbStreamStore({ dataDir: dir.path });
    await using configs = await openTrackingConfigs(streams, options);
    await configs.change(create(acme, FEED, needs('a')), by);
    await configs.change(update(needs('b')), by);
  }
  await using streams = await openLmdbStreamStore({ dataDir: dir.path });
  await using configs = await openTrackingConfigs(streams, options);
  assert.deepEqual(lacks(configs), ['b']);
  assert.equal(configs.get(acme, FEED)?.version, 2);
  const changed = await configs.change(update({ name: 'New' }, 2), by);
  assert.ok(changed.ok);
  assert.equal(changed.version.version, 3);
});

test('two tenants with the same scenario ids have nothing of each other', async (t) => {
  const { streams } = await openStreams(t);
  await using configs = await openTrackingConfigs(streams, options);
  await configs.change(create(acme, FEED, needs('a')), by);
  await configs.change(create(other, FEED, needs('b')), by);
  // Written out, these would share a name if tenant and scenario were joined carelessly.
  await configs.change(create('a' as TenantId, 'b.c', needs('x')), by);
  await configs.change(create('a-b' as TenantId, 'c', needs('y')), by);
  await configs.change(deactivate, by);
  assert.equal(lacks(configs), undefined);
  assert.deepEqual(lacks(configs, other), ['b']);
  assert.deepEqual(lacks(configs, 'a' as TenantId, 'b.c'), ['x']);
  assert.deepEqual(lacks(configs, 'a-b' as TenantId, 'c'), ['y']);
  assert.deepEqual(
    configs.list(other).map(({ subject }) => subject),
    ['config.other.vlog_feed'],
  );
  assert.equal(configs.history(other, FEED).length, 1);
  await using again = await openTrackingConfigs(streams, options);
  assert.equal(lacks(again), undefined);
  assert.deepEqual(lacks(again, other), ['b']);
});

test('a scenario id may be any text', async (t) => {
  const { streams } = await openStreams(t);
  const ids = ['界'.repeat(255), 'a\u0000b', 'a', '__proto__', '../..', ' ', '%2F', '-1'];
  {
    await using configs = await openTrackingConfigs(streams, options);
    for (const [n, id] of ids.entries()) {
      assert.ok((await configs.change(create(acme, id, needs(`f${n}`)), by)).ok, id);
    }
  }
  await using configs = await openTrackingConfigs(streams, options);
  for (const [n, id] of ids.entries()) assert.deepEqual(lacks(configs, acme, id), [`f${n}`], id);
});

test('configs are listed by scenario id, and by type and status', async (t) => {
  const { streams } = await openStreams(t);
  await using configs = await openTrackingConfigs(streams, options);
  await configs.change(create(acme, 'z'), by);
  await configs.change(create(acme, FEED), by);
  await configs.change(create(acme, 'a', { scenario_type: 'news' }), by);
  await configs.change(deactivate, by);
  const listed = (...filter: Parameters<TrackingConfigs['list']> extends [unknown, ...infer R] ? R : never) =>
    configs.list(acme, ...filter).map(({ config }) => config.scenario);
  assert.deepEqual(listed(), ['a', FEED, 'z']);
  assert.deepEqual(listed({ scenarioType: 'video' }), [FEED, 'z']);
  assert.deepEqual(listed({ scenarioType: 'video', status: 'active' }), ['z']);
  assert.deepEqual(listed({ status: 'inactive' }), [FEED]);
});

test('of many who change at once every change counts, and with an expected version one wins', async (t) => {
  const { streams } = await openStreams(t);
  await using one = await openTrackingConfigs(streams, options);
  await using two = await openTrackingConfigs(streams, options);
  const created = await Promise.all([one, two].map((node) => node.change(create(acme, FEED), by)));
  assert.deepEqual(created.map((changed) => changed.ok || changed.reason).toSorted(), ['exists', true]);
  const names = Array.from({ length: 8 }, (_, n) => `name ${n}`);
  await Promise.all(names.map((name, n) => (n % 2 ? one : two).change(update({ name }), by)));
  const history = one.history(acme, FEED).length === 9 ? one : two;
  assert.deepEqual(
    history
      .history(acme, FEED)
      .slice(1)
      .map(({ config }) => config.definition.name)
      .toSorted(),
    names,
  );
  const expecting = await Promise.all(
    names.map((name, n) => (n % 2 ? one : two).change(update({ name: `${name} again` }, 9), by)),
  );
  assert.equal(expecting.filter(({ ok }) => ok).length, 1);
  for (const changed of expecting) {
    if (!changed.ok) assert.deepEqual(changed, { ok: false, reason: 'version_conflict', actual: 10 });
  }
});

/** A store whose following can be made to fail, to end, and to keep quiet about what comes. */
function breakable(streams: StreamStore) {
  let broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  let down = false;
  let deaf = false;
  const store: StreamStore = {
    append: (...asked) => streams.append(...asked),
    read: (...asked) => streams.read(...asked),
    last: (stream) => streams.last(stream),
    async *follow(after, signal) {
      if (down) throw new Error('unreachable');
      const source = streams.follow(after, signal)[Symbol.asyncIterator]();
      let told = false;
      for (;;) {
        const next = await Promise.race([source.next(), broken.promise]);
        if (next.done) return;
        if (told && deaf && next.value !== 'caught_up') continue;
        if (next.value === 'caught_up') told = true;
        yield next.value;
      }
    },
    [Symbol.asyncDispose]: () => streams[Symbol.asyncDispose](),
  };
  return {
    store,
    break: () => {
      down = true;
      broken.reject(new Error('broken off'));
    },
    mend: () => {
      down = false;
      broken = Promise.withResolvers<never>();
      broken.promise.catch(() => undefined);
    },
    deafen: () => {
      deaf = true;
    },
  };
}

/** Resolves when the channel has announced something so many times. */
function announced(t: TestContext, times: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let left = times;
  const listener = (): void => {
    left -= 1;
    if (left === 0) resolve(undefined);
  };
  subscribe('daybook:schema-registry:unreachable', listener);
  t.after(() => unsubscribe('daybook:schema-registry:unreachable', listener));
  return promise;
}

test('while the streams cannot be reached the last that was known stays in force, and is caught up later', async (t) => {
  const { streams } = await openStreams(t);
  await using here = await openTrackingConfigs(streams, options);
  const line = breakable(streams);
  await using far = await openTrackingConfigs(line.store, { ...options, retryMs: 1 });
  await far.reached(positionOf(await here.change(create(acme, FEED, needs('a')), by)));
  const said = announced(t, 3);
  line.break();
  const position = positionOf(await here.change(update(needs('b')), by));
  await said;
  assert.deepEqual(lacks(here), ['b']);
  assert.deepEqual(lacks(far), ['a']);
  line.mend();
  await far.reached(position);
  assert.deepEqual(lacks(far), ['b']);
  assert.equal(far.history(acme, FEED).length, 2, 'what was known is not taken twice');
});

test('what the following did not tell of is found by reading again', async (t) => {
  const { streams } = await openStreams(t);
  await using here = await openTrackingConfigs(streams, options);
  const line = breakable(streams);
  const quick: TrackingConfigsOptions = { ...options, rereadMs: 50 };
  await using far = await openTrackingConfigs(line.store, quick);
  line.deafen();
  const position = positionOf(await here.change(create(acme, FEED, needs('a')), by));
  await far.reached(position);
  assert.deepEqual(lacks(far), ['a']);
});

test('a control plane that cannot be read at the start is said so', async (t) => {
  const { streams } = await openStreams(t);
  const line = breakable(streams);
  line.break();
  await assert.rejects(openTrackingConfigs(line.store, options), /unreachable/);
});

test('a change while the store is closed fails and changes nothing', async (t) => {
  const { streams } = await openStreams(t);
  await using configs = await openTrackingConfigs(streams, options);
  await configs.change(create(acme, FEED, needs('a')), by);
  await streams[Symbol.asyncDispose]();
  await assert.rejects(
    configs.change(update(needs('b')), by),
    (error) => error instanceof Fault && error.code === 'LOG_CLOSED',
  );
  assert.deepEqual(lacks(configs), ['a']);
});

test('streams and events of other forms make no config', async (t) => {
  const { streams } = await openStreams(t);
  await using configs = await openTrackingConfigs(streams, options);
  const definition = { scenario_type: 'video', name: 'x' };
  const data = { tenant: 'acme', scenario: FEED, version: 1, atMs: 1, definition };
  const append = async (stream: string, type: string, changed: JsonObject) => {
    const event = { id: randomUUID(), type, data: { ...data, ...changed }, metadata: {} };
    const appended = await streams.append(stream, [event], 'any');
    assert.ok(appended.ok);
    return appended.position;
  };
  const own = 'schema-config.acme.vlog_feed';
  await append('schema-event.acme.vlog_feed', 'config_created', {});
  await append('schema-config.other.vlog_feed', 'config_created', {});
  await append(own, 'config_approved', {});
  await append(own, 'config_created', { definition: { scenario_type: 'film' } });
  await append(own, 'config_created', { atMs: 'now' });
  await append(own, 'config_deactivated', {});
  await configs.reached(await append('tenant-acme', 'config_created', {}));
  assert.equal(configs.get(acme, FEED), undefined);
  assert.deepEqual(configs.list(other), []);
  // A stream that holds what is not understood here is not written to.
  await assert.rejects(
    configs.change(create(acme, FEED), by),
    (error) => error instanceof Fault && error.code === 'SCHEMA_CONTENDED',
  );
});
