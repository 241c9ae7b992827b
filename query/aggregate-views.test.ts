import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { COMPLETION_ACTIONS, covers, isConversion, percent } from '#domain';
import type { Event, LoggedEvent, TenantId } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import {
  AROUND_MS,
  before,
  dayOf,
  historyArbitrary,
  openAsking,
  vectorArbitrary,
} from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { createSqlQuestions } from './free-sql-question.ts';
import type { SqlQuestions } from './free-sql-question.ts';

type Row = Record<string, unknown>;

const DAYS = Array.from({ length: 10 }, (_, index) => dayOf(AROUND_MS) - 4 + index);

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const isoHour = (ms: number): string => `${new Date(ms).toISOString().slice(0, 13).replace('T', ' ')}:00:00`;
const actorOf = (event: Event): string => event.user_id ?? event.device_id ?? event.session_id ?? '';

function different(texts: readonly (string | undefined)[]): string {
  return String(new Set(texts.filter((text) => text !== undefined && text !== '')).size);
}

/** What every view shows of some events, counted one by one. */
function figuresOf(events: readonly Event[]): Row {
  const actions = events.flatMap((event) => (event.kind === 'behaviour' ? [event.event_name] : []));
  const count = (name: string): number => actions.filter((action) => action === name).length;
  const conversions = events.filter(isConversion).length;
  let watched = 0;
  let millionths = 0;
  let ended = 0;
  for (const { kind, event_name, watch_duration = 0, completion_rate } of events) {
    if (kind !== 'behaviour') continue;
    watched += Math.floor(watch_duration * 1000 + 0.5);
    if (completion_rate === undefined || !(COMPLETION_ACTIONS as readonly string[]).includes(event_name))
      continue;
    millionths += Math.floor(completion_rate * 1e6 + 0.5);
    ended++;
  }
  return {
    events: String(events.length),
    impressions: String(count('impression')),
    clicks: String(count('click')),
    conversions: String(conversions),
    orders: String(count('order')),
    payments: String(count('payment')),
    purchases: String(count('purchase')),
    ctr: percent(count('click'), count('impression')),
    conversion_rate: percent(conversions, count('impression')),
    total_watch_duration: watched / 1000,
    avg_completion_rate: ended === 0 ? 0 : Math.floor(millionths / ended / 100 + 0.5) / 10_000,
  };
}

function actionsOf(events: readonly Event[]): Record<string, string> {
  const actions = events.filter(({ kind }) => kind === 'behaviour').map(({ event_name }) => event_name);
  return Object.fromEntries(
    [...new Set(actions)].map((name) => [name, String(actions.filter((a) => a === name).length)]),
  );
}

function grouped(
  events: readonly Event[],
  keys: (event: Event) => Row,
  figures: (events: Event[]) => Row,
): Row[] {
  return [...Map.groupBy(events, (event) => JSON.stringify(keys(event)))].map(([key, own]) => ({
    ...(JSON.parse(key) as Row),
    ...figuresOf(own),
    ...figures(own),
  }));
}

const users = (events: readonly Event[]): Row => ({ active_users: different(events.map(actorOf)) });
const items = (events: readonly Event[]): Row => ({
  active_items: different(events.map((event) => (event.kind === 'behaviour' ? event.item_id : ''))),
});
const actions = (events: readonly Event[]): Row => ({ actions: actionsOf(events) });

/** The rows each view must show of events that are no catalogue entries. */
const VIEWS: Readonly<Record<string, (events: readonly Event[]) => Row[]>> = {
  metrics_hourly: (events) =>
    grouped(
      events,
      ({ tenant_id, scenario_id = '', timestamp }) => ({
        tenant_id,
        scenario_id,
        date: isoDay(timestamp),
        hour: new Date(timestamp).getUTCHours(),
        hour_ts: isoHour(timestamp),
      }),
      (own) => ({ ...users(own), ...items(own), ...actions(own) }),
    ),
  item_stats_daily: (events) =>
    grouped(
      events.filter(({ kind, item_id = '' }) => kind === 'behaviour' && item_id !== ''),
      ({ tenant_id, scenario_id = '', item_id, timestamp }) => ({
        tenant_id,
        scenario_id,
        item_id: item_id!,
        date: isoDay(timestamp),
      }),
      actions,
    ),
  analytics_daily_stats: (events) =>
    grouped(
      events,
      ({ tenant_id, scenario_id = '', timestamp }) => ({ tenant_id, scenario_id, date: isoDay(timestamp) }),
      (own) => ({ ...users(own), ...items(own), ...actions(own) }),
    ),
  experiment_metrics: (events) =>
    grouped(
      events.filter(({ experiment_id = '' }) => experiment_id !== ''),
      ({ tenant_id, scenario_id = '', experiment_id, experiment_group = '', timestamp }) => ({
        tenant_id,
        experiment_id: experiment_id!,
        experiment_group,
        scenario_id,
        date: isoDay(timestamp),
      }),
      (own) => {
        const converted = different(own.filter(isConversion).map(actorOf));
        const active = different(own.map(actorOf));
        return {
          active_users: active,
          converted_users: converted,
          user_conversion_rate: percent(Number(converted), Number(active)),
        };
      },
    ),
};

/** Members and rows in the order of their names and texts, whatever the order they came in. */
function inSomeOrder(rows: readonly Row[]): Row[] {
  return rows
    .map((row) => (row['actions'] ? { ...row, actions: sorted(row['actions'] as Row) } : row))
    .map(sorted)
    .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

function sorted(row: Row): Row {
  return Object.fromEntries(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
}

describe('views over aggregates', () => {
  let asking: Asking;
  let questions: SqlQuestions;
  beforeAll(async () => {
    asking = await openAsking();
    questions = createSqlQuestions({
      facts: asking.facts,
      progress: {
        state: (tenant) => Promise.resolve(asking.state(tenant)),
        waitFor: (tenant, vector) => Promise.resolve(covers(asking.state(tenant).confirmed, vector)),
      },
      tenants: {
        get: (id) => (id === 'nobody' ? undefined : { id, partitions: 4, createdAtMs: 0 }),
        position: () => 5n,
      },
      clock: () => asking.nowMs,
      limits: { rows: 10_000, maxSeconds: 20, maxBytes: 1e9 },
    });
  });
  after(() => asking[Symbol.asyncDispose]());

  const rowsOf = async (tenant: TenantId, view: string): Promise<Row[]> => {
    const { rows } = await questions.ask({ tenant, sql: `SELECT * FROM ${view}` });
    return [...rows];
  };

  test('with any days sealed, every view shows of its tenant what counting the events gives', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary('placeholder', 50),
        vectorArbitrary(45),
        fc.array(fc.constantFrom(undefined, 'a', 'b'), { minLength: 50, maxLength: 50 }),
        fc.subarray(DAYS),
        fc.subarray(DAYS),
        async (drawn, early, groups, firstDays, thenDays) => {
          const id = `views${++runs}`;
          const of = (tenant_id: string): LoggedEvent[] =>
            drawn.map(({ event, ...record }, index) => {
              const group = groups[index];
              const experiment = group ? { experiment_id: 'exp', experiment_group: group } : {};
              return { ...record, event: { ...event, ...experiment, tenant_id } };
            });
          const other = await asking.put(of(`${id}-other`));
          await asking.seal(other, thenDays);
          const history = of(id);
          const known = before(history, early);
          const rest = history.filter((record) => !known.includes(record));
          if (known.length > 0) await asking.put(known);
          if (known.length > 0) await asking.seal(tenantId(id), firstDays);
          if (rest.length > 0) await asking.put(rest);
          await asking.seal(tenantId(id), thenDays);
          const events = history.flatMap(({ event }) => (event.kind === 'catalog' ? [] : [event]));
          for (const [view, expected] of Object.entries(VIEWS)) {
            assert.deepEqual(
              inSomeOrder(await rowsOf(tenantId(id), view)),
              inSomeOrder(expected(events)),
              view,
            );
          }
        },
      ),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test('no expression of a statement is evaluated on aggregates of another tenant', async () => {
    const at = Date.UTC(2024, 4, 1, 12);
    const historyWith = (tenant_id: string, item_id: string): LoggedEvent[] => [
      {
        partition: 0,
        offset: 0n,
        event: {
          event_id: 'e1',
          tenant_id,
          kind: 'behaviour',
          event_name: 'click',
          action_type: 'click',
          scenario_id: item_id,
          item_id,
          user_id: item_id,
          experiment_id: item_id,
          timestamp: at,
          server_time: at,
          valid_status: 1,
          schema: 'envelope.behaviour',
          schema_version: 1,
        },
      },
    ];
    const own = await asking.put(historyWith('probing', '7'));
    const foreign = await asking.put(historyWith('probed', 'secret'));
    const probes = [
      'SELECT count() AS n FROM metrics_hourly WHERE toInt64(scenario_id) = 7',
      'SELECT count() AS n FROM item_stats_daily WHERE toInt64(item_id) = 7',
      'SELECT count() AS n FROM experiment_metrics WHERE toInt64(experiment_id) = 7',
      'SELECT count() AS n FROM analytics_daily_stats WHERE toInt64(scenario_id) = 7',
      'SELECT count() AS n FROM analytics_events WHERE toInt64(item_id) = 7',
    ];
    const askAll = async (): Promise<void> => {
      for (const sql of probes)
        assert.deepEqual((await questions.ask({ tenant: own, sql })).rows, [{ n: '1' }], sql);
    };
    await askAll();
    for (const tenant of [own, foreign]) await asking.seal(tenant, [dayOf(at)]);
    await askAll();
    assert.equal(asking.state(own).sealed?.length, 1);
  });

  test('a tenant without events sees the views without rows', async () => {
    for (const view of Object.keys(VIEWS)) assert.deepEqual(await rowsOf(tenantId('nobody'), view), []);
  });

  test('the views of the store itself show all days of all tenants from the facts', async () => {
    for (const view of Object.keys(VIEWS)) {
      const { rows } = await asking.facts.query<{ n: string }>({
        sql: `SELECT toString(sum(events)) AS n FROM analysis_db.${view} WHERE tenant_id = {tenant:String}`,
        params: { tenant: 'probed' },
      });
      assert.deepEqual(rows, [{ n: '1' }], view);
    }
  });
});
