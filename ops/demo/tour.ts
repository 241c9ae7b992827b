import { FUNNEL_SCENARIO, FUNNEL_STEPS } from './figures.ts';
import { EXPERIMENT } from './journeys.ts';
import type { DemoLedger } from './ledger.ts';

/** Something to ask the demo, and what to look for in the answer. */
export type Stop = { readonly look: string; readonly command: string };

/** The tour through the answers, one row per stop. */
export function tourOf({ plan, release }: DemoLedger, url: string): readonly Stop[] {
  const { tenant } = plan;
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const [from, to] = [day(plan.startAt), day(plan.endAt + 86_400_000)];
  const get = (path: string): string => `curl -s "${url}/api/analytics/${path}"`;
  const post = (path: string, body: object): string =>
    `curl -s ${url}/api/analytics/${path} -H 'Content-Type: application/json' -d '${JSON.stringify({ tenant_id: tenant, ...body })}'`;
  const sql = (select: string): string => `npx daybook sql --tenant ${tenant} --url ${url} "${select}"`;
  return [
    {
      look: 'The month at a glance: what was shown, opened and bought, and by how many.',
      command: get(`dashboard?tenant_id=${tenant}&from=${from}&to=${to}`),
    },
    {
      look: 'Growth day by day, with a wave for every weekend.',
      command: get(
        `trend?tenant_id=${tenant}&from=${from}&to=${to}&interval=day&metrics=active_users,clicks`,
      ),
    },
    {
      look: 'A few items get most of the clicks: the n-th is shown about 1/n as often as the first.',
      command: get(
        `distribution?tenant_id=${tenant}&from=${from}&to=${to}&scenario_id=${FUNNEL_SCENARIO}&limit=5`,
      ),
    },
    {
      look: 'The items of the last week that were clicked most, with how often that led to an order.',
      command: get(`hot-items?tenant_id=${tenant}&scenario_id=${FUNNEL_SCENARIO}`),
    },
    {
      look: 'The figures that matter in a shop, each with its formula, and the revenue per currency.',
      command: get(`scenario-metrics?tenant_id=${tenant}&scenario_type=ecommerce&from=${from}&to=${to}`),
    },
    {
      look: 'What people do in the shop, action by action: nearly all click, every second one pays in the end.',
      command: get(
        `behavior-analysis?tenant_id=${tenant}&scenario_id=${FUNNEL_SCENARIO}&scenario_type=ecommerce&from=${from}&to=${to}`,
      ),
    },
    {
      look: 'Yesterday in all scenarios, each with the conversions that count in it.',
      command: get(`daily-stats?tenant_id=${tenant}&date=${day(plan.endAt - 86_400_000)}`),
    },
    {
      look: 'What is hot this minute: the live trickle moves it while you look.',
      command: get(`realtime/hot-items?tenant_id=${tenant}&scenario_id=${FUNNEL_SCENARIO}`),
    },
    {
      look: 'The last hour minute by minute.',
      command: get(`realtime/minutes?tenant_id=${tenant}`),
    },
    {
      look: 'One person: what they did, which categories they like, at which hours they are about.',
      command: get(`users/user-00001/profile?tenant_id=${tenant}&wait_for=latest&timeout=30s`),
    },
    {
      look: 'The catalogue, as its entries in the log say it is.',
      command: `curl -s "${url}/api/v1/items?tenant_id=${tenant}&scenario_id=${FUNNEL_SCENARIO}&limit=3"`,
    },
    {
      look: 'Sign-ups week by week by where people came from, most of them from search.',
      command: get(
        `events?tenant_id=${tenant}&event=signup&from=${from}&to=${to}&interval=week&breakdown=source`,
      ),
    },
    {
      look: 'The shop loses people at every step, most of them before the cart.',
      command: post('funnel', {
        from,
        to,
        window: '1d',
        steps: FUNNEL_STEPS.map((event) => ({ event })),
        filters: [{ property: 'scenario_id', op: '=', value: FUNNEL_SCENARIO }],
      }),
    },
    {
      look: 'The experiment: of those with something in the cart, the group "treatment" orders more often.',
      command: sql(
        `SELECT experiment_group, uniqExactIf(user_id, event_name = 'add_cart') AS carts, uniqExactIf(user_id, event_name = 'order') AS ordered FROM events WHERE experiment_id = '${EXPERIMENT.id}' GROUP BY experiment_group`,
      ),
    },
    {
      look: 'Of those who sign up, fewer come back every day after.',
      command: post('retention', {
        from,
        to,
        start: { event: 'signup' },
        return: { event: 'session.start' },
      }),
    },
    {
      look: `Day ${release.day} (${day(release.fromAt)}) from 14:00 UTC: payments go on, but app 2.4.0 sends no amount that can be read, and the revenue drops. That is the release.`,
      command: sql(
        `SELECT toHour(hour_ts) AS hour, count() AS payments, countIf(amount IS NULL) AS without_amount, sum(amount) AS revenue FROM events WHERE event_name = 'payment' AND toString(date) = '${day(release.fromAt)}' GROUP BY hour ORDER BY hour`,
      ),
    },
    {
      look: 'The log itself as it grows: every answer can be traced to these records.',
      command: `npx daybook log tail --tenant ${tenant} --url ${url} --follow`,
    },
    {
      look: 'What was refused, and why: behaviours that lost their user, and ids that were used twice.',
      command: `npx daybook log tail --tenant ${tenant} --url ${url} --dead-letters`,
    },
    {
      look: 'In a browser: every route, with an example to try.',
      command: `${url}/api/v1/docs`,
    },
  ];
}
