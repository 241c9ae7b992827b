import type { TestContext } from 'node:test';
import type { Event, PositionVector, TenantId } from '#domain';
import type { EventLog } from '#log';
import { createDocumentReadModel, createViewReadModel, ITEMS, startProjectorThread } from '#projections';
import { USER_PROFILES } from '#projections';
import type { DocumentStore, ProjectorThread, ReadModel, ViewStore, ViewUpkeep } from '#projections';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbDocumentStore } from '../projections/lmdb-document-store.ts';
import { openLmdbViewStore } from '../projections/lmdb-view-store.ts';
import { tenantId } from './tenant-id.ts';
import { recordOf } from './log-record.ts';
import { temporaryDir } from './platform.ts';
import type { TestSettings } from './trouble.ts';

export const NOON = Date.UTC(2026, 6, 1, 12);
export const PARTITIONS = 3;
export const IN_TIME = (): AbortSignal => AbortSignal.timeout(60_000);
export const ACME = tenantId('acme');
export const UMBRA = tenantId('umbra');

/** A log, the stores beside it, and the read models that a thread folds into them. */
export type House = {
  readonly dataDir: string;
  readonly log: EventLog;
  readonly views: ViewStore & ViewUpkeep;
  readonly documents: DocumentStore;
  readonly trouble: Int32Array;
};

export type Models = AsyncDisposable & {
  readonly thread: ProjectorThread;
  readonly live: ReadModel;
  readonly items: ReadModel;
  readonly profiles: ReadModel;
  readonly all: readonly ReadModel[];
};

/** Opens a house; with a directory given, the one that stands there. */
export async function openHouse(t: TestContext, dir?: string): Promise<House & AsyncDisposable> {
  const opened = new AsyncDisposableStack();
  const dataDir = dir ?? opened.use(await temporaryDir()).path;
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const views = opened.use(openLmdbViewStore({ dataDir }));
  const documents = opened.use(await openLmdbDocumentStore({ dataDir }));
  t.after(() => opened.disposeAsync());
  const trouble = new Int32Array(new SharedArrayBuffer(8));
  return { dataDir, log, views, documents, trouble, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Starts the thread of the house; from noon on its clock moves. */
export function startModels(house: House, settings: Partial<TestSettings> = {}): Models {
  const { dataDir, log, views, documents, trouble } = house;
  const whole: TestSettings = { dataDir, nowMs: NOON, tuning: {}, trouble, ...settings };
  const thread = startProjectorThread({
    entry: new URL('./troubled-worker.ts', import.meta.url),
    settings: whole,
    log,
    clock: () => NOON,
    restartAfterMs: 1,
    stopWithinMs: 60_000,
  });
  const live = createViewReadModel({ thread, views, clock: () => NOON });
  const items = createDocumentReadModel({ thread, documents, projection: ITEMS });
  const profiles = createDocumentReadModel({ thread, documents, projection: USER_PROFILES });
  return {
    thread,
    live,
    items,
    profiles,
    all: [live, items, profiles],
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

/** Behaviours of seven users in two scenarios, each minute another one, and every tenth event an item. */
export function eventOf(tenant: TenantId, index: number, more: Partial<Event> = {}): Event {
  const own: Partial<Event> =
    index % 10 === 9
      ? { kind: 'catalog', event_name: 'item_changed', properties: { title: `title ${index}` } }
      : { kind: 'behaviour', event_name: 'click', action_type: 'click', user_id: `u${index % 7}` };
  return {
    event_id: `e${index}`,
    tenant_id: tenant,
    kind: 'behaviour',
    event_name: 'click',
    scenario_id: index % 2 === 0 ? 'feed' : 'shop',
    item_id: `i${index % 3}`,
    // Later ones lie earlier, so that everything is late.
    timestamp: NOON - index * 60_000,
    server_time: NOON,
    valid_status: 1,
    schema: 'envelope.behaviour',
    schema_version: 1,
    ...own,
    ...more,
  };
}

/** Appends the events of these indexes and answers where the log ends. */
export async function append(
  { log }: House,
  tenant: TenantId,
  [from, to, more]: readonly [from: number, to: number, more?: Partial<Event>],
): Promise<PositionVector> {
  await log.create(tenant, { partitions: PARTITIONS });
  const records = Array.from({ length: to - from }, (_, at) => recordOf(eventOf(tenant, from + at, more)));
  await log.append({ tenant, channel: 'events' }, records);
  return (await log.bounds({ tenant, channel: 'events' })).next;
}
