import { Type } from 'typebox';
import type { Static } from 'typebox';
import { EVENT_KINDS, compareText, formatDate, formatInstant } from '#domain';
import type { EventKind } from '#domain';
import type { Analysis } from './analysis.ts';
import { NARROWING, narrowed, readNarrowing } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { COMMON, oneOf } from './question.ts';
import { bucketSql, createBinder } from './sql.ts';
import type { Scope, Statement } from './sql.ts';
import { readBuckets } from './time-range.ts';

const SCHEMA = Type.Object(
  {
    ...COMMON,
    ...NARROWING,
    user_id: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'A user as they are counted: by user id, else device id, else session id.',
    }),
  },
  { additionalProperties: false },
);

const COUNTS = Type.Array(
  Type.Object(
    {
      kind: oneOf(EVENT_KINDS, 'Kind of the events.'),
      event: Type.String({ description: 'Their name, of behaviours the action.' }),
      count: Type.Integer(),
    },
    { additionalProperties: false },
  ),
  { description: 'What occurred, the most frequent first.' },
);
const INSTANT = Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Null without events.' });

const ANSWER = Type.Object(
  {
    total: Type.Object(
      { events: Type.Integer(), first_at: INSTANT, last_at: INSTANT, by_event: COUNTS },
      { additionalProperties: false },
    ),
    days: Type.Array(
      Type.Object(
        {
          date: Type.String({ description: 'A day of `tz`.' }),
          events: Type.Integer(),
          by_event: COUNTS,
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type Plan = {
  readonly narrowing: Narrowing;
  readonly userId: string;
  readonly edges: readonly number[];
};

/** The events of one day with one name. */
type Row = {
  readonly bucket: number;
  readonly kind: EventKind;
  readonly event: string;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
};

/** What one user did on each day of the range, and in all of it. Entries of the catalogue are nobody's. */
export const userActivity: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'user-activity',
  schema: SCHEMA,
  answerSchema: ANSWER,
  summary: "One user's events by day and name",
  example: {
    question: { tenant_id: 'acme', user_id: 'u1', from: '2024-03-04', to: '2024-03-06' },
    answer: {
      total: {
        events: 3,
        first_at: '2024-03-04T10:00:00.000Z',
        last_at: '2024-03-04T10:05:00.000Z',
        by_event: [
          { kind: 'behaviour', event: 'impression', count: 2 },
          { kind: 'behaviour', event: 'click', count: 1 },
        ],
      },
      days: [
        {
          date: '2024-03-04',
          events: 3,
          by_event: [
            { kind: 'behaviour', event: 'impression', count: 2 },
            { kind: 'behaviour', event: 'click', count: 1 },
          ],
        },
        { date: '2024-03-05', events: 0, by_event: [] },
      ],
    },
  },

  plan(question, time, report) {
    return {
      narrowing: readNarrowing(question, time, report),
      userId: question.user_id,
      edges: readBuckets(time, 'day', report),
    };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const found = await ask<Record<string, string>>(compileUserActivity(plan, scope));
    const rows = found.map(readRow);
    const { zone } = plan.narrowing;
    const byDay = Map.groupBy(rows, ({ bucket }) => bucket);
    const instant = (ms: number) => (Number.isFinite(ms) ? formatInstant(ms, zone) : null);
    return {
      total: {
        events: eventsOf(rows),
        first_at: instant(rows.reduce((first, { firstMs }) => Math.min(first, firstMs), Infinity)),
        last_at: instant(rows.reduce((last, { lastMs }) => Math.max(last, lastMs), -Infinity)),
        by_event: byEvent(rows),
      },
      days: plan.edges.slice(0, -1).map((edge, index) => {
        const own = byDay.get(index) ?? [];
        return { date: formatDate(edge, zone), events: eventsOf(own), by_event: byEvent(own) };
      }),
    };
  },
};

export function compileUserActivity({ narrowing, userId, edges }: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const rare = `actor_id = ${binder.bind('String', userId)}`;
  const ms = 'toUnixTimestamp64Milli(ts)';
  const sql = `SELECT ${bucketSql(binder, edges)} AS bucket, kind, event_name, count() AS count,
      min(${ms}) AS first_ms, max(${ms}) AS last_ms
    ${narrowed(binder, scope, { narrowing, rare, also: [`kind != 'catalog'`] })}
    GROUP BY bucket, kind, event_name`;
  return { sql, params: binder.params };
}

function readRow(row: Readonly<Record<string, string>>): Row {
  return {
    bucket: Number(row['bucket']),
    kind: row['kind'] as EventKind,
    event: row['event_name'] ?? '',
    count: Number(row['count']),
    firstMs: Number(row['first_ms']),
    lastMs: Number(row['last_ms']),
  };
}

function eventsOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}

/** Equal counts by the bytes of the name, then of the kind. */
function byEvent(rows: readonly Row[]): readonly object[] {
  const groups = Map.groupBy(rows, ({ kind, event }) => JSON.stringify([kind, event]));
  return [...groups.values()]
    .flatMap((group) => (group[0] ? [{ ...group[0], count: eventsOf(group) }] : []))
    .sort((a, b) => b.count - a.count || compareText(a.event, b.event) || compareText(a.kind, b.kind))
    .map(({ kind, event, count }) => ({ kind, event, count }));
}
