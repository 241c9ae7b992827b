import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Event, PositionVector, Tenant, TenantId } from '#domain';
import type { EventLog, RecordTimes } from '#log';
import {
  Seals,
  startFactProjector,
  startFactUpkeep,
  startHourLedgerProjector,
  startSealer,
} from '#projections';
import type {
  FactProgress,
  FactProjectorTuning,
  FactStore,
  FactUpkeep,
  HostedProjector,
  Horizon,
  Sealer,
  SliceStore,
} from '#projections';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { ChdbPool } from '../projections/chdb-pool.ts';
import { openLmdbCheckpointStore } from '../projections/lmdb-checkpoint-store.ts';
import { openLmdbHourLedgerStore } from '../projections/lmdb-hour-ledger-store.ts';
import { openLmdbSealStore } from '../projections/lmdb-seal-store.ts';
import { recordOf } from './log-record.ts';

/** A log, its facts and everything that compares and mends them, in a directory. */
export type FactHouse = FactUpkeep & {
  readonly log: EventLog & RecordTimes;
  readonly facts: FactStore & SliceStore;
  readonly progress: FactProgress;
  readonly sealer: Sealer;
  readonly hours: HostedProjector;
  horizon: Horizon | undefined;
  /** Appends events and waits until they are in the facts. */
  put(tenant: TenantId, events: readonly Event[]): Promise<PositionVector>;
  /** Runs a statement on the engine as somebody would who goes behind Daybook's back. */
  byHand(sql: string): Promise<string>;
};

export type FactHouseOptions = {
  readonly dataDir: string;
  readonly tenants: readonly TenantId[];
  readonly tuning?: Partial<FactProjectorTuning>;
  /** Stands between the repair and the facts. */
  readonly wrapFacts?: (facts: FactStore & SliceStore) => FactStore & SliceStore;
};

/** Opens it; nothing is compared, counted or sealed but when it is asked for. */
export async function openFactHouse(options: FactHouseOptions): Promise<FactHouse> {
  const { dataDir, tenants: ids, tuning = {}, wrapFacts = (own: FactStore & SliceStore) => own } = options;
  const opened = new AsyncDisposableStack();
  const log = opened.use(await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 }));
  const facts = opened.use(await openChdbFactStore({ dataDir }));
  await facts.prepare(1);
  const hand = opened.use(
    new ChdbPool({
      path: join(dataDir, 'facts'),
      atOnce: { question: 1, insert: 1, upkeep: 1, control: 1 },
      maxWaitingQuestions: 1,
      newTag: randomUUID,
    }),
  );
  const checkpoints = opened.use(await openLmdbCheckpointStore({ dataDir }));
  const seals = new Seals({
    store: opened.use(await openLmdbSealStore({ dataDir })),
    slices: facts,
    generation: 1,
  });
  const tenants = {
    onTenant: (listener: (tenant: Tenant) => void): Disposable => {
      for (const id of ids) listener({ id, partitions: 3, createdAtMs: 0 });
      return { [Symbol.dispose]: () => undefined };
    },
  };
  for (const id of ids) await log.create(id, { partitions: 3 });
  const never = 2 ** 30;
  const clock = Date.now;
  const horizon = (): Horizon | undefined => house.horizon;
  const progress = opened.use(
    startFactProjector({
      log,
      facts,
      checkpoints,
      seals,
      tenants,
      clock,
      horizon,
      // What is lost must not come back by itself when it is opened again.
      tuning: { flushAfterMs: 5, firstSeenAfterMs: 5, lookBack: 0n, ...tuning },
    }),
  );
  const sealer = opened.use(
    startSealer({ seals, slices: facts, progress, clock, tuning: { everyMs: never } }),
  );
  const store = opened.use(openLmdbHourLedgerStore({ dataDir }));
  const hours = opened.use(startHourLedgerProjector({ log, store, everyMs: never }));
  for (const id of ids) hours.follow(id);
  const upkeep = opened.use(
    startFactUpkeep({
      ...{ log, tenants, facts: wrapFacts(facts), progress, checkpoints, horizon, clock },
      sealing: {
        reopen: ({ tenant }, days) => seals.reopen(tenant, days),
        sealDue: () => sealer.sealDue(),
      },
      hours: store,
      everyMs: never,
    }),
  );
  const house: FactHouse = {
    log,
    facts,
    progress,
    sealer,
    hours,
    ...upkeep,
    horizon: undefined,
    async put(tenant, events) {
      const name = { tenant, channel: 'events' } as const;
      await log.append(
        name,
        events.map((event) => recordOf(event)),
      );
      const { next } = await log.bounds(name);
      if (!(await progress.waitFor(tenant, next, AbortSignal.timeout(120_000))))
        throw new Error('the facts have not come so far');
      return next;
    },
    byHand: (sql) => hand.use('upkeep', async (connection) => (await connection.chdb.queryAsync(sql)).text()),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
  return house;
}
