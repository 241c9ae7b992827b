import { Type } from 'typebox';
import type { Static } from 'typebox';
import { INTERVALS, attributeOf, formatInstant } from '#domain';
import type { EventSelection, Interval } from '#domain';
import type { Analysis, Ask } from './analysis.ts';
import { COMMON, EVENT_NAME, FILTERS, KIND, checkFilters, oneOf } from './question.ts';
import { attributeSql, bucketSql, createBinder, factsOf, inRange, selected, visible } from './sql.ts';
import type { Binder, Scope, Statement } from './sql.ts';
import { readBuckets } from './time-range.ts';
import type { TimeRange } from './time-range.ts';

const SCHEMA = Type.Object(
  {
    ...COMMON,
    event: EVENT_NAME,
    kind: KIND,
    measure: Type.Optional(
      oneOf(['count', 'users'], 'How many events, or how many different users did them.', 'count'),
    ),
    interval: Type.Optional(oneOf(INTERVALS, 'Width of a point.', 'day')),
    filters: FILTERS,
    breakdown: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'A series for each value of this documented text member or custom attribute.',
      }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 200,
        description: 'How many series at most; the rest are one, marked `other`.',
        default: 25,
      }),
    ),
  },
  { additionalProperties: false },
);

export type Plan = TimeRange & {
  readonly selection: EventSelection;
  readonly measure: 'count' | 'users';
  readonly interval: Interval;
  readonly breakdown: string | undefined;
  readonly limit: number;
  readonly edges: readonly number[];
};

/**
 * How often an event happened, or how many users did it, over time. A point for every bucket the range
 * touches, empty ones with 0; its time is the start of the bucket.
 *
 * With a breakdown one series per value, the largest over the whole range first, equal ones in the order of
 * their bytes; events without the attribute are the series `null`. Beyond the limit the rest are one series
 * marked `"other": true`; its users are different users too, not a sum.
 */
export const events: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'events',
  schema: SCHEMA,
  summary: 'How often an event happened, or how many users did it',
  example: {
    question: {
      tenant_id: 'acme',
      event: 'pageview',
      measure: 'count',
      interval: 'day',
      from: '2024-03-04',
      to: '2024-03-06',
      tz: 'UTC',
      filters: [{ property: 'city', op: '=', value: 'Beijing' }],
    },
    answer: {
      series: [
        {
          breakdown: null,
          points: [
            { time: '2024-03-04T00:00:00.000Z', value: 12 },
            { time: '2024-03-05T00:00:00.000Z', value: 0 },
          ],
        },
      ],
    },
  },

  plan(question, time, report) {
    const { event, kind, filters = [], breakdown } = question;
    checkFilters(filters, 'filters', report);
    if (breakdown !== undefined) {
      const attribute = attributeOf(breakdown);
      if ('type' in attribute && attribute.type === 'number') {
        report('breakdown', 'type', `must not be a number, as ${breakdown} is one`);
      }
    }
    const interval = question.interval ?? 'day';
    return {
      ...time,
      selection: { event, ...(kind === undefined ? {} : { kind }), filters: filters },
      measure: question.measure ?? 'count',
      interval,
      breakdown,
      limit: question.limit ?? 25,
      edges: readBuckets(time, interval, report),
    };
  },

  selections: (plan) => [plan.selection],

  async answer(plan, scope, ask) {
    if (plan.breakdown === undefined) {
      const rows = await ask<PointRow>(compileSeries(plan, scope, undefined));
      return { series: [{ breakdown: null, points: pointsOf(plan, rows) }] };
    }
    return { series: await brokenDown(plan, scope, ask) };
  },
};

type PointRow = { readonly bucket: number; readonly value: string; readonly rank?: number };

async function brokenDown(plan: Plan, scope: Scope, ask: Ask): Promise<object[]> {
  const labels = (await ask<{ label: string | null }>(compileLabels(plan, scope))).map(({ label }) => label);
  const shown = labels.slice(0, plan.limit);
  if (shown.length === 0) return [];
  const rows = await ask<PointRow>(compileSeries(plan, scope, shown));
  const ofRank = (rank: number) => rows.filter((row) => row.rank === rank);
  const series: object[] = shown.map((label, index) => ({
    breakdown: label,
    points: pointsOf(plan, ofRank(index + 1)),
  }));
  if (labels.length > shown.length) {
    series.push({ breakdown: 'other', other: true, points: pointsOf(plan, ofRank(0)) });
  }
  return series;
}

function pointsOf(plan: Plan, rows: readonly PointRow[]): object[] {
  const values = new Map(rows.map(({ bucket, value }) => [bucket, Number(value)]));
  return plan.edges.slice(0, -1).map((edge, index) => ({
    time: formatInstant(edge, plan.zone),
    value: values.get(index) ?? 0,
  }));
}

function measureSql(plan: Plan): string {
  return plan.measure === 'count' ? 'count()' : `uniqExactIf(actor_id, actor_id != '')`;
}

function labelSql(binder: Binder, breakdown: string): string {
  const { value, present } = attributeSql(binder, attributeOf(breakdown));
  return `if(${present}, toNullable(toString(${value})), NULL)`;
}

function meant(binder: Binder, plan: Plan, scope: Scope): string {
  return [visible(binder, scope), inRange(binder, plan), selected(binder, plan.selection)].join(' AND ');
}

/** The labels with the most, one more than are shown. */
function compileLabels(plan: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const sql = `SELECT ${labelSql(binder, plan.breakdown ?? '')} AS label, ${measureSql(plan)} AS total
    FROM ${factsOf(scope)} WHERE ${meant(binder, plan, scope)}
    GROUP BY label ORDER BY total DESC, label ASC NULLS LAST LIMIT ${plan.limit + 1}`;
  return { sql, params: binder.params };
}

/** Values per bucket, and per rank among the labels shown (from 1; 0 = none of them). */
export function compileSeries(
  plan: Plan,
  scope: Scope,
  labels: readonly (string | null)[] | undefined,
): Statement {
  const binder = createBinder();
  const bucket = bucketSql(binder, plan.edges);
  const rank =
    labels === undefined
      ? ''
      : `, toUInt32(indexOf(${binder.bind('Array(Nullable(String))', labels)}, ${labelSql(binder, plan.breakdown ?? '')})) AS rank`;
  const sql = `SELECT ${bucket} AS bucket${rank}, ${measureSql(plan)} AS value
    FROM ${factsOf(scope)} WHERE ${meant(binder, plan, scope)}
    GROUP BY bucket${labels === undefined ? '' : ', rank'}`;
  return { sql, params: binder.params };
}
