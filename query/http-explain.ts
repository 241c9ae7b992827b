import { Router } from 'express';
import type { Request, Response } from 'express';
import type { Position, TenantId } from '#domain';
import { ANALYSES } from './analysis.ts';
import type { AnalysisName } from './analysis.ts';
import { EXPLAIN_SCHEMA, createExplanations } from './explain.ts';
import type { ExplanationsOptions } from './explain.ts';
import { forCaller } from './http-caller.ts';
import { BY_GET, addressMembers, bodyOf, questionOfAddress, tenantOf, valueOf } from './http-query.ts';

/** Raw records that are about to be read to explain a number. */
export type RawRead = {
  readonly tenant: TenantId;
  readonly analysis: AnalysisName;
  readonly positions: readonly Position[];
};

export type ExplainRouterOptions = ExplanationsOptions & {
  /**
   * Told of every read of raw records before they are answered; the request says by whom. If it rejects,
   * nothing is answered. @default nobody is told
   */
  readonly recordRead?: (req: Request, read: RawRead) => Promise<void>;
};

/**
 * Routes `/api/analytics/{analysis}/explain`: POST for every analysis, GET where the question may be asked by
 * GET. The body must have been parsed before; faults are passed to the next error handler.
 */
export function createExplainRouter({ recordRead, ...options }: ExplainRouterOptions): Router {
  const router = Router();
  const explanations = createExplanations(options);
  const answer = async (
    analysis: AnalysisName,
    question: Record<string, unknown>,
    { req, res }: { readonly req: Request; readonly res: Response },
  ) => {
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    const explanation = await forCaller(res, (signal) =>
      explanations.explain(analysis, {
        tenant,
        question,
        signal,
        recordRead: async (positions) => recordRead?.(req, { tenant, analysis, positions }),
      }),
    );
    res.json(explanation);
  };
  for (const name of ANALYSES) {
    const path = `/api/analytics/${name}/explain`;
    router.post(path, async (req, res) => {
      await answer(name, { ...addressMembers(req.query), ...bodyOf(req.body) }, { req, res });
    });
    if (!BY_GET.includes(name)) continue;
    router.get(path, async (req, res) => {
      const question = { ...questionOfAddress(name, req.query), ...askedOfAddress(req.query) };
      await answer(name, question, { req, res });
    });
  }
  return router;
}

/** The members of the explanation itself, as the types its schema asks for. */
function askedOfAddress(query: Request['query']): Record<string, unknown> {
  const members = EXPLAIN_SCHEMA.properties as Record<string, { readonly type?: unknown }>;
  return Object.fromEntries(
    Object.entries(query).flatMap(([member, value]) => {
      const type = members[member]?.type;
      if (type === undefined) return [];
      return [[member, type === 'boolean' ? booleanOf(value) : valueOf(value, type)]];
    }),
  );
}

function booleanOf(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}
