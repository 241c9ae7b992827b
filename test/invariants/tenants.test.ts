import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform, Reply } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';
import type { Random } from '../random.ts';
import { waitUntilVisible } from './asking.ts';
import { BATCH_PATH } from './sending.ts';
import type { BatchReply } from './sending.ts';

const TENANTS = ['acme', 'globex'] as const;
type Tenant = (typeof TENANTS)[number];
const ROUNDS = 3_000;
const IN_FLIGHT = 12;
/** What one question may use: enough for those over a few thousand events, far too little for their product. */
const MEMORY_BYTES = 128 * 2 ** 20;
const EVENTS: Record<Tenant, number> = { acme: 3_000, globex: 4_100 };
const FROM_MS = Date.UTC(2024, 0, 1);
const RANGE = { from: '2024-01-01T00:00:00Z', to: '2024-07-01T00:00:00Z' };
const ACTIONS = ['impression', 'click', 'order'];

/** A word that stands in every event of one tenant and in none of the other. */
const secretOf = (tenant: Tenant): string => `secret-of-${tenant}`;
const other = (tenant: Tenant): Tenant => (tenant === 'acme' ? 'globex' : 'acme');

/** The n-th event: the same id, user and item in both tenants. */
function eventOf(tenant: Tenant, n: number): object {
  return {
    event_id: `evt_${n}`,
    tenant_id: tenant,
    scenario_id: 'feed',
    user_id: `user-${n % 300}`,
    item_id: `item-${n % 40}`,
    action_type: ACTIONS[n % 3],
    timestamp: FROM_MS + n * 3_600_000,
    context: { device_type: 'mobile', os: secretOf(tenant) },
    extra_data: { secret: secretOf(tenant), price: n % 100 },
  };
}

async function fill(platform: Platform, tenant: Tenant): Promise<string> {
  const places: { partition: number; offset: string; token: string }[] = [];
  for (let at = 0; at < EVENTS[tenant]; at += 100) {
    const size = Math.min(100, EVENTS[tenant] - at);
    const events = Array.from({ length: size }, (_, n) => eventOf(tenant, at + n));
    const reply = (await platform.post(BATCH_PATH, { events })).body as BatchReply;
    assert.equal(reply.succeeded, size);
    for (const { receipt } of reply.results) if (receipt) places.push(receipt);
  }
  await waitUntilVisible(platform, tenant, places);
  return places.at(-1)!.token;
}

type Ask = (platform: Platform, tenant: Tenant, signal?: AbortSignal) => Promise<Reply>;

const posting =
  (analysis: string, body: object): Ask =>
  (platform, tenant, signal) =>
    platform.send(`/api/analytics/${analysis}`, {
      method: 'POST',
      body: JSON.stringify({ tenant_id: tenant, ...RANGE, ...body }),
      ...(signal ? { signal } : {}),
    });

const getting =
  (path: string): Ask =>
  (platform, tenant, signal) =>
    platform.send(`/api/analytics/${path}?tenant_id=${tenant}&from=${RANGE.from}&to=${RANGE.to}`, {
      ...(signal ? { signal } : {}),
    });

const sql =
  (text: string): Ask =>
  (platform, tenant, signal) =>
    platform.send('/api/analytics/sql', {
      method: 'POST',
      body: JSON.stringify({ tenant_id: tenant, sql: text }),
      ...(signal ? { signal } : {}),
    });

const events = { event: 'click', measure: 'users', interval: 'month', tz: 'UTC', breakdown: 'os' };

const SUCCEEDING: readonly Ask[] = [
  posting('events', events),
  posting('events', { ...events, breakdown: 'secret', measure: 'count' }),
  posting('events', { ...events, filters: [{ property: 'price', op: '>', value: 50 }] }),
  posting('funnel', { steps: [{ event: 'impression' }, { event: 'click' }], window: '7d', order: 'ordered' }),
  posting('retention', {
    period: 'month',
    periods: 3,
    start: { event: 'impression' },
    return: { event: 'any' },
    mode: 'on',
    cohort: 'first_ever',
  }),
  getting('dashboard'),
  getting('trend'),
  getting('distribution'),
  sql('SELECT os, count() AS events, uniqExact(user_id) AS users FROM events GROUP BY os'),
  sql('SELECT event_id, os FROM events ORDER BY event_id LIMIT 300'),
  getting('hot-items'),
  getting('behavior-analysis'),
];

/** Questions that fail at the door, in the plan, in the middle of their rows, or at a limit. */
const FAILING: readonly Ask[] = [
  posting('events', { ...events, tz: 'Mars/Olympus' }),
  posting('events', { ...events, filters: [{ property: 'price', op: 'resembles', value: 1 }] }),
  posting('funnel', { steps: [], window: '7d', order: 'ordered' }),
  posting('retention', { period: 'aeon' }),
  sql('SELECT * FROM facts_g1'),
  sql("SELECT os FROM events SETTINGS additional_table_filters = {'events': '1'}"),
  sql('SELECT no_such_column FROM events'),
  sql('SELECT os, event_id, intDiv(1, toUnixTimestamp64Milli(event_time) % 1000) FROM events'),
  sql('SELECT os, toDate(event_id) AS day FROM events ORDER BY os'),
];

/** Questions far too dear for the memory one may use. */
const TOO_DEAR: readonly Ask[] = [
  sql('SELECT groupArray(concat(a.os, b.extra_data)) AS all FROM events AS a CROSS JOIN events AS b'),
];

/** What an answer says, without what may differ from one moment to the next. */
function figuresOf(reply: Reply): string {
  const body = { ...(reply.body as Record<string, unknown>) };
  delete body['meta'];
  return JSON.stringify(body).replaceAll(/"(elapsed_ms|rows_read)":[\d.]+/g, '');
}

test('questions of two tenants, failing and succeeding in parallel, never show a foreign row', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  await using dir = await temporaryDir();
  await using platform = await startPlatform({
    dataDir: dir.path,
    env: { DAYBOOK_QUERY_MAX_MEMORY_BYTES: String(MEMORY_BYTES), DAYBOOK_LOG_LEVEL: 'silent' },
  });
  const [acme, globex] = await Promise.all(TENANTS.map((tenant) => fill(platform, tenant)));
  const tokens: Record<Tenant, string> = { acme: acme!, globex: globex! };

  const expected = new Map<string, string>();
  for (const tenant of TENANTS) {
    for (const [index, question] of SUCCEEDING.entries()) {
      const reply = await question(platform, tenant);
      assert.equal(reply.status, 200, reply.text);
      noForeign(reply, tenant);
      expected.set(`${tenant} ${index}`, figuresOf(reply));
    }
    // One of them by hand: clicks are the events 1, 4, 7, … of 300 users, so a third of the users.
    assert.match(expected.get(`${tenant} 8`)!, new RegExp(`${EVENTS[tenant]}`));
  }

  const seen = { same: 0, failed: 0, aborted: 0, dear: 0, crossed: 0 };
  let left = ROUNDS;
  const asker = async (): Promise<void> => {
    while (left-- > 0) await round(platform, random, { expected, tokens, seen });
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, asker));
  t.diagnostic(JSON.stringify(seen));
  for (const [kind, times] of Object.entries(seen)) assert.ok(times > 0, `no round was ${kind}`);
  for (const tenant of TENANTS) {
    for (const [index, question] of SUCCEEDING.entries()) {
      assert.equal(figuresOf(await question(platform, tenant)), expected.get(`${tenant} ${index}`));
    }
  }
});

type Rounds = {
  readonly expected: ReadonlyMap<string, string>;
  readonly tokens: Readonly<Record<Tenant, string>>;
  readonly seen: { same: number; failed: number; aborted: number; dear: number; crossed: number };
};

async function round(platform: Platform, random: Random, rounds: Rounds): Promise<void> {
  const { expected, tokens, seen } = rounds;
  const tenant = random.pick(TENANTS);
  const kind = random.next();
  if (kind < 0.55) {
    const index = random.below(SUCCEEDING.length);
    const reply = await SUCCEEDING[index]!(platform, tenant);
    assert.equal(reply.status, 200, reply.text);
    noForeign(reply, tenant);
    assert.equal(figuresOf(reply), expected.get(`${tenant} ${index}`));
    seen.same++;
  } else if (kind < 0.8) {
    const reply = await random.pick(FAILING)(platform, tenant);
    assert.ok(reply.status >= 400 && reply.status < 500, `${reply.status}: ${reply.text}`);
    noForeign(reply, tenant);
    seen.failed++;
  } else if (kind < 0.94) {
    const signal = AbortSignal.timeout(random.between(1, 12));
    const reply = await random
      .pick(SUCCEEDING)(platform, tenant, signal)
      .catch(() => undefined);
    if (reply) noForeign(reply, tenant);
    else seen.aborted++;
  } else if (kind < 0.945) {
    const reply = await random.pick(TOO_DEAR)(platform, tenant);
    assert.notEqual(reply.status, 200, reply.text);
    noForeign(reply, tenant);
    seen.dear++;
  } else {
    // A receipt of the other tenant's opens nothing.
    const crossed = posting('events', { ...events, wait_for: tokens[other(tenant)] });
    noForeign(await crossed(platform, tenant), tenant);
    seen.crossed++;
  }
}

function noForeign(reply: Reply, tenant: Tenant): void {
  assert.ok(
    !reply.text.includes(secretOf(other(tenant))),
    `${tenant} was shown: ${reply.text.slice(0, 2000)}`,
  );
}
