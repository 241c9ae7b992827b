import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TenantId } from '#domain';
import { openChdbFactStore } from './chdb-fact-store.ts';
import type { FactStore } from './fact-store.ts';
import { sliceStoreContract } from './slice-store.contract.ts';
import type { SliceStore } from './slice-store.ts';
import { splicedLine } from './spliced-line.ts';

async function openStore(): Promise<FactStore & SliceStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-slices-'));
  const store = await openChdbFactStore({ dataDir });
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
}

sliceStoreContract('chdb', openStore);

test('a slice of many blocks of facts is one part in each of its tables', async () => {
  await using store = await openStore();
  await store.prepare(1);
  const tenant = 'acme' as TenantId;
  const offsets = Array.from({ length: 30_000 }, (_, index) => BigInt(index));
  const lines = offsets.map((offset) => {
    const event = {
      event_id: String(offset),
      tenant_id: tenant,
      kind: 'behaviour',
      event_name: 'view',
      action_type: 'view',
      user_id: `u${offset}`,
      item_id: `i${offset}`,
      experiment_id: `e${offset % 9n}`,
      timestamp: Date.UTC(2024, 2, 4) + Number(offset),
    };
    return splicedLine(Buffer.from(JSON.stringify(event)), 0, offset)!;
  });
  await store.insert(1, [{ tenant, partition: 0, offsets, lines }]);
  const day = Date.UTC(2024, 2, 4) / 86_400_000;
  const counts = await store.writeSlice(1, { tenant, day, seal: 1, vector: [30_000n] });
  assert.deepEqual(counts, [30_000n, 30_000n, 30_000n, 30_000n]);
  const { rows } = await store.query<{ parts: string }>({
    sql: `SELECT toString(count()) AS parts FROM system.parts WHERE active
      AND table IN ('metrics_hourly_g1', 'item_stats_daily_g1', 'experiment_metrics_g1', 'analytics_daily_stats_g1')`,
    params: {},
  });
  assert.deepEqual(rows, [{ parts: '4' }]);
});
