import assert from 'node:assert/strict';
import { parseTenantId } from '#domain';
import type { Tenant, TenantId } from '#domain';
import type { EventLog, NewRecord } from '#log';
import {
  ITEMS,
  LIVE_VIEWS,
  Seals,
  USER_PROFILES,
  documentProgressOf,
  startFactProjector,
  startProjectorThreads,
  startSealer,
  viewProgressOf,
} from '#projections';
import type { ProjectionProgress } from '#projections';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from '../projections/lmdb-checkpoint-store.ts';
import { openLmdbSealStore } from '../projections/lmdb-seal-store.ts';
import { startPlatform, temporaryDir } from '../test/platform.ts';
import type { Platform } from '../test/platform.ts';
import type { Load } from './load.ts';
import { runLoad, startServer, timed } from './measure.ts';
import { recordOf } from './records.ts';
import { thousands } from './report.ts';
import type { Bench } from './report.ts';

/** Every read model, and a question that can wait until it holds all that was acknowledged. */
const MODELS = {
  facts: '/api/analytics/events?event=any&measure=count&interval=day&range=24h',
  'live views': '/api/analytics/realtime/stats?',
  profiles: '/api/analytics/users/user-1/profile?',
  items: '/api/v1/items?limit=1',
} as const;
const TENANT = 'acme';
const CATCH_UP_MS = 600_000;

/**
 * All read models at once: events are sent as fast as the door takes them, then it is measured how long each
 * model takes until it holds the last of them. The rate is that of the slowest, from the first event on.
 */
export const bench: Bench = async ({ quick, progress }) => {
  progress('from the log');
  const fromLog = await ratesFromLog(quick ? 200_000 : 1_000_000);
  const load: Omit<Load, 'port'> = {
    path: '/api/v1/behaviors/track/batch',
    tenant: TENANT,
    connections: 32,
    batch: 100,
    warmUpMs: 0,
    durationMs: quick ? 8_000 : 20_000,
    rate: 0,
  };
  progress('the door and the log alone');
  const alone = await aloneRate(load);

  progress('sending with all read models following');
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const startedAt = performance.now();
  const { events, seconds, refused } = await runLoad({ ...load, port: platform.port });
  const sent = await countOf(platform);
  progress('until the last one holds everything');
  const done = await Promise.all(
    Object.entries(MODELS).map(async ([model, path]) => {
      await untilAllIsIn(platform, path);
      return { model, ms: performance.now() - startedAt };
    }),
  );
  const slowest = Math.max(...done.map(({ ms }) => ms));
  const rate = sent / (slowest / 1000);
  const ingest = events / seconds;
  const each = done.map(({ model, ms }) => `${model} ${thousands(sent / (ms / 1000))}`).join(', ');
  return [
    {
      path: 'steady projection, all read models',
      figure: `${thousands(fromLog.all)} events/s, appending to the log included`,
      limit: `${thousands(fromLog.log)} events/s, appending alone`,
      ratio: fromLog.all / fromLog.log,
      goals: [{ text: '>= 40 k/s', reached: fromLog.all >= 40_000 }],
      note: `events of the last minute; by model: ${fromLog.each}`,
    },
    {
      path: 'the same beside the HTTP door',
      figure: `${thousands(rate)} events/s from the first event until the slowest model holds the last`,
      limit: `${thousands(alone)} events/s, the door and the log alone`,
      ratio: rate / alone,
      goals: [],
      note: `${thousands(sent)} events, taken at ${thousands(ingest)} events/s meanwhile (${refused} refused); by model: ${each} events/s`,
    },
  ];
};

async function aloneRate(load: Omit<Load, 'port'>): Promise<number> {
  await using server = await startServer('door-server.ts');
  const { events, seconds } = await runLoad({ ...load, port: server.port });
  return events / seconds;
}

/** What the platform has accepted, those sent while the load began and ended among them. */
async function countOf(platform: Platform): Promise<number> {
  const reply = await platform.get(`/api/v1/behaviors/health?tenant_id=${TENANT}`);
  assert.equal(reply.status, 200, reply.text);
  const { stats } = reply.body as { stats: { kafka_success: number } };
  return stats.kafka_success;
}

async function untilAllIsIn(platform: Platform, path: string): Promise<void> {
  const until = performance.now() + CATCH_UP_MS;
  for (;;) {
    const reply = await platform.get(`${path}&tenant_id=${TENANT}&wait_for=latest&timeout=30s`);
    if (reply.status === 200) return;
    assert.match(reply.text, /QUERY_NOT_YET_VISIBLE/);
    assert.ok(performance.now() < until, `${path} does not catch up`);
  }
}

const PARTITIONS = 4;
const CALL = 1_000;
const SENDERS = 4;

/** Records appended by a few senders at once, with every read model of the product following in its own place. */
export async function ratesFromLog(
  records: number,
): Promise<{ readonly log: number; readonly all: number; readonly each: string }> {
  await using dir = await temporaryDir();
  await using log = await openLmdbEventLog({ dataDir: dir.path });
  const [alone, followed] = [tenantOf('alone'), tenantOf(TENANT)];
  for (const { id } of [alone, followed]) await log.create(id, { partitions: PARTITIONS });
  const onlyLog = await timed(() => appendAll(log, alone.id, callsOf(alone.id, records)));

  const { path: dataDir } = dir;
  const tenants = {
    onTenant(listener: (tenant: Tenant) => void): Disposable {
      listener(followed);
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const clock = Date.now;
  await using facts = await openChdbFactStore({ dataDir });
  await facts.prepare(1);
  await using checkpoints = await openLmdbCheckpointStore({ dataDir });
  await using store = await openLmdbSealStore({ dataDir });
  const seals = new Seals({ store, slices: facts, generation: 1 });
  await using projector = startFactProjector({ log, tenants, facts, checkpoints, clock, seals });
  await using _sealer = startSealer({ seals, slices: facts, progress: projector, clock });
  const entry = new URL('../worker.ts', import.meta.url);
  const groups = [[LIVE_VIEWS.name], [USER_PROFILES.name, ITEMS.name]];
  await using thread = startProjectorThreads(groups, { entry, settings: { dataDir }, log, clock });
  for (const projection of [LIVE_VIEWS, ITEMS, USER_PROFILES]) {
    thread.follow({ projection: projection.name, generation: 1, tenant: followed.id });
  }
  const models: Readonly<Record<string, ProjectionProgress>> = {
    facts: projector,
    'live views': viewProgressOf(thread),
    profiles: documentProgressOf(thread, USER_PROFILES),
    items: documentProgressOf(thread, ITEMS),
  };
  for (const model of Object.values(models)) assert.ok(await model.state(followed.id));
  // Made before: whoever sends events is not part of the platform.
  const calls = callsOf(followed.id, records);
  const startedAt = performance.now();
  await appendAll(log, followed.id, calls);
  const { next } = await log.bounds({ tenant: followed.id, channel: 'events' });
  const done = await Promise.all(
    Object.entries(models).map(async ([name, model]) => {
      assert.ok(await model.waitFor(followed.id, next, AbortSignal.timeout(CATCH_UP_MS)));
      return { name, seconds: (performance.now() - startedAt) / 1000 };
    }),
  );
  return {
    log: (records * 1000) / onlyLog.ms,
    all: records / Math.max(...done.map(({ seconds }) => seconds)),
    each: done.map(({ name, seconds }) => `${name} ${thousands(records / seconds)}`).join(', '),
  };
}

function tenantOf(name: string): Tenant {
  const parsed = parseTenantId(name);
  assert.ok(parsed.ok);
  return { id: parsed.tenant, partitions: PARTITIONS, createdAtMs: 0 };
}

/** Live traffic: what is appended happened within the last minute. */
function callsOf(tenant: TenantId, records: number): NewRecord[][] {
  const nowMs = Date.now();
  return Array.from({ length: records / CALL }, (_, call) =>
    Array.from({ length: CALL }, (_unused, n) =>
      recordOf(tenant, call * CALL + n, nowMs - ((call * CALL + n) % 60_000)),
    ),
  );
}

async function appendAll(log: EventLog, tenant: TenantId, calls: readonly NewRecord[][]): Promise<void> {
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let call = calls[next++]; call; call = calls[next++]) {
      await log.append({ tenant, channel: 'events' }, call);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}
