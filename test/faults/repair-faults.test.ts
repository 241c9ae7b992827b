import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withKeptUnanswered } from '../invariants/killing.ts';
import { settle } from '../invariants/ledger.ts';
import type { Kept } from '../invariants/ledger.ts';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { arm, failureEnv } from './arm.ts';
import { namesOf } from './fail-points.ts';
import { loseFacts, metaOf, repair } from './lost-facts.ts';
import { Trial } from './trial.ts';
import { assertTruth, assertTruthOnline } from './truth.ts';

const DAY_MS = 86_400_000;
const LIFE_MS = 120_000;
const SILENT = { DAYBOOK_LOG_LEVEL: 'silent' };

/** What of a tenant stands in the log by the answers so far. */
function keptOf({ inputs, sender }: Trial, tenant: string): readonly Kept[] {
  return settle(inputs, withKeptUnanswered(inputs, sender.answers)).accepted.get(tenant) ?? [];
}

const rangeOf = (kept: readonly Kept[]) => {
  const times = kept.map(({ event }) => event.timestamp);
  return { fromMs: Math.min(...times), toMs: Math.max(...times) + 1 };
};

test('killed amid a repair, what is repaired again is whole, and answers say so', async (t) => {
  await using dir = await temporaryDir();
  // The last point is left out: what is lost for it does not stay lost until it is its turn.
  const names = namesOf('repair').slice(0, -1);
  const env = { ...SILENT, DAYBOOK_LOG_PARTITIONS: String(names.length) };
  const toMs = Date.now() - 2 * DAY_MS;
  const trial = new Trial(t, { events: 400, fromMs: toMs - 5 * DAY_MS, toMs });
  {
    await using platform = await startPlatform({ dataDir: dir.path, env });
    trial.add(400);
    await trial.sender.send(platform);
    await assertTruth(platform, trial.told());
  }
  const kept = keptOf(trial, 'acme');
  // In every partition some, each at an end and amid others.
  const lost = kept.filter(({ offset }) => offset % 5n < 2n);
  const lostIn = (partition: number): number => lost.filter((one) => one.partition === partition).length;
  await loseFacts(dir.path, 1, `tenant_id = 'acme' AND log_offset % 5 < 2`);
  const missingOf = async (platform: Platform): Promise<number> =>
    (await metaOf(platform, 'acme', rangeOf(kept))).completeness.missing;

  let missing = lost.length;
  for (const [partition, at] of names.entries()) {
    await t.test(at, async () => {
      const file = join(dir.path, at);
      const hurry = 60;
      await using platform = await startPlatform({
        dataDir: dir.path,
        env: { ...env, ...failureEnv(file, { hurry }) },
      });
      if (partition > 0) {
        // What the life before has begun is given again.
        await repair(platform, scopeOf(partition - 1));
        missing -= lostIn(partition - 1);
      }
      assert.ok(lostIn(partition) > 2, `${lostIn(partition)} are lost in partition ${partition}`);
      assert.equal(await missingOf(platform), missing);
      arm(file, { at, by: 'kill' });
      const repairing = repair(platform, scopeOf(partition)).catch(() => undefined);
      const limit = sleep(LIFE_MS, undefined, { ref: false }).then(() => 'still alive');
      assert.equal(await Promise.race([platform.gone, limit]), 'SIGKILL', `${at} was not reached`);
      assert.equal(readFileSync(`${file}.reached`, 'utf8'), at);
      assert.equal(await repairing, undefined);
    });
  }
  await using platform = await startPlatform({ dataDir: dir.path, env });
  await repair(platform, { tenant_id: 'acme' });
  const {
    records,
    facts,
    missing: still,
    copies,
  } = (await metaOf(platform, 'acme', rangeOf(kept))).completeness;
  assert.deepEqual([records, facts, still, copies], [kept.length, kept.length, 0, 0]);
  const again = await repair(platform, { tenant_id: 'acme' });
  assert.deepEqual([again.inserted, again.checked], [0, kept.length]);
  await assertTruth(platform, trial.told());
});

function scopeOf(partition: number): Readonly<Record<string, unknown>> {
  return { tenant_id: 'acme', partition, from_offset: '0', to_offset: '1000000' };
}

test('facts that were let go are before the horizon, not missing, and no repair brings them back', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 480 });
  let pinned: string;
  {
    await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
    trial.add(480);
    await trial.sender.send(platform);
    await assertTruthOnline(platform, trial.told());
    pinned = (await metaOf(platform, 'acme', rangeOf(keptOf(trial, 'acme')))).as_of;
    assert.equal(await platform.stop(), 0);
  }
  const kept = keptOf(trial, 'acme');
  const recent = kept.filter(({ event }) => event.timestamp > Date.now() - 80 * DAY_MS);
  assert.ok(recent.length > 3 && recent.length < kept.length - 3);
  const lost = recent.slice(0, 3).map(({ partition, offset }) => `(${partition}, ${offset})`);
  await loseFacts(dir.path, 1, `tenant_id = 'acme' AND (log_partition, log_offset) IN (${lost.join(', ')})`);

  const env = { ...SILENT, DAYBOOK_FACTS_RETENTION_DAYS: '90', DAYBOOK_INGRESS_MAX_AGE_DAYS: '0' };
  // Every day must be sealed before any facts may go.
  const hurried = failureEnv(join(dir.path, 'never'), { hurry: 60 });
  await using platform = await startPlatform({ dataDir: dir.path, env: { ...env, ...hurried } });
  const horizonMs = await untilLetGo(platform, kept);
  const gone = kept.filter(({ event }) => event.timestamp < horizonMs).length;
  assert.ok(gone > 3, `${gone} were let go`);
  const completeness = async () => {
    const { records, facts, before_horizon, missing } = (await metaOf(platform, 'acme', rangeOf(kept)))
      .completeness;
    return [records, facts, before_horizon, missing];
  };
  assert.deepEqual(await completeness(), [kept.length, kept.length - gone - 3, gone, 3]);
  const { inserted, checked } = await repair(platform, { tenant_id: 'acme' });
  assert.deepEqual([inserted, checked], [3, kept.length]);
  assert.deepEqual(await completeness(), [kept.length, kept.length - gone, gone, 0]);
  assert.equal((await repair(platform, { tenant_id: 'acme' })).inserted, 0);

  const [from, to] = [rangeOf(kept).fromMs, rangeOf(kept).toMs].map((ms) => new Date(ms).toISOString());
  const path = `/api/analytics/dashboard?tenant_id=acme&from=${from}&to=${to}&as_of=${pinned}`;
  const refused = await platform.get(path);
  assert.equal(refused.status, 410, refused.text);
  assert.match(refused.text, /QUERY_PIN_UNAVAILABLE/);
  await assertTruth(platform, { ...trial.told(), factsFromMs: horizonMs });
});

/** The horizon, epoch ms, once the facts before it are gone. */
async function untilLetGo(platform: Platform, kept: readonly Kept[]): Promise<number> {
  const deadline = performance.now() + LIFE_MS;
  for (;;) {
    const { horizon, completeness } = await metaOf(platform, 'acme', rangeOf(kept));
    if (horizon !== undefined && completeness.before_horizon > 0) {
      const gone = kept.filter(({ event }) => event.timestamp < Date.parse(horizon)).length;
      if (completeness.facts + gone + 3 === kept.length) return Date.parse(horizon);
    }
    assert.ok(performance.now() < deadline, `nothing was let go\n${platform.written()}`);
    await sleep(200);
  }
}
