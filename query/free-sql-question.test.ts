import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Fault, formatReceipt, parseAsOf, parseTenantId } from '#domain';
import type { PositionVector, Tenant, TenantId } from '#domain';
import type { FactStore } from '#projections';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { createSqlQuestions } from './free-sql-question.ts';
import type { SqlAnswer, SqlQuestions } from './free-sql-question.ts';

const IDENTITY = '0190b3a2-0000-7000-8000-000000000000';
const tenantOf = (id: string): TenantId => {
  const parsed = parseTenantId(id);
  assert.ok(parsed.ok);
  return parsed.tenant;
};
const [acme, globex, nobody] = ['acme', 'globex', 'nobody'].map(tenantOf) as [TenantId, TenantId, TenantId];

let dataDir: string;
let facts: FactStore;
/** How far the facts count as confirmed, for both tenants. */
let confirmed: PositionVector;

/** Fifty events of each tenant in one insert, so that both stand in the same part and granule. */
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-sql-'));
  facts = await openChdbFactStore({ dataDir, connections: 2 });
  await facts.prepare(1);
  const line = (tenant: TenantId, n: number) =>
    Buffer.from(
      JSON.stringify({
        log_partition: 0,
        log_offset: n,
        event_id: `evt_${n}`,
        tenant_id: tenant,
        kind: n % 5 === 0 ? 'behaviour' : 'generic',
        event_name: 'click',
        action_type: n % 5 === 0 ? 'click' : '',
        user_id: tenant === globex ? `globex-secret-${n}` : String(n),
        timestamp: 1_700_000_000_000 + n * 1000,
        server_time: 1_700_000_100_000 + n,
        properties: { owner: tenant },
        valid_status: 1,
        schema: 'envelope.generic',
        schema_version: 1,
      }),
    );
  const offsets = Array.from({ length: 50 }, (_, i) => BigInt(i));
  await facts.insert(
    1,
    [acme, globex].map((tenant) => ({
      tenant,
      partition: 0,
      offsets,
      lines: offsets.map((offset) => line(tenant, Number(offset))),
    })),
  );
  confirmed = [50n, 0n];
});

after(async () => {
  await facts[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

function open(limits: { rows?: number; maxSeconds?: number } = {}): SqlQuestions {
  return createSqlQuestions({
    facts,
    tenants: {
      get: (id) => (id === nobody ? undefined : ({ id, partitions: 2, createdAtMs: 0 } satisfies Tenant)),
      position: () => 7n,
    },
    progress: {
      state: async () => ({
        generation: 1,
        logIdentity: IDENTITY,
        confirmed,
        firstSeen: [0n, 0n],
        highWater: [50n, 0n],
        waitingSinceMs: undefined,
        horizon: undefined,
        paused: undefined,
      }),
      waitFor: async (_tenant, vector) => vector[0] !== undefined && vector[0] <= 50n,
    },
    clock: () => 1_700_000_200_000,
    limits: { rows: 1000, maxSeconds: 20, maxBytes: 1e9, ...limits },
    waitMs: 5,
  });
}

const ask = (tenant: TenantId, sql: string, more: object = {}): Promise<SqlAnswer> =>
  open().ask({ tenant, sql, ...more });

const faultOf = async (asked: Promise<unknown>): Promise<Fault> => {
  try {
    await asked;
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error;
  }
  return assert.fail('answered');
};

test('an answer has its columns, its rows and what it reflects', async () => {
  const { columns, rows, truncated, meta } = await ask(
    acme,
    "SELECT kind, count() AS n FROM events WHERE properties['owner'] = 'acme' GROUP BY kind ORDER BY kind",
  );
  assert.deepEqual(columns, [
    { name: 'kind', type: 'LowCardinality(String)' },
    { name: 'n', type: 'UInt64' },
  ]);
  assert.deepEqual(rows, [
    { kind: 'behaviour', n: '10' },
    { kind: 'generic', n: '40' },
  ]);
  assert.equal(truncated, false);
  assert.deepEqual(parseAsOf(meta.as_of ?? '')?.vector, [50n, 0n]);
  assert.equal(meta.completeness.confirmed_ratio, 1);
  assert.deepEqual((await ask(acme, 'SELECT count() AS n FROM user_behaviors')).rows, [{ n: '10' }]);
});

/** Statements that fail on a row of the other tenant if they are ever evaluated on one. */
const PROBES = [
  'SELECT count() AS n FROM events WHERE toInt64(user_id) >= 0',
  "SELECT count() AS n FROM events WHERE intDiv(1, toUInt8(user_id NOT LIKE 'globex-%')) = 1",
  "SELECT count() AS n FROM events WHERE os = '' AND toInt64(user_id) >= 0 AND event_name = 'click'",
  'SELECT count() AS n FROM (SELECT * FROM events WHERE toInt64(user_id) >= 0) WHERE toInt64(user_id) < 99',
  'SELECT count() AS n FROM events WHERE toInt64(user_id) IN (SELECT toInt64(user_id) FROM events)',
  'SELECT count() AS n FROM events AS a JOIN events AS b ON toInt64(a.user_id) = toInt64(b.user_id)',
  'SELECT count() AS n FROM (SELECT toInt64(user_id) AS u FROM events GROUP BY u HAVING u >= 0)',
  'SELECT countIf(toInt64(user_id) >= 0) AS n FROM events',
  'WITH x AS (SELECT toInt64(user_id) AS u FROM events) SELECT count() AS n FROM x WHERE u >= 0',
  'SELECT count() AS n FROM (SELECT toInt64(user_id) AS u FROM events UNION DISTINCT SELECT 1 WHERE 0) WHERE u >= 0',
];

test('no expression of a statement is ever evaluated on a row of another tenant', async (t) => {
  for (const sql of PROBES) {
    await t.test(sql, async () => {
      assert.deepEqual((await ask(acme, sql)).rows, [{ n: '50' }]);
    });
  }
});

test('whatever is asked, in parallel and failing in between, shows rows of its own tenant alone', async () => {
  const questions = open();
  const asked = Array.from({ length: 24 }, async (_, i) => {
    const tenant = i % 2 === 0 ? acme : globex;
    const failing = i % 3 === 0;
    const sql = failing
      ? 'SELECT user_id, intDiv(1, position) AS x FROM events'
      : "SELECT user_id, properties['owner'] AS owner FROM events ORDER BY user_id";
    try {
      const { rows } = await questions.ask({ tenant, sql });
      assert.ok(!failing);
      assert.equal(rows.length, 50);
      for (const row of rows) assert.equal(row['owner'], tenant);
    } catch (error) {
      assert.ok(failing && error instanceof Fault && error.code === 'QUERY_SQL_REFUSED', String(error));
    }
  });
  await Promise.all(asked);
});

test('an answer sees the confirmed vector and nothing after it, and a token pins it', async () => {
  const sql = 'SELECT count() AS n, max(log_offset) AS last FROM events';
  confirmed = [20n, 0n];
  const early = await ask(acme, sql);
  assert.deepEqual(early.rows, [{ n: '20', last: '19' }]);
  assert.equal(early.meta.lag.events, 30);
  confirmed = [50n, 0n];
  assert.deepEqual((await ask(acme, sql)).rows, [{ n: '50', last: '49' }]);
  assert.deepEqual((await ask(acme, sql, { asOf: early.meta.as_of })).rows, early.rows);
  assert.equal((await faultOf(ask(acme, sql, { asOf: 'yesterday' }))).code, 'QUERY_INVALID');
});

test('a receipt is waited for; one of another log is refused', async () => {
  const receipt = (offset: bigint, logIdentity = IDENTITY) =>
    formatReceipt({ logIdentity, partition: 0, offset });
  assert.deepEqual((await ask(acme, 'SELECT 1 AS one', { waitFor: receipt(49n) })).rows, [{ one: 1 }]);
  assert.equal(
    (await faultOf(ask(acme, 'SELECT 1', { waitFor: receipt(50n) }))).code,
    'QUERY_NOT_YET_VISIBLE',
  );
  const foreign = receipt(1n, '0190b3a2-0000-7000-8000-00000000ffff');
  for (const waitFor of [foreign, 'dr1_x']) {
    assert.equal((await faultOf(ask(acme, 'SELECT 1', { waitFor }))).code, 'QUERY_INVALID');
  }
});

test('a tenant without events sees the views without rows', async () => {
  const { columns, rows, meta } = await ask(nobody, 'SELECT user_id, event_time FROM events');
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['user_id', 'event_time'],
  );
  assert.deepEqual(rows, []);
  assert.equal(meta.as_of, null);
});

test('more rows than one answer may have are left out, in the order asked for, and it is said', async () => {
  const answer = await open({ rows: 7 }).ask({
    tenant: acme,
    sql: 'SELECT toInt64(user_id) AS u FROM events ORDER BY u DESC',
  });
  assert.equal(answer.truncated, true);
  assert.deepEqual(
    answer.rows.map(({ u }) => u),
    ['49', '48', '47', '46', '45', '44', '43'],
  );
});

test('what the engine says against a statement reaches its author, without values', async () => {
  const unknown = await faultOf(ask(acme, 'SELECT no_such_column FROM events'));
  assert.equal(unknown.code, 'QUERY_SQL_REFUSED');
  assert.match(unknown.message, /no_such_column/);
  const failing = await faultOf(ask(globex, 'SELECT toInt64(user_id) FROM events'));
  assert.equal(failing.code, 'QUERY_SQL_REFUSED');
  assert.match(failing.message, /Cannot parse string '…' as Int64/);
  assert.doesNotMatch(JSON.stringify(failing.details) + failing.message, /secret/);
});

test('a statement that takes too long is stopped and refused as too dear', async () => {
  const product = Array.from({ length: 8 }, (_, i) => `events AS e${i}`).join(', ');
  const asked = open({ maxSeconds: 1 }).ask({
    tenant: acme,
    sql: `SELECT count(cityHash64(${Array.from({ length: 8 }, (_, i) => `e${i}.user_id`).join(', ')})) FROM ${product}`,
  });
  const fault = await faultOf(asked);
  assert.equal(fault.code, 'QUERY_TOO_DEAR');
});
