import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import type { PositionVector } from '#domain';
import { ACME, IN_TIME, NOON, UMBRA, append, openHouse, startModels } from '../test/read-model-house.ts';
import { temporaryDir } from '../test/platform.ts';
import { TROUBLE } from '../test/trouble.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';

const of = (generation: number, tenant = ACME): GenerationOf => ({ tenant, generation });
const OLDER = 'it was folded by version 1, this process has version 2: rebuild it';

async function reaches(model: ReadModel, of: GenerationOf, vector: PositionVector): Promise<void> {
  const done = await model.waitFor(of, vector, IN_TIME());
  assert.ok(done, (await model.state(of))?.paused?.reason ?? 'not in time');
}

/** Whoever waits for a thread that is about to be started again is answered at once. */
async function comesBack(model: ReadModel, of: GenerationOf, vector: PositionVector): Promise<void> {
  const signal = IN_TIME();
  while (!(await model.waitFor(of, vector, signal))) {
    signal.throwIfAborted();
    await setImmediate();
  }
}

/** Resolves with the next message on a channel. */
function hear(t: TestContext, channel: string): Promise<unknown> {
  const heard = Promise.withResolvers<unknown>();
  subscribe(channel, heard.resolve);
  t.after(() => unsubscribe(channel, heard.resolve));
  return heard.promise;
}

test('a thread that dies and is started again takes up just what was asked for', async (t) => {
  const house = await openHouse(t);
  const start = await append(house, ACME, [0, 100]);
  const umbra = await append(house, UMBRA, [0, 50]);
  await using models = startModels(house, { tuning: { maxRecords: 30, restMs: 0, flushAfterMs: 1 } });
  const { live } = models;
  await live.follow(of(1));
  await live.follow(of(2), start);
  await live.follow(of(3));
  await live.follow(of(1, UMBRA));
  for (const generation of [1, 2, 3]) await reaches(live, of(generation), start);
  await live.leave(of(3));
  await reaches(live, of(1, UMBRA), umbra);
  const here = await live.limit(of(1, UMBRA), 'here');

  house.trouble[1] = 0;
  house.trouble[0] = TROUBLE.diesAmidSteps;
  const ended = hear(t, 'daybook:projections:thread_ended');
  await append(house, UMBRA, [50, 80]);
  const vector = await append(house, ACME, [100, 300]);
  await ended;
  house.trouble[0] = TROUBLE.none;
  await comesBack(live, of(1), vector);
  await reaches(live, of(2), start);
  assert.deepEqual((await live.state(of(2)))?.confirmed, start);
  assert.deepEqual((await live.state(of(1, UMBRA)))?.confirmed, here);
  assert.equal(await live.state(of(3)), undefined);
  for (const [each, stands] of [
    [of(2), start],
    [of(3), start],
    [of(1, UMBRA), here],
  ] as const) {
    assert.deepEqual((await house.views.read({ projection: 'live_views', ...each }, []))?.vector, stands);
  }
  await live.limit(of(2), undefined);
  await reaches(live, of(2), vector);
  assert.equal((await live.compare(of(1), of(2), vector, IN_TIME())).different, 0);
});

test('what was asked of a thread that died is answered by the next one', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 100]);
  await using models = startModels(house);
  const { live } = models;
  await live.follow(of(1));
  await reaches(live, of(1), vector);
  house.trouble[1] = 0;
  house.trouble[0] = TROUBLE.diesAmidSteps;
  const ended = hear(t, 'daybook:projections:thread_ended');
  const further = await append(house, ACME, [100, 200]);
  // Wakes the projector, so that the step in which it dies is under way.
  void live.waitFor(of(1), further, IN_TIME());
  const asked = [live.limit(of(1), 'here'), live.leave(of(1))] as const;
  await live.follow(of(1));
  await ended;
  house.trouble[0] = TROUBLE.none;
  await Promise.all(asked);
  await comesBack(live, of(1), further);
});

test('a generation of other logic stands still with the reason, is read where it stands, and can go on', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 60]);
  {
    await using models = startModels(house);
    for (const model of models.all) {
      await model.follow(of(1));
      await reaches(model, of(1), vector);
    }
  }
  const further = await append(house, ACME, [60, 90]);
  await using models = startModels(house);
  for (const model of models.all) {
    await model.standStill(of(1), OLDER);
    await model.follow(of(2));
    await reaches(model, of(2), further);
    for (let time = 0; time < 2; time++) {
      const state = await model.state(of(1));
      assert.deepEqual([state?.confirmed, state?.paused?.reason], [vector, OLDER]);
      assert.equal(await model.waitFor(of(1), further, IN_TIME()), false);
      assert.equal(await model.waitFor(of(1), vector, IN_TIME()), true);
      // Neither a limit nor its end lets it go on.
      assert.deepEqual(await model.limit(of(1), 'here'), vector);
      assert.deepEqual(await model.limit(of(1), undefined), vector);
    }
    await model.follow(of(1));
    await reaches(model, of(1), further);
    assert.equal((await model.state(of(1)))?.paused, undefined);
  }
});

test('a generation that is followed can be told to stand still too', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 60]);
  await using models = startModels(house);
  for (const model of models.all) {
    await model.follow(of(1));
    await reaches(model, of(1), vector);
    await model.standStill(of(1), OLDER);
    await model.follow(of(2));
  }
  const further = await append(house, ACME, [60, 90]);
  for (const model of models.all) {
    await reaches(model, of(2), further);
    const state = await model.state(of(1));
    assert.deepEqual([state?.confirmed, state?.paused?.reason], [vector, OLDER]);
  }
});

test('while a generation is limited nothing of it is removed, so that two can be compared', async (t) => {
  const house = await openHouse(t);
  const DAY = 86_400_000;
  const vector = await append(house, ACME, [0, 30]);
  const content = async (generation: number): Promise<number> => {
    let count = 0;
    for await (const _ of house.views.scan({ projection: 'live_views', ...of(generation) }, NOON)) count++;
    return count;
  };
  await using models = startModels(house);
  await models.live.follow(of(1));
  await reaches(models.live, of(1), vector);
  const alive = await content(1);
  await models.live.limit(of(1), 'here');
  await models[Symbol.asyncDispose]();
  // Two days later all minutes have expired.
  const tuning = { pruneEveryMs: 1 };
  await using later = startModels(house, { nowMs: NOON + 2 * DAY, tuning });
  const pruned = hear(t, 'daybook:projections:pruned');
  await append(house, UMBRA, [0, 3]);
  await later.live.follow(of(1), vector);
  await later.live.follow(of(1, UMBRA));
  await pruned;
  assert.equal(await content(1), alive);
  const next = hear(t, 'daybook:projections:pruned');
  await later.live.limit(of(1), undefined);
  await next;
  assert.ok((await later.live.state(of(1))) !== undefined);
  while ((await content(1)) === alive) await hear(t, 'daybook:projections:pruned');
});

test('views and documents that were wiped by hand are folded anew and equal', async (t) => {
  await using dir = await temporaryDir();
  let vector: PositionVector;
  const before: string[] = [];
  {
    await using house = await openHouse(t, dir.path);
    vector = await append(house, ACME, [0, 300]);
    await using models = startModels(house);
    for (const model of models.all) {
      await model.follow(of(1));
      await reaches(model, of(1), vector);
      before.push((await model.compare(of(1), of(1), vector, IN_TIME())).checksums.active);
    }
  }
  for (const name of ['views', 'documents']) await rm(join(dir.path, name), { recursive: true });
  await using house = await openHouse(t, dir.path);
  await using models = startModels(house);
  const after: string[] = [];
  for (const model of models.all) {
    await model.follow(of(1));
    await reaches(model, of(1), vector);
    after.push((await model.compare(of(1), of(1), vector, IN_TIME())).checksums.active);
  }
  assert.deepEqual(after, before);
  assert.equal(new Set(after).size, 3);
});

test('the files grow no further however often it is rebuilt under load', async (t) => {
  const house = await openHouse(t);
  let sent = 0;
  const more = async (): Promise<PositionVector> =>
    append(house, ACME, [sent, (sent += 100), { timestamp: NOON - (sent % 7) * 1000 }]);
  // Enough that a generation is some hundred pages.
  const start = await append(house, ACME, [0, 3000]);
  sent = 3000;
  await using models = startModels(house, { tuning: { restMs: 0, flushAfterMs: 1 } });
  for (const model of models.all) {
    await model.follow(of(1));
    await reaches(model, of(1), start);
  }
  const sizes: number[] = [];
  for (let generation = 2; generation < 10; generation++) {
    for (const model of models.all) {
      await model.follow(of(generation));
      await reaches(model, of(generation), await more());
      const vector = await model.limit(of(1), 'here');
      await model.limit(of(generation), vector);
      await reaches(model, of(generation), vector);
      const [comparison] = await Promise.all([
        model.compare(of(1), of(generation), vector, IN_TIME()),
        more(),
      ]);
      assert.equal(comparison.different, 0);
      await model.limit(of(1), undefined);
      await model.leave(of(generation));
      await model.drop(of(generation));
    }
    let bytes = 0;
    for (const name of ['views', 'documents'])
      bytes += (await stat(join(house.dataDir, name, 'data.mdb'))).size;
    sizes.push(bytes);
  }
  const [first = 0, last = 0] = [sizes[1], sizes.at(-1)];
  assert.ok(last < first * 1.3, `bytes after each rebuild: ${sizes.join()}`);
});
