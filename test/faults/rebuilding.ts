import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as newId } from 'uuid';
import { parseTenantId } from '#domain';
import { openGenerations } from '#projections';
import type { ProjectionDocument } from '#projections';
import { openLmdbStreamStore } from '../../log/lmdb-stream-store.ts';
import { openChdbFactStore } from '../../projections/chdb-fact-store.ts';
import { openLmdbDocumentStore } from '../../projections/lmdb-document-store.ts';
import { openLmdbViewStore } from '../../projections/lmdb-view-store.ts';
import type { Platform, Reply } from '../platform.ts';

/** What is rebuilt of acme. */
export const READ_MODELS = ['facts', 'live_views', 'user_profiles'] as const;
export type ReadModelName = (typeof READ_MODELS)[number];

/** The generations of acme of each read model, as they stand when no rebuild is under way. */
export type Standing = Readonly<
  Record<
    ReadModelName,
    { readonly active: number; readonly newest: number; readonly previous: readonly number[] }
  >
>;

const STEPS_MS = 100;
const ENDS_WITHIN_MS = 180_000;

export async function show(platform: Platform, projection: ReadModelName): Promise<ProjectionDocument> {
  const reply = await platform.get(`/api/v1/projections/${projection}?tenant_id=acme`);
  assert.equal(reply.status, 200, reply.text);
  return reply.body as ProjectionDocument;
}

/** Gives a command about acme and expects it to be taken. */
export async function command(
  platform: Platform,
  projection: ReadModelName,
  [name, members]: readonly [name: string, members?: object],
): Promise<Reply> {
  const body = { tenant_id: 'acme', ...members };
  const reply = await platform.post(`/api/v1/projections/${projection}/${name}`, body);
  assert.ok(reply.status === 200 || reply.status === 202, `${projection} ${name}: ${reply.text}`);
  return reply;
}

/** Which generation of the facts answers. */
export async function generationOfAnswer(platform: Platform, tenant: string, more = ''): Promise<number> {
  const reply = await platform.get(`/api/analytics/dashboard?tenant_id=${tenant}${more}`);
  assert.equal(reply.status, 200, reply.text);
  return (reply.body as { readonly meta: { readonly generation: number } }).meta.generation;
}

/** Resolves when every rebuild has ended by being activated, and answers what is then. */
export async function untilActivated(platform: Platform): Promise<Standing> {
  const standing = async (projection: ReadModelName) => {
    const deadline = performance.now() + ENDS_WITHIN_MS;
    for (;;) {
      const { rebuild, active_generation: active, generations } = await show(platform, projection);
      if (!rebuild || rebuild.stage === 'activated') {
        const newest = Math.max(...generations.map(({ generation }) => generation));
        const previous = generations.filter(({ role }) => role === 'previous');
        return [projection, { active, newest, previous: previous.map(({ generation }) => generation) }];
      }
      assert.ok(!['different', 'failed'].includes(rebuild.stage), JSON.stringify(rebuild));
      assert.ok(performance.now() < deadline, `not activated: ${JSON.stringify(rebuild)}`);
      await sleep(STEPS_MS);
    }
  };
  return Object.fromEntries(await Promise.all(READ_MODELS.map(standing))) as Standing;
}

/** Which generations of acme are said to be kept or not removed yet, and which have anything stored; from the directory. */
export async function storedGenerations(
  dataDir: string,
): Promise<
  Readonly<Record<ReadModelName, { readonly kept: readonly number[]; readonly stored: readonly number[] }>>
> {
  await using opened = new AsyncDisposableStack();
  const streams = opened.use(await openLmdbStreamStore({ dataDir }));
  const generations = opened.use(await openGenerations(streams, { clock: Date.now, newId }));
  const facts = opened.use(await openChdbFactStore({ dataDir }));
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  const acme = parseTenantId('acme');
  assert.ok(acme.ok);
  const { tenant } = acme;
  const { rows: tables } = await facts.query<{ name: string }>({
    sql: "SELECT name FROM system.tables WHERE database = 'analysis_db'",
    params: {},
  });
  const isStored: Record<ReadModelName, (generation: number) => Promise<boolean>> = {
    async facts(generation) {
      if (!tables.some(({ name }) => name === `facts_g${generation}`)) return false;
      return (await facts.months({ tenant, generation })).length > 0;
    },
    async live_views(generation) {
      const scope = { projection: 'live_views', generation, tenant };
      for await (const _ of views.scan(scope, 0)) return true;
      return (await views.read(scope, [])) !== undefined;
    },
    async user_profiles(generation) {
      const set = { name: 'user_profiles', generation, tenant };
      const some = await documents.list(set, { limit: 1 });
      return some.length > 0 || (await documents.checkpoint(set)) !== undefined;
    },
  };
  const found = READ_MODELS.map(async (projection) => {
    const { all } = generations.of({ projection, tenant });
    const kept = all.flatMap(({ generation, removed }) => (removed ? [] : [generation]));
    const stored: number[] = [];
    for (const { generation } of all) if (await isStored[projection](generation)) stored.push(generation);
    return [projection, { kept, stored }];
  });
  return Object.fromEntries(await Promise.all(found)) as Awaited<ReturnType<typeof storedGenerations>>;
}
