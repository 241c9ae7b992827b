import { Router } from 'express';
import type { Request, Response } from 'express';
import type { TenantId } from '#domain';
import { DOCUMENT_FORMS } from './document-forms.ts';
import type { DocumentForm } from './document-forms.ts';
import type { DocumentQuestions } from './documents.ts';
import { forCaller } from './http-caller.ts';
import { tenantOf } from './http-query.ts';

type Asked = {
  readonly tenant: TenantId;
  readonly question: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
};

type Route = {
  /** With members of the question in braces. */
  readonly path: string;
  readonly form: DocumentForm;
  readonly answer: (questions: DocumentQuestions, asked: Asked) => object | Promise<object>;
};

/** Every route of the questions about documents. */
export const DOCUMENT_ROUTES: readonly Route[] = [
  { path: '/api/v1/items', form: 'items', answer: (questions, asked) => questions.items(asked) },
  { path: '/api/v1/items/{item_id}', form: 'item', answer: (questions, asked) => questions.item(asked) },
  {
    path: '/api/v1/scenarios',
    form: 'entries',
    answer: (questions, asked) => questions.entries('scenario', asked),
  },
  {
    path: '/api/v1/scenarios/{scenario_id}',
    form: 'entry',
    answer: (questions, asked) => questions.entry('scenario', asked),
  },
  {
    path: '/api/v1/scenarios/{scenario_id}/versions',
    form: 'entry',
    answer: (questions, asked) => questions.versions('scenario', asked),
  },
  {
    path: '/api/v1/model-configs',
    form: 'entries',
    answer: (questions, asked) => questions.entries('model_config', asked),
  },
  {
    path: '/api/v1/model-configs/{model_id}',
    form: 'entry',
    answer: (questions, asked) => questions.entry('model_config', asked),
  },
  {
    path: '/api/v1/model-configs/{model_id}/versions',
    form: 'entry',
    answer: (questions, asked) => questions.versions('model_config', asked),
  },
  {
    path: '/api/analytics/users/{user_id}/profile',
    form: 'profile',
    answer: (questions, asked) => questions.profile(asked),
  },
];

/**
 * Routes that read items, scenarios, model configs and profiles, by GET. Faults are passed to the next error
 * handler. A caller who goes away stops waiting.
 */
export function createDocumentRouter(questions: DocumentQuestions): Router {
  const router = Router();
  for (const { path, form, answer } of DOCUMENT_ROUTES) {
    router.get(path.replaceAll(/\{(\w+)\}/g, ':$1'), async (req: Request, res: Response) => {
      const question = { ...questionOf(form, req.query), ...req.params };
      const tenant = tenantOf(req.query['tenant_id'], req.get('x-tenant-id'));
      res.json(await forCaller(res, (signal) => answer(questions, { tenant, question, signal })));
    });
  }
  return router;
}

/** Numbers come as text in an address. */
function questionOf(form: DocumentForm, query: Request['query']): Record<string, unknown> {
  const members = DOCUMENT_FORMS[form].properties as Readonly<Record<string, { readonly type?: unknown }>>;
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const number =
        members[name]?.type === 'integer' && typeof value === 'string' && /^\d{1,9}$/.test(value);
      return [name, number ? Number(value) : value];
    }),
  );
}
