import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { parseTenantId } from '#domain';
import type { Position, TenantId } from '#domain';
import { ConfirmationTimes } from './confirmation-times.ts';

const tenantOf = (text: string): TenantId => {
  const parsed = parseTenantId(text);
  assert.ok(parsed.ok);
  return parsed.tenant;
};
const ACME = { projection: 'facts', generation: 1, tenant: tenantOf('acme') };
const at = (partition: number, offset: bigint): Position => ({ partition, offset });

/** What projectors announce, at stated times in ms. */
function remembering(t: TestContext) {
  let nowMs = 0;
  const times = new ConfirmationTimes({ clock: () => nowMs });
  t.after(() => {
    times[Symbol.dispose]();
  });
  const confirm = (ms: number, vector: readonly bigint[], by: object = ACME): void => {
    nowMs = ms;
    channel('daybook:projections:applied').publish({ ...by, vector });
  };
  return { times, confirm };
}

test('what had been confirmed before is known to be there, but not since when', (t) => {
  const { times, confirm } = remembering(t);
  assert.equal(times.since(ACME, at(0, 0n)), undefined);
  confirm(1000, [5n, 2n]);
  assert.equal(times.since(ACME, at(0, 4n)), undefined);
  assert.equal(times.since(ACME, at(0, 5n)), undefined, 'not yet confirmed');
});

test('a record is there since the first step that covers it, or since after the one before', (t) => {
  const { times, confirm } = remembering(t);
  confirm(1_000, [5n, 2n]);
  confirm(4_000, [7n, 2n]);
  confirm(9_000, [7n, 3n]);
  assert.deepEqual(times.since(ACME, at(0, 5n)), { atMs: 4_000, withinMs: 3_000 });
  assert.deepEqual(times.since(ACME, at(0, 6n)), { atMs: 4_000, withinMs: 3_000 });
  assert.deepEqual(times.since(ACME, at(1, 2n)), { atMs: 9_000, withinMs: 5_000 });
  assert.equal(times.since(ACME, at(0, 7n)), undefined);
});

test('projections, generations and tenants have times of their own', (t) => {
  const { times, confirm } = remembering(t);
  const others = [
    { ...ACME, projection: 'items' },
    { ...ACME, generation: 2 },
    { ...ACME, tenant: tenantOf('umbra') },
  ];
  for (const by of [ACME, ...others]) confirm(0, [0n], by);
  confirm(5_000, [1n]);
  assert.equal(times.since(ACME, at(0, 0n))?.atMs, 5_000);
  for (const by of others) assert.equal(times.since(by, at(0, 0n)), undefined);
});

test('a projector that begins again from its checkpoint does not make what it had newer', (t) => {
  const { times, confirm } = remembering(t);
  confirm(0, [0n]);
  confirm(2_000, [4n]);
  confirm(7_000, [1n]);
  confirm(9_000, [4n]);
  assert.deepEqual(times.since(ACME, at(0, 3n)), { atMs: 2_000, withinMs: 2_000 });
});

test('what is confirmed again and again takes no room from what was confirmed before', (t) => {
  const { times, confirm } = remembering(t);
  confirm(0, [0n]);
  confirm(2_000, [4n]);
  for (let n = 1; n <= 100; n++) confirm(2_000 + n * 1_000, [4n]);
  assert.deepEqual(times.since(ACME, at(0, 3n)), { atMs: 2_000, withinMs: 2_000 });
});

test('a clock that is set back lets no step come before another', (t) => {
  const { times, confirm } = remembering(t);
  confirm(5_000, [0n]);
  confirm(3_000, [1n]);
  assert.deepEqual(times.since(ACME, at(0, 0n)), { atMs: 5_000, withinMs: 0 });
});

test('however many steps there were, what is said holds, and only few are kept', (t) => {
  const { times, confirm } = remembering(t);
  const confirmedAt: number[] = [];
  confirm(0, [0n]);
  for (let n = 0; n < 2_000; n++) {
    confirmedAt.push((n + 1) * 400);
    confirm((n + 1) * 400, [BigInt(n + 1)]);
  }
  const said = new Set<number>();
  for (const [n, ms] of confirmedAt.entries()) {
    const since = times.since(ACME, at(0, BigInt(n)));
    assert.ok(since, String(n));
    said.add(since.atMs);
    assert.ok(
      since.atMs >= ms && since.atMs - since.withinMs < ms,
      `${n}: ${JSON.stringify(since)} for ${ms}`,
    );
  }
  assert.ok(said.size < 32, `${said.size} steps`);
  const newest = times.since(ACME, at(0, 1_999n));
  assert.ok(newest && newest.withinMs <= 1_000, 'the newest steps are the finest');
});

test('of very many logs those are forgotten in which nothing has moved for longest', (t) => {
  const { times, confirm } = remembering(t);
  const umbra = { ...ACME, tenant: tenantOf('umbra') };
  for (const by of [ACME, umbra]) {
    confirm(0, [0n], by);
    confirm(2_000, [1n], by);
  }
  for (let n = 0; n < 4_094; n++) confirm(3_000, [0n], { ...ACME, tenant: tenantOf(`t${n}`) });
  confirm(4_000, [2n]);
  confirm(5_000, [0n], { ...ACME, tenant: tenantOf('last') });
  assert.equal(times.since(umbra, at(0, 0n)), undefined);
  assert.equal(times.since(ACME, at(0, 0n))?.atMs, 2_000);
});
