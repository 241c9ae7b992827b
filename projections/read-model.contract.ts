import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { covers } from '#domain';
import type { Event, PositionVector, RebuildScope, TenantId } from '#domain';
import type { EventLog } from '#log';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { recordOf } from '../test/log-record.ts';
import { tenantId } from '../test/tenant-id.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';

/** A read model over a log, with what the suite cannot do through the port. */
export type OpenReadModel = AsyncDisposable & {
  readonly model: ReadModel;
  /** Makes one thing of the generation differ by hand; answers what the difference must be named by. */
  readonly spoil: (of: GenerationOf) => Promise<string>;
};

/** Where a read model is to be opened. */
export type ReadModelPlace = {
  readonly dataDir: string;
  readonly log: EventLog;
  readonly clock: () => number;
};

type Clause = {
  readonly model: ReadModel;
  readonly spoil: OpenReadModel['spoil'];
  readonly log: EventLog;
  /** Appends this many further events of a tenant; answers where its log ends then. */
  readonly append: (tenant: TenantId, count: number) => Promise<PositionVector>;
  /** Closes the read model and opens it again. */
  readonly reopen: () => Promise<ReadModel>;
};

const NOW_MS = Date.UTC(2024, 2, 6, 12);
const HOUR_MS = 3_600_000;
const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');
const FIRST: GenerationOf = { tenant: ACME, generation: 1 };
const SECOND: GenerationOf = { tenant: ACME, generation: 2 };
const IN_TIME = (): AbortSignal => AbortSignal.timeout(60_000);

/**
 * What a read model in generations must promise. `open` opens one in a directory, of a log that is there; it is
 * closed and opened again in the same directory.
 */
export function readModelContract(
  name: string,
  open: (place: ReadModelPlace) => Promise<OpenReadModel>,
): void {
  const clause = (promise: string, check: (clause: Clause) => Promise<void>): void => {
    test(`${name}: ${promise}`, async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'daybook-read-model-'));
      const log = await openLmdbEventLog({ dataDir, mapBytes: 1024 ** 3 });
      const startedMs = performance.now();
      const place = { dataDir, log, clock: () => NOW_MS + performance.now() - startedMs };
      let opened = await open(place);
      const appended = new Map<TenantId, number>();
      try {
        await check({
          model: opened.model,
          spoil: (of) => opened.spoil(of),
          log,
          async append(tenant, count) {
            const from = appended.get(tenant) ?? 0;
            appended.set(tenant, from + count);
            return appendEvents(log, tenant, { from, to: from + count });
          },
          async reopen() {
            await opened[Symbol.asyncDispose]();
            opened = await open(place);
            return opened.model;
          },
        });
      } finally {
        await opened[Symbol.asyncDispose]();
        await log[Symbol.asyncDispose]();
        await rm(dataDir, { recursive: true });
      }
    });
  };

  clause('what is followed is folded to the end, and on with every further event', async (all) => {
    const { model, append } = all;
    const end = await append(ACME, 300);
    assert.equal(await model.state(FIRST), undefined, 'nothing is followed by itself');
    await model.follow(FIRST);
    await model.follow(FIRST);
    assert.ok(await model.waitFor(FIRST, end, IN_TIME()));
    assert.deepEqual((await model.state(FIRST))?.confirmed, end);
    const further = await append(ACME, 50);
    assert.ok(await model.waitFor(FIRST, further, IN_TIME()));
    assert.deepEqual((await model.state(FIRST))?.confirmed, further);
  });

  clause('it is not folded beyond a limit, and to the end once that is lifted', async (all) => {
    const { model, append } = all;
    const half = await append(ACME, 200);
    const end = await append(ACME, 200);
    await model.follow(FIRST, half);
    assert.ok(await model.waitFor(FIRST, half, IN_TIME()));
    assert.equal(await model.waitFor(FIRST, end, AbortSignal.timeout(300)), false);
    assert.deepEqual((await model.state(FIRST))?.confirmed, half);
    await model.limit(FIRST, undefined);
    assert.ok(await model.waitFor(FIRST, end, IN_TIME()));
  });

  clause('limited to where it stands it says where, and stays there', async (all) => {
    const { model, append } = all;
    const end = await append(ACME, 300);
    await model.follow(FIRST);
    const here = await model.limit(FIRST, 'here');
    assert.deepEqual((await model.state(FIRST))?.confirmed, here);
    const further = await append(ACME, 50);
    assert.equal(await model.waitFor(FIRST, further, AbortSignal.timeout(300)), false);
    assert.deepEqual((await model.state(FIRST))?.confirmed, here);
    assert.deepEqual(await model.limit(FIRST, end), end);
    assert.ok(await model.waitFor(FIRST, end, IN_TIME()));
    assert.deepEqual((await model.state(FIRST))?.confirmed, end);
  });

  clause('two generations of one log are equal, however they were folded', async (all) => {
    const { model } = all;
    const vector = await standTogether(all);
    const found = await model.compare(FIRST, SECOND, vector, IN_TIME());
    assert.ok(found.compared > 0);
    assert.equal(found.different, 0);
    assert.deepEqual(found.differences, []);
    assert.equal(found.checksums.active, found.checksums.candidate);
    assert.match(found.checksums.active, /[^0]/);
  });

  clause('what differs is named, with what both have there and an example', async (all) => {
    const { model, spoil } = all;
    const vector = await standTogether(all);
    const named = await spoil(SECOND);
    const found = await model.compare(FIRST, SECOND, vector, IN_TIME());
    assert.equal(found.different, 1);
    const [difference] = found.differences;
    assert.ok(difference);
    assert.ok(difference.name.includes(named), `${difference.name} is named by ${named}`);
    assert.notEqual(difference.active, difference.candidate);
    assert.ok(difference.examples.length > 0);
    assert.notEqual(found.checksums.active, found.checksums.candidate);
  });

  clause('comparing ends when its signal aborts', async (all) => {
    const vector = await standTogether(all);
    const given = AbortSignal.abort(new Error('given up'));
    await assert.rejects(all.model.compare(FIRST, SECOND, vector, given), /given up/);
  });

  clause('one generation is folded while the other stands still', async (all) => {
    const { model, append } = all;
    const early = await append(ACME, 100);
    await model.follow(FIRST);
    assert.ok(await model.waitFor(FIRST, early, IN_TIME()));
    await model.limit(FIRST, 'here');
    const end = await append(ACME, 100);
    await model.follow(SECOND);
    assert.ok(await model.waitFor(SECOND, end, IN_TIME()));
    assert.deepEqual((await model.state(FIRST))?.confirmed, early);
  });

  clause('what is left is folded no more, and goes on where it stood', async (all) => {
    const { model, append } = all;
    const early = await append(ACME, 100);
    await model.follow(FIRST);
    assert.ok(await model.waitFor(FIRST, early, IN_TIME()));
    await model.leave(FIRST);
    await model.leave(FIRST);
    assert.equal(await model.state(FIRST), undefined);
    const end = await append(ACME, 100);
    assert.equal(await model.waitFor(FIRST, end, AbortSignal.timeout(200)), false);
    assert.equal(await model.state(FIRST), undefined, 'waiting does not begin to follow');
    await model.follow(FIRST);
    assert.ok(await model.waitFor(FIRST, end, IN_TIME()));
    await model.follow(SECOND);
    assert.ok(await model.waitFor(SECOND, end, IN_TIME()));
    assert.equal((await compareAt(model, end)).different, 0);
  });

  clause('opened again it goes on at its checkpoint and is equal', async (all) => {
    const early = await all.append(ACME, 150);
    await all.model.follow(FIRST);
    assert.ok(await all.model.waitFor(FIRST, early, IN_TIME()));
    const model = await all.reopen();
    const end = await all.append(ACME, 150);
    for (const one of [FIRST, SECOND]) {
      await model.follow(one);
      assert.ok(await model.waitFor(one, end, IN_TIME()));
    }
    assert.equal((await compareAt(model, end)).different, 0);
  });

  clause('what stands still is open where it stands, says why, and folds nothing', async (all) => {
    const early = await all.append(ACME, 150);
    await all.model.follow(FIRST);
    assert.ok(await all.model.waitFor(FIRST, early, IN_TIME()));
    const model = await all.reopen();
    const end = await all.append(ACME, 50);
    await model.standStill(FIRST, 'it is of older logic');
    const state = await model.state(FIRST);
    assert.deepEqual(state?.confirmed, early);
    assert.equal(state.paused?.reason, 'it is of older logic');
    assert.ok(await model.waitFor(FIRST, early, IN_TIME()));
    assert.equal(await model.waitFor(FIRST, end, AbortSignal.timeout(300)), false);
    assert.deepEqual((await model.state(FIRST))?.confirmed, early);
    await model.follow(FIRST);
    assert.ok(await model.waitFor(FIRST, end, IN_TIME()));
    assert.equal((await model.state(FIRST))?.paused, undefined);
  });

  clause('a dropped generation is gone, and no other, nor another tenant’s', async (all) => {
    const { model } = all;
    const [acme, umbra] = [await all.append(ACME, 200), await all.append(UMBRA, 200)];
    const others = [FIRST, { tenant: UMBRA, generation: 1 }, { tenant: UMBRA, generation: 2 }];
    for (const one of [SECOND, ...others]) {
      await model.follow(one);
      assert.ok(await model.waitFor(one, one.tenant === ACME ? acme : umbra, IN_TIME()));
    }
    await model.leave(SECOND);
    await model.drop(SECOND);
    await model.drop(SECOND);
    const [one = FIRST, other = FIRST] = others.slice(1);
    const same = await model.compare(one, other, await stand(model, [one, other]), IN_TIME());
    assert.equal(same.different, 0);
    assert.ok(same.compared > 0);
    // From the beginning: had anything stayed, it would be folded twice or too little.
    await model.follow(
      SECOND,
      acme.map(() => 0n),
    );
    assert.ok((await model.state(SECOND))?.confirmed.every((offset) => offset === 0n));
    await model.limit(SECOND, undefined);
    assert.ok(await model.waitFor(SECOND, acme, IN_TIME()));
    assert.equal((await compareAt(model, acme)).different, 0);
  });

  clause('tenants with the same ids never meet', async (all) => {
    const { model, append } = all;
    const acme = await append(ACME, 200);
    await model.follow(FIRST);
    await model.follow(SECOND, acme);
    for (const one of [FIRST, SECOND]) assert.ok(await model.waitFor(one, acme, IN_TIME()));
    const before = await compareAt(model, acme);
    const umbra = await append(UMBRA, 150);
    for (const generation of [1, 2]) {
      await model.follow({ tenant: UMBRA, generation });
      assert.ok(await model.waitFor({ tenant: UMBRA, generation }, umbra, IN_TIME()));
    }
    const after = await model.compare(FIRST, SECOND, acme, IN_TIME());
    assert.deepEqual(after.checksums, before.checksums);
    assert.equal(after.compared, before.compared);
  });

  const parts: readonly RebuildScope[] = [
    { kind: 'event', event: 'click' },
    { kind: 'offsets', partition: 1, from: 10n, to: 40n },
    { kind: 'time', fromMs: NOW_MS - 20 * HOUR_MS, toMs: NOW_MS - 8 * HOUR_MS },
  ];
  for (const scope of parts) {
    clause(`folding only a part (${scope.kind}) and copying the rest gives the whole`, async (all) => {
      const { model, append } = all;
      if (!model.scopes.some((kind) => kind === scope.kind)) return;
      const before = await append(ACME, 300);
      await model.follow(FIRST);
      assert.ok(await model.waitFor(FIRST, before, IN_TIME()));
      const end = await append(ACME, 60);
      await model.copyRest(FIRST, SECOND, { scope, vector: before });
      await model.copyRest(FIRST, SECOND, { scope, vector: before });
      await model.follow(SECOND);
      for (const one of [FIRST, SECOND]) assert.ok(await model.waitFor(one, end, IN_TIME()));
      assert.equal((await compareAt(model, end)).different, 0);
    });
  }

  async function standTogether({ model, append }: Clause): Promise<PositionVector> {
    const early = await append(ACME, 120);
    await model.follow(FIRST);
    assert.ok(await model.waitFor(FIRST, early, IN_TIME()));
    const end = await append(ACME, 180);
    await model.follow(SECOND);
    for (const one of [FIRST, SECOND]) assert.ok(await model.waitFor(one, end, IN_TIME()));
    return stand(model, [FIRST, SECOND]);
  }

  /** Lets both stand at one vector, which is where both are once the log does not grow. */
  async function stand(model: ReadModel, both: readonly GenerationOf[]): Promise<PositionVector> {
    const vectors = await Promise.all(both.map((of) => model.limit(of, 'here')));
    const [one = [], other = []] = vectors;
    assert.ok(covers(one, other) && covers(other, one));
    return one;
  }

  async function compareAt(model: ReadModel, vector: PositionVector) {
    assert.deepEqual(await stand(model, [FIRST, SECOND]), vector);
    return model.compare(FIRST, SECOND, vector, IN_TIME());
  }
}

async function appendEvents(
  log: EventLog,
  tenant: TenantId,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<PositionVector> {
  await log.create(tenant, { partitions: 3 });
  const records = Array.from({ length: to - from }, (_, index) => recordOf(eventOf(tenant, from + index)));
  await log.append({ tenant, channel: 'events' }, records);
  return (await log.bounds({ tenant, channel: 'events' })).next;
}

const ACTIONS = ['view', 'click', 'like', 'click', 'order'] as const;

/** Behaviour, events without an action, users and items, over the two days before now, in no order of time. */
function eventOf(tenant: TenantId, index: number): Event {
  const user = `user_${index % 11}`;
  const item = `item_${index % 7}`;
  const stamps = {
    event_id: `evt_${index}`,
    tenant_id: tenant,
    timestamp: NOW_MS - 1000 - ((index * 37) % 2_879) * 60_000,
    server_time: NOW_MS,
    valid_status: 1 as const,
    schema_version: 1,
  };
  switch (index % 10) {
    case 7:
      return {
        ...stamps,
        kind: 'generic',
        event_name: 'page_open',
        user_id: user,
        properties: { page: index % 5 },
        schema: 'envelope.generic',
      };
    case 8:
      return {
        ...stamps,
        kind: 'user',
        event_name: 'identify',
        user_id: user,
        properties: { plan: index % 3 === 0 ? 'free' : 'paid' },
        schema: 'envelope.user',
      };
    case 9:
      return {
        ...stamps,
        kind: 'catalog',
        event_name: 'item_upserted',
        item_id: item,
        properties: { title: `title ${index % 4}`, price: index % 9 },
        schema: 'envelope.catalog',
      };
    default: {
      const action = ACTIONS[index % ACTIONS.length] ?? 'view';
      return {
        ...stamps,
        kind: 'behaviour',
        event_name: action,
        action_type: action,
        scenario_id: index % 2 === 0 ? 'feed' : 'search',
        scenario_type: 'news',
        user_id: user,
        session_id: `session_${index % 13}`,
        item_id: item,
        context: { device_type: 'mobile', os: 'android' },
        schema: 'envelope.behaviour',
      };
    }
  }
}
