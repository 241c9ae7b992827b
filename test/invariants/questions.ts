import { foldFunnel } from '../../domain/funnel.ts';
import type { FunnelOrder } from '../../domain/funnel.ts';
import type { EventFilter, EventSelection } from '../../domain/event-filter.ts';
import { RETENTION_COHORTS, RETENTION_MODES, foldRetention } from '../../domain/retention.ts';
import type { RetentionQuestion } from '../../domain/retention.ts';
import { parseZone } from '../../domain/time-buckets.ts';
import type { Zone } from '../../domain/time-buckets.ts';
import type { Question } from './asking.ts';
import type { Kept } from './ledger.ts';

/** A question over HTTP and what must come back for it, by a fold over the ledger. */
export type Compared = {
  readonly name: string;
  readonly analysis: 'events' | 'funnel' | 'retention' | 'dashboard' | 'trend' | 'distribution';
  readonly question: Question;
  expected(kept: readonly Kept[]): unknown;
};

type Range = { readonly fromMs: number; readonly toMs: number };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const iso = (ms: number): string => new Date(ms).toISOString();

export function zoneOf(name: string): Zone {
  const zone = parseZone(name);
  if (!zone) throw new Error(`no zone ${name}`);
  return zone;
}

/** Funnels in every order and with windows from an hour to a month, with and without filters. */
export function funnelQuestions(range: Range): readonly Compared[] {
  const shop: EventSelection[] = ['impression', 'click', 'view', 'add_cart', 'order', 'payment'].map(
    (event) => ({
      event,
    }),
  );
  const dear: EventFilter[] = [{ property: 'price', op: '>', value: 100 }];
  const cases: readonly [string, FunnelOrder, number, readonly EventSelection[], readonly EventFilter[]][] = [
    ['1h', 'ordered', HOUR_MS, shop, []],
    ['7d', 'ordered', 7 * DAY_MS, shop, []],
    ['30d', 'ordered', 30 * DAY_MS, shop, [{ property: 'os', op: 'in', value: ['iOS', 'Android'] }]],
    ['600s', 'strict', 600_000, shop.slice(0, 3), []],
    ['7d', 'strict', 7 * DAY_MS, shop.slice(0, 4), []],
    ['7d', 'any', 7 * DAY_MS, shop.slice(2, 6), []],
    ['60m', 'any', HOUR_MS, shop.slice(0, 3), []],
    [
      '7d',
      'ordered',
      7 * DAY_MS,
      [{ event: 'view', filters: dear }, { event: 'add_cart', filters: dear }, shop[4]!],
      [],
    ],
    ['7d', 'ordered', 7 * DAY_MS, [shop[0]!, shop[0]!, shop[1]!], []],
    ['7d', 'strict', 7 * DAY_MS, [{ event: 'signup' }, { event: 'any' }, { event: 'any' }], []],
    ['90d', 'ordered', 90 * DAY_MS, [{ event: 'signup' }, { event: 'purchase' }], []],
  ];
  return cases.map(([window, order, windowMs, steps, filters]) => ({
    name: `${order} funnel ${steps.map(({ event }) => event).join(' > ')} within ${window}`,
    analysis: 'funnel',
    question: { from: iso(range.fromMs), to: iso(range.toMs), tz: 'UTC', steps, window, order, filters },
    expected: (kept) => ({
      steps: foldFunnel(kept, { ...range, steps, windowMs, order, filters }).map((step, index) => ({
        event: steps[index]!.event,
        ...step,
      })),
    }),
  }));
}

/** Retention in every mode, cohort and period. */
export function retentionQuestions(): readonly Compared[] {
  const ranges = {
    day: ['2024-10-20T00:00:00Z', '2024-11-20T12:00:00Z'],
    week: ['2024-02-01T00:00:00Z', '2024-05-01T00:00:00Z'],
    month: ['2023-03-01T00:00:00Z', '2024-06-01T00:00:00Z'],
  } as const;
  const zones = { day: 'America/New_York', week: 'Asia/Kolkata', month: 'UTC' } as const;
  const pairs = [
    { start: { event: 'signup' }, return: { event: 'any' }, filters: [] },
    {
      start: { event: 'impression' },
      return: { event: 'click', filters: [{ property: 'os', op: '!=', value: 'Windows' }] },
      filters: [{ property: 'device_type', op: '=', value: 'mobile' }],
    },
  ] as const satisfies readonly Pick<RetentionQuestion, 'start' | 'return' | 'filters'>[];
  const compared: Compared[] = [];
  for (const period of ['day', 'week', 'month'] as const) {
    const [from, to] = ranges[period];
    const zone = zoneOf(zones[period]);
    for (const mode of RETENTION_MODES) {
      for (const cohort of RETENTION_COHORTS) {
        for (const pair of pairs) {
          const asked = { period, periods: 5, mode, cohort, ...pair };
          const range = { fromMs: Date.parse(from), toMs: Date.parse(to) };
          compared.push({
            name: `${mode} retention by ${period}, ${cohort}, ${pair.start.event} then ${pair.return.event}`,
            analysis: 'retention',
            question: { from, to, tz: zone.name, ...asked },
            expected: (kept) => ({
              cohorts: foldRetention(kept, { ...asked, ...range, zone, nowMs: Date.now() }),
            }),
          });
        }
      }
    }
  }
  return compared;
}
