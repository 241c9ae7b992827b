import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PositionVector } from '#domain';
import { ACME, IN_TIME, UMBRA, append, openHouse, startModels } from '../test/read-model-house.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';

const of = (generation: number, tenant = ACME): GenerationOf => ({ tenant, generation });

async function reaches(model: ReadModel, of: GenerationOf, vector: PositionVector): Promise<void> {
  const done = await model.waitFor(of, vector, IN_TIME());
  assert.ok(done, (await model.state(of))?.paused?.reason ?? 'not in time');
}

test('generations folded in portions of any size are equal', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 900]);
  for (const [at, maxRecords] of [10_000, 1, 7, 130].entries()) {
    // A portion of one record takes its time: it is given up in the middle and taken up by the next thread.
    const tuning = { maxRecords, restMs: 0, flushAfterMs: 1 };
    {
      await using models = startModels(house, { tuning });
      for (const model of models.all) await model.follow(of(at + 1));
      if (maxRecords === 1) await models.profiles.waitFor(of(at + 1), [40n], IN_TIME());
      else for (const model of models.all) await reaches(model, of(at + 1), vector);
    }
    await using models = startModels(house);
    for (const model of models.all) {
      await model.follow(of(at + 1));
      await reaches(model, of(at + 1), vector);
      const comparison = await model.compare(of(1), of(at + 1), vector, IN_TIME());
      assert.deepEqual([comparison.different, comparison.differences], [0, []], model.projection);
      assert.equal(comparison.checksums.active, comparison.checksums.candidate);
      assert.ok(comparison.compared > 0);
    }
    // 7 users over all scenarios and in both; 3 items in each of two scenarios, of which the odd one alone
    // has catalogue events.
    assert.equal((await models.profiles.compare(of(1), of(1), vector, IN_TIME())).compared, 21);
    assert.equal((await models.items.compare(of(1), of(1), vector, IN_TIME())).compared, 3);
  }
});

test('logic that differs is named by collection and by document, with both values', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 3]);
  await using models = startModels(house, { wrongFrom: 2 });
  for (const model of models.all) {
    for (const generation of [1, 2]) {
      await model.follow(of(generation));
      await reaches(model, of(generation), vector);
    }
  }
  const views = await models.live.compare(of(1), of(2), vector, IN_TIME());
  assert.deepEqual(views.differences, [
    {
      name: 'hot:items/2026-07-01T11:58:00.000Z/feed',
      active: '{"i2":3}',
      candidate: '{"i2":4}',
      examples: ['i2: 3 → 4'],
    },
    {
      name: 'hot:items/2026-07-01T11:59:00.000Z/shop',
      active: '{"i1":3}',
      candidate: '{"i1":4}',
      examples: ['i1: 3 → 4'],
    },
    {
      name: 'hot:items/2026-07-01T12:00:00.000Z/feed',
      active: '{"i0":3}',
      candidate: '{"i0":4}',
      examples: ['i0: 3 → 4'],
    },
  ]);
  assert.equal(views.different, 3);
  assert.notEqual(views.checksums.active, views.checksums.candidate);
  const profiles = await models.profiles.compare(of(1), of(2), vector, IN_TIME());
  assert.deepEqual(
    profiles.differences.map(({ name }) => name),
    ['u0/', 'u0/feed', 'u1/', 'u1/shop', 'u2/', 'u2/feed'],
  );
  const [first] = profiles.differences;
  assert.ok(first?.examples.includes('features.action_counts.click: 1 → 2'), first?.examples.join());
  assert.equal((await models.items.compare(of(1), of(2), vector, IN_TIME())).different, 0);
});

test('what only one of two generations has is named too', async (t) => {
  const house = await openHouse(t);
  await append(house, ACME, [0, 1]);
  await using models = startModels(house);
  const { profiles } = models;
  for (const generation of [1, 2]) {
    await profiles.follow(of(generation));
    await reaches(profiles, of(generation), [0n]);
  }
  const vector = (await house.log.bounds({ tenant: ACME, channel: 'events' })).next;
  for (const generation of [1, 2]) await reaches(profiles, of(generation), vector);
  const set = { name: 'user_profiles', generation: 2, tenant: ACME };
  const body = { lost: { a: 1, b: {} } };
  await house.documents.apply(set, { writes: [{ id: ['50%/*'], from: undefined, vector: [1n], body }] });
  const name = '50%25%2F%2A';
  assert.deepEqual((await profiles.compare(of(1), of(2), vector, IN_TIME())).differences, [
    {
      name,
      active: null,
      candidate: '{"lost":{"a":1,"b":{}}}',
      examples: ['lost.a: nothing → 1', 'lost.b: nothing → {}'],
    },
  ]);
  const [swapped] = (await profiles.compare(of(2), of(1), vector, IN_TIME())).differences;
  assert.deepEqual([swapped?.candidate, swapped?.examples[0]], [null, 'lost.a: 1 → nothing']);
});

test('generations that do not stand at the vector are not compared', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 30]);
  await using models = startModels(house);
  for (const model of models.all) {
    for (const generation of [1, 2]) {
      await model.follow(of(generation));
      await reaches(model, of(generation), vector);
    }
    const later = vector.with(0, vector[0]! + 1n);
    await assert.rejects(
      model.compare(of(1), of(2), later, IN_TIME()),
      /does not stand where it is compared/,
    );
    await assert.rejects(model.compare(of(1), of(3), vector, IN_TIME()), /Generation 3 of .* does not stand/);
    await assert.rejects(
      model.compare(of(1), of(2), vector, AbortSignal.abort(new Error('enough'))),
      /enough/,
    );
    await assert.rejects(
      model.copyRest(of(1), of(2), { scope: { kind: 'event', event: 'click' }, vector }),
      /rebuilt whole/,
    );
  }
});

test('the next generation is built no further than asked, while the active one follows and answers', async (t) => {
  const house = await openHouse(t);
  const vector = await append(house, ACME, [0, 200]);
  await using models = startModels(house, { tuning: { maxRecords: 50, restMs: 0, flushAfterMs: 1 } });
  for (const model of models.all) {
    await model.follow(of(1));
    await model.follow(of(2), vector);
  }
  const further = await append(house, ACME, [200, 400]);
  for (const model of models.all) {
    await reaches(model, of(1), further);
    await reaches(model, of(2), vector);
    assert.deepEqual((await model.state(of(2)))?.confirmed, vector);
    // The active one waits for it at a vector of its own, which the other one is then let on to.
    const here = await model.limit(of(1), 'here');
    assert.deepEqual(here, further);
    assert.deepEqual(await model.limit(of(2), here), here);
    await reaches(model, of(2), here);
  }
  const beyond = await append(house, ACME, [400, 500]);
  for (const model of models.all) {
    assert.equal((await model.compare(of(1), of(2), further, IN_TIME())).different, 0);
    for (const generation of [1, 2]) {
      await model.limit(of(generation), undefined);
      await reaches(model, of(generation), beyond);
    }
    assert.equal((await model.compare(of(1), of(2), beyond, IN_TIME())).different, 0);
  }
});

test('a limit under load holds once it is answered, and nothing is in flight behind it', async (t) => {
  const house = await openHouse(t);
  await append(house, ACME, [0, 10]);
  await using models = startModels(house, { tuning: { maxRecords: 20, restMs: 0, flushAfterMs: 1 } });
  const { live } = models;
  await live.follow(of(1));
  let sent = 10;
  for (let round = 0; round < 10; round++) {
    const sending = append(house, ACME, [sent, (sent += 300)]);
    const here = await live.limit(of(1), 'here');
    const scope = { projection: 'live_views', ...of(1) };
    assert.deepEqual((await house.views.read(scope, []))?.vector, here);
    const all = await sending;
    const gaveUp = live.waitFor(of(1), all, AbortSignal.timeout(20));
    assert.equal(await gaveUp, false);
    assert.deepEqual((await house.views.read(scope, []))?.vector, here);
    await live.limit(of(1), undefined);
    await reaches(live, of(1), all);
  }
});

test('two tenants with the same ids are in different generations, and dropping one touches nothing else', async (t) => {
  const house = await openHouse(t);
  const acme = await append(house, ACME, [0, 60]);
  const umbra = await append(house, UMBRA, [0, 90]);
  await using models = startModels(house);
  for (const model of models.all) {
    for (const each of [of(1), of(2), of(1, UMBRA), of(2, UMBRA)]) {
      await model.follow(each);
      await reaches(model, each, each.tenant === ACME ? acme : umbra);
    }
    for (const left of [of(1), of(2, UMBRA)]) {
      await model.leave(left);
      assert.equal(await model.state(left), undefined);
      assert.equal(await model.waitFor(left, [], IN_TIME()), false);
      await model.drop(left);
      await model.drop(left);
    }
  }
  const furtherAcme = await append(house, ACME, [60, 80]);
  const furtherUmbra = await append(house, UMBRA, [90, 100]);
  for (const model of models.all) {
    await reaches(model, of(2), furtherAcme);
    await reaches(model, of(1, UMBRA), furtherUmbra);
    for (const [left, kept, vector] of [
      [of(1), of(2), furtherAcme],
      [of(2, UMBRA), of(1, UMBRA), furtherUmbra],
    ] as const) {
      // What was dropped is folded anew, and all of it.
      await model.follow(left);
      await reaches(model, left, vector);
      assert.equal((await model.compare(kept, left, vector, IN_TIME())).different, 0);
    }
  }
  // 80 clicks and items among acme's events, 100 among umbra's, nine of ten of them clicks.
  for (const [each, clicks] of [
    [of(2), 72],
    [of(1, UMBRA), 90],
  ] as const) {
    const wanted = ['i0', 'i1', 'i2'].map((id) => ({ view: 'item:stats', id }) as const);
    const answer = await house.views.read({ projection: 'live_views', ...each }, wanted);
    const counted = answer?.found.map((found) => found[0]?.entries.get('click') ?? 0) ?? [];
    assert.equal(
      counted.reduce((sum, count) => sum + count, 0),
      clicks,
    );
  }
});
