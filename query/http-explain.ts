import { Router } from 'express';
import type { Request, Response } from 'express';
import { Type } from 'typebox';
import { ANALYSES } from './analysis.ts';
import type { AnalysisName } from './analysis.ts';
import { EXPLAIN_SCHEMA, createExplanations } from './explain.ts';
import type { ExplanationsOptions } from './explain.ts';
import { forCaller } from './http-caller.ts';
import { BY_GET, addressMembers, bodyOf, tenantOf } from './http-query.ts';
import { questionOf, readerOf } from './http-raw-history.ts';
import { CATALOGUE } from './queries.ts';

/**
 * Routes `/api/analytics/{analysis}/explain`: POST for every analysis, GET where the question may be asked by
 * GET. The body must have been parsed before; faults are passed to the next error handler.
 */
export function createExplainRouter(options: ExplanationsOptions): Router {
  const router = Router();
  const explanations = createExplanations(options);
  const answer = async (
    analysis: AnalysisName,
    question: Record<string, unknown>,
    { req, res }: { readonly req: Request; readonly res: Response },
  ) => {
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    const reader = readerOf(req);
    const explanation = await forCaller(res, (signal) =>
      explanations.explain(analysis, { tenant, reader, signal, question }),
    );
    res.json(explanation);
  };
  for (const name of ANALYSES) {
    const path = `/api/analytics/${name}/explain`;
    router.post(path, async (req, res) => {
      await answer(name, { ...addressMembers(req.query), ...bodyOf(req.body) }, { req, res });
    });
    if (!BY_GET.includes(name)) continue;
    const form = Type.Object({ ...CATALOGUE[name].schema.properties, ...EXPLAIN_SCHEMA.properties });
    router.get(path, async (req, res) => {
      await answer(name, questionOf(req, form), { req, res });
    });
  }
  return router;
}
