import { Router } from 'express';
import type { Request, Response } from 'express';
import { Fault, parseTenantId } from '#domain';
import type { TenantId } from '#domain';
import type { AnalysisName } from './analysis.ts';
import { forCaller } from './http-caller.ts';
import { CATALOGUE } from './queries.ts';
import type { Queries } from './queries.ts';

/** Questions that are short enough for an address. */
export const BY_GET: readonly AnalysisName[] = [
  'dashboard',
  'trend',
  'distribution',
  'events',
  'hot-items',
  'behavior-analysis',
  'scenario-metrics',
  'minutes',
  'user-activity',
  'item-stats',
  'daily-stats',
  'range',
];
/** Questions with nested members, by body. */
const BY_POST: readonly AnalysisName[] = ['events', 'funnel', 'retention'];

/**
 * Routes of all analyses under `/api/analytics`: GET for dashboard, trend, distribution and simple event
 * questions, POST with a JSON body for events, funnel and retention. The body must have been parsed before.
 * Faults are passed to the next error handler. A caller who goes away stops the question.
 */
export function createQueryRouter(queries: Pick<Queries, 'ask'>): Router {
  const router = Router();
  const answer = async (
    name: AnalysisName,
    question: Record<string, unknown>,
    req: Request,
    res: Response,
  ) => {
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    res.json(await forCaller(res, (signal) => queries.ask(name, { tenant, question, signal })));
  };
  for (const name of BY_GET) {
    router.get(`/api/analytics/${name}`, async (req, res) => {
      await answer(name, questionOfAddress(name, req.query), req, res);
    });
  }
  for (const name of BY_POST) {
    router.post(`/api/analytics/${name}`, async (req, res) => {
      await answer(name, { ...addressMembers(req.query), ...bodyOf(req.body) }, req, res);
    });
  }
  return router;
}

/** The tenant of a request: of the question, else of the header; both must agree. */
export function tenantOf(member: unknown, header: string | undefined): TenantId {
  const parsed = parseTenantId(member ?? header);
  if (!parsed.ok) {
    throw new Fault('TENANT_INVALID', `tenant_id ${parsed.reason}.`, {
      details: { errors: [{ field: 'tenant_id', code: 'tenant', message: parsed.reason }] },
    });
  }
  if (header !== undefined && header !== parsed.tenant) {
    throw new Fault('TENANT_MISMATCH', 'tenant_id differs from the header X-Tenant-Id.');
  }
  return parsed.tenant;
}

/** The members of a JSON body; throws `QUERY_INVALID` for any other. */
export function bodyOf(body: unknown): Record<string, unknown> {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    const message = 'must be a JSON object, sent as application/json';
    throw new Fault('QUERY_INVALID', `The question ${message}.`, {
      details: { errors: [{ field: '', code: 'type', message }] },
    });
  }
  return body as Record<string, unknown>;
}

/** Members that a question by body may also have in its address; the body's go first. */
export function addressMembers(query: Request['query']): Record<string, unknown> {
  const names = ['tenant_id', 'as_of', 'wait_for', 'timeout', 'now'];
  return Object.fromEntries(Object.entries(query).filter(([name]) => names.includes(name)));
}

/** Texts of an address as the values the question's schema asks for; what cannot be read stays as it is. */
export function questionOfAddress(name: AnalysisName, query: Request['query']): Record<string, unknown> {
  const members = CATALOGUE[name].schema.properties as Record<string, { readonly type?: unknown }>;
  return Object.fromEntries(
    Object.entries(query).map(([member, value]) => [member, valueOf(value, members[member]?.type)]),
  );
}

/** A text of an address as the type a schema asks for; what cannot be read as such stays as it is. */
export function valueOf(value: unknown, type: unknown): unknown {
  if (type === 'integer' && typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if (type !== 'array') return value;
  if (typeof value === 'string') return jsonOf(value) ?? value.split(',');
  return Array.isArray(value)
    ? value.flatMap((each: unknown) => (typeof each === 'string' ? each.split(',') : [each]))
    : value;
}

function jsonOf(text: string): unknown {
  if (!text.startsWith('[')) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
