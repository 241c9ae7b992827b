import { Router } from 'express';
import { forCaller } from './http-caller.ts';
import { tenantOf, valueOf } from './http-query.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';
import type { LiveQuestions } from './live-questions.ts';

/**
 * Routes of all questions that the live views answer, by GET: `/api/analytics/realtime/…`,
 * `/api/analytics/users/{user_id}/…` and `/api/analytics/items/{item_id}/…`. Faults are passed to the next
 * error handler. A caller who goes away ends the waiting.
 */
export function createLiveRouter(questions: LiveQuestions): Router {
  const router = Router();
  for (const { name, path, schema } of LIVE_QUESTIONS) {
    const members = schema.properties as Record<string, { readonly type?: unknown }>;
    router.get(path.replaceAll(/\{(\w+)\}/g, ':$1'), async (req, res) => {
      const sent: [string, unknown][] = Object.entries(req.query);
      const read = sent.map(([member, value]) => [member, valueOf(value, members[member]?.type)] as const);
      const question: Readonly<Record<string, unknown>> = {
        ...Object.fromEntries<unknown>(read),
        ...req.params,
      };
      const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
      res.json(await forCaller(res, (signal) => questions.ask(name, { tenant, question, signal })));
    });
  }
  return router;
}
