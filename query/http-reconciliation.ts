import { Router } from 'express';
import { RECONCILIATION_QUESTION } from './reconciliation.ts';
import type { Reconciliation } from './reconciliation.ts';
import { tenantOf } from './http-query.ts';
import { REPAIR_PATHS, REPAIR_SCHEMAS } from './http-repair.ts';
import { parametersOf } from './openapi-parameters.ts';

const integer = { type: 'integer' } as const;

const EXAMPLE = {
  tenant_id: 'acme',
  range: { from: '2024-03-04T00:00:00.000Z', to: '2024-03-05T00:00:00.000Z', interval: 'day' },
  gateway: {
    since: '2024-03-04T08:00:00.000Z',
    received: 120,
    accepted: 100,
    duplicate: 12,
    conflict: 3,
    rejected: 5,
  },
  log: { records: 1_000, records_since: 100, dead_letters: 9 },
  facts: { generation: 1, behind_events: 0 },
  extents: { checked_at: '2024-03-05T08:00:00.000Z', differences: [] },
  buckets: [
    {
      from: '2024-03-04T00:00:00.000Z',
      records: 400,
      facts: 399,
      dead_letters: 1,
      before_horizon: 0,
      missing: 0,
      copies: 0,
      repeated_ids: 0,
      duplicates: 12,
      conflicts: 3,
      kept_out: { required: 5, conflict: 3 },
    },
  ],
};

const RECONCILIATION_PATHS = {
  '/api/v1/reconciliation': {
    get: {
      operationId: 'reconcile',
      tags: ['projections'],
      summary: 'What the door accepted, the log and the facts beside each other, by hour or day',
      parameters: parametersOf('', RECONCILIATION_QUESTION, { tenant_id: 'acme' }),
      responses: {
        200: {
          description:
            'Of every hour or day with anything in it: records = facts + dead_letters + before_horizon + missing.',
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/Reconciliation' }, example: EXAMPLE },
          },
        },
        400: { $ref: '#/components/responses/Fault' },
        403: { $ref: '#/components/responses/Fault' },
      },
    },
  },
};

const BUCKET = Object.keys(EXAMPLE.buckets[0] ?? {});

const RECONCILIATION_SCHEMAS = {
  Reconciliation: {
    type: 'object',
    required: ['tenant_id', 'range', 'buckets'],
    properties: {
      tenant_id: { type: 'string' },
      range: { type: 'object', description: 'What was compared, widened to whole hours of UTC.' },
      gateway: { type: 'object', description: 'What the door has answered since the process started.' },
      log: {
        type: 'object',
        description: 'Records in the log, how many of them since the process started, and dead letters.',
        properties: { records: integer, records_since: integer, dead_letters: integer },
      },
      facts: { type: 'object', properties: { generation: integer, behind_events: integer } },
      extents: {
        type: ['object', 'null'],
        description: 'What the background comparison of all offsets found last; null before the first.',
      },
      buckets: {
        type: 'array',
        items: {
          type: 'object',
          required: BUCKET,
          properties: Object.fromEntries(
            BUCKET.map((name) => [
              name,
              name === 'from' ? { type: 'string' } : name === 'kept_out' ? { type: 'object' } : integer,
            ]),
          ),
        },
      },
      notice: { type: 'string' },
    },
    example: EXAMPLE,
  },
} as const;

/** The description of reconciliation and repair in OpenAPI 3.1. */
export const FACT_UPKEEP_API = {
  paths: { ...RECONCILIATION_PATHS, ...REPAIR_PATHS },
  schemas: { ...RECONCILIATION_SCHEMAS, ...REPAIR_SCHEMAS },
};

/** Serves `GET /api/v1/reconciliation`. */
export function createReconciliationRouter(reconciliation: Reconciliation): Router {
  const router = Router();
  router.get('/api/v1/reconciliation', async (req, res) => {
    const tenant = tenantOf(req.query['tenant_id'], req.get('x-tenant-id'));
    res.json(await reconciliation.ask(tenant, { ...req.query, tenant_id: tenant }));
  });
  return router;
}
