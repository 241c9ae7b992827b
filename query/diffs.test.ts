import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { Fault, formatAsOf } from '#domain';
import type { LoggedEvent, TenantId } from '#domain';
import { createRandom, seedOfRun } from '../test/random.ts';
import { GENERATION, LOG, eventOf, openAsking } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { differencesBetween } from './differences.ts';
import { createDiffs } from './diffs.ts';
import type { Diffs } from './diffs.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2024, 2, 4);
const RANGE = { from: '2024-03-04', to: '2024-03-11' };

type Diff = {
  readonly before: { readonly as_of: string; readonly answer: Readonly<Record<string, unknown>> };
  readonly after: { readonly as_of: string; readonly answer: Readonly<Record<string, unknown>> };
  readonly changed: readonly { path: string; before: unknown; after: unknown; difference: unknown }[];
  readonly changed_total: number;
  readonly why: { readonly records: { late: number; new: number; outside_range: number } };
  readonly records: readonly { class: string; event_id: string; user: string; time: string }[];
  readonly next_cursor: string | null;
  readonly meta: { readonly now: string };
};

test('figures are found by name where rows have one, else by place', () => {
  const before = {
    overview: { clicks: 2, ctr: 0.1 },
    items: [
      { item_id: 'a', n: 1 },
      { item_id: 'b', n: 5 },
    ],
    values: [1, 2],
    text: 'x',
  };
  const after = {
    overview: { clicks: 5, ctr: 0.3 },
    items: [
      { item_id: 'c', n: 7 },
      { item_id: 'b', n: 5 },
    ],
    values: [1, 3, 4],
    text: 'y',
  };
  assert.deepEqual(differencesBetween(before, after), [
    { path: 'overview.clicks', before: 2, after: 5, difference: 3 },
    { path: 'overview.ctr', before: 0.1, after: 0.3, difference: 0.2 },
    { path: 'items[item_id=a].item_id', before: 'a', after: null, difference: null },
    { path: 'items[item_id=a].n', before: 1, after: null, difference: -1 },
    { path: 'items[item_id=c].item_id', before: null, after: 'c', difference: null },
    { path: 'items[item_id=c].n', before: null, after: 7, difference: 7 },
    { path: 'values[1]', before: 2, after: 3, difference: 1 },
    { path: 'values[2]', before: null, after: 4, difference: 4 },
    { path: 'text', before: 'x', after: 'y', difference: null },
  ]);
});

describe('what became of an answer', () => {
  let asking: Asking;
  let diffs: Diffs;
  const tenants: TenantId[] = [];
  const seed = seedOfRun();
  const histories = ['diffed', 'umbra'].map((tenant, index) => history(tenant, seed + index));
  const [all = []] = histories;
  const HALF = 150;

  beforeAll(async () => {
    asking = await openAsking();
    asking.nowMs = START + 20 * DAY_MS;
    diffs = createDiffs({ queries: asking.queries, facts: asking.facts, clock: () => asking.nowMs });
    for (const own of histories) tenants.push(await asking.put(own.slice(0, HALF)));
  });
  after(() => asking[Symbol.asyncDispose]());

  const tokenOf = async (tenant: TenantId): Promise<string> =>
    String((await asking.ask('trend', tenant, { ...RANGE })).meta.as_of);
  const diff = async (question: object, tenant = tenants[0]!) =>
    (await diffs.diff({ tenant, question })) as Diff;

  test('is in the figures, and in the records that came between', async (t) => {
    t.diagnostic(`seed ${seed}`);
    const [tenant] = tenants as [TenantId];
    const before = await tokenOf(tenant);
    for (const own of histories) await asking.put(own.slice(HALF));
    const after = await tokenOf(tenant);
    const asked = {
      analysis: 'events',
      question: { ...RANGE, event: 'click', measure: 'count', interval: 'day' },
      before,
      after,
      limit: 1000,
    };
    const found = await diff(asked);

    const came = all.slice(HALF);
    const inRange = ({ event: { timestamp } }: LoggedEvent) =>
      timestamp >= START && timestamp < START + 7 * DAY_MS;
    const clicksOf = (records: readonly LoggedEvent[], day: number) =>
      records.filter(
        ({ event }) => event.event_name === 'click' && Math.floor((event.timestamp - START) / DAY_MS) === day,
      ).length;
    const expected = Array.from({ length: 7 }, (_, day) => day)
      .filter((day) => clicksOf(came, day) > 0)
      .map((day) => ({
        path: `series[breakdown=null].points[time=${new Date(START + day * DAY_MS).toISOString()}].value`,
        before: clicksOf(all.slice(0, HALF), day),
        after: clicksOf(all, day),
        difference: clicksOf(came, day),
      }));
    assert.ok(expected.length > 3);
    assert.deepEqual(
      found.changed.map((each) => ({
        ...each,
        path: each.path.replace(/^series\[[^\]]*\]/, 'series[breakdown=null]'),
      })),
      expected,
    );
    assert.equal(found.changed_total, expected.length);

    const newestMs = Math.max(...all.slice(0, HALF).map(({ event }) => event.server_time));
    const inOrder = came
      .filter(inRange)
      .sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
    const classOf = ({ event }: LoggedEvent) => (event.timestamp < newestMs ? 'late' : 'new');
    assert.deepEqual(
      found.records.map((row) => [row.class, row.event_id, row.user, row.time]),
      inOrder.map((record) => [
        classOf(record),
        record.event.event_id,
        record.event.user_id,
        new Date(record.event.timestamp).toISOString(),
      ]),
    );
    const late = inOrder.filter((record) => classOf(record) === 'late').length;
    assert.ok(late > 5 && late < inOrder.length - 5, `${late} of ${inOrder.length} are late`);
    assert.deepEqual(found.why.records, {
      late,
      new: inOrder.length - late,
      outside_range: came.length - inOrder.length,
    });
    assert.equal(found.next_cursor, null);
    assert.deepEqual([found.before.as_of, found.after.as_of], [before, after]);

    const paged: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: Diff = await diff({ ...asked, limit: 7, ...(cursor && { cursor }) });
      paged.push(...page.records.map(({ event_id: id }) => id));
      cursor = page.next_cursor;
    }
    assert.deepEqual(
      paged,
      inOrder.map(({ event }) => event.event_id),
    );
  });

  test('is nothing between equal tokens', async () => {
    const token = await tokenOf(tenants[0]!);
    for (const [analysis, question] of [
      ['dashboard', {}],
      ['retention', { ...RANGE, start: { event: 'click' } }],
    ] as const) {
      const same = await diff({ analysis, question, before: token, after: token });
      assert.deepEqual(
        [same.changed, same.why, same.records, same.next_cursor],
        [[], { records: { late: 0, new: 0, outside_range: 0 } }, [], null],
      );
      assert.equal(same.meta.now, '2024-03-24T00:00:00.000Z');
    }
  });

  test('is named where it is the control plane or the generation', async () => {
    const pin = { logIdentity: LOG, generation: GENERATION, controlPosition: 1n, vector: [9n, 9n, 9n, 9n] };
    const asked = { analysis: 'dashboard', question: RANGE, before: formatAsOf(pin) };
    const { why } = await diff({ ...asked, after: formatAsOf({ ...pin, controlPosition: 4n }) });
    assert.deepEqual(why, {
      records: { late: 0, new: 0, outside_range: 0 },
      control_position: { before: 1, after: 4 },
    });
    const other = diff({ ...asked, after: formatAsOf({ ...pin, generation: 2 }) });
    await assert.rejects(other, (error: Fault) => String(error.details['reason']).includes('generation 2'));
  });

  test('is refused when it is not asked rightly', async () => {
    const token = await tokenOf(tenants[0]!);
    const early = formatAsOf({
      logIdentity: LOG,
      generation: 1,
      controlPosition: 5n,
      vector: [1n, 0n, 0n, 0n],
    });
    const right = { analysis: 'dashboard', question: RANGE, before: early, after: token };
    for (const [wrong, field] of [
      [{ before: token, after: early }, 'after'],
      [{ before: 'x' }, 'before'],
      [{ analysis: 'nothing' }, 'analysis'],
      [{ cursor: 'x' }, 'cursor'],
      [{ question: { ...RANGE, as_of: token } }, 'question.as_of'],
      [{ question: { scenario: 'feed' } }, 'scenario'],
      [{ question: '{' }, 'question'],
    ] as const) {
      const error: unknown = await diff({ ...right, ...wrong }).then(
        () => assert.fail(JSON.stringify(wrong)),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof Fault);
      const errors = error.details['errors'] as { field: string }[];
      assert.deepEqual(
        errors.map((each) => each.field),
        [field],
      );
    }
    await diff(right);
  });
});

/** Clicks and views around a week; what is received later has happened at any time of it. */
function history(tenant: string, seed: number): LoggedEvent[] {
  const random = createRandom(seed);
  const next = [0n, 0n, 0n, 0n];
  return Array.from({ length: 300 }, (_, index) => {
    const partition = random.below(4);
    const offset = next[partition] ?? 0n;
    next[partition] = offset + 1n;
    const received = START + index * 40 * 60_000;
    const event = eventOf(tenant, {
      kind: 'behaviour',
      name: random.pick(['click', 'view']),
      at: received - random.pick([0, 1000, random.below(3 * DAY_MS)]),
      server_time: received,
      user_id: `u${random.below(5)}`,
      item_id: 'i1',
    });
    return { partition, offset, event };
  });
}
