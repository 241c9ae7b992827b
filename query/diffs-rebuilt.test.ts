import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TenantId } from '#domain';
import { NOW_MS, eventsOf, openRebuildHouse, withOtherLogic } from '../test/rebuild-house.ts';
import type { RebuildHouse } from '../test/rebuild-house.ts';
import { tenantId } from '../test/tenant-id.ts';
import { createDiffs } from './diffs.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const QUESTION = {
  event: 'page_open',
  breakdown: 'page',
  from: '2024-03-01',
  to: '2024-03-07',
  interval: 'month',
};
const NO_RECORDS = { records: { late: 0, new: 0, outside_range: 0 } };

type Diff = {
  readonly changed: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
  readonly why: object;
  readonly records: readonly { readonly event_id: string }[];
};

async function rebuild(house: RebuildHouse, tenant: TenantId): Promise<void> {
  const { rebuilds, by } = house;
  const of = { projection: 'facts', tenant };
  await rebuilds.rebuild(of, { scope: { kind: 'all' }, activate: false }, by);
  const { rebuild: built } = await house.until(of, 'ready', 'different', 'failed');
  if (built?.stage === 'different') await rebuilds.accept(of, ['*'], by);
  assert.equal((await rebuilds.activate(of, by)).active, 2, String(built?.reason));
}

test('between two generations the re-projection is the reason, and equal logic makes no difference', async () => {
  // The newer logic opens page 9 where page 3 was opened, and takes only the events of one tenant so.
  const facts = withOtherLogic((event) =>
    event.tenant_id === ACME && event.properties?.['page'] === 3
      ? { ...event, properties: { page: 9 } }
      : event,
  );
  await using house = await openRebuildHouse({ facts });
  const { queries, store } = house;
  const diffs = createDiffs({ queries, facts: store, clock: () => NOW_MS });
  const tokenOf = async (tenant: TenantId) =>
    (await queries.ask('events', { tenant, question: QUESTION })).meta.as_of;
  const diff = async (tenant: TenantId, before: unknown) => {
    const question = { analysis: 'events', question: QUESTION, before, after: await tokenOf(tenant) };
    return (await diffs.diff({ tenant, question })) as Diff;
  };

  const before = new Map<TenantId, unknown>();
  for (const tenant of [ACME, UMBRA]) {
    await house.folded(tenant, await house.append(tenant, eventsOf(tenant, 0, 60)));
    before.set(tenant, await tokenOf(tenant));
    await rebuild(house, tenant);
  }
  const generation = { before: 1, after: 2 };

  const same = await diff(UMBRA, before.get(UMBRA));
  assert.deepEqual([same.changed, because(same), same.records], [[], { ...NO_RECORDS, generation }, []]);

  const other = await diff(ACME, before.get(ACME));
  assert.deepEqual([because(other), other.records], [{ ...NO_RECORDS, generation }, []]);
  // Every third event opens a page, the n-th that of n modulo 5: four of twenty are page 3.
  const values = other.changed.filter(({ path }) => path.endsWith('.value'));
  assert.deepEqual(values.map((each) => [each.before, each.after]).sort(), [
    [null, 4],
    [4, null],
  ]);

  // What comes afterwards is told beside it.
  await house.folded(UMBRA, await house.append(UMBRA, eventsOf(UMBRA, 60, 61)));
  const later = await diff(UMBRA, before.get(UMBRA));
  assert.deepEqual(because(later), { records: { late: 1, new: 0, outside_range: 0 }, generation });
  assert.deepEqual(
    later.records.map(({ event_id: id }) => id),
    ['evt_60'],
  );
});

/** Why, but for the control plane, in which the rebuilds themselves stand. */
function because({ why }: Diff): object {
  return Object.fromEntries(Object.entries(why).filter(([reason]) => reason !== 'control_position'));
}
