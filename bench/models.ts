import assert from 'node:assert/strict';
import { startPlatform, temporaryDir } from '../test/platform.ts';
import type { Platform } from '../test/platform.ts';
import { runLoad, startServer } from './measure.ts';
import type { Load } from './load.ts';
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
      figure: `${thousands(rate)} events/s from the first event until the slowest model holds the last`,
      limit: `${thousands(alone)} events/s, the door and the log alone`,
      ratio: rate / alone,
      goals: [{ text: '>= 40 k/s', reached: rate >= 40_000 }],
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
