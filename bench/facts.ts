import { createChdbConnection } from 'chdb/connection';
import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseTenantId } from '#domain';
import type { Tenant, TenantId } from '#domain';
import type { EventLog, NewRecord } from '#log';
import { startFactProjector, tablesOf } from '#projections';
import type { FactProgress, FactStore } from '#projections';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from '../projections/lmdb-checkpoint-store.ts';
import { temporaryDir } from '../test/platform.ts';
import { timed } from './measure.ts';
import { recordOf } from './records.ts';
import { thousands } from './report.ts';
import type { Bench } from './report.ts';

const PARTITIONS = 4;
const CALL = 1_000;
const SENDERS = 4;

/** Facts folded from the log, catching up and live, beside the engine loading the same lines by itself. */
export const bench: Bench = async ({ quick, progress }) => {
  const records = quick ? 500_000 : 1_000_000;
  await using dir = await temporaryDir();
  await using log = await openLmdbEventLog({ dataDir: dir.path });
  await using facts = await openChdbFactStore({ dataDir: dir.path });
  await facts.prepare(1);
  await facts.prepare(2);

  progress(`appending ${records} records`);
  const old = tenantOf('old');
  await log.create(old.id, { partitions: PARTITIONS });
  await appendAll(log, old.id, callsOf(old.id, records));

  progress('the engine alone');
  const file = join(dir.path, 'records.ndjson');
  await writeLines(log, old.id, file);
  const engine = records / (await loadByEngine(dir.path, file));

  progress('catching up');
  const caughtUp = records / (await withProjector(dir.path, { log, facts }, old, () => undefined));

  progress('live');
  const live = tenantOf('live');
  await log.create(live.id, { partitions: PARTITIONS });
  // Made before: whoever sends events is not part of the platform.
  const calls = callsOf(live.id, records);
  const steady =
    records / (await withProjector(dir.path, { log, facts }, live, () => appendAll(log, live.id, calls)));

  const counted = await facts.query<{ rows: string }>({
    sql: 'SELECT count() AS rows FROM analysis_db.facts_g1',
    params: {},
  });
  assert.equal(Number(counted.rows[0]?.rows), 2 * records, 'every record must be in the facts');
  const limit = `${thousands(engine)} rows/s, the engine from a file`;
  return [
    {
      path: 'steady projection, facts alone',
      figure: `${thousands(steady)} events/s, appending to the log included`,
      limit,
      ratio: steady / engine,
      goals: [
        { text: '>= 0.8 of it', reached: steady >= 0.8 * engine },
        { text: '>= 120 k/s', reached: steady >= 120_000 },
      ],
      note: 'the same table, mapping and lines; appending to the log shares the cores with the projection',
    },
    {
      path: 'rebuild of facts (catching up from offset 0)',
      figure: `${thousands(caughtUp)} events/s`,
      limit,
      ratio: caughtUp / engine,
      goals: [{ text: '>= 0.8 of it', reached: caughtUp >= 0.8 * engine }],
    },
  ];
};

function tenantOf(name: string): Tenant {
  const parsed = parseTenantId(name);
  assert.ok(parsed.ok);
  return { id: parsed.tenant, partitions: PARTITIONS, createdAtMs: 0 };
}

function callsOf(tenant: TenantId, records: number): NewRecord[][] {
  return Array.from({ length: records / CALL }, (_, call) =>
    Array.from({ length: CALL }, (_unused, n) => recordOf(tenant, call * CALL + n)),
  );
}

/** A few calls at a time, as several senders would. */
async function appendAll(log: EventLog, tenant: TenantId, calls: readonly NewRecord[][]): Promise<void> {
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let call = calls[next++]; call; call = calls[next++]) {
      await log.append({ tenant, channel: 'events' }, call);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

/** What the projection would hand to the engine: every value with its position in front, a line each. */
async function writeLines(log: EventLog, tenant: TenantId, file: string): Promise<void> {
  const out = createWriteStream(file);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for await (const batch of log.read({ tenant, channel: 'events' }, { partition, from: 0n })) {
      const lines = batch.records.flatMap(({ offset, value }) => [
        Buffer.from(`{"log_partition":${partition},"log_offset":${offset},`),
        value.subarray(1),
        Buffer.from('\n'),
      ]);
      if (!out.write(Buffer.concat(lines))) await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'close');
}

/** Seconds the engine takes to load the file into a second generation of the same tables. */
async function loadByEngine(dataDir: string, file: string): Promise<number> {
  const { chdb } = createChdbConnection({ path: join(dataDir, 'facts') });
  // As the product inserts: looking for copies within an insert would halve the speed.
  const settings = 'SETTINGS optimize_on_insert = 0, max_partitions_per_insert_block = 0';
  const sql = `INSERT INTO ${tablesOf(2).input} FROM INFILE '${file}' ${settings} FORMAT JSONEachRow`;
  const { ms } = await timed(() => chdb.queryAsync(sql));
  return ms / 1000;
}

/** Seconds from the start of the work until every record of the tenant is confirmed. */
async function withProjector(
  dataDir: string,
  stores: { readonly log: EventLog; readonly facts: FactStore },
  tenant: Tenant,
  work: () => Promise<void> | void,
): Promise<number> {
  await using checkpoints = await openLmdbCheckpointStore({ dataDir: join(dataDir, tenant.id) });
  const tenants = {
    onTenant(listener: (tenant: Tenant) => void): Disposable {
      listener(tenant);
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const startedAt = performance.now();
  await using projector: AsyncDisposable & FactProgress = startFactProjector({
    ...stores,
    tenants,
    checkpoints,
    clock: Date.now,
  });
  await work();
  const { next } = await stores.log.bounds({ tenant: tenant.id, channel: 'events' });
  assert.ok(await projector.waitFor(tenant.id, next, AbortSignal.timeout(600_000)));
  return (performance.now() - startedAt) / 1000;
}
