import { once } from 'node:events';
import { Router } from 'express';
import type { Request, Response } from 'express';
import type { TSchema } from 'typebox';
import type { JsonObject, TenantId } from '#domain';
import type { HistoryReader } from '#log';
import type { HistoryAsker } from './audited-records.ts';
import { forCaller } from './http-caller.ts';
import { tenantOf, valueOf } from './http-query.ts';
import type { HistoryLines, RawHistory } from './raw-history.ts';
import { RECORD_FORM, TAIL_FORM, readPlace, readTail, readVerify } from './raw-places.ts';
import { BROWSE_FORM, EXPORT_FORM } from './raw-question.ts';

export type RawHistoryRouterOptions = {
  readonly history: RawHistory;
  /** Ends every answer that goes on, so that a stop need not wait for its readers. */
  readonly signal: AbortSignal;
};

/** Longest word about the reader that is kept. */
const MAX_WORD = 255;

/**
 * Routes that read raw history: `GET /api/v1/log` (also `/api/log`) for pages, `…/record`, `…/tail`, `…/export`
 * and `POST …/verify`. The body must have been parsed before. Faults are passed to the next error handler; one
 * that comes when an answer has begun breaks it off.
 */
export function createRawHistoryRouter({ history, signal: stopped }: RawHistoryRouterOptions): Router {
  const router = Router();
  const lines = async (
    { req, res, tenant }: { readonly req: Request; readonly res: Response; readonly tenant: TenantId },
    ask: (asker: HistoryAsker) => Promise<HistoryLines>,
  ): Promise<void> => {
    const gone = new AbortController();
    res.once('close', () => {
      gone.abort();
    });
    const signal = AbortSignal.any([gone.signal, stopped]);
    await writeLines(res, await ask({ tenant, reader: readerOf(req), signal }), signal);
  };

  router.get(['/api/v1/log', '/api/log'], async (req, res) => {
    const question = questionOf(req, BROWSE_FORM);
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    const reader = readerOf(req);
    res.setHeader('Cache-Control', 'no-store');
    res.json(await forCaller(res, (signal) => history.browse(question, { tenant, reader, signal })));
  });
  router.get('/api/v1/log/record', async (req, res) => {
    const question = questionOf(req, RECORD_FORM);
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    const reader = readerOf(req);
    res.setHeader('Cache-Control', 'no-store');
    res.json(await forCaller(res, (signal) => history.show(readPlace(question), { tenant, reader, signal })));
  });
  router.get('/api/v1/log/tail', async (req, res) => {
    const question = questionOf(req, TAIL_FORM);
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    await lines({ req, res, tenant }, (asker) => history.tail(readTail(question), asker));
  });
  router.get('/api/v1/log/export', async (req, res) => {
    const question = questionOf(req, EXPORT_FORM);
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    await lines({ req, res, tenant }, (asker) => history.export(question, asker));
  });
  router.post('/api/v1/log/verify', async (req, res) => {
    const { tenantId, channel } = readVerify(req.body ?? {});
    const tenant = tenantOf(tenantId, req.get('x-tenant-id'));
    await lines({ req, res, tenant }, (asker) => history.verify(channel, asker));
  });
  return router;
}

/** Who reads, by their own word and by their connection. */
export function readerOf(req: Request): HistoryReader {
  const word = (name: string): string | undefined => req.get(name)?.slice(0, MAX_WORD);
  const actor = word('x-user-id');
  const forwardedFor = word('x-forwarded-for');
  const userAgent = word('user-agent');
  return {
    actor: actor === undefined || actor === '' ? 'anonymous' : actor,
    address: req.socket.remoteAddress ?? '',
    ...(forwardedFor === undefined ? {} : { forwardedFor }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/** The members of an address, numbers as such where the form asks for them. */
export function questionOf(req: Request, form: TSchema & { readonly properties: object }): JsonObject {
  const members = form.properties as Readonly<Record<string, { readonly type?: unknown }>>;
  return Object.fromEntries(
    Object.entries(req.query).map(([name, value]) => [name, valueOf(value, members[name]?.type)]),
  ) as JsonObject;
}

/** Writes portions as they come and waits until the reader has taken enough, so that a slow one slows the reading. */
async function writeLines(res: Response, portions: HistoryLines, signal: AbortSignal): Promise<void> {
  res.setHeader('Content-Type', 'application/x-ndjson; charset=utf-8');
  res.setHeader('Cache-Control', 'no-store');
  try {
    for await (const text of portions) {
      // Not before the first portion: what fails until then is answered as a fault.
      if (!res.headersSent) res.flushHeaders();
      if (text !== '' && !res.write(text)) await once(res, 'drain', { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  res.end();
}
