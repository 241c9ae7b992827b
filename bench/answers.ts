import { createChdbConnection } from 'chdb/connection';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseTenantId } from '#domain';
import type { TenantId } from '#domain';
import { tablesOf } from '#projections';
import type { FactStore } from '#projections';
import { createQueries } from '#query';
import type { Answer, AnalysisName } from '#query';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { temporaryDir } from '../test/platform.ts';
import { median, timed } from './measure.ts';
import type { Bench, Row } from './report.ts';

const ROUNDS = 9;
const PARTITIONS = 4;
const FROM_MS = Date.UTC(2024, 2, 1);
const DAYS = 30;
const TO_MS = FROM_MS + DAYS * 86_400_000;
const HALF_MS = FROM_MS + 15 * 86_400_000;
const GOAL = 1.5;

const TABLE = tablesOf(1).facts;
const MINE = 'tenant_id = {tenant:String}';
const IN_RANGE =
  "ts >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND ts < fromUnixTimestamp64Milli({to:Int64}, 'UTC')";

const SHOP_ACTIONS = "'impression', 'click', 'view', 'add_cart', 'order', 'payment', 'purchase'";
const SHOP = `${MINE} AND ${IN_RANGE} AND scenario_type = 'ecommerce' AND event_name IN (${SHOP_ACTIONS})`;

/** A question, and the statements an expert would write for its figures without a pin. */
type Case = {
  readonly name: AnalysisName;
  readonly fromMs: number;
  readonly question: Readonly<Record<string, unknown>>;
  readonly byHand: readonly string[];
};

const CASES: readonly Case[] = [
  {
    name: 'hot-items',
    fromMs: HALF_MS,
    question: {},
    byHand: [
      `SELECT item_id, countIf(event_name = 'impression') AS impressions, countIf(event_name = 'click') AS clicks,
        countIf(event_name = if(scenario_type = 'education', 'purchase', 'order')) AS conversions
      FROM ${TABLE} WHERE ${MINE} AND ${IN_RANGE} AND event_name IN ('impression', 'click', 'order', 'purchase')
      GROUP BY item_id ORDER BY clicks DESC, item_id LIMIT 10`,
    ],
  },
  {
    name: 'behavior-analysis',
    fromMs: HALF_MS,
    question: { scenario_type: 'ecommerce' },
    byHand: [
      `SELECT event_name, count(), sum(watch_duration), count(watch_duration) FROM ${TABLE} WHERE ${SHOP} GROUP BY event_name`,
      `SELECT done, count() FROM (
        SELECT groupBitOr(transform(event_name, [${SHOP_ACTIONS}], [1, 2, 4, 8, 16, 32, 64]::Array(UInt64), 0::UInt64)) AS done
        FROM ${TABLE} WHERE ${SHOP} GROUP BY actor_id
      ) GROUP BY done`,
    ],
  },
  {
    name: 'scenario-metrics',
    fromMs: HALF_MS,
    question: { scenario_type: 'ecommerce' },
    byHand: [
      `SELECT currency, countIf(event_name = 'impression'), countIf(event_name = 'click'),
        countIf(event_name = 'add_cart'), countIf(event_name = 'order'), countIf(event_name = 'payment'),
        countIf(event_name = 'purchase'), sumIf(amount, event_name = 'payment'), sumIf(amount, event_name = 'purchase')
      FROM ${TABLE} WHERE ${MINE} AND ${IN_RANGE} AND scenario_type = 'ecommerce'
        AND event_name IN ('impression', 'click', 'add_cart', 'order', 'payment', 'purchase')
      GROUP BY currency`,
    ],
  },
  {
    name: 'minutes',
    fromMs: TO_MS - 86_400_000,
    question: {},
    byHand: [
      `SELECT toStartOfMinute(ts) AS minute, count(), uniqExact(actor_id)
      FROM ${TABLE} WHERE ${MINE} AND ${IN_RANGE} AND kind != 'catalog' GROUP BY minute`,
    ],
  },
  {
    name: 'user-activity',
    fromMs: FROM_MS,
    question: { user_id: 'u77' },
    byHand: [
      `SELECT toDate(ts) AS day, kind, event_name, count()
      FROM ${TABLE} WHERE ${MINE} AND ${IN_RANGE} AND actor_id = 'u77' AND kind != 'catalog'
      GROUP BY day, kind, event_name`,
    ],
  },
  {
    name: 'item-stats',
    fromMs: FROM_MS,
    question: { item_id: 'i77' },
    byHand: [
      `SELECT toDate(ts) AS day, event_name, count(), sum(watch_duration), count(watch_duration), sum(completion_rate)
      FROM ${TABLE} WHERE ${MINE} AND ${IN_RANGE} AND item_id = 'i77' AND kind = 'behaviour'
      GROUP BY day, event_name`,
    ],
  },
];

/** Every question from facts, pinned to its vector, beside the plainest SQL an expert would write. */
export const bench: Bench = async ({ quick, progress }) => {
  const events = quick ? 500_000 : 2_000_000;
  await using dir = await temporaryDir();
  await using facts = await openChdbFactStore({ dataDir: dir.path });
  await facts.prepare(1);
  progress(`making ${events} facts of each of two tenants`);
  const { chdb } = createChdbConnection({ path: join(dir.path, 'facts') });
  for (const tenant of ['acme', 'globex']) await chdb.queryAsync(fillSql(tenant, events));
  const parsed = parseTenantId('acme');
  assert.ok(parsed.ok);
  const rows: Row[] = [];
  for (const each of CASES) {
    progress(each.name);
    rows.push(await compared(each, { facts, tenant: parsed.tenant, events }));
  }
  return rows;
};

async function compared(
  { name, fromMs, question, byHand }: Case,
  { facts, tenant, events }: { facts: FactStore; tenant: TenantId; events: number },
): Promise<Row> {
  const queries = queriesOver(facts, events);
  const asked: number[] = [];
  const hand: number[] = [];
  let answer: Answer | undefined;
  let readByHand = 0;
  for (let n = 0; n < ROUNDS; n++) {
    // The end moves, so that no cache answers; both take turns, so that both meet the same load.
    const toMs = TO_MS - n;
    const range = { from: Math.max(fromMs, name === 'minutes' ? toMs - 86_400_000 : 0), to: toMs };
    const one = await timed(() => queries.ask(name, { tenant, question: { ...range, ...question } }));
    const params = { tenant, ...range };
    const other = await timed(async () => {
      let read = 0;
      for (const sql of byHand) read += (await facts.query({ sql, params })).rowsRead;
      return read;
    });
    answer = one.result;
    readByHand = other.result;
    asked.push(one.ms);
    hand.push(other.ms);
  }
  const ratio = median(asked) / median(hand);
  return {
    path: `${name}, ${events / 1e6} M events of one tenant`,
    figure: `${median(asked).toFixed(0)} ms pinned, ${answer?.meta.rows_read} rows read`,
    limit: `${median(hand).toFixed(0)} ms hand-written, ${readByHand} rows read`,
    ratio,
    note: 'the hand-written statements see whatever is in the table, the answer only what is before its vector',
    goals: [{ text: `<= ${GOAL}`, reached: ratio <= GOAL }],
  };
}

/** The questions over facts that are all confirmed. */
function queriesOver(facts: FactStore, events: number) {
  const vector = Array.from({ length: PARTITIONS }, () => BigInt(events));
  return createQueries({
    facts,
    progress: {
      state: async () => ({
        generation: 1,
        logIdentity: '018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10',
        confirmed: vector,
        highWater: vector,
        firstSeen: vector,
        waitingSinceMs: undefined,
        horizon: undefined,
        paused: undefined,
      }),
      waitFor: () => Promise.resolve(true),
    },
    tenants: { get: (id) => ({ id, partitions: PARTITIONS, createdAtMs: 0 }), position: () => 0n },
    clock: () => TO_MS,
  });
}

/** Facts of a shop, a video feed and a school over a month, made by the engine itself. */
function fillSql(tenant: string, events: number): string {
  const pick = (values: readonly string[], by: string) =>
    `arrayElement([${values.map((value) => `'${value}'`).join(', ')}], 1 + (${by}) % ${values.length})`;
  const weighted = [
    ...Array.from({ length: 12 }, () => 'impression'),
    ...Array.from({ length: 4 }, () => 'click'),
    'view',
    'view',
    'add_cart',
    'order',
    'payment',
    'purchase',
    'play',
    'play_end',
  ];
  return `INSERT INTO ${TABLE} (tenant_id, kind, event_name, action_type, scenario_id, scenario_type, actor_id, user_id,
      item_id, event_id, ts, received_at, currency, watch_duration, completion_rate, amount, log_partition, log_offset)
    SELECT '${tenant}', 'behaviour', ${pick(weighted, 'cityHash64(number)')} AS name, name, 'feed',
      ${pick(['ecommerce', 'video', 'education'], 'cityHash64(number, 2)')} AS type,
      concat('u', toString(cityHash64(number, 3) % 20000)) AS user, user,
      concat('i', toString(cityHash64(number, 4) % 3000)), concat('evt_', toString(number)),
      fromUnixTimestamp64Milli(toInt64(${FROM_MS} + cityHash64(number, 5) % ${TO_MS - FROM_MS}), 'UTC') AS at, at,
      if(name IN ('order', 'payment', 'purchase'), ${pick(['CNY', 'USD'], 'cityHash64(number, 6)')}, ''),
      if(name = 'play_end', cityHash64(number, 7) % 600, NULL), if(name = 'play_end', 0.5, NULL),
      if(name IN ('order', 'payment', 'purchase'), toDecimal64(cityHash64(number, 8) % 1000, 4), NULL),
      number % ${PARTITIONS}, intDiv(number, ${PARTITIONS})
    FROM numbers(${events})`;
}
