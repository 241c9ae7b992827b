import { startPlatform, temporaryDir } from '../test/platform.ts';
import { runLoad } from './measure.ts';
import type { Load } from './load.ts';
import type { Bench } from './report.ts';
import { fillShop, freshFunnel } from './shop.ts';

const HEAVY = 8;

/** Durable acknowledgements at a steady pace, alone and beside eight funnels at a time. */
export const bench: Bench = async ({ quick, progress }) => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const events = quick ? 200_000 : 1_000_000;
  progress(`sending ${events} events`);
  await fillShop(platform, { tenant: 'acme', events });
  const load: Load = {
    port: platform.port,
    path: '/api/v1/behaviors/track',
    tenant: 'acme',
    connections: 16,
    batch: 0,
    warmUpMs: 1_000,
    durationMs: quick ? 5_000 : 20_000,
    rate: 250,
  };
  progress('acknowledgements alone');
  const alone = await runLoad(load);
  progress(`acknowledgements beside ${HEAVY} questions`);
  const done = new AbortController();
  let answered = 0;
  const askers = Array.from({ length: HEAVY }, async (_, asker) => {
    for (let n = 0; !done.signal.aborted; n++) {
      const reply = await platform.post('/api/analytics/funnel', freshFunnel('acme', asker * 1_000_000 + n));
      if (reply.status === 200) answered++;
    }
  });
  const beside = await runLoad(load);
  done.abort();
  await Promise.all(askers);
  const seconds = (load.durationMs + load.warmUpMs) / 1000;
  return [
    {
      path: `durable ack beside ${HEAVY} heavy questions`,
      figure: `p50 ${beside.p50.toFixed(1)} ms, p99 ${beside.p99.toFixed(1)} ms`,
      limit: `alone p50 ${alone.p50.toFixed(1)} ms, p99 ${alone.p99.toFixed(1)} ms`,
      goals: [{ text: 'p99 < 100 ms', reached: beside.p99 < 100 && beside.refused === 0 }],
      note: `${load.rate} acknowledgements/s while ${(answered / seconds).toFixed(1)} funnels/s over ${events} events were answered; ${beside.refused} refused; no rebuild runs beside it yet`,
    },
  ];
};
