import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Fault } from '#domain';
import type { TenantId } from '#domain';
import { openChdbFactStore } from './chdb-fact-store.ts';
import { factStoreContract } from './fact-store.contract.ts';
import type { FactStore } from './fact-store.ts';

const MODULE = join(import.meta.dirname, 'chdb-fact-store.ts');

async function newDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'daybook-facts-'));
}

factStoreContract('chdb', async () => {
  const dataDir = await newDirectory();
  const facts = await openChdbFactStore({ dataDir });
  return {
    ...facts,
    async [Symbol.asyncDispose]() {
      await facts[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});

async function open(
  t: TestContext,
  options: { connections?: number; maxWaiting?: number } = {},
): Promise<FactStore> {
  const dataDir = await newDirectory();
  const facts = await openChdbFactStore({ dataDir, ...options });
  t.after(async () => {
    await facts[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
  });
  return facts;
}

/** Streams rows of a tenant for a while, then fails. */
const FAILING = `SELECT {tenant:String} AS tenant, number, throwIf(number = 150000, 'in mid-execution') AS x
  FROM numbers(200000)`;

test('rows of a question that fails in mid-execution never show up in another answer', async (t) => {
  const facts = await open(t, { connections: 3 });
  let failures = 0;
  const failing = async (): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      await assert.rejects(facts.query({ sql: FAILING, params: { tenant: 'tenant-a' } }), (error) => {
        assert.ok(error instanceof Fault);
        return error.code === 'FACTS_ENGINE_FAILED';
      });
      failures++;
    }
  };
  const succeeding = async (): Promise<void> => {
    for (let round = 0; round < 60; round++) {
      const { rows } = await facts.query({
        sql: 'SELECT {tenant:String} AS tenant, number FROM numbers({from:UInt64}, 3)',
        params: { tenant: 'tenant-b', from: round },
      });
      const expected = [0, 1, 2].map((step) => ({ tenant: 'tenant-b', number: String(round + step) }));
      assert.deepEqual(rows, expected);
    }
  };
  await Promise.all([failing(), succeeding(), failing(), succeeding(), succeeding()]);
  assert.equal(failures, 50);
});

test('rows of an aborted question never show up in another answer', async (t) => {
  const facts = await open(t, { connections: 1 });
  for (let round = 0; round < 5; round++) {
    const signal = AbortSignal.timeout(30);
    await assert.rejects(
      facts.query({
        sql: 'SELECT number, sipHash64(number) AS h FROM numbers(1000000000)',
        params: {},
        signal,
      }),
      (error) => error === signal.reason,
    );
    const { rows } = await facts.query({ sql: 'SELECT {round:UInt8} AS round', params: { round } });
    assert.deepEqual(rows, [{ round }]);
  }
});

test('settings of one question never hold for another', async (t) => {
  const facts = await open(t, { connections: 1 });
  const sql = `SELECT name, value FROM system.settings WHERE changed ORDER BY name`;
  const changed = async (): Promise<string[]> => {
    const { rows } = await facts.query<{ name: string }>({ sql, params: {}, limits: { maxSeconds: 7 } });
    return rows.map(({ name }) => name);
  };
  const before = await changed();
  const many = { sql: 'SELECT count() AS c FROM numbers(1000)', params: {} };
  await assert.rejects(facts.query({ ...many, limits: { maxRows: 10, maxSeconds: 3 } }));
  assert.deepEqual((await facts.query(many)).rows, [{ c: '1000' }]);
  await assert.rejects(
    facts.query({ ...many, limits: { maxBytes: 1 }, sql: 'SELECT groupArray(number) FROM numbers(9)' }),
  );
  assert.deepEqual((await facts.query(many)).rows, [{ c: '1000' }]);
  assert.deepEqual(await changed(), before);

  // What is not a question carries no limits of its own, and so would show those left on the connection.
  await facts.prepare(1);
  const tenant = 'acme' as TenantId;
  const offsets = Array.from({ length: 50 }, (_, index) => BigInt(index));
  const lines = offsets.map((offset) =>
    Buffer.from(`{"log_partition":0,"log_offset":${offset},"tenant_id":"acme","timestamp":1}`),
  );
  await facts.insert(1, [{ tenant, partition: 0, offsets, lines }]);
  for (const limits of [{ maxRows: 2 }, { maxBytes: 1 }, { maxSeconds: 0.001 }]) {
    await facts.query({ ...many, limits }).catch(() => undefined);
    assert.deepEqual(await facts.present(1, { tenant, partition: 0, from: 0n, to: 99n }), offsets);
  }
});

test('an aborted question is stopped in the engine, not only abandoned', async (t) => {
  const facts = await open(t, { connections: 2 });
  const signal = AbortSignal.timeout(50);
  const sql = 'SELECT max(sipHash64(number)) AS endless FROM numbers(10000000000000)';
  await assert.rejects(facts.query({ sql, params: {}, limits: { maxSeconds: 0 }, signal }));
  const running = `SELECT count() AS c FROM system.processes WHERE query LIKE '%AS endless%' AND query NOT LIKE '%processes%'`;
  const deadline = AbortSignal.timeout(5000);
  for (;;) {
    const { rows } = await facts.query<{ c: string }>({ sql: running, params: {} });
    if (rows[0]?.c === '0') break;
    deadline.throwIfAborted();
  }
});

test('questions that differ only in their values run side by side', async (t) => {
  const facts = await open(t, { connections: 2 });
  const stop = new AbortController();
  const sql = 'SELECT max(sipHash64(number)) AS m FROM numbers({n:UInt64})';
  const dear = facts.query({
    sql,
    params: { n: 10_000_000_000_000n },
    limits: { maxSeconds: 0 },
    signal: stop.signal,
  });
  const ended = assert.rejects(dear);
  const { rows } = await facts.query({ sql, params: { n: 1 } });
  assert.equal(rows.length, 1);
  stop.abort();
  await ended;
});

test('more questions than may wait are refused, and those that wait are answered', async (t) => {
  const facts = await open(t, { connections: 1, maxWaiting: 3 });
  const ask = (): Promise<unknown> => facts.query({ sql: 'SELECT sleep(0.05) AS s', params: {} });
  const outcomes = await Promise.allSettled([ask(), ask(), ask(), ask(), ask(), ask()]);
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(refused.length, 2);
  for (const { reason } of refused) assert.equal((reason as Fault).code, 'QUERY_OVERLOADED');
  await ask();
});

test('a question aborted while it waits leaves the line', async (t) => {
  const facts = await open(t, { connections: 1 });
  const first = facts.query({ sql: 'SELECT sleep(0.2) AS s', params: {} });
  const signal = AbortSignal.timeout(20);
  await assert.rejects(
    facts.query({ sql: 'SELECT 1', params: {}, signal }),
    (error) => error === signal.reason,
  );
  await first;
  assert.deepEqual((await facts.query({ sql: 'SELECT 1 AS one', params: {} })).rows, [{ one: 1 }]);
});

test('a second process on the same directory is refused with a clear word', async (t) => {
  const dataDir = await newDirectory();
  const script = `const { openChdbFactStore } = await import(${JSON.stringify(MODULE)});
    const facts = await openChdbFactStore({ dataDir: ${JSON.stringify(dataDir)} });
    await facts.prepare(1); console.log('open'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    await rm(dataDir, { recursive: true });
  });
  await once(child.stdout, 'data');
  await assert.rejects(openChdbFactStore({ dataDir }), (error) => {
    assert.ok(error instanceof Fault);
    return error.code === 'DATA_DIR_LOCKED';
  });
});

test('a process that ends with the facts open ends cleanly', async () => {
  const dataDir = await newDirectory();
  const script = `const { openChdbFactStore } = await import(${JSON.stringify(MODULE)});
    const facts = await openChdbFactStore({ dataDir: ${JSON.stringify(dataDir)} });
    await facts.prepare(1); await facts.query({ sql: 'SELECT 1', params: {} });
    process.exitCode = 7;`;
  const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  await rm(dataDir, { recursive: true });
  assert.deepEqual([status, signal], [7, null]);
});

test('a directory that cannot be made is named', async () => {
  const dataDir = join(MODULE, 'below-a-file');
  await assert.rejects(openChdbFactStore({ dataDir }), (error) => {
    assert.ok(error instanceof Fault);
    assert.equal(error.details['path'], join(dataDir, 'facts'));
    return error.code === 'FACTS_ENGINE_FAILED';
  });
});
