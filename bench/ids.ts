import { startPlatform, temporaryDir } from '../test/platform.ts';
import { runLoad } from './measure.ts';
import { thousands } from './report.ts';
import type { Bench } from './report.ts';

/** Batches of 100 with random ids until ten million of them stand in the log: does it get slower? */
export const bench: Bench = async ({ quick, progress }) => {
  const ids = quick ? 1_000_000 : 10_000_000;
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const rates: number[] = [];
  let sent = 0;
  let refused = 0;
  while (sent < ids) {
    const result = await runLoad({
      port: platform.port,
      path: '/api/v1/behaviors/track/batch',
      tenant: 'acme',
      connections: 32,
      batch: 100,
      warmUpMs: 0,
      durationMs: quick ? 3_000 : 10_000,
      rate: 0,
    });
    sent += result.events;
    refused += result.refused;
    rates.push(result.events / result.seconds);
    progress(`${thousands(sent)} ids, now ${thousands(rates.at(-1) ?? 0)} events/s`);
  }
  // The first stretch warms the process up.
  const [, first = NaN] = rates;
  const last = rates.at(-1) ?? NaN;
  return [
    {
      path: `batches of 100, ${ids / 1e6} M distinct random ids`,
      figure: `${thousands(last)} events/s at the end`,
      limit: `${thousands(first)} events/s at the start`,
      ratio: last / first,
      goals: [{ text: 'no decline (>= 0.9)', reached: last >= 0.9 * first && refused === 0 }],
      note: `the projection of the facts runs beside it; ${refused} refused`,
    },
  ];
};
