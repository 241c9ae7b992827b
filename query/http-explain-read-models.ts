import { Router } from 'express';
import type { TObject } from 'typebox';
import { createLiveExplanations, explanationSchema } from './explain-live.ts';
import type { LiveExplanationsOptions } from './explain-live.ts';
import { PROFILE_EXPLANATION, createProfileExplanations } from './explain-profile.ts';
import type { ProfileExplanationsOptions } from './explain-profile.ts';
import type { ExplainRequest } from './explanation-page.ts';
import { forCaller } from './http-caller.ts';
import { tenantOf } from './http-query.ts';
import { questionOf, readerOf } from './http-raw-history.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';

/**
 * `GET <route of a live question>/explain` with the same parameters and those that name a figure, and
 * `GET /api/analytics/users/{user_id}/profile/explain`. Faults are passed to the next error handler.
 */
export function createReadModelExplanationRouter(
  options: LiveExplanationsOptions & ProfileExplanationsOptions,
): Router {
  const router = Router();
  const serve = (path: string, form: TObject, explain: (request: ExplainRequest) => Promise<object>) => {
    router.get(`${path.replaceAll(/\{(\w+)\}/g, ':$1')}/explain`, async (req, res) => {
      const question: ExplainRequest['question'] = { ...questionOf(req, form), ...req.params };
      const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
      const reader = readerOf(req);
      res.json(await forCaller(res, (signal) => explain({ tenant, reader, signal, question })));
    });
  };
  const live = createLiveExplanations(options);
  for (const each of LIVE_QUESTIONS) {
    serve(each.path, explanationSchema(each), (request) => live.explain(each.name, request));
  }
  const profiles = createProfileExplanations(options);
  serve('/api/analytics/users/{user_id}/profile', PROFILE_EXPLANATION, (request) =>
    profiles.explain(request),
  );
  return router;
}
