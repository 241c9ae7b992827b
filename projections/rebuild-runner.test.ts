import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventsOf, openRebuildHouse, tenantId } from '../test/rebuild-house.ts';

const ACME = tenantId('acme');
const FACTS_OF_ACME = { projection: 'facts', tenant: ACME };
const WHOLE = { scope: { kind: 'all' }, activate: false } as const;

test('a whole rebuild is verified equal, activated, and answers what was answered before', async () => {
  await using house = await openRebuildHouse();
  const { rebuilds, by, queries } = house;
  await house.folded(ACME, await house.append(ACME, eventsOf(ACME, 0, 400)));
  const ask = async (more: object = {}) =>
    queries.ask('trend', { tenant: ACME, question: { from: '2024-03-01', to: '2024-03-07', ...more } });
  const before = await ask();

  const begun = await rebuilds.rebuild(FACTS_OF_ACME, WHOLE, by);
  assert.equal(begun.rebuild?.generation, 2);
  const ready = await house.until(FACTS_OF_ACME, 'ready', 'different', 'failed');
  assert.equal(ready.rebuild?.stage, 'ready', String(ready.rebuild?.reason));
  assert.equal(ready.rebuild.verification?.different, 0);
  assert.ok(ready.rebuild.verification.compared >= 3);
  assert.equal(ready.active, 1);
  assert.equal((await ask()).meta.generation, 1);

  const activated = await rebuilds.activate(FACTS_OF_ACME, by);
  assert.equal(activated.active, 2);
  assert.deepEqual(
    activated.generations.map(({ generation, role }) => [generation, role]),
    [
      [1, 'previous'],
      [2, 'active'],
    ],
  );
  const { meta, ...data } = await ask();
  const { meta: metaBefore, ...dataBefore } = before;
  assert.equal(meta.generation, 2);
  assert.deepEqual(data, dataBefore);

  // Both go on following; the token given before is answered from the generation it names.
  const more = await house.append(ACME, eventsOf(ACME, 400, 450));
  await house.folded(ACME, more);
  const { meta: pinnedMeta, ...pinned } = await ask({ as_of: metaBefore.as_of });
  assert.equal(pinnedMeta.generation, 1);
  assert.equal(JSON.stringify(pinned), JSON.stringify(dataBefore));
  assert.ok(await house.model.waitFor({ tenant: ACME, generation: 1 }, more, AbortSignal.timeout(60_000)));

  assert.equal((await rebuilds.rollback(FACTS_OF_ACME, by)).active, 1);
  assert.equal((await ask()).meta.generation, 1);
  assert.equal((await rebuilds.activate(FACTS_OF_ACME, by)).active, 2);
  await rebuilds.drop(FACTS_OF_ACME, 1, by);
  await assert.rejects(ask({ as_of: metaBefore.as_of }), /generation 1 of the facts is not kept/);
});
