import { FUNNEL_SCENARIO, FUNNEL_STEPS, RETENTION_DAYS } from './figures.ts';
import type { Figures } from './figures.ts';
import type { DemoLedger, Plan } from './ledger.ts';

/** Asks the platform: GET without a body, else POST. */
export type Ask = (path: string, body?: object) => Promise<unknown>;

/** One figure of the ledger and what the platform says. */
export type Compared = {
  readonly question: string;
  readonly figure: string;
  readonly expected: unknown;
  readonly answered: unknown;
};

type Figured = Readonly<Record<string, unknown>>;

/** Figures by name, as the ledger has them and as the platform answers them. */
type Both = { readonly expected: Figured; readonly answered: Figured };

type Question = (ledger: DemoLedger, ask: Ask) => Promise<Both>;

/**
 * Asks for every figure of the ledger. All ranges end where the loading began, so live traffic is in none of
 * them. The first question waits until all that was sent is visible.
 */
export async function compareLedger(ledger: DemoLedger, ask: Ask): Promise<readonly Compared[]> {
  const compared: Compared[] = [];
  for (const [question, answer] of Object.entries(QUESTIONS)) {
    const { expected, answered } = await answer(ledger, ask);
    for (const figure of new Set([...Object.keys(expected), ...Object.keys(answered)])) {
      compared.push({ question, figure, expected: expected[figure], answered: answered[figure] });
    }
  }
  return compared;
}

const QUESTIONS: Readonly<Record<string, Question>> = {
  dashboard: async ({ plan, figures }, ask) => {
    const answer = await ask(`/api/analytics/dashboard?${addressOf(plan)}&wait_for=latest&timeout=30s`);
    return {
      expected: overviewOf(figures.overview),
      answered: (answer as { readonly overview: Figured }).overview,
    };
  },

  'trend by day': async ({ plan, figures }, ask) => {
    const metrics = Object.keys(TRENDS).join(',');
    const answer = await ask(`/api/analytics/trend?${addressOf(plan)}&interval=day&metrics=${metrics}`);
    return { expected: trendsOf(figures.days), answered: answeredTrends(answer) };
  },

  funnel: async ({ plan, figures }, ask) => {
    const { steps } = (await ask('/api/analytics/funnel', {
      ...rangeOf(plan),
      steps: FUNNEL_STEPS.map((event) => ({ event })),
      window: '1d',
      filters: [{ property: 'scenario_id', op: '=', value: FUNNEL_SCENARIO }],
    })) as { readonly steps: readonly { readonly event: string; readonly users: number }[] };
    return {
      expected: Object.fromEntries(FUNNEL_STEPS.map((step, index) => [step, figures.funnel[index]])),
      answered: Object.fromEntries(steps.map(({ event, users }) => [event, users])),
    };
  },

  retention: async ({ plan, figures }, ask) => {
    const { cohorts } = (await ask('/api/analytics/retention', {
      ...rangeOf(plan),
      now: plan.endAt,
      periods: RETENTION_DAYS,
      start: { event: 'signup' },
      return: { event: 'session.start' },
    })) as { readonly cohorts: Figures['retention'] };
    return { expected: cohortsOf(figures.retention), answered: cohortsOf(cohorts) };
  },

  'events by name': async ({ plan, figures }, ask) => {
    const rows = await rowsOf(plan, ask, 'event_name AS key, count() AS n', 'GROUP BY key');
    return { expected: figures.names, answered: byKey(rows) };
  },

  'events by scenario type': async ({ plan, figures }, ask) => {
    const rows = await rowsOf(
      plan,
      ask,
      'scenario_type AS key, count() AS n',
      "AND scenario_type != '' GROUP BY key",
    );
    return { expected: figures.scenarios, answered: byKey(rows) };
  },

  'events by day': async ({ plan, figures }, ask) => {
    const rows = await rowsOf(plan, ask, 'toString(date) AS key, count() AS n', 'GROUP BY key');
    const days = figures.days.filter(({ events }) => events > 0);
    return {
      expected: Object.fromEntries(days.map(({ day, events }) => [day, events])),
      answered: byKey(rows),
    };
  },

  'revenue by day': async ({ plan, figures }, ask) => {
    const rows = await rowsOf(plan, ask, `toString(date) AS key, ${HUNDREDTHS}`, `AND ${PAID} GROUP BY key`);
    const days = figures.days.filter(({ revenue_hundredths: revenue }) => revenue > 0);
    return {
      expected: Object.fromEntries(days.map(({ day, revenue_hundredths: revenue }) => [day, revenue])),
      answered: byKey(rows),
    };
  },

  'revenue by currency': async ({ plan, figures }, ask) => {
    const rows = await rowsOf(plan, ask, `currency AS key, ${HUNDREDTHS}`, `AND ${PAID} GROUP BY key`);
    return { expected: figures.revenue_hundredths, answered: byKey(rows) };
  },

  experiment: async ({ plan, figures }, ask) => {
    const rows = await rowsOf(
      plan,
      ask,
      `concat(experiment_group, ' ', event_name) AS key, uniqExact(user_id) AS n`,
      "AND experiment_group != '' AND event_name IN ('add_cart', 'order') GROUP BY key",
    );
    return { expected: figures.experiment, answered: byKey(rows) };
  },

  warnings: async ({ plan, figures }, ask) => {
    const key = "if(event_name = 'payment' AND app_version = '2.4.0', 'payments of 2.4.0', 'others') AS key";
    const rows = await rowsOf(
      plan,
      ask,
      `${key}, count() AS n`,
      "AND warnings NOT IN ('', '[]') GROUP BY key",
    );
    const expected = figures.warned > 0 ? { 'payments of 2.4.0': figures.warned } : {};
    return { expected, answered: byKey(rows) };
  },
};

const HUNDREDTHS = 'toInt64(sum(amount) * 100) AS n';
const PAID = "event_name IN ('payment', 'purchase') AND amount IS NOT NULL";

type Row = { readonly key: string; readonly n: string | number };

/** Selects from the events of the range; what follows the range is `rest`. */
async function rowsOf(plan: Plan, ask: Ask, columns: string, rest: string): Promise<readonly Row[]> {
  const time = 'toUnixTimestamp64Milli(event_time)';
  const sql = `SELECT ${columns} FROM events WHERE ${time} >= ${plan.startAt} AND ${time} < ${plan.endAt} ${rest}`;
  const { rows } = (await ask('/api/analytics/sql', { tenant_id: plan.tenant, sql })) as {
    readonly rows: readonly Row[];
  };
  return rows;
}

function byKey(rows: readonly Row[]): Figured {
  return Object.fromEntries(rows.map(({ key, n }) => [key, Number(n)]));
}

function rangeOf({ tenant, startAt, endAt }: Plan) {
  return { tenant_id: tenant, from: startAt, to: endAt, tz: 'UTC' };
}

function addressOf(plan: Plan): string {
  const members = Object.entries(rangeOf(plan)).map(
    ([name, value]) => [name, String(value)] as [string, string],
  );
  return new URLSearchParams(members).toString();
}

function overviewOf(overview: Figures['overview']): Figured {
  const { impressions, clicks, conversions, users, items, scenarios } = overview;
  return {
    total_recommendations: impressions,
    total_clicks: clicks,
    ctr: percentOf(clicks, impressions),
    total_conversions: conversions,
    conversion_rate: percentOf(conversions, impressions),
    active_users: users,
    total_items: items,
    active_scenarios: scenarios,
  };
}

/** Rounded half up to two decimals. */
function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((part * 10_000) / whole + 0.5) / 100;
}

/** Metrics of the trend, and what the ledger calls them. */
const TRENDS = {
  impressions: 'impressions',
  clicks: 'clicks',
  orders: 'orders',
  payments: 'payments',
  active_users: 'users',
} as const;

function trendsOf(days: Figures['days']): Figured {
  return Object.fromEntries(
    Object.entries(TRENDS).flatMap(([metric, member]) =>
      days.map((day) => [`${metric} ${day.day}`, day[member]]),
    ),
  );
}

function answeredTrends(answer: unknown): Figured {
  type Point = { readonly timestamp: { readonly seconds: number }; readonly value: number };
  const { trends } = answer as {
    readonly trends: readonly { readonly metric_name: string; readonly points: readonly Point[] }[];
  };
  return Object.fromEntries(
    trends.flatMap(({ metric_name: metric, points }) =>
      points.map(({ timestamp, value }) => {
        const day = new Date(timestamp.seconds * 1000).toISOString().slice(0, 10);
        return [`${metric} ${day}`, value];
      }),
    ),
  );
}

function cohortsOf(cohorts: Figures['retention']): Figured {
  return Object.fromEntries(
    cohorts.flatMap(({ size, values }, cohort) => [
      [`day ${cohort + 1}`, size],
      ...values.map((value, n): [string, unknown] => [`day ${cohort + 1} + ${n}`, value]),
    ]),
  );
}
