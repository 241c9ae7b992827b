import { Router } from 'express';
import { explanationSchema } from './explain-live.ts';
import type { LiveExplanations } from './explain-live.ts';
import type { ProfileExplanations } from './explain-profile.ts';
import { forCaller } from './http-caller.ts';
import { tenantOf, valueOf } from './http-query.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';

/**
 * `GET <route of a live question>/explain` with the same parameters and those that name a figure. Faults are
 * passed to the next error handler.
 */
export function createLiveExplanationRouter(explanations: LiveExplanations): Router {
  const router = Router();
  for (const each of LIVE_QUESTIONS) {
    const members = explanationSchema(each).properties as Record<string, { readonly type?: unknown }>;
    router.get(`${each.path.replaceAll(/\{(\w+)\}/g, ':$1')}/explain`, async (req, res) => {
      const sent: [string, unknown][] = Object.entries(req.query);
      const read = sent.map(([member, value]) => [member, valueOf(value, members[member]?.type)] as const);
      const question: Readonly<Record<string, unknown>> = {
        ...Object.fromEntries<unknown>(read),
        ...req.params,
      };
      const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
      const actor = req.get('x-user-id');
      const answer = await forCaller(res, (signal) =>
        explanations.explain(each.name, { tenant, question, actor, signal }),
      );
      res.json(answer);
    });
  }
  return router;
}

/** `GET /api/analytics/users/{user_id}/profile/explain`. Faults are passed to the next error handler. */
export function createProfileExplanationRouter(explanations: ProfileExplanations): Router {
  const router = Router();
  router.get('/api/analytics/users/:user_id/profile/explain', async (req, res) => {
    const { limit, ...query } = req.query;
    const question: Readonly<Record<string, unknown>> = {
      ...query,
      ...(limit === undefined ? {} : { limit: valueOf(limit, 'integer') }),
      ...req.params,
    };
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    const actor = req.get('x-user-id');
    const answer = await forCaller(res, (signal) =>
      explanations.explain({ tenant, question, actor, signal }),
    );
    res.json(answer);
  });
  return router;
}
