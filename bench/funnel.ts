import assert from 'node:assert/strict';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { startPlatform, temporaryDir } from '../test/platform.ts';
import type { Platform } from '../test/platform.ts';
import type { FunnelAnswer } from '../test/invariants/asking.ts';
import { median, timed } from './measure.ts';
import type { Bench } from './report.ts';
import { FUNNEL_STEPS, MONTH, fillShop, freshFunnel } from './shop.ts';

const ROUNDS = 9;

/** A four-step funnel as it is asked, pinned to its vector, beside the plainest SQL an expert would write. */
export const bench: Bench = async ({ quick, progress }) => {
  const events = quick ? 300_000 : 2_000_000;
  await using dir = await temporaryDir();
  progress(`sending ${events} events`);
  const asked = await answered(dir.path, events);
  progress('the same by hand-written SQL');
  const byHand = await handWritten(dir.path);
  assert.deepEqual(asked.users, byHand.users, 'both must count the same');
  const ratio = asked.ms / byHand.ms;
  return [
    {
      path: `4-step funnel, ${events / 1e6} M events of one tenant`,
      figure: `${asked.ms.toFixed(0)} ms pinned, over HTTP`,
      limit: `${byHand.ms.toFixed(0)} ms hand-written windowFunnel`,
      ratio,
      goals: [
        { text: '<= 1.15', reached: ratio <= 1.15 },
        { text: '< 300 ms at 2 M', reached: asked.ms < 300 && events >= 2_000_000 },
      ],
      note: 'the answer also has average and median times of every step, which the hand-written SQL has not',
    },
  ];
};

type Measured = { readonly ms: number; readonly users: readonly number[] };

async function answered(dataDir: string, events: number): Promise<Measured> {
  await using platform: Platform = await startPlatform({ dataDir });
  await fillShop(platform, { tenant: 'acme', events });
  const times: number[] = [];
  let users: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const { result, ms } = await timed(() => platform.post('/api/analytics/funnel', freshFunnel('acme', n)));
    assert.equal(result.status, 200, result.text);
    users = (result.body as FunnelAnswer).steps.map((step) => step.users);
    times.push(ms);
  }
  await platform.stop();
  return { ms: median(times), users };
}

async function handWritten(dataDir: string): Promise<Measured> {
  await using facts = await openChdbFactStore({ dataDir });
  const steps = FUNNEL_STEPS.map((event) => `event_name = '${event}'`).join(', ');
  const times: number[] = [];
  let reached: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const { result, ms } = await timed(() =>
      facts.query<{ level: number; users: string }>({
        sql: `SELECT level, count() AS users FROM (
            SELECT user_id, windowFunnel(604800000)(toUInt64(toUnixTimestamp64Milli(ts)), ${steps}) AS level
            FROM analysis_db.facts_g1
            WHERE tenant_id = {tenant:String} AND event_name IN (${FUNNEL_STEPS.map((name) => `'${name}'`).join(', ')})
              AND ts >= fromUnixTimestamp64Milli({from:Int64}) AND ts < fromUnixTimestamp64Milli({to:Int64})
            GROUP BY user_id
          ) GROUP BY level`,
        params: { tenant: 'acme', from: Date.parse(MONTH.from), to: MONTH.toMs + n },
      }),
    );
    times.push(ms);
    reached = FUNNEL_STEPS.map((_, step) =>
      result.rows.reduce((sum, row) => (row.level > step ? sum + Number(row.users) : sum), 0),
    );
  }
  return { ms: median(times), users: reached };
}
