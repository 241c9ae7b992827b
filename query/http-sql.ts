import { Router } from 'express';
import type { Request } from 'express';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Fault, parseTenantId } from '#domain';
import { FREE_SQL_MAX_LENGTH } from './free-sql.ts';
import type { SqlQuestions } from './free-sql-question.ts';
import { createFormCheck, invalidQuestion } from './question.ts';

const QUESTION = Type.Object(
  {
    tenant_id: Type.Optional(
      Type.String({ maxLength: 64, description: 'Whose views. Also by the header X-Tenant-Id.' }),
    ),
    sql: Type.String({
      minLength: 1,
      maxLength: FREE_SQL_MAX_LENGTH,
      description:
        'One SELECT over the views `events`, `user_behaviors`, `analytics_events`, `metrics_hourly`, `item_stats_daily`, `experiment_metrics` and `analytics_daily_stats`, which hold the rows of this tenant alone.',
    }),
    as_of: Type.Optional(
      Type.Unsafe<string | number>({
        type: ['string', 'number'],
        maxLength: 2_000,
        description: 'Pins the answer: the `meta.as_of` of an earlier one, or an instant.',
      }),
    ),
    wait_for: Type.Optional(
      Type.String({
        maxLength: 100,
        description:
          'Receipt token of an event, or `latest` for all that was acknowledged before: the answer waits until it is visible.',
      }),
    ),
  },
  { additionalProperties: false },
);

const EXAMPLE = {
  tenant_id: 'acme',
  sql: 'SELECT event_name, count() AS n FROM events GROUP BY event_name ORDER BY n DESC',
};

/** The description of {@link createSqlRouter} in OpenAPI 3.1. */
export const SQL_PATHS = {
  '/api/analytics/sql': {
    post: {
      operationId: 'askSql',
      tags: ['questions'],
      summary: 'One SELECT over the views of one tenant',
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/SqlQuestion' }, example: EXAMPLE },
        },
      },
      responses: {
        200: {
          description: 'The rows by column name; 64-bit integers as text.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/SqlAnswer' } } },
        },
        400: { $ref: '#/components/responses/Fault' },
        410: { $ref: '#/components/responses/Fault' },
        422: { $ref: '#/components/responses/Fault' },
        503: { $ref: '#/components/responses/Fault' },
      },
    },
  },
} as const;

/** The schemas that {@link SQL_PATHS} refers to. */
export const SQL_SCHEMAS = {
  SqlQuestion: JSON.parse(JSON.stringify(QUESTION)) as object,
  SqlAnswer: {
    type: 'object',
    required: ['columns', 'rows', 'truncated', 'meta'],
    properties: {
      columns: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'type'],
          properties: { name: { type: 'string' }, type: { type: 'string' } },
        },
      },
      rows: { type: 'array', items: { type: 'object' } },
      truncated: { type: 'boolean', description: 'More rows than one answer may have.' },
      meta: { type: 'object', description: 'What the answer reflects, as beside every other answer.' },
    },
    examples: [
      {
        columns: [
          { name: 'event_name', type: 'LowCardinality(String)' },
          { name: 'n', type: 'UInt64' },
        ],
        rows: [{ event_name: 'click', n: '12' }],
        truncated: false,
        meta: { cached: false },
      },
    ],
  },
} as const;

const check = createFormCheck(QUESTION);

/** Serves `POST /api/analytics/sql`. The body must have been parsed before. */
export function createSqlRouter(questions: SqlQuestions): Router {
  const router = Router();
  router.post('/api/analytics/sql', async (req, res) => {
    const problems = check(req.body ?? {});
    if (problems.length > 0) throw invalidQuestion(problems);
    const { tenant_id, sql, as_of: asOf, wait_for: waitFor } = req.body as Static<typeof QUESTION>;
    const gone = new AbortController();
    res.once('close', () => {
      if (!res.writableEnded) gone.abort();
    });
    res.json(
      await questions.ask({
        tenant: tenantOf(req, tenant_id),
        sql,
        signal: gone.signal,
        ...(asOf === undefined ? {} : { asOf }),
        ...(waitFor === undefined ? {} : { waitFor }),
      }),
    );
  });
  return router;
}

/** The tenant of the body, else of the header; both must agree. */
function tenantOf(req: Request, member: string | undefined) {
  const header = req.get('x-tenant-id');
  const parsed = parseTenantId(member ?? header);
  if (!parsed.ok) throw new Fault('TENANT_INVALID', `tenant_id ${parsed.reason}.`);
  if (header !== undefined && header !== parsed.tenant) {
    throw new Fault('TENANT_MISMATCH', 'tenant_id differs from the header X-Tenant-Id.');
  }
  return parsed.tenant;
}
