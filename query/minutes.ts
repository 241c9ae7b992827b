import { Type } from 'typebox';
import type { Static } from 'typebox';
import { formatInstant } from '#domain';
import type { EventSelection } from '#domain';
import type { Analysis } from './analysis.ts';
import { SCENARIO_ID } from './dashboard.ts';
import { narrowed, readNarrowing } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { COMMON, EVENT_NAME, FILTERS, KIND } from './question.ts';
import { bucketSql, createBinder, selected } from './sql.ts';
import type { Scope, Statement } from './sql.ts';

const MINUTE_MS = 60_000;
const MAX_RANGE_MS = 1440 * MINUTE_MS;

const SCHEMA = Type.Object(
  {
    ...COMMON,
    from: Type.Optional(
      Type.Unsafe<string | number>({
        ...COMMON.from,
        description:
          'Start of the range, inclusive: ISO 8601 or epoch ms. By default 24 hours before `to`, and never earlier.',
      }),
    ),
    scenario_id: SCENARIO_ID,
    event: Type.Optional({ ...EVENT_NAME, default: 'any' }),
    kind: KIND,
    filters: FILTERS,
  },
  { additionalProperties: false },
);

const ANSWER = Type.Object(
  {
    points: Type.Array(
      Type.Object(
        {
          time: Type.String({ description: 'Start of the minute.' }),
          pv: Type.Integer({ description: 'Events.' }),
          uv: Type.Integer({ description: 'Users.' }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type Plan = {
  readonly narrowing: Narrowing;
  readonly selection: EventSelection;
  readonly edges: readonly number[];
};

/**
 * Events and users per minute of at most 24 hours of any past, a point for every minute the range
 * touches. Only events of the range count, so the first and the last point may be of part of a minute.
 */
export const minutes: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'minutes',
  schema: SCHEMA,
  answerSchema: ANSWER,
  defaultRange: '24h',
  summary: 'Events and users per minute',
  example: {
    question: { tenant_id: 'acme', from: '2024-03-04T10:00:00Z', to: '2024-03-04T10:02:00Z' },
    answer: {
      points: [
        { time: '2024-03-04T10:00:00.000Z', pv: 42, uv: 17 },
        { time: '2024-03-04T10:01:00.000Z', pv: 0, uv: 0 },
      ],
    },
  },

  plan(question, time, report) {
    const narrowing = readNarrowing(question, time, report);
    const { event = 'any', kind } = question;
    const selection = { event, ...(kind ? { kind } : {}) };
    const { fromMs, toMs } = time;
    if (toMs - fromMs > MAX_RANGE_MS) {
      report(question.range ? 'range' : 'from', 'range', 'must be within 24 hours of the end of the range');
      return { narrowing, selection, edges: [] };
    }
    return { narrowing, selection, edges: minuteEdges(fromMs, toMs) };
  },

  selections: ({ selection }) => [selection],

  async answer(plan, scope, ask) {
    const rows = await ask<Record<'bucket' | 'pv' | 'uv', string>>(compileMinutes(plan, scope));
    const found = new Map(rows.map((row) => [Number(row.bucket), row]));
    return {
      points: plan.edges.slice(0, -1).map((edge, index) => ({
        time: formatInstant(edge, plan.narrowing.zone),
        pv: Number(found.get(index)?.pv ?? 0),
        uv: Number(found.get(index)?.uv ?? 0),
      })),
    };
  },
};

/** Full minutes are the same in every zone that a question can name a time of. */
function minuteEdges(fromMs: number, toMs: number): readonly number[] {
  const first = Math.floor(fromMs / MINUTE_MS);
  const count = Math.max(0, Math.ceil(toMs / MINUTE_MS) - first);
  return Array.from({ length: count + 1 }, (_, index) => (first + index) * MINUTE_MS);
}

export function compileMinutes({ narrowing, selection, edges }: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const sql = `SELECT ${bucketSql(binder, edges)} AS bucket, count() AS pv,
      uniqExactIf(actor_id, actor_id != '') AS uv
    ${narrowed(binder, scope, { narrowing, also: [selected(binder, selection)] })}
    GROUP BY bucket`;
  return { sql, params: binder.params };
}
