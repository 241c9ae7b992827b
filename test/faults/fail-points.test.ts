import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeHistory } from '../invariants/history.ts';
import type { Input } from '../invariants/history.ts';
import { PersistentSender } from '../invariants/killing.ts';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';
import { FAIL_AT, FAIL_POINTS, pointOf } from './fail-points.ts';
import type { FailPointName, Failing, Situation } from './fail-points.ts';
import { assertTruth, assertTruthOnline, untilFolded } from './truth.ts';
import type { Told } from './truth.ts';

const TENANTS = ['acme', 'globex'] as const;
const DAY_MS = 86_400_000;
/** Batches are spread over all of it. */
const MONTHS = 10;
const INPUTS_PER_LIFE = 150;
const LIFE_MS = 90_000;

const namesOf = (situation: Situation): FailPointName[] =>
  (Object.keys(FAIL_POINTS) as FailPointName[]).filter(
    (name) => (pointOf(name).during ?? 'load') === situation,
  );

const preload = (module: string): string => `--import=${new URL(module, import.meta.url).href}`;

/** Every life is later than the one before, so that a day that was tried may be sealed again. */
function surroundings(life: number, failFile: string, hurry: number): Record<string, string> {
  return {
    NODE_OPTIONS: [preload('test-clock.ts'), preload('fail-at.ts')].join(' '),
    TEST_CLOCK: JSON.stringify({ aheadMs: life * 6 * 60_000, hurry }),
    [FAIL_AT]: failFile,
    DAYBOOK_LOG_LEVEL: 'error',
  };
}

for (const situation of ['creation', 'load', 'sealing', 'stopping'] as const) {
  const names = namesOf(situation);
  test(`killed at each of ${names.length} points of ${situation}, the platform loses nothing and counts nothing twice`, async (t) => {
    const seed = seedOfRun();
    t.diagnostic(`seed ${seed} (repeat with DAYBOOK_TEST_SEED=${seed})`);
    // Tenants are created but once in a directory.
    const together = situation === 'creation' ? names.map((name) => [name]) : [names];
    for (const group of together) await killAtEach(t, group, seed);
  });
}

/** Lives one life after the other on one directory, each ended at a point, and compares all after each. */
async function killAtEach(t: TestContext, names: readonly FailPointName[], seed: number): Promise<void> {
  await using dir = await temporaryDir();
  const toMs = Date.now();
  const { inputs } = makeHistory({
    seed,
    tenants: TENANTS,
    events: names.length * INPUTS_PER_LIFE,
    fromMs: toMs - MONTHS * 30 * DAY_MS,
    toMs,
  });
  const sender = new PersistentSender(createRandom(seed));
  for (const [life, name] of names.entries()) {
    await t.test(name, async () => {
      const failFile = join(dir.path, `fail-${life}`);
      const hurry = pointOf(name).during === 'sealing' ? 60 : 1;
      const platform = await startPlatform({
        dataDir: dir.path,
        env: surroundings(life, failFile, hurry),
      });
      await using _ = platform;
      // What the life before has left.
      await sender.send(platform);
      await assertTruthOnline(platform, toldOf(inputs.slice(0, life * INPUTS_PER_LIFE), sender));
      const failing: Failing = { at: name, by: 'kill' };
      writeFileSync(`${failFile}.new`, JSON.stringify(failing));
      renameSync(`${failFile}.new`, failFile);
      sender.add(inputs.slice(life * INPUTS_PER_LIFE, (life + 1) * INPUTS_PER_LIFE));
      await liveUntilKilled(platform, name, sender);
      assert.equal(readFileSync(`${failFile}.reached`, 'utf8'), name);
    });
  }
  await t.test('and at the end', async () => {
    await using platform = await startPlatform({ dataDir: dir.path, env: { DAYBOOK_LOG_LEVEL: 'error' } });
    await sender.send(platform);
    await assertTruth(platform, toldOf(inputs.slice(0, names.length * INPUTS_PER_LIFE), sender));
  });
}

function toldOf(inputs: readonly Input[], { answers }: PersistentSender): Told {
  return { inputs, answers };
}

/** Does what leads to the point, until the process has gone; fails when it does not go. */
async function liveUntilKilled(
  platform: Platform,
  name: FailPointName,
  sender: PersistentSender,
): Promise<void> {
  const living = live(platform, name, sender).catch(() => undefined);
  const limit = sleep(LIFE_MS, undefined, { ref: false }).then(() => 'still alive');
  const end = await Promise.race([platform.gone, limit]);
  assert.equal(end, 'SIGKILL', `${name} was not reached\n${platform.written()}`);
  await living;
}

/** What goes wrong here is that the platform goes, which is what is wanted. */
async function live(platform: Platform, name: FailPointName, sender: PersistentSender): Promise<void> {
  await sender.send(platform, { isEnded: false, mayEnd: true });
  if (pointOf(name).during !== 'stopping') return;
  for (const tenant of TENANTS) await untilFolded(platform, tenant);
  await platform.stop();
}
