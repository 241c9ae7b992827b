import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPlatform, temporaryDir } from '../test/platform.ts';
import type { Platform } from '../test/platform.ts';
import { SINGLE_PATH } from '../test/invariants/sending.ts';
import { runLoad, quantile } from './measure.ts';
import type { Bench } from './report.ts';

const LOAD_PER_SECOND = 20_000;
const BATCH = 100;

/** How long after its acknowledgement an event stands in the dashboard, asked over and over, under load. */
export const bench: Bench = async ({ quick, progress }) => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const durationMs = quick ? 8_000 : 30_000;
  progress(`${LOAD_PER_SECOND} events/s of load`);
  const load = runLoad({
    port: platform.port,
    path: '/api/v1/behaviors/track/batch',
    tenant: 'acme',
    connections: 8,
    batch: BATCH,
    warmUpMs: 1_000,
    durationMs,
    rate: LOAD_PER_SECOND / BATCH,
  });
  const until = performance.now() + durationMs;
  const delays: number[] = [];
  for (let n = 1; performance.now() < until; n++) delays.push(await delayOf(platform, n));
  const { events, seconds, refused } = await load;
  const p95 = quantile(delays, 0.95);
  return [
    {
      path: 'ack to visible in the dashboard',
      figure: `p50 ${quantile(delays, 0.5).toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`,
      limit: '-',
      goals: [{ text: 'p95 < 1 s under load', reached: p95 < 1000 && refused === 0 }],
      note: `${delays.length} events followed beside ${Math.round(events / seconds)} events/s of load (${refused} refused)`,
    },
  ];
};

/** Sends the n-th impression of a quiet tenant's scenario of its own and asks until it is counted. */
async function delayOf(platform: Platform, n: number): Promise<number> {
  const scenario = `watched-${n}`;
  const sent = await platform.post(SINGLE_PATH, {
    tenant_id: 'acme',
    scenario_id: scenario,
    user_id: `watcher-${n}`,
    item_id: 'item',
    action_type: 'impression',
    context: { device_type: 'pc' },
  });
  assert.equal(sent.status, 200, sent.text);
  const acknowledgedAt = performance.now();
  for (;;) {
    const reply = await platform.get(
      `/api/analytics/dashboard?tenant_id=acme&scenario_id=${scenario}&range=24h`,
    );
    assert.equal(reply.status, 200, reply.text);
    const { overview } = reply.body as { overview: { total_recommendations: number } };
    if (overview.total_recommendations === 1) return performance.now() - acknowledgedAt;
    await sleep(20);
  }
}
