import express from 'express';
import type { ErrorRequestHandler, Express, RequestHandler, Router } from 'express';
import { Fault } from '#domain';
import { createDocsPage } from './docs-page.ts';
import { answerFault, answerJson, faultOf } from './fault-status.ts';
import { createMethodLookup } from './openapi.ts';
import type { OpenApiDocument } from './openapi.ts';

export type ApiOptions = {
  /** The routers of the questions, in the order in which they are asked. */
  readonly routers: readonly Router[];
  readonly document: OpenApiDocument;
  /** The running configuration with secrets masked. */
  readonly config: Readonly<Record<string, string | number>>;
  readonly requestIdOf: (header: string | string[] | undefined) => string;
  /** Told of every fault that is ours and not the caller's. */
  readonly onFault: (fault: Fault, requestId: string) => void;
};

/** Largest body of a question; 64 KiB of filters is far beyond any that a person or console writes. */
const QUESTION_BODY_LIMIT = '1mb';

/** The Express app: questions, the running configuration, the description of the API and its page. */
export function createApi(options: ApiOptions): Express {
  const { document, config } = options;
  const methodsOf = createMethodLookup(document);
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use((req, res, next) => {
    res.setHeader('X-Request-Id', options.requestIdOf(req.headers['x-request-id']));
    next();
  });
  app.get('/config', (_req, res) => {
    answerJson(res, config);
  });
  app.get('/api/v1/openapi.json', (_req, res) => {
    answerJson(res, document);
  });
  app.use(createDocsPage());
  app.use(express.json({ limit: QUESTION_BODY_LIMIT }));
  for (const router of options.routers) app.use(router);
  app.use(nothingThere(methodsOf));
  app.use(failed(options.onFault));
  return app;
}

function nothingThere(methodsOf: (path: string) => readonly string[] | undefined): RequestHandler {
  return (req, res, next) => {
    const methods = methodsOf(req.path);
    if (methods === undefined) {
      next(new Fault('NOT_FOUND', undefined, { details: { path: req.path } }));
      return;
    }
    res.setHeader('Allow', methods.join(', '));
    next(new Fault('METHOD_NOT_ALLOWED', undefined, { details: { method: req.method, allowed: methods } }));
  };
}

function failed(onFault: ApiOptions['onFault']): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, _req, res, _next) => {
    const fault = faultOf(error);
    const requestId = String(res.getHeader('X-Request-Id'));
    onFault(fault, requestId);
    answerFault(res, fault, requestId);
  };
}
