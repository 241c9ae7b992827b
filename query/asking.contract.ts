import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { covers, isBefore } from '#domain';
import type { Event, EventKind, JsonObject, LoggedEvent, PositionVector, TenantId } from '#domain';
import { Seals } from '#projections';
import type { FactState, FactStore, Horizon } from '#projections';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { openLmdbSealStore } from '../projections/lmdb-seal-store.ts';
import type { AnalysisName } from './analysis.ts';
import { createQueries } from './queries.ts';
import type { Answer, Queries } from './queries.ts';

export const LOG = '018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10';
export const GENERATION = 1;

/** A real store of facts, filled record by record, and the questions over it. */
export type Asking = AsyncDisposable & {
  readonly queries: Queries;
  /** Now, by the clock the questions are given. */
  nowMs: number;
  /** Puts a history into the facts and confirms all of it, or what lies before the vector. */
  put(history: readonly LoggedEvent[], confirmed?: PositionVector): Promise<TenantId>;
  /** Confirms another vector of a tenant. */
  confirm(tenant: TenantId, vector: PositionVector): void;
  /** Extends the kept `first_seen` up to a vector. */
  foldFirstSeen(tenant: TenantId, to: PositionVector): Promise<void>;
  /** Says from when on the tenant's facts are kept. */
  letGo(tenant: TenantId, horizon: Horizon): void;
  /** Seals these days as of what is confirmed; answers those that could be. */
  seal(tenant: TenantId, days: readonly number[]): Promise<number[]>;
  state(tenant: TenantId): FactState;
  readonly facts: FactStore;
  ask(name: AnalysisName, tenant: TenantId, question: object): Promise<Answer>;
  /** The figures of an answer alone. */
  data(name: AnalysisName, tenant: TenantId, question: object): Promise<object>;
};

export async function openAsking(): Promise<Asking> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-query-'));
  const store = await openChdbFactStore({ dataDir });
  await store.prepare(GENERATION);
  const sealStore = await openLmdbSealStore({ dataDir });
  const seals = new Seals({ store: sealStore, slices: store, generation: GENERATION });
  const states = new Map<TenantId, FactState>();
  const state = (tenant: TenantId): FactState => ({ ...states.get(tenant)!, sealed: seals.sealed(tenant) });
  const confirm = (tenant: TenantId, vector: PositionVector): void => {
    states.set(tenant, { ...state(tenant), confirmed: vector });
  };
  const asking: Asking = {
    nowMs: Date.UTC(2030, 0, 1),
    queries: createQueries({
      facts: store,
      progress: {
        state: (tenant) => Promise.resolve(states.has(tenant) ? state(tenant) : undefined),
        waitFor: (tenant, vector) => Promise.resolve(covers(state(tenant).confirmed, vector)),
      },
      tenants: {
        get: (id) => (states.has(id) ? { id, partitions: 4, createdAtMs: 0 } : undefined),
        position: () => 5n,
      },
      clock: () => asking.nowMs,
    }),
    async put(history, confirmed) {
      const tenant = (history[0]?.event.tenant_id ?? '') as TenantId;
      const byPartition = Map.groupBy(history, ({ partition }) => partition);
      if (!states.has(tenant)) await seals.open(tenant, LOG, [0n, 0n, 0n, 0n]);
      for (const { partition, offset, event } of history) {
        await seals.note(tenant, partition, new Map([[dayOf(event.timestamp), offset]]));
      }
      await store.insert(
        GENERATION,
        [...byPartition].map(([partition, records]) => ({
          tenant,
          partition,
          offsets: records.map(({ offset }) => offset),
          lines: records.map(lineOf),
        })),
      );
      const before = states.get(tenant)?.highWater ?? [0n, 0n, 0n, 0n];
      const highWater = before.map((next, partition) =>
        (byPartition.get(partition) ?? []).reduce(
          (top, { offset }) => (offset >= top ? offset + 1n : top),
          next,
        ),
      );
      states.set(tenant, {
        generation: GENERATION,
        logIdentity: LOG,
        firstSeen: states.get(tenant)?.firstSeen ?? [0n, 0n, 0n, 0n],
        confirmed: confirmed ?? highWater,
        highWater,
        waitingSinceMs: undefined,
        horizon: undefined,
        paused: undefined,
      });
      return tenant;
    },
    confirm,
    async foldFirstSeen(tenant, to) {
      await store.foldFirstSeen(GENERATION, { tenant, from: state(tenant).firstSeen, to });
      states.set(tenant, { ...state(tenant), firstSeen: to });
    },
    letGo(tenant, horizon) {
      states.set(tenant, { ...state(tenant), horizon });
    },
    async seal(tenant, days) {
      const { confirmed: vector } = state(tenant);
      const sealed: number[] = [];
      const open = seals.due(tenant, { day: Infinity, triedBeforeMs: Infinity });
      for (const day of days.filter((one) => open.includes(one))) {
        const seal = await seals.reserve(tenant, day, 0);
        const counts = await store.writeSlice(GENERATION, { tenant, day, seal, vector });
        if (await seals.settle(tenant, { day, seal, vector, counts })) sealed.push(day);
      }
      return sealed;
    },
    facts: store,
    state,
    ask: (name, tenant, question) => asking.queries.ask(name, { tenant, question }),
    async data(name, tenant, question) {
      const { meta: _, ...data } = await asking.ask(name, tenant, question);
      return data;
    },
    async [Symbol.asyncDispose]() {
      await sealStore[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return asking;
}

/** Days since 1970 in UTC. */
export function dayOf(ms: number): number {
  return Math.floor(ms / 86_400_000);
}

const encoder = new TextEncoder();

function lineOf({ partition, offset, event }: LoggedEvent): Uint8Array {
  const position = `"log_partition":${partition},"log_offset":${String(offset)}`;
  return encoder.encode(`{${position},${JSON.stringify(event).slice(1)}`);
}

/** What a test says of an event; the rest is filled in. */
export type Sketch = Partial<Event> & { readonly name: string; readonly at: number | string };

let numbered = 0;

/** An event of a user, by default a behaviour named `name`. */
export function eventOf(tenant: string, { name, at, ...rest }: Sketch): Event {
  const kind: EventKind = rest.kind ?? 'generic';
  const timestamp = typeof at === 'number' ? at : Date.parse(at);
  return {
    event_id: `e${++numbered}`,
    tenant_id: tenant,
    kind,
    event_name: name,
    ...(kind === 'behaviour' ? { action_type: name as NonNullable<Event['action_type']> } : {}),
    timestamp,
    server_time: timestamp,
    valid_status: 1,
    schema: `envelope.${kind}`,
    schema_version: 1,
    ...rest,
  };
}

/** A history in one partition, in the order written. */
export function historyOf(tenant: string, sketches: readonly Sketch[]): LoggedEvent[] {
  return sketches.map((sketch, index) => ({
    partition: 0,
    offset: BigInt(index),
    event: eventOf(tenant, sketch),
  }));
}

export function before(history: readonly LoggedEvent[], vector: PositionVector): LoggedEvent[] {
  return history.filter((record) => isBefore(record, vector));
}

/** Instants around a day of 23 hours in Europe (31 March 2024) at which generated events happen. */
export const AROUND_MS = Date.UTC(2024, 2, 31);
const HOUR_MS = 3_600_000;

const value = fc.oneof(
  fc.constantFrom('', 'x', 'xy', '5', '05', '1e1', "'; DROP TABLE facts", '{p0:String}', '`', 'é', '😀'),
  fc.integer({ min: -3, max: 12 }),
  fc.constantFrom(0.1, 10.5, 1e21),
  fc.boolean(),
);

const members: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.constantFrom('price', 'colour', "na'me", 'os'),
  fc.oneof(value, fc.constant(null), fc.constant([1, 'a'])),
  { maxKeys: 3 },
);

/** A short history of few users and names, with clustered and equal times, over four partitions. */
export function historyArbitrary(tenant: string, size = 40): fc.Arbitrary<LoggedEvent[]> {
  const time = fc.oneof(
    fc.integer({ min: -72, max: 96 }).map((hours) => AROUND_MS + hours * HOUR_MS),
    fc.integer({ min: -5, max: 5 }).map((ms) => AROUND_MS + ms),
    fc.integer({ min: -4, max: 4 }).map((minutes) => AROUND_MS + minutes * 60_000),
    fc.integer({ min: -72 * HOUR_MS, max: 96 * HOUR_MS }).map((ms) => AROUND_MS + ms),
  );
  const behaviour = fc.record({
    kind: fc.constant('behaviour' as const),
    name: fc.constantFrom('impression', 'click', 'order', 'purchase', 'play_end'),
    user_id: fc.constantFrom('u1', 'u2', 'u3'),
    item_id: fc.constantFrom('i1', 'i2'),
    scenario_id: fc.constantFrom('feed', 'school'),
    scenario_type: fc.constantFrom('ecommerce' as const, 'education' as const),
    context: fc.constantFrom({ os: 'ios' }, { os: 'android' }, {}),
    watch_duration: fc.option(fc.constantFrom(0.1, 12.3456, 7), { nil: undefined }),
    completion_rate: fc.option(fc.constantFrom(0, 0.3333, 1), { nil: undefined }),
    extra_data: members,
    at: time,
  });
  const generic = fc.record({
    kind: fc.constant('generic' as const),
    name: fc.constantFrom('a', 'b', 'c'),
    device_id: fc.constantFrom('u1', 'u2', 'd4'),
    context: fc.constantFrom({ os: 'ios' }, {}),
    properties: members,
    at: time,
  });
  const others = fc.oneof(
    fc.record({
      kind: fc.constant('user' as const),
      name: fc.constant('identify'),
      user_id: fc.constant('u3'),
      at: time,
    }),
    fc.record({
      kind: fc.constant('catalog' as const),
      name: fc.constant('item_put'),
      item_id: fc.constantFrom('i1', 'i9'),
      at: time,
    }),
  );
  const sketch = fc.oneof(
    { weight: 6, arbitrary: behaviour },
    { weight: 6, arbitrary: generic },
    { weight: 1, arbitrary: others },
  );
  const placed = fc.tuple(fc.integer({ min: 0, max: 3 }), sketch);
  return fc.array(placed, { minLength: 1, maxLength: size }).map((records) => {
    const next = [0n, 0n, 0n, 0n];
    return records.map(([partition, drawn]) => {
      const offset = next[partition] ?? 0n;
      next[partition] = offset + 1n;
      return { partition, offset, event: eventOf(tenant, JSON.parse(JSON.stringify(drawn)) as Sketch) };
    });
  });
}

/** A vector that cuts a history of up to `size` records somewhere in each partition. */
export function vectorArbitrary(size = 40): fc.Arbitrary<PositionVector> {
  const cut = fc.integer({ min: 0, max: Math.ceil(size / 3) }).map(BigInt);
  return fc.tuple(cut, cut, cut, cut);
}

export const filterArbitrary = fc.oneof(
  fc.record({
    property: fc.constantFrom('price', 'colour', "na'me", 'os', 'properties.os', 'none'),
    op: fc.constantFrom('=', '!=', '>', '>=', '<', '<='),
    value,
  }),
  fc.record({
    property: fc.constantFrom('price', 'colour', 'os'),
    op: fc.constantFrom('in', 'not_in'),
    value: fc.array(value, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    property: fc.constantFrom('price', 'colour', 'os'),
    op: fc.constantFrom('exists', 'not_exists'),
  }),
  fc.record({ property: fc.constantFrom('price', 'colour'), op: fc.constant('contains'), value }),
  fc.record({
    property: fc.constantFrom('watch_duration', 'completion_rate', 'position', 'amount'),
    op: fc.constantFrom('=', '!=', '>', '<='),
    value: fc.constantFrom(0, 0.1, 12.3456, 1),
  }),
);
