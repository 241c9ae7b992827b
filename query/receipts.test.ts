import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { Fault, formatReceipt } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog, LogRecord } from '#log';
import { startDeadLetterIndex } from '#projections';
import { openLmdbDeadLetterStore } from '../projections/lmdb-dead-letter-store.ts';
import { openDoor } from '../test/door.ts';
import { temporaryDir } from '../test/platform.ts';
import { createReceipts } from './receipts.ts';
import type { AcceptedFate, ReceiptAnswer, RefusedFate } from './receipt-answer.ts';
import { RECEIPT_ROUTES } from './receipt-openapi.ts';
import type { FollowedProjection, Receipts, ReceiptsOptions } from './receipts.ts';

const acme = 'acme' as TenantId;
const umbra = 'umbra' as TenantId;
const HOUR = Date.UTC(2026, 5, 30, 10);

const click = (id: string | undefined, more: object = {}) => ({
  ...(id === undefined ? {} : { event_id: id }),
  tenant_id: 'acme',
  scenario_id: 'feed',
  user_id: 'u1',
  item_id: 'i1',
  action_type: 'click',
  timestamp: HOUR + 1_000,
  context: { device_type: 'pc' },
  ...more,
});

const ajv = addFormats.default(new Ajv2020({ strict: false }));
const { EventReceipt } = RECEIPT_ROUTES.schemas as { EventReceipt: object };
const isDescribed = ajv.compile(EventReceipt);

/** The same, with every answer compared with its description. */
const asDescribed = (receipts: Receipts): Receipts => ({
  ask: async (tenant, sent) => {
    const answer = await receipts.ask(tenant, sent);
    assert.ok(isDescribed(answer), JSON.stringify([isDescribed.errors, answer]));
    return answer;
  },
});

/** A door with a log behind it, and facts that have come as far as they are told to. */
async function opened(t: TestContext, wrapLog = (log: EventLog): EventLog => log) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const door = stack.use(await openDoor());
  const dir = stack.use(await temporaryDir());
  const log = wrapLog(door.log);
  const store = stack.use(await openLmdbDeadLetterStore({ dataDir: dir.path }));
  const nobody = { onTenant: () => ({ [Symbol.dispose]: () => undefined }) };
  const deadLetters = stack.use(startDeadLetterIndex({ log, tenants: nobody, store }));
  const facts: { confirmed: PositionVector; paused?: string; horizonMs?: number } = { confirmed: [] };
  const state: FollowedProjection['state'] = async () => ({
    logIdentity: '',
    confirmed: facts.confirmed,
    highWater: [],
    waitingSinceMs: undefined,
    paused: facts.paused === undefined ? undefined : { reason: facts.paused, partition: 0, offset: 0n },
    generation: 1,
    horizon: facts.horizonMs === undefined ? undefined : { beforeMs: facts.horizonMs, position: 1n },
  });
  const options: ReceiptsOptions = {
    log,
    deadLetters,
    projections: { facts: { state } },
    times: { since: () => undefined },
  };
  const receipts = asDescribed(createReceipts(options));
  const send = async (event: object): Promise<Record<string, unknown>> =>
    (await door.post('/api/v1/behaviors/track', event as never)).body;
  const everything = async (): Promise<PositionVector> =>
    (await log.bounds({ tenant: acme, channel: 'events' })).next;
  return { door, log, receipts, options, facts, send, everything };
}

const isAccepted = (answer: ReceiptAnswer): ReceiptAnswer & AcceptedFate => {
  assert.equal(answer.state, 'accepted');
  return answer;
};
const isRefused = (answer: ReceiptAnswer): ReceiptAnswer & RefusedFate => {
  assert.ok(answer.state === 'rejected' || answer.state === 'conflict', answer.state);
  return answer;
};

test('an accepted event is told where it stands, and queryable once the facts have come past it', async (t) => {
  const { receipts, send, facts, everything } = await opened(t);
  const { receipt } = (await send(click('e1'))) as { receipt: { partition: number; offset: string } };
  const before = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual(before.receipt, receipt);
  assert.equal(before.timestamp, '2026-06-30T10:00:01.000Z');
  assert.equal(before.received_at, '2026-07-01T12:00:00.000Z');
  assert.deepEqual([before.queryable, before.not_queryable_because], [false, 'behind']);
  assert.equal(before.projections[0]?.confirmed, false);
  facts.confirmed = await everything();
  const after = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual([after.queryable, after.not_queryable_because], [true, null]);
  assert.deepEqual(after.projections, [
    {
      projection: 'facts',
      generation: 1,
      confirmed: true,
      since: null,
      since_within_ms: null,
      paused: null,
      dead_letter: null,
    },
  ]);
  assert.deepEqual([after.also, after.dead_letters], [[], 0]);
});

test('since when is told with how much earlier it may have been, but never before it came', async (t) => {
  const { options, send, facts, everything } = await opened(t);
  await send(click('e1'));
  facts.confirmed = await everything();
  const receivedMs = Date.parse('2026-07-01T12:00:00.000Z');
  const held = async (withinMs: number) => {
    const times = { since: () => ({ atMs: receivedMs + 250, withinMs }) };
    return isAccepted(await createReceipts({ ...options, times }).ask(acme, 'e1')).projections[0];
  };
  assert.deepEqual(
    [(await held(100))?.since, (await held(100))?.since_within_ms],
    ['2026-07-01T12:00:00.250Z', 100],
  );
  assert.equal((await held(60_000))?.since_within_ms, 250);
});

test('a fact that is not kept, or stands behind a pause, says so', async (t) => {
  const { receipts, send, facts, everything } = await opened(t);
  await send(click('e1'));
  facts.paused = 'the disk is full';
  const paused = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual(
    [paused.not_queryable_because, paused.projections[0]?.paused],
    ['paused', 'the disk is full'],
  );
  facts.confirmed = await everything();
  const passed = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual([passed.queryable, passed.projections[0]?.paused], [true, null]);
  facts.horizonMs = HOUR + 1_001;
  assert.equal(isAccepted(await receipts.ask(acme, 'e1')).not_queryable_because, 'horizon');
  facts.horizonMs = HOUR + 1_000;
  assert.equal(isAccepted(await receipts.ask(acme, 'e1')).queryable, true);
});

test('an event sent again is the first one; conflicts stand beside it, newest first', async (t) => {
  const { receipts, send } = await opened(t);
  const { receipt } = await send(click('e1'));
  assert.deepEqual((await send(click('e1')))['receipt'], receipt);
  await send(click('e1', { item_id: 'i2' }));
  await send(click('e1', { item_id: 'i3' }));
  const answer = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual(answer.receipt, receipt);
  assert.deepEqual(answer.turned_away, { hour: '2026-06-30T10:00:00.000Z', duplicates: 1, conflicts: 2 });
  assert.equal(answer.dead_letters, 2);
  assert.deepEqual(
    answer.also.map(
      (fate) => fate.state === 'conflict' && [fate.dead_letter.offset, fate.first, fate.reason],
    ),
    [
      ['1', receipt, 'conflict'],
      ['0', receipt, 'conflict'],
    ],
  );
});

test('a rejected event is told why and where it is kept, until it is sent right', async (t) => {
  const { receipts, send } = await opened(t);
  await send(click('e1', { user_id: 7 }));
  await send(click('e1', { user_id: 7, item_id: 8 }));
  const rejected = isRefused(await receipts.ask(acme, 'e1'));
  assert.equal(rejected.state, 'rejected');
  assert.equal(rejected.dead_letter.offset, '1');
  assert.deepEqual((rejected.errors as { field: string }[]).map(({ field }) => field).sort(), [
    'item_id',
    'user_id',
  ]);
  assert.deepEqual(
    rejected.also.map((fate) => fate.state === 'rejected' && fate.dead_letter.offset),
    ['0'],
  );
  await send(click('e1'));
  const accepted = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual(
    accepted.also.map(({ state }) => state),
    ['rejected', 'rejected'],
  );
});

test('what was never sent is unknown, and a tenant that does not exist is none', async (t) => {
  const { receipts, send } = await opened(t);
  await send(click('e1'));
  assert.deepEqual(await receipts.ask(acme, 'e2'), {
    tenant_id: 'acme',
    event_id: 'e2',
    state: 'unknown',
    also: [],
    dead_letters: 0,
  });
  await assert.rejects(
    receipts.ask('nobody' as TenantId, 'e1'),
    (error) => error instanceof Fault && error.code === 'TENANT_UNKNOWN',
  );
});

test('of a log that has lost its beginning nothing can be said to have never come', async (t) => {
  const shortened = (log: EventLog): EventLog =>
    new Proxy(log, {
      get(target, name) {
        if (name === 'bounds')
          return async (of: Parameters<EventLog['bounds']>[0]) => {
            const bounds = await target.bounds(of);
            return of.channel === 'events' ? { ...bounds, first: [0n, 5n, 0n, 0n] } : bounds;
          };
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  const { receipts, send } = await opened(t, shortened);
  await send(click('e1'));
  assert.equal((await receipts.ask(acme, 'e1')).state, 'accepted');
  assert.equal((await receipts.ask(acme, 'e2')).state, 'not_known_any_more');
});

test('a token stands for its event, that of a dead letter for that very input', async (t) => {
  const { receipts, send } = await opened(t);
  const first = (await send(click('e1'))) as { receipt: { token: string } };
  await send(click('e1', { item_id: 'i2' }));
  await send(click(undefined, { user_id: 7 }));
  const accepted = isAccepted(await receipts.ask(acme, first.receipt.token));
  assert.equal(accepted.event_id, 'e1');
  const [conflict] = accepted.also;
  assert.ok(conflict?.state === 'conflict');
  const own = isRefused(await receipts.ask(acme, conflict.dead_letter.token));
  assert.deepEqual([own.state, own.event_id, own.first?.token], ['conflict', 'e1', first.receipt.token]);
  assert.deepEqual(
    own.also.map(({ state }) => state),
    ['accepted'],
  );
  const identity = conflict.dead_letter.token.split('_')[1] ?? '';
  const nameless = isRefused(
    await receipts.ask(acme, formatReceipt({ logIdentity: identity, partition: 0, offset: 1n })),
  );
  assert.deepEqual([nameless.state, nameless.event_id, nameless.dead_letters], ['rejected', null, 1]);
  const beyond = formatReceipt({ logIdentity: identity, partition: 0, offset: 2n });
  assert.equal((await receipts.ask(acme, beyond)).state, 'unknown');
});

test('two tenants with the same ids know nothing of each other, nor of each other’s tokens', async (t) => {
  const { receipts, send } = await opened(t);
  const mine = (await send(click('e1'))) as { receipt: { token: string } };
  await send(click('e2', { user_id: 7 }));
  await send(click('e2', { tenant_id: 'umbra', item_id: 'other' }));
  await send(click('e1', { tenant_id: 'umbra', user_id: 7 }));
  assert.equal((await receipts.ask(acme, 'e1')).state, 'accepted');
  assert.equal((await receipts.ask(umbra, 'e1')).state, 'rejected');
  assert.equal((await receipts.ask(acme, 'e2')).state, 'rejected');
  assert.equal((await receipts.ask(umbra, 'e2')).state, 'accepted');
  assert.equal((await receipts.ask(umbra, mine.receipt.token)).state, 'unknown');
  for (const [tenant, id] of [
    [acme, 'e1'],
    [umbra, 'e2'],
  ] as const)
    assert.deepEqual((await receipts.ask(tenant, id)).also, []);
});

test('an event the facts could not take is not queryable, however many conflicts came since', async (t) => {
  const { receipts, send, facts, everything, log, door } = await opened(t);
  await send(click('e1'));
  const [kept] = await door.events();
  assert.ok(kept);
  const name = { tenant: acme, channel: 'events' } as const;
  const records: LogRecord[] = [];
  for await (const batch of log.read(name, { partition: kept.partition, from: 0n }))
    records.push(...batch.records);
  const { headers, key } = records[0]!;
  const letter = (generation: number) => ({
    key,
    headers: { ...headers, source: 'projection', valid: false },
    value: Buffer.from(
      JSON.stringify({
        reason: 'cannot be read',
        code: 'facts_unreadable',
        projection: 'facts',
        generation,
        partition: kept.partition,
        offset: '0',
      }),
    ),
  });
  await log.append({ tenant: acme, channel: 'dead_letters' }, [letter(2)]);
  for (let n = 0; n < 25; n++) await send(click('e1', { item_id: `other ${n}` }));
  facts.confirmed = await everything();
  assert.equal(isAccepted(await receipts.ask(acme, 'e1')).queryable, true, 'another generation could not');
  await log.append({ tenant: acme, channel: 'dead_letters' }, [letter(1)]);
  for (let n = 25; n < 50; n++) await send(click('e1', { item_id: `other ${n}` }));
  const answer = isAccepted(await receipts.ask(acme, 'e1'));
  assert.deepEqual([answer.queryable, answer.not_queryable_because], [false, 'dead_letter']);
  assert.equal(answer.projections[0]?.dead_letter?.offset, '26');
  assert.deepEqual([answer.also.length, answer.dead_letters], [20, 50]);
  const token = answer.projections[0].dead_letter.token;
  assert.equal((await receipts.ask(acme, token)).state, 'accepted');
});
