import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ChdbPool } from '../../projections/chdb-pool.ts';
import type { Platform } from '../platform.ts';

/**
 * Takes rows out of the facts of a stopped platform, in a way in which they are still listed by position: what looks
 * back at the start goes by that list and does not bring them back, so only counting the rows finds them missing.
 */
export async function loseFacts(dataDir: string, generation: number, where: string): Promise<void> {
  await using engine = new ChdbPool({
    path: join(dataDir, 'facts'),
    atOnce: { question: 1, insert: 1, upkeep: 1, control: 1 },
    maxWaitingQuestions: 1,
    newTag: randomUUID,
  });
  const table = `analysis_db.facts_g${generation}`;
  for (const sql of [
    `ALTER TABLE ${table} MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'`,
    `DELETE FROM ${table} WHERE ${where}`,
  ])
    await engine.use('upkeep', (connection) => connection.chdb.queryAsync(sql));
}

/** What an answer over a range says of the facts it was made of. */
export type Completeness = {
  readonly records: number;
  readonly facts: number;
  readonly before_horizon: number;
  readonly missing: number;
  readonly copies: number;
};

type Answered = {
  readonly meta: {
    readonly as_of: string;
    readonly horizon?: string;
    readonly completeness: Completeness;
  };
};

/** The meta of an answer that has seen the whole log. */
export async function metaOf(
  platform: Platform,
  tenant: string,
  range: { readonly fromMs: number; readonly toMs: number },
): Promise<Answered['meta']> {
  const [from, to] = [range.fromMs, range.toMs].map((ms) => new Date(ms).toISOString());
  const path = `/api/analytics/dashboard?tenant_id=${tenant}&from=${from}&to=${to}`;
  const reply = await platform.get(`${path}&wait_for=latest&timeout=30s`);
  assert.equal(reply.status, 200, reply.text);
  return (reply.body as Answered).meta;
}

/** Repairs and answers the last line; rejects when the platform goes meanwhile. */
export async function repair(
  platform: Platform,
  about: Readonly<Record<string, unknown>>,
): Promise<{ readonly checked: number; readonly inserted: number; readonly done?: boolean }> {
  const reply = await platform.post('/api/v1/projections/facts/repair', about);
  assert.equal(reply.status, 200, reply.text);
  return JSON.parse(reply.text.trim().split('\n').at(-1) ?? '') as Awaited<ReturnType<typeof repair>>;
}
