import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PersistentSender } from '../invariants/killing.ts';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { arm, failureEnv } from './arm.ts';
import { namesOf, pointOf } from './fail-points.ts';
import type { FailPointName } from './fail-points.ts';
import { Trial } from './trial.ts';
import { assertTruth, assertTruthOnline, untilFolded } from './truth.ts';

const TENANTS = ['acme', 'globex'] as const;
const INPUTS_PER_LIFE = 150;
const LIFE_MS = 90_000;

for (const situation of ['creation', 'load', 'sealing', 'stopping'] as const) {
  const names = namesOf(situation);
  test(`killed at each of ${names.length} points of ${situation}, the platform loses nothing and counts nothing twice`, async (t) => {
    // Tenants are created but once in a directory.
    const together = situation === 'creation' ? names.map((name) => [name]) : [names];
    for (const group of together) await killAtEach(t, group);
  });
}

/** Lives one life after the other on one directory, each ended at a point, and compares all after each. */
async function killAtEach(t: TestContext, names: readonly FailPointName[]): Promise<void> {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { tenants: TENANTS, events: names.length * INPUTS_PER_LIFE });
  const { sender } = trial;
  for (const [life, name] of names.entries()) {
    await t.test(name, async () => {
      const failFile = join(dir.path, `fail-${life}`);
      const hurry = pointOf(name).during === 'sealing' ? 60 : 1;
      const platform = await startPlatform({
        dataDir: dir.path,
        env: {
          DAYBOOK_LOG_LEVEL: 'error',
          // Later than the life before, so that a day that was tried may be sealed again.
          ...failureEnv(failFile, { aheadMs: life * 6 * 60_000, hurry }),
        },
      });
      await using _ = platform;
      // What the life before has left.
      await sender.send(platform);
      await assertTruthOnline(platform, trial.told());
      arm(failFile, { at: name, by: 'kill' });
      trial.add(INPUTS_PER_LIFE);
      await liveUntilKilled(platform, name, sender);
      assert.equal(readFileSync(`${failFile}.reached`, 'utf8'), name);
    });
  }
  await t.test('and at the end', async () => {
    await using platform = await startPlatform({ dataDir: dir.path, env: { DAYBOOK_LOG_LEVEL: 'error' } });
    await sender.send(platform);
    await assertTruth(platform, trial.told());
  });
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
