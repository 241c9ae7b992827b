import { startPlatform, temporaryDir } from '../test/platform.ts';
import { coresUsed, runLoad, startServer } from './measure.ts';
import type { Load, LoadResult } from './load.ts';
import { thousands } from './report.ts';
import type { Bench, Goal, Row } from './report.ts';

type Measured = { readonly load: LoadResult; readonly cores: number };

const SINGLE = '/api/v1/behaviors/track';
const BATCH = '/api/v1/behaviors/track/batch';

/** Durable ingest over HTTP, one event per request and a hundred, beside a server that keeps nothing. */
export const bench: Bench = async ({ quick, progress }) => {
  const rows: Row[] = [];
  for (const { name, path, batch, connections, goals } of [
    {
      name: 'HTTP ingest, one event per request, durable',
      path: SINGLE,
      batch: 0,
      connections: [64, 512],
      goals: (rate: number, ratio: number): Goal[] => [
        { text: '>= 0.6 of it', reached: ratio >= 0.6 },
        { text: '>= 25 k/s', reached: rate >= 25_000 },
      ],
    },
    {
      name: 'HTTP ingest, batches of 100, distinct random ids, durable',
      path: BATCH,
      batch: 100,
      connections: [32],
      goals: (rate: number, ratio: number): Goal[] => [
        { text: '>= 0.25 of it', reached: ratio >= 0.25 },
        { text: '>= 100 k events/s', reached: rate >= 100_000 },
      ],
    },
  ]) {
    for (const each of connections) {
      const load = {
        path,
        tenant: 'acme',
        connections: each,
        batch,
        warmUpMs: quick ? 1_500 : 4_000,
        durationMs: quick ? 4_000 : 15_000,
        rate: 0,
      };
      progress(`${name}, ${each} connections`);
      const limit = await measureServer('limit-server.ts', load);
      const alone = await measureServer('door-server.ts', load);
      const own = await measurePlatform(load);
      rows.push(rowOf(`${name}, ${each} connections`, { own, alone, limit }, goals));
    }
  }
  return rows;
};

async function measureServer(script: string, load: Omit<Load, 'port'>): Promise<Measured> {
  await using server = await startServer(script);
  const { result, cores } = await coresUsed(server.pid, () => runLoad({ ...load, port: server.port }));
  return { load: result, cores };
}

async function measurePlatform(load: Omit<Load, 'port'>): Promise<Measured> {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path });
  const pid = platform.process.pid ?? 0;
  const { result, cores } = await coresUsed(pid, () => runLoad({ ...load, port: platform.port }));
  return { load: result, cores };
}

function rowOf(
  path: string,
  { own, alone, limit }: { readonly own: Measured; readonly alone: Measured; readonly limit: Measured },
  goals: (rate: number, ratio: number) => Goal[],
): Row {
  const rate = own.load.events / own.load.seconds;
  const most = limit.load.events / limit.load.seconds;
  return {
    path,
    figure: `${thousands(rate)} events/s, p50 ${own.load.p50.toFixed(1)} p99 ${own.load.p99.toFixed(1)} ms`,
    limit: `${thousands(most)} events/s`,
    ratio: rate / most,
    goals: goals(rate, rate / most),
    note:
      `the door and the log alone, nothing projected: ${thousands(alone.load.events / alone.load.seconds)} events/s ` +
      `at ${alone.cores.toFixed(2)} cores; the platform used ${own.cores.toFixed(2)} cores (log, index and all read models included), ` +
      `the generator ${own.load.ownCores.toFixed(2)}; the limit ${limit.cores.toFixed(2)} and ` +
      `${limit.load.ownCores.toFixed(2)}; ${own.load.refused} refused`,
  };
}
