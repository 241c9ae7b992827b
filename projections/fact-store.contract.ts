import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain';
import type { Event, TenantId } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import type { FactBatch, FactStore } from './fact-store.ts';
import { splicedLine } from './spliced-line.ts';

/** What a fact store must promise; `open` gives one with nothing in it. */
export function factStoreContract(name: string, open: () => Promise<FactStore>): void {
  const clause = (promise: string, check: (facts: FactStore) => Promise<void>): void => {
    test(`${name}: ${promise}`, async () => {
      await using facts = await open();
      await facts.prepare(1);
      await check(facts);
    });
  };

  clause('preparing a generation twice changes nothing', async (facts) => {
    await facts.insert(1, [batchOf(ACME, 0, 0n, [{}])]);
    await facts.prepare(1);
    assert.equal(await count(facts, ACME), 1);
  });

  clause('every line of every batch is present under its position', async (facts) => {
    await facts.insert(1, [
      batchOf(ACME, 0, 5n, [{}, {}, {}]),
      batchOf(ACME, 2, 5n, [{}]),
      batchOf(UMBRA, 0, 5n, [{}]),
    ]);
    const whole = { from: 0n, to: 100n };
    assert.deepEqual(await facts.present(1, { tenant: ACME, partition: 0, ...whole }), [5n, 6n, 7n]);
    assert.deepEqual(await facts.present(1, { tenant: ACME, partition: 2, ...whole }), [5n]);
    assert.deepEqual(await facts.present(1, { tenant: UMBRA, partition: 0, ...whole }), [5n]);
    assert.deepEqual(await facts.present(1, { tenant: UMBRA, partition: 1, ...whole }), []);
    assert.deepEqual(await facts.present(1, { tenant: ACME, partition: 0, from: 6n, to: 7n }), [6n]);
  });

  clause('an insert of nothing writes nothing', async (facts) => {
    await facts.insert(1, []);
    assert.equal(await count(facts, ACME), 0);
  });

  clause('every member of an event is in the column of its meaning', async (facts) => {
    await facts.insert(1, [batchOf(ACME, 3, 9n, [FULL])]);
    const [row] = await rowsOf(facts, ACME);
    assert.deepEqual(row, FULL_ROW);
  });

  clause('members that were not sent are empty, not wrong', async (facts) => {
    await facts.insert(1, [batchOf(ACME, 0, 0n, [{}])]);
    const [row] = await rowsOf(facts, ACME);
    const {
      action_type,
      scenario_id,
      item_id,
      device_type,
      position,
      watch_duration,
      completion_rate,
      amount,
    } = row ?? {};
    assert.deepEqual(
      { action_type, scenario_id, item_id, device_type, position, watch_duration, completion_rate, amount },
      {
        action_type: '',
        scenario_id: '',
        item_id: '',
        device_type: '',
        position: 0,
        watch_duration: null,
        completion_rate: null,
        amount: null,
      },
    );
    assert.deepEqual(row?.['properties'], {});
  });

  clause('the actor is the user, else the device, else the session', async (facts) => {
    const ids = [
      { user_id: 'u', device_id: 'd', session_id: 's' },
      { user_id: undefined, device_id: 'd', session_id: 's' },
      { user_id: undefined, session_id: 's' },
    ];
    await facts.insert(1, [batchOf(ACME, 0, 0n, ids as Partial<Event>[])]);
    assert.deepEqual(
      (await rowsOf(facts, ACME)).map((row) => row['actor_id']),
      ['u', 'd', 's'],
    );
  });

  clause('properties hold every kind of JSON value as text and leave null out', async (facts) => {
    const properties = {
      text: 'plain',
      whole: 42,
      fraction: -0.25,
      large: 9007199254740991,
      yes: true,
      no: false,
      nothing: null,
      list: [1, 'two', null],
      nested: { a: { b: 1 } },
      empty: '',
      'a.b': 'dotted',
    };
    await facts.insert(1, [batchOf(ACME, 0, 0n, [{ properties }])]);
    assert.deepEqual((await rowsOf(facts, ACME))[0]?.['properties'], {
      text: 'plain',
      whole: '42',
      fraction: '-0.25',
      large: '9007199254740991',
      yes: 'true',
      no: 'false',
      list: '[1,"two",null]',
      nested: '{"a":{"b":1}}',
      empty: '',
      'a.b': 'dotted',
    });
  });

  clause('of properties, extra_data and the branch of scenario_data the later wins', async (facts) => {
    const event = {
      scenario_type: 'video',
      properties: { a: 'p', b: 'p', c: 'p' },
      extra_data: { b: 'x', c: 'x', d: 'x' },
      scenario_data: { video_data: { c: 's', e: 's' }, news_data: { f: 'other branch' } },
    } as const;
    await facts.insert(1, [batchOf(ACME, 0, 0n, [event])]);
    assert.deepEqual((await rowsOf(facts, ACME))[0]?.['properties'], {
      a: 'p',
      b: 'x',
      c: 's',
      d: 'x',
      e: 's',
    });
  });

  clause('hostile text comes back as it was sent', async (facts) => {
    const hostile = [
      'line\nfeed and \r\n',
      'quotes \' " ` and \\ and \\n',
      'nul \u0000 and \u0001',
      'emoji 👩‍👩‍👧 and \u2028',
      "'; DROP TABLE x; --",
      '{"a":1}',
      '\\N',
    ];
    const events = hostile.map((text) => ({ page_title: text, properties: { [text]: text } }));
    await facts.insert(1, [batchOf(ACME, 0, 0n, events)]);
    const rows = await rowsOf(facts, ACME);
    assert.deepEqual(
      rows.map((row) => [row['page_title'], row['properties']]),
      hostile.map((text) => [text, { [text]: text }]),
    );
    for (const text of hostile) {
      const { rows: found } = await facts.query<{ c: string }>({
        sql: `SELECT count() AS c FROM analysis_db.events WHERE tenant_id = {tenant:String}
          AND page_title = {text:String} AND page_title IN {texts:Array(String)}`,
        params: { tenant: ACME, text, texts: [text, 'x'] },
      });
      assert.deepEqual(found, [{ c: '1' }], JSON.stringify(text));
    }
  });

  clause('a member that the facts do not know is loud, also inside of the context', async (facts) => {
    for (const more of [{ unheard_of: 1 }, { context: { unheard_of: 'x' } }]) {
      await assert.rejects(facts.insert(1, [batchOf(ACME, 0, 0n, [more as Partial<Event>])]), unreadable);
    }
  });

  clause('an attribute text that the engine cannot take apart is loud, not empty', async (facts) => {
    const line = Buffer.from(
      lineOf(ACME, 0, 0n, { properties: { a: 'X' } })
        .toString()
        .replace('"X"', '"\\ud800"'),
    );
    await assert.rejects(
      facts.insert(1, [{ tenant: ACME, partition: 0, offsets: [0n], lines: [line] }]),
      unreadable,
    );
  });

  clause('a batch may span any number of months', async (facts) => {
    const events = Array.from({ length: 150 }, (_, month) => ({ timestamp: Date.UTC(2010, month, 1) }));
    await facts.insert(1, [batchOf(ACME, 0, 0n, events)]);
    assert.equal(await count(facts, ACME), 150);
    const present = await facts.present(1, { tenant: ACME, partition: 0, from: 0n, to: 150n });
    assert.deepEqual(
      present,
      Array.from({ length: 150 }, (_, offset) => BigInt(offset)),
    );
  });

  clause('months before an instant are dropped whole, of every tenant, and no other month', async (facts) => {
    const day = (text: string): Partial<Event> => ({ timestamp: Date.parse(text) });
    await facts.insert(1, [
      batchOf(ACME, 0, 0n, [day('2023-12-31T23:59:59.999Z'), day('2024-01-01T00:00:00Z'), day('2024-02-29')]),
      batchOf(UMBRA, 0, 0n, [day('2023-11-02'), day('2024-03-01')]),
    ]);
    const kept = async (tenant: TenantId): Promise<readonly bigint[]> =>
      facts.present(1, { tenant, partition: 0, from: 0n, to: 100n });
    assert.deepEqual(await facts.dropBefore(1, Date.parse('2023-11-01')), []);
    assert.deepEqual(await facts.dropBefore(1, Date.parse('2024-01-01')), [202311, 202312]);
    assert.deepEqual(await kept(ACME), [1n, 2n]);
    assert.deepEqual(await kept(UMBRA), [1n]);
    assert.deepEqual(await facts.dropBefore(1, Date.parse('2024-01-01')), [], 'nothing is left to drop');
    assert.deepEqual(await facts.dropBefore(1, Date.parse('2024-03-01')), [202401, 202402]);
    assert.deepEqual(await kept(UMBRA), [1n]);
  });

  clause('copies of a record are found, and gone after their removal', async (facts) => {
    const [first, second] = [batchOf(ACME, 0, 0n, [{}, {}, {}]), batchOf(ACME, 0, 1n, [{}])];
    await facts.insert(1, [first]);
    assert.deepEqual(await facts.copies(1, ACME), []);
    await facts.insert(1, [second]);
    assert.deepEqual(await facts.copies(1, ACME), [{ month: 202402, partition: 0, rows: 4n, distinct: 3n }]);
    assert.deepEqual(await facts.copies(1, UMBRA), []);
    await facts.removeCopies(1, 202402);
    assert.deepEqual(await facts.copies(1, ACME), []);
    assert.deepEqual(await facts.present(1, { tenant: ACME, partition: 0, from: 0n, to: 9n }), [0n, 1n, 2n]);
  });

  clause('the views show the documented columns of their kinds', async (facts) => {
    await facts.insert(1, [
      batchOf(ACME, 0, 0n, [
        FULL,
        { event_name: 'pageview', properties: { price: '12.50', product_name: 'x' } },
      ]),
    ]);
    const behaviours = await facts.query<Record<string, unknown>>({
      sql: 'SELECT * FROM analysis_db.user_behaviors WHERE tenant_id = {tenant:String}',
      params: { tenant: ACME },
    });
    assert.equal(behaviours.rows.length, 1);
    const [row = {}] = behaviours.rows;
    for (const column of BEHAVIOUR_COLUMNS) assert.ok(column in row, column);
    assert.equal(row['timestamp'], '2024-02-29 23:59:59.123');
    assert.equal(row['date'], '2024-02-29');
    assert.equal(row['hour_ts'], '2024-02-29 23:00:00');
    assert.equal(row['ip'], '192.168.1.0/24');
    const events = await facts.query<Record<string, unknown>>({
      sql: `SELECT event_name, price_value, product_name, product_id FROM analysis_db.events
        WHERE tenant_id = {tenant:String} ORDER BY log_offset`,
      params: { tenant: ACME },
    });
    assert.deepEqual(events.rows, [
      { event_name: 'order', price_value: null, product_name: null, product_id: 'sku' },
      { event_name: 'pageview', price_value: 12.5, product_name: 'x', product_id: null },
    ]);
    const all = await facts.query<Record<string, unknown>>({
      sql: 'SELECT * FROM analysis_db.events LIMIT 1',
      params: {},
    });
    for (const column of EVENT_COLUMNS) assert.ok(column in (all.rows[0] ?? {}), column);
  });

  clause('64-bit integers come back as text, and the answer says what it cost', async (facts) => {
    await facts.insert(1, [batchOf(ACME, 0, 18_000_000_000_000_000_001n, [{}])]);
    const answer = await facts.query<{ log_offset: string }>({
      sql: 'SELECT log_offset FROM analysis_db.facts_g1 WHERE tenant_id = {tenant:String}',
      params: { tenant: ACME },
    });
    assert.deepEqual(answer.rows, [{ log_offset: '18000000000000000001' }]);
    assert.equal(answer.rowsRead, 1);
    assert.ok(answer.elapsedMs > 0);
  });

  clause(
    'a question beyond its time, rows or memory is too dear, and says which limit it was',
    async (facts) => {
      const dear = 'SELECT max(sipHash64(number)) AS m FROM numbers(100000000000)';
      const large = 'SELECT length(groupArray(number)) AS l FROM numbers(100000000)';
      const cases = [
        { sql: dear, limits: { maxSeconds: 0.1 }, limit: 'seconds' },
        { sql: dear, limits: { maxRows: 1000 }, limit: 'rows' },
        { sql: large, limits: { maxBytes: 10_000_000 }, limit: 'bytes' },
      ];
      for (const { sql, limits, limit } of cases) {
        await assert.rejects(facts.query({ sql, params: {}, limits }), (error) => {
          assert.ok(error instanceof Fault);
          assert.deepEqual([error.code, error.details['limit']], ['QUERY_TOO_DEAR', limit]);
          return true;
        });
      }
    },
  );

  clause('an aborted question ends at once with the reason of the signal', async (facts) => {
    const abort = new AbortController();
    const asked = facts.query({
      sql: 'SELECT max(sipHash64(number)) AS m FROM numbers(1000000000000)',
      params: {},
      limits: { maxSeconds: 600 },
      signal: abort.signal,
    });
    const reason = new Error('not needed any more');
    setImmediate(() => {
      abort.abort(reason);
    });
    await assert.rejects(asked, reason);
  });

  clause(
    'a question without its parameter, with several statements or with settings is refused',
    async (facts) => {
      const bad = [
        'SELECT {x:String}',
        'SELECT 1; SELECT 2',
        'SELECT 1 SETTINGS max_threads = 1',
        'SELECT $$a$$',
      ];
      for (const sql of bad) {
        await assert.rejects(facts.query({ sql, params: {} }), (error) => {
          assert.ok(error instanceof Fault);
          assert.equal(error.code, 'QUERY_INVALID', sql);
          return true;
        });
      }
    },
  );
}

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');

const FULL: Partial<Event> = {
  event_id: 'evt_full',
  kind: 'behaviour',
  event_name: 'order',
  action_type: 'order',
  scenario_id: 'shop_1',
  scenario_type: 'ecommerce',
  user_id: 'user_1',
  device_id: 'device_1',
  session_id: 'session_1',
  item_id: 'item_1',
  timestamp: Date.UTC(2024, 1, 29, 23, 59, 59, 123),
  platform: 'ios',
  context: { device_type: 'tablet', os: 'iPadOS', location: 'Beijing', ip: '192.168.1.77' },
  country: 'CN',
  region: 'BJ',
  city: 'Beijing',
  device_model: 'iPad',
  os_version: '17.2',
  app_version: '5.0.1',
  page_url: 'https://example.test/a?b=c',
  page_title: 'A page',
  product: 'shop',
  experiment_id: 'exp_1',
  experiment_group: 'treatment',
  position: 7,
  scenario_data: { ecommerce_data: { product_id: 'sku' } },
  extra_data: { note: 'x' },
  properties: { colour: 'red' },
  watch_duration: 12.5,
  completion_rate: 0.25,
  amount: 1234.5678,
  currency: 'EUR',
  server_time: Date.UTC(2024, 2, 1, 0, 0, 0, 7),
  ip_prefix: '192.168.1.0/24',
  valid_status: 1,
  warnings: [{ field: 'position', code: 'odd', message: 'odd' }],
  schema: 'envelope.behaviour',
  schema_version: 3,
};

const FULL_ROW = {
  tenant_id: 'acme',
  kind: 'behaviour',
  event_name: 'order',
  action_type: 'order',
  scenario_id: 'shop_1',
  scenario_type: 'ecommerce',
  actor_id: 'user_1',
  user_id: 'user_1',
  device_id: 'device_1',
  session_id: 'session_1',
  item_id: 'item_1',
  event_id: 'evt_full',
  ts: '2024-02-29 23:59:59.123',
  received_at: '2024-03-01 00:00:00.007',
  device_type: 'tablet',
  os: 'iPadOS',
  location: 'Beijing',
  platform: 'ios',
  country: 'CN',
  region: 'BJ',
  city: 'Beijing',
  device_model: 'iPad',
  os_version: '17.2',
  app_version: '5.0.1',
  product: 'shop',
  experiment_id: 'exp_1',
  experiment_group: 'treatment',
  currency: 'EUR',
  ip_prefix: '192.168.1.0/24',
  page_url: 'https://example.test/a?b=c',
  page_title: 'A page',
  position: 7,
  watch_duration: 12.5,
  completion_rate: 0.25,
  amount: 1234.5678,
  scenario_data: '{"ecommerce_data":{"product_id":"sku"}}',
  extra_data: '{"note":"x"}',
  properties: { colour: 'red', note: 'x', product_id: 'sku' },
  warnings: '[{"field":"position","code":"odd","message":"odd"}]',
  valid_status: 1,
  schema_subject: 'envelope.behaviour',
  schema_version: 3,
  log_partition: 3,
  log_offset: '9',
};

const BEHAVIOUR_COLUMNS = (
  'event_id tenant_id scenario_id user_id item_id action_type device_type os location ip extra_data watch_duration ' +
  'completion_rate experiment_id experiment_group timestamp date hour_ts position scenario_type scenario_data ' +
  'server_time schema_version log_partition log_offset country region city device_model os_version app_version product'
).split(' ');

const EVENT_COLUMNS = (
  'event_id event_time event_name user_id device_id session_id platform country region city device_model os_version ' +
  'app_version page_url page_title properties price_value product_name product_id tenant_id kind product'
).split(' ');

function lineOf(tenant: TenantId, partition: number, offset: bigint, more: Partial<Event>): Buffer {
  const event: Event = {
    event_id: `evt_${partition}_${offset}`,
    tenant_id: tenant,
    kind: 'generic',
    event_name: 'pageview',
    user_id: 'user_1',
    timestamp: Date.UTC(2024, 1, 1),
    server_time: Date.UTC(2024, 1, 1),
    valid_status: 1,
    schema: 'envelope.generic',
    schema_version: 1,
    ...more,
  };
  const line = splicedLine(Buffer.from(JSON.stringify(event)), partition, offset);
  assert.ok(line);
  return Buffer.from(line);
}

function batchOf(
  tenant: TenantId,
  partition: number,
  from: bigint,
  events: readonly Partial<Event>[],
): FactBatch {
  const offsets = events.map((_event, index) => from + BigInt(index));
  const lines = events.map((event, index) => lineOf(tenant, partition, from + BigInt(index), event));
  return { tenant, partition, offsets, lines };
}

async function rowsOf(facts: FactStore, tenant: TenantId): Promise<readonly Record<string, unknown>[]> {
  const sql =
    'SELECT * FROM analysis_db.facts_g1 WHERE tenant_id = {tenant:String} ORDER BY log_partition, log_offset';
  return (await facts.query<Record<string, unknown>>({ sql, params: { tenant } })).rows;
}

async function count(facts: FactStore, tenant: TenantId): Promise<number> {
  const sql = 'SELECT count() AS c FROM analysis_db.facts_g1 WHERE tenant_id = {tenant:String}';
  const { rows } = await facts.query<{ c: string }>({ sql, params: { tenant } });
  return Number(rows[0]?.c);
}

function unreadable(error: unknown): boolean {
  assert.ok(error instanceof Fault);
  assert.equal(error.code, 'FACTS_ENGINE_FAILED');
  assert.equal(error.details['unreadable'], true, String(error.details['engine_message']));
  return true;
}
