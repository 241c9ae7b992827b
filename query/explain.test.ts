import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { Fault } from '#domain';
import type { FaultCode } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import type { AnalysisName } from './analysis.ts';
import { historyOf } from './asking.contract.ts';
import type { Sketch } from './asking.contract.ts';
import type { Explanation } from './explain.ts';
import { openExplaining, positionsOf } from './explaining.contract.ts';
import type { Explaining } from './explaining.contract.ts';

const MARCH = { from: '2024-03-01', to: '2024-04-01' };

describe('an explanation', () => {
  let explaining: Explaining;
  beforeAll(async () => {
    explaining = await openExplaining();
  });
  after(() => explaining[Symbol.asyncDispose]());

  const did = (user: string, name: string, time: string, more: Partial<Sketch> = {}): Sketch => ({
    kind: 'behaviour',
    name,
    at: `2024-03-${time}Z`,
    user_id: user,
    item_id: 'i1',
    scenario_id: 'feed',
    ...more,
  });

  /** Offsets are those of the lines. */
  const shop = (tenant: string) =>
    historyOf(tenant, [
      did('u1', 'impression', '04T10:00:00'),
      did('u1', 'click', '04T10:00:10'),
      did('u1', 'order', '04T10:01:00'),
      did('u2', 'impression', '04T11:00:00'),
      did('u2', 'click', '04T11:00:30'),
      did('u3', 'impression', '04T12:00:00'),
      did('u3', 'order', '04T12:00:30'),
      did('u3', 'impression', '05T12:00:00', { item_id: 'i2' }),
    ]);

  test('names the users and events of a number of the dashboard, by hand', async () => {
    const tenant = await explaining.put(shop('dash'));
    const clicks = await explaining.explain('dashboard', tenant, { ...MARCH, cell: 'total_clicks' });
    assert.equal(clicks.value, 2);
    assert.deepEqual(clicks.users, [
      { user: 'u1', value: 1, events: 1 },
      { user: 'u2', value: 1, events: 1 },
    ]);
    assert.equal(clicks.next_cursor, null);
    assert.deepEqual(clicks.recount, {
      equal: true,
      value: 2,
      records_read: 8,
      events: { log: 2, facts: 2, missing: 0, unexpected: 0, differing: 0, repeated: 0 },
      examples: [],
    });
    const events = { ...MARCH, cell: { figure: 'ctr' }, part: 'impressions', user: 'u3', level: 'events' };
    assert.deepEqual(positionsOf(await explaining.pages('dashboard', tenant, events)), ['0:5', '0:7']);
  });

  test('names the users of a funnel step and of its drop-off, with the events of their attempt', async () => {
    const tenant = await explaining.put(shop('steps'));
    const steps = ['impression', 'click', 'order'].map((event) => ({ event }));
    // The order of u1 comes at the very end of the window.
    const question = { ...MARCH, steps, window: '60s' };
    const second = await explaining.explain('funnel', tenant, { ...question, cell: { step: 2 } });
    assert.equal(second.value, 2);
    assert.deepEqual(second.users, [
      { user: 'u1', value: 1, events: 2 },
      { user: 'u2', value: 1, events: 2 },
    ]);
    assert.equal(second.recount?.equal, true);
    const left = await explaining.explain('funnel', tenant, { ...question, cell: { drop_off: 2 } });
    assert.deepEqual([left.value, left.users], [1, [{ user: 'u3', value: 1, events: 1 }]]);
    const attempt = { ...question, cell: { step: 3 }, user: 'u1', level: 'events' };
    assert.deepEqual(positionsOf(await explaining.pages('funnel', tenant, attempt)), ['0:0', '0:1', '0:2']);
  });

  test('is as of the token of the answer, whatever came since', async () => {
    const tenant = await explaining.put(shop('pinned'));
    const question = { ...MARCH, cell: 'total_clicks' };
    const { meta } = await explaining.asking.ask('dashboard', tenant, MARCH);
    const before = await explaining.explain('dashboard', tenant, question);
    assert.equal(before.meta.as_of, meta.as_of);
    const late = historyOf('pinned', [did('u0', 'click', '03T10:00:00')]);
    await explaining.put(late.map((one) => ({ ...one, offset: 8n })));
    assert.equal((await explaining.explain('dashboard', tenant, question)).value, 3);
    const pinned = await explaining.explain('dashboard', tenant, { ...question, as_of: meta.as_of });
    assert.deepEqual(without(pinned), without(before));
  });

  test('goes on page by page as of its first page, though events come in between', async () => {
    const tenant = await explaining.put(shop('paged'));
    const question = { ...MARCH, cell: 'active_users', page_size: 2 };
    const first = await explaining.explain('dashboard', tenant, question);
    const late = historyOf('paged', [did('u25', 'click', '03T10:00:00')]);
    await explaining.put(late.map((one) => ({ ...one, offset: 8n })));
    const next = await explaining.explain('dashboard', tenant, { ...question, cursor: first.next_cursor });
    assert.deepEqual(next.users, [{ user: 'u3', value: 1, events: 3 }]);
    assert.deepEqual([next.next_cursor, next.meta.as_of], [null, first.meta.as_of]);
  });

  test('refuses a cursor of another question, tenant or token, and what is none', async () => {
    const tenant = await explaining.put(shop('cursors'));
    const other = await explaining.put(shop('cursors-too'));
    const question = { ...MARCH, cell: 'active_users', page_size: 2 };
    const { next_cursor: cursor } = await explaining.explain('dashboard', tenant, question);
    const refused = (asked: object) => isRefused('QUERY_INVALID', 'cursor', asked);
    const explain = (who: typeof tenant, asked: object) => explaining.explain('dashboard', who, asked);
    await assert.rejects(explain(other, { ...question, cursor }), refused({ who: 'another' }));
    await assert.rejects(explain(tenant, { ...question, cell: 'active_items', cursor }), refused({}));
    await assert.rejects(explain(tenant, { ...question, level: 'events', user: 'u1', cursor }), refused({}));
    await assert.rejects(explain(tenant, { ...question, cursor: 'e30' }), refused({}));
    const as_of = (await explaining.asking.ask('dashboard', other, MARCH)).meta.as_of;
    await assert.rejects(explain(tenant, { ...question, cursor, as_of: `${String(as_of)}0` }), refused({}));
  });

  test('refuses cells that the answer does not have, and members that name none', async () => {
    const tenant = await explaining.put(shop('cells'));
    const refused = async (name: AnalysisName, asked: object, field: string): Promise<void> => {
      await assert.rejects(
        explaining.explain(name, tenant, { ...MARCH, ...asked }),
        isRefused('QUERY_INVALID', field, asked),
      );
    };
    await refused('dashboard', { cell: 'clicks_per_cent' }, 'cell.figure');
    await refused('dashboard', { cell: '{"figure":' }, 'cell');
    await refused('dashboard', {}, 'cell');
    await refused('dashboard', { cell: 'ctr', part: 'orders' }, 'part');
    await refused('dashboard', { cell: 'ctr', user: 'u1' }, 'level');
    await refused('dashboard', { cell: 'ctr', item: 'i1', level: 'events' }, 'item');
    await refused('dashboard', { cell: 'ctr', level: 'records', page_size: 101 }, 'page_size');
    await refused('dashboard', { cell: 'ctr', surprise: 1 }, 'surprise');
    await refused('distribution', { cell: { label: 'i9' } }, 'cell');
    await refused('trend', { cell: { figure: 'ctr', time: '2024-03-04T00:00:01Z' } }, 'cell');
    const steps = [{ event: 'click' }];
    await refused('funnel', { steps, cell: { step: 2 } }, 'cell');
    await refused('funnel', { steps, cell: { step: 1, figure: 'median_seconds' } }, 'cell');
    await refused('funnel', { steps, cell: { step: 1 }, level: 'events' }, 'user');
    const retention = { start: { event: 'click' }, cell: { cohort: '2024-03-04', period: 8 } };
    await refused('retention', retention, 'cell');
    await assert.rejects(
      explaining.explain('dashboard', tenant, { ...MARCH, cell: 'active_scenarios' }),
      isRefused('QUERY_UNEXPLAINABLE', undefined, {}),
    );
    await assert.rejects(
      explaining.explain('dashboard', tenantId('nobody-there'), { ...MARCH, cell: 'ctr' }),
      isRefused('QUERY_UNEXPLAINABLE', undefined, {}),
    );
  });

  test('says of the facts what is missing, unexpected, differing and repeated', async () => {
    const history = shop('corrupt');
    const [, click, , , other] = history;
    assert.ok(click && other);
    const facts = [
      ...history.filter((one) => one !== click),
      { ...other, event: { ...other.event, user_id: 'u9' } },
    ].filter((one) => one !== other);
    const tenant = await explaining.put(history, undefined, facts);
    const explained = await explaining.explain('dashboard', tenant, { ...MARCH, cell: 'total_clicks' });
    assert.equal(explained.value, 1);
    assert.deepEqual(explained.recount, {
      equal: false,
      value: 2,
      records_read: 8,
      events: { log: 2, facts: 1, missing: 1, unexpected: 0, differing: 1, repeated: 0 },
      examples: [
        { partition: 0, offset: '1', what: 'missing' },
        { partition: 0, offset: '4', what: 'differing' },
      ],
    });
    // The same number of users, yet not the same users.
    const users = await explaining.explain('dashboard', tenant, { ...MARCH, cell: 'active_users' });
    assert.deepEqual([users.recount?.equal, users.recount?.events.missing], [false, 1]);
    const more = shop('more');
    const [first, second] = more;
    assert.ok(first && second);
    // A record of another kind in the log than in the facts, and one that stands there twice.
    const log = [first, { ...second, event: { ...second.event, event_name: 'view' } }];
    const twice = await explaining.put(log, undefined, [first, second]);
    await explaining.asking.put([first]);
    const clicks = await explaining.explain('dashboard', twice, { ...MARCH, cell: 'ctr' });
    assert.deepEqual(clicks.recount?.examples, [
      { partition: 0, offset: '1', what: 'unexpected' },
      { partition: 0, offset: '0', what: 'repeated' },
    ]);
  });

  test('names the row that was deleted from the facts by hand, also where the number still comes from a slice', async () => {
    const tenant = await explaining.put(shop('deleted'));
    const day = Date.UTC(2024, 2, 4) / 86_400_000;
    await explaining.asking.seal(tenant, [day, day + 1]);
    const { facts } = explaining.asking;
    const statement = `ALTER TABLE analysis_db.facts_g1 DELETE WHERE tenant_id = 'deleted' AND log_offset = 4`;
    // The engine answers a change with nothing, which is no answer to a question.
    await assert.rejects(facts.query({ sql: statement, params: {} }));
    const left = `SELECT count() AS n FROM system.mutations WHERE is_done = 0`;
    for (let open = '1'; open !== '0';) {
      const { rows } = await facts.query<{ n: string }>({ sql: left, params: {} });
      open = rows[0]?.n ?? '0';
    }
    const question = { ...MARCH, cell: 'total_clicks' };
    const { value, users, recount } = await explaining.explain('dashboard', tenant, question);
    assert.deepEqual([value, recount?.value, recount?.equal], [2, 2, false]);
    assert.deepEqual(recount?.examples, [{ partition: 0, offset: '4', what: 'missing' }]);
    assert.deepEqual(users, [{ user: 'u1', value: 1, events: 1 }]);
  });

  test('reads sealed days from slices for the number, and from facts for who is in it', async () => {
    const history = shop('sealed');
    const tenant = await explaining.put(history);
    const day = Date.UTC(2024, 2, 4) / 86_400_000;
    assert.deepEqual(await explaining.asking.seal(tenant, [day, day + 1]), [day, day + 1]);
    for (const figure of ['total_clicks', 'active_users', 'ctr']) {
      const explained = await explaining.explain('dashboard', tenant, { ...MARCH, cell: { figure } });
      assert.equal(explained.recount?.equal, true, figure);
      assert.equal(explained.recount.value, explained.value);
    }
  });

  test('refuses what is made of facts that are no longer kept, with the reason', async () => {
    const tenant = await explaining.put(shop('horizon'));
    explaining.asking.letGo(tenant, { beforeMs: Date.UTC(2024, 2, 5), position: 6n });
    const gone = { ...MARCH, cell: 'total_clicks' };
    await assert.rejects(
      explaining.explain('dashboard', tenant, gone),
      isRefused('QUERY_UNEXPLAINABLE', undefined, gone),
    );
    const kept = { from: '2024-03-05', to: '2024-04-01', cell: 'total_recommendations' };
    const explained = await explaining.explain('dashboard', tenant, kept);
    assert.deepEqual([explained.value, explained.recount?.equal], [1, true]);
  });

  test('reads samples where all would be too much, and says so', async () => {
    const sketches = Array.from({ length: 200 }, (_, index) => did(`u${index % 7}`, 'click', '04T10:00:00'));
    const history = historyOf('samples', sketches);
    const limits = { maxRecords: 50, stretch: 5 };
    const lost = history[100];
    const facts = history.filter((one) => one !== lost);
    const tenant = await explaining.put(history, undefined, facts);
    const question = { ...MARCH, cell: 'total_clicks' };
    const { recount } = await explaining.explainWithin(limits, 'dashboard', { tenant, question });
    // Of every twenty the first five.
    assert.deepEqual([recount?.value, recount?.sampled?.records, recount?.sampled?.of], [null, 50, 200]);
    assert.deepEqual(recount?.events, {
      log: 50,
      facts: 49,
      missing: 1,
      unexpected: 0,
      differing: 0,
      repeated: 0,
    });
    assert.equal(recount.equal, false);
    const few = { maxEvents: 60, stretch: 5 };
    const less = await explaining.explainWithin(few, 'dashboard', { tenant, question });
    assert.ok((less.recount?.events.facts ?? 61) <= 60);
    assert.equal(less.recount?.value, null);
  });

  test('counts the items of the catalogue by the last word on each', async () => {
    const item = (scenario: string, id: string, name: string, time: string): Sketch => ({
      kind: 'catalog',
      name,
      item_id: id,
      scenario_id: scenario,
      at: `2024-03-${time}Z`,
    });
    const tenant = await explaining.put(
      historyOf('catalogue', [
        item('feed', 'i1', 'item_created', '04T10:00:00'),
        item('shop', 'i1', 'item_created', '04T10:00:00'),
        item('feed', 'i1', 'item_deleted', '04T11:00:00'),
        item('feed', 'i/2', 'item_created', '04T12:00:00'),
        item('feed', 'i/2', 'item_updated', '04T12:30:00'),
        item('feed', 'i3', 'item_updated', '04T12:30:00'),
      ]),
    );
    const explained = await explaining.explain('dashboard', tenant, { ...MARCH, cell: 'total_items' });
    assert.equal(explained.value, 3);
    assert.deepEqual(explained.items, [
      { item: 'feed/i/2', value: 1, events: 2 },
      { item: 'feed/i3', value: 1, events: 1 },
      { item: 'shop/i1', value: 1, events: 1 },
    ]);
    assert.equal(explained.recount?.equal, true);
  });

  test('shows raw records as raw history does, with what they count, and only once the audit has the read', async () => {
    const tenant = await explaining.put(shop('raw'));
    const asked = { ...MARCH, cell: 'total_clicks', user: 'u2' };
    const events = await explaining.pages('dashboard', tenant, { ...asked, level: 'events' });
    await explaining.pages('dashboard', tenant, { ...MARCH, cell: 'total_clicks' });
    assert.deepEqual(explaining.audited.reads(tenant), []);
    const question = { ...asked, level: 'records', recount: false };
    const { records = [] } = await explaining.explain('dashboard', tenant, question);
    const [record] = records as readonly Readonly<Record<string, unknown>>[];
    assert.ok(record && records.length === 1);
    const { raw, event, headers, ...others } = record;
    assert.deepEqual(others, {
      position: { partition: 0, offset: '4' },
      receipt: 'dr1_018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10_0_4',
      outcome: 'accepted',
      key: 'u2',
      user: 'u2',
      counted: { events: 1 },
    });
    assert.deepEqual([events[0]?.['user'], events[0]?.['counted']], ['u2', { events: 1 }]);
    assert.equal((event as { user_id: string }).user_id, 'u2');
    assert.deepEqual(JSON.parse(String(raw)), event);
    const { schema, schema_version } = headers as Readonly<Record<string, unknown>>;
    assert.deepEqual([schema, schema_version], ['envelope.behaviour', 1]);
    const recorded = explaining.audited.reads(tenant);
    assert.deepEqual(recorded, [
      {
        read: {
          tenant,
          kind: 'explain',
          question: { analysis: 'dashboard', ...question },
          reader: { actor: 'ada', address: '127.0.0.1' },
        },
        records: 1,
      },
    ]);
    explaining.audited.isBroken = true;
    await assert.rejects(explaining.explain('dashboard', tenant, question), /not recorded/);
    explaining.audited.isBroken = false;
  });
});

/** An explanation without what every asking has of its own. */
function without({ meta, ...explained }: Explanation): object {
  const { as_of, range } = meta;
  return { ...explained, as_of, range };
}

function isRefused(code: FaultCode, field: string | undefined, asked: object): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Fault, String(error));
    assert.equal(error.code, code, JSON.stringify(asked));
    const errors = (error.details['errors'] ?? []) as readonly { readonly field: string }[];
    if (field !== undefined) assert.deepEqual(errors[0]?.field, field, JSON.stringify(asked));
    return true;
  };
}
