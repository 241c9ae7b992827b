import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as newId } from 'uuid';
import { covers } from '#domain';
import type { Event, PositionVector, RebuildStage, TenantId } from '#domain';
import { openTenants } from '#log';
import { activeFacts, openFactReadModel, openGenerations, openRebuilds, sharingOf } from '#projections';
import type { FactReadModelDeps, ProjectionOf, ProjectionStatus } from '#projections';
import { createQueries } from '#query';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { openLmdbCheckpointStore } from '../projections/lmdb-checkpoint-store.ts';
import { openLmdbSealStore } from '../projections/lmdb-seal-store.ts';
import { recordOf } from './log-record.ts';

export const NOW_MS = Date.UTC(2024, 2, 6, 12);
const BY = { actor: 'test', reason: 'a test' };

/** What the facts of a house are kept with, where it is not as in the product. */
export type HouseOptions = {
  /** @default a directory that is removed with the house */
  readonly dataDir?: string;
  readonly facts?: (
    real: Awaited<ReturnType<typeof openChdbFactStore>>,
  ) => Awaited<ReturnType<typeof openChdbFactStore>>;
  readonly version?: number;
  readonly tuning?: FactReadModelDeps['tuning'];
};

/** Everything that facts in generations need, around one data directory, with questions over them. */
export type RebuildHouse = Awaited<ReturnType<typeof openRebuildHouse>>;

export async function openRebuildHouse(options: HouseOptions = {}) {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'daybook-rebuild-')));
  const opened = new AsyncDisposableStack();
  if (options.dataDir === undefined) opened.defer(() => rm(dataDir, { recursive: true }));
  const startedMs = performance.now();
  const clock = (): number => NOW_MS + Math.floor(performance.now() - startedMs);
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const streams = opened.use(await openLmdbStreamStore({ dataDir }));
  const tenants = opened.use(await openTenants(streams, log, { partitions: 3, clock, newId }));
  const store = opened.use(await openChdbFactStore({ dataDir }));
  const facts = options.facts?.(store) ?? store;
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const seals = opened.use(await openLmdbSealStore({ dataDir }));
  const generations = opened.use(await openGenerations(streams, { clock, newId }));
  const { version, tuning } = options;
  const model = opened.use(
    openFactReadModel({
      log,
      facts,
      checkpoints,
      seals,
      clock,
      ...sharingOf(generations, 'facts'),
      ...(version === undefined ? {} : { version }),
      ...(tuning && { tuning }),
    }),
  );
  const rebuilds = opened.use(openRebuilds({ generations, readModels: [model], log, tenants, clock }));
  const progress = activeFacts(model, generations);
  const queries = createQueries({ facts: store, progress, tenants, clock });
  return {
    dataDir,
    log,
    streams,
    tenants,
    store,
    model,
    generations,
    rebuilds,
    progress,
    queries,
    by: BY,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),

    /** Appends events and answers where the log ends then. */
    async append(tenant: TenantId, events: readonly Event[]): Promise<PositionVector> {
      await tenants.ensure(tenant, BY);
      await log.append(
        { tenant, channel: 'events' },
        events.map((event) => recordOf(event)),
      );
      return (await log.bounds({ tenant, channel: 'events' })).next;
    },

    /** Resolves once the active generation covers the vector. */
    async folded(tenant: TenantId, vector: PositionVector): Promise<void> {
      const reached = await progress.waitFor(tenant, vector, AbortSignal.timeout(60_000));
      const state = await progress.state(tenant);
      assert.ok(
        reached,
        state?.paused?.reason ?? `it stands at ${String(state?.confirmed)}, not at ${String(vector)}`,
      );
      assert.ok(covers(state?.confirmed ?? [], vector));
    },

    /** The status once the rebuild has come to one of the stages. */
    async until(of: ProjectionOf, ...stages: readonly RebuildStage[]): Promise<ProjectionStatus> {
      return untilStage(rebuilds, of, stages);
    },
  };
}

/** Waits for a stage by being told of every change. */
async function untilStage(
  rebuilds: RebuildHouse['rebuilds'],
  of: ProjectionOf,
  stages: readonly RebuildStage[],
): Promise<ProjectionStatus> {
  let changed = Promise.withResolvers<undefined>();
  using _listening = rebuilds.onChange(of, () => {
    changed.resolve(undefined);
  });
  const late = AbortSignal.timeout(120_000);
  for (;;) {
    const status = await rebuilds.show(of);
    if (status.rebuild && stages.includes(status.rebuild.stage)) return status;
    if (late.aborted)
      assert.fail(`it is ${String(status.rebuild?.stage)}: ${String(status.rebuild?.reason)}`);
    await changed.promise;
    changed = Promise.withResolvers();
  }
}

/** A store into which every generation but the first is folded by other logic, which makes this of an event. */
export function withOtherLogic(logic: (event: Event) => Event): NonNullable<HouseOptions['facts']> {
  const fold = (line: Uint8Array): Uint8Array =>
    Buffer.from(JSON.stringify(logic(JSON.parse(Buffer.from(line).toString()) as Event)));
  return (real) => ({
    ...real,
    insert: (generation, batches) =>
      real.insert(
        generation,
        generation === 1 ? batches : batches.map((one) => ({ ...one, lines: one.lines.map(fold) })),
      ),
  });
}

/** Clicks and page views of some users over the days before now. */
export function eventsOf(tenant: TenantId, from: number, to: number): Event[] {
  return Array.from({ length: to - from }, (_, step): Event => {
    const index = from + step;
    const isClick = index % 3 !== 0;
    return {
      event_id: `evt_${index}`,
      tenant_id: tenant,
      kind: isClick ? 'behaviour' : 'generic',
      event_name: isClick ? 'click' : 'page_open',
      ...(isClick && { action_type: 'click', scenario_id: 'feed', scenario_type: 'news' as const }),
      ...(isClick && { item_id: `item_${index % 7}` }),
      user_id: `user_${index % 11}`,
      timestamp: NOW_MS - 1000 - ((index * 37) % 4_319) * 60_000,
      properties: { page: index % 5 },
      server_time: NOW_MS,
      valid_status: 1,
      schema: 'envelope',
      schema_version: 1,
    };
  });
}
