import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACME, IN_TIME, NOON, append, openHouse } from '../test/read-model-house.ts';
import type { TestSettings } from '../test/trouble.ts';
import { ITEMS, USER_PROFILES } from './document-projection.ts';
import { LIVE_VIEWS } from './live-views.ts';
import { startProjectorThreads } from './projector-threads.ts';

const GROUPS = [[LIVE_VIEWS.name], [USER_PROFILES.name, ITEMS.name]];
const of = ({ name }: { readonly name: string }) => ({ projection: name, generation: 1, tenant: ACME });

/** The module of the tests, except that a thread that is given one of these projections dies at once. */
function entryWithout(dying: string): URL {
  const module = new URL('../test/troubled-worker.ts', import.meta.url).href;
  const code = `import { workerData } from 'node:worker_threads';
    if (workerData.projections.includes('${dying}')) throw new Error('this thread cannot be');
    await import('${module}');`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

test('each projection is folded by the thread of its group, and one that dies pauses its own alone', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 60]);
  const { dataDir, log, trouble } = house;
  const settings: TestSettings = { dataDir, nowMs: NOON, tuning: {}, trouble };
  const common = { settings, log, clock: () => NOON, stopWithinMs: 60_000 };
  {
    await using threads = startProjectorThreads(GROUPS, { ...common, entry: entryWithout(ITEMS.name) });
    for (const projection of [LIVE_VIEWS, USER_PROFILES, ITEMS]) threads.follow(of(projection));
    assert.equal(await threads.waitFor(of(LIVE_VIEWS), vector, IN_TIME()), true);
    for (const projection of [USER_PROFILES, ITEMS]) {
      assert.equal(await threads.waitFor(of(projection), vector, IN_TIME()), false);
      assert.match((await threads.state(of(projection)))?.paused?.reason ?? '', /this thread cannot be/);
    }
    assert.equal((await threads.state(of(LIVE_VIEWS)))?.paused, undefined);
  }
  await using threads = startProjectorThreads(GROUPS, { ...common, entry: entryWithout('nothing') });
  for (const projection of [USER_PROFILES, ITEMS]) {
    threads.follow(of(projection));
    assert.equal(await threads.waitFor(of(projection), vector, IN_TIME()), true);
  }
  assert.throws(() => {
    threads.follow(of({ name: 'facts' }));
  }, /No thread folds facts/);
});
