import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { keptGenerations } from '#domain';
import { createRandom, seedOfRun } from '../test/random.ts';
import type { ProjectionStatus } from '#projections';
import { eventsOf, openRebuildHouse } from '../test/rebuild-house.ts';
import type { RebuildHouse } from '../test/rebuild-house.ts';
import { tenantId } from '../test/tenant-id.ts';

const KILLS = 12;
const AT_FIRST = 2000;
const AT_ONCE = 40;
const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const TENANTS = [ACME, UMBRA];
const WHOLE = { kind: 'all' } as const;
const PART = { kind: 'event', event: 'click' } as const;
const ENDED = ['activated', 'different', 'failed'] as const;
/** Small portions, so that every kill finds something half done. */
const HURRIED = { maxRecords: 1000, bulkRecords: 200, lookBack: 1024n, firstSeenAfterMs: 50 };

/**
 * What the process that is killed does: it appends and rebuilds, whole and in part, activates what is equal, and
 * drops what was active before.
 */
async function rebuildUntilKilled(dataDir: string): Promise<void> {
  const house = await openRebuildHouse({ dataDir, tuning: HURRIED });
  process.stdout.write('rebuilding\n');
  await Promise.all([...TENANTS.map((tenant) => rebuildForEver(house, tenant)), appendForEver(house)]);
}

async function rebuildForEver(house: RebuildHouse, tenant: typeof ACME): Promise<never> {
  const of = { projection: 'facts', tenant };
  for (let round = 0; ; round++) {
    const { rebuild, generations } = await house.rebuilds.show(of);
    const previous = generations.filter(({ role }) => role === 'previous');
    for (const { generation } of previous) await house.rebuilds.drop(of, generation, house.by);
    const how = { scope: round % 2 === 0 ? WHOLE : PART, activate: true };
    if (rebuild?.stage !== 'activated' && rebuild) refuseUnequal(await house.until(of, ...ENDED));
    await house.rebuilds.rebuild(of, how, house.by);
    refuseUnequal(await house.until(of, ...ENDED));
  }
}

function refuseUnequal({ rebuild }: ProjectionStatus): void {
  if (rebuild?.stage === 'activated') return;
  process.stdout.write(`UNEQUAL ${inspect(rebuild, { depth: 6 })}\n`);
  process.exit(1);
}

async function appendForEver(house: RebuildHouse): Promise<never> {
  for (;;) {
    for (const tenant of TENANTS) {
      const { next } = await house.log.bounds({ tenant, channel: 'events' });
      const from = Number(next.reduce((sum, offset) => sum + offset, 0n));
      await house.append(tenant, eventsOf(tenant, from, from + AT_ONCE));
    }
    await sleep(60);
  }
}

async function killOnce(dataDir: string, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: { ...process.env, DAYBOOK_TEST_REBUILT_DIRECTORY: dataDir, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let written = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written += text));
  const gone = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), gone]);
  await Promise.race([sleep(afterMs), gone]);
  assert.equal(child.exitCode, null, `the process ended by itself: ${written}`);
  child.kill('SIGKILL');
  await gone;
}

async function killedManyTimes(dataDir: string, seed: number): Promise<void> {
  const random = createRandom(seed);
  {
    await using house = await openRebuildHouse({ dataDir });
    for (const tenant of TENANTS) await house.append(tenant, eventsOf(tenant, 0, AT_FIRST));
  }
  for (let kill = 0; kill < KILLS; kill++) await killOnce(dataDir, 1000 + random.below(5000));

  await using house = await openRebuildHouse({ dataDir });
  let rebuilt = 0;
  for (const tenant of TENANTS) {
    const of = { projection: 'facts', tenant };
    const { next } = await house.log.bounds({ tenant, channel: 'events' });
    await house.folded(tenant, next);
    const { rebuild } = await house.until(of, 'activated', 'different', 'failed');
    assert.equal(rebuild?.stage, 'activated', inspect(rebuild, { depth: 6 }));
    const total = next.reduce((sum, offset) => sum + offset, 0n);
    const kept = keptGenerations(house.generations.of(of));
    assert.equal(kept.filter(({ role }) => role === 'active').length, 1);
    for (const { generation } of kept) {
      assert.ok(await house.model.waitFor({ tenant, generation }, next, AbortSignal.timeout(60_000)));
      const { rows } = await house.store.query({
        sql: `SELECT count() AS n, uniqExact(log_partition, log_offset) AS places, uniqExact(event_id) AS ids
          FROM analysis_db.facts_g${generation} WHERE tenant_id = {tenant:String}`,
        params: { tenant },
      });
      const all = String(total);
      assert.deepEqual(rows, [{ n: all, places: all, ids: all }], `generation ${generation} of ${tenant}`);
    }
    rebuilt += house.generations.of(of).all.length - 1;
  }
  assert.ok(rebuilt > TENANTS.length, `only ${rebuilt} rebuilds were begun`);
}

const directory = process.env['DAYBOOK_TEST_REBUILT_DIRECTORY'];
if (directory !== undefined) await rebuildUntilKilled(directory);
else {
  const seed = seedOfRun();
  test(`killed ${KILLS} times amid rebuilds under load, no record is lost or doubled (seed ${seed})`, async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'daybook-rebuilt-'));
    t.after(() => rm(dataDir, { recursive: true }));
    await killedManyTimes(dataDir, seed);
  });
}
