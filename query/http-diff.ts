import { Router } from 'express';
import type { Request, Response } from 'express';
import type { Diffs } from './diffs.ts';
import { forCaller } from './http-caller.ts';
import { bodyOf, tenantOf, valueOf } from './http-query.ts';

/**
 * `GET` and `POST /api/analytics/diff`. In an address the question is JSON text. Faults are passed to the next
 * error handler.
 */
export function createDiffRouter(diffs: Diffs): Router {
  const router = Router();
  const answer = async (question: Readonly<Record<string, unknown>>, req: Request, res: Response) => {
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    res.json(await forCaller(res, (signal) => diffs.diff({ tenant, question, signal })));
  };
  router.get('/api/analytics/diff', async (req, res) => {
    const { limit, question, ...others } = req.query;
    await answer(
      {
        ...others,
        ...(limit === undefined ? {} : { limit: valueOf(limit, 'integer') }),
        ...(question === undefined ? {} : { question: jsonOf(question) }),
      },
      req,
      res,
    );
  });
  router.post('/api/analytics/diff', async (req, res) => {
    await answer(bodyOf(req.body), req, res);
  });
  return router;
}

/** What cannot be read stays as it is, and is refused as what it is. */
function jsonOf(text: unknown): unknown {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as unknown) : text;
  } catch {
    return text;
  }
}
