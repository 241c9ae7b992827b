import { once } from 'node:events';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { projectionDocument } from './rebuild-document.ts';
import { COMMAND_MEMBERS, parseRebuildRequest, tenantOfRequest } from './rebuild-request.ts';
import type { ProjectionCommand, RebuildRequest } from './rebuild-request.ts';
import type { Acting, ProjectionOf, ProjectionStatus, Rebuilds } from './rebuilds.ts';

export type RebuildRouterOptions = {
  readonly rebuilds: Rebuilds;
  /** Ends every answer that follows, so that a stop need not wait for its readers. */
  readonly signal: AbortSignal;
};

const BASE = '/api/v1/projections';

type Run = (
  rebuilds: Rebuilds,
  of: ProjectionOf,
  asked: RebuildRequest & { readonly by: Acting },
) => Promise<ProjectionStatus>;

const COMMANDS: Readonly<Record<ProjectionCommand, Run>> = {
  rebuild: (rebuilds, of, { scope, activate, by }) => rebuilds.rebuild(of, { scope, activate }, by),
  pause: (rebuilds, of, { by }) => rebuilds.pause(of, by),
  resume: (rebuilds, of, { by }) => rebuilds.resume(of, by),
  cancel: (rebuilds, of, { by }) => rebuilds.cancel(of, by),
  verify: (rebuilds, of, { by }) => rebuilds.verify(of, by),
  accept: (rebuilds, of, { names, by }) => rebuilds.accept(of, names, by),
  activate: (rebuilds, of, { by }) => rebuilds.activate(of, by),
  rollback: (rebuilds, of, { by }) => rebuilds.rollback(of, by),
  drop: (rebuilds, of, { generation = 0, by }) => rebuilds.drop(of, generation, by),
};

/** What goes on after its answer. */
const GOES_ON: ReadonlySet<ProjectionCommand> = new Set(['rebuild', 'resume', 'verify']);

/**
 * Routes of projections, their generations and rebuilds under `/api/v1/projections`. The body must have been
 * parsed before. Faults are passed to the next error handler.
 */
export function createRebuildRouter({ rebuilds, signal }: RebuildRouterOptions): Router {
  const router = Router();
  router.get(BASE, async (req, res) => {
    const found = await rebuilds.list(tenantOf(req, req.query['tenant_id']));
    res.json({ projections: found.map((status) => projectionDocument(status, { differences: false })) });
  });
  router.get(`${BASE}/:projection`, async (req, res) => {
    res.json(projectionDocument(await rebuilds.show(projectionOf(req, req.query['tenant_id']))));
  });
  router.get(`${BASE}/:projection/progress`, async (req, res) => {
    await tellProgress(
      { rebuilds, of: projectionOf(req, req.query['tenant_id']), stopped: signal },
      req,
      res,
    );
  });
  for (const command of Object.keys(COMMAND_MEMBERS) as ProjectionCommand[]) {
    router.post(`${BASE}/:projection/${command}`, async (req, res) => {
      const request = parseRebuildRequest(command, req.body);
      const of = projectionOf(req, memberOf(req.body, 'tenant_id') ?? req.query['tenant_id']);
      const actor = req.get('x-user-id');
      const by = { actor: actor === undefined || actor === '' ? 'anonymous' : actor, reason: request.reason };
      const status = await COMMANDS[command](rebuilds, of, { ...request, by });
      res.status(GOES_ON.has(command) ? 202 : 200).json(projectionDocument(status));
    });
  }
  return router;
}

/** Writes the status now and whenever it has changed, until the reader goes or the platform stops. */
async function tellProgress(
  about: { readonly rebuilds: Rebuilds; readonly of: ProjectionOf; readonly stopped: AbortSignal },
  req: Request,
  res: Response,
): Promise<void> {
  const { rebuilds, of, stopped } = about;
  let changed = Promise.withResolvers<undefined>();
  using _listening = rebuilds.onChange(of, () => {
    changed.resolve(undefined);
  });
  let status = await rebuilds.show(of);
  const events = req.accepts(['application/x-ndjson', 'text/event-stream']) === 'text/event-stream';
  const gone = new AbortController();
  res.once('close', () => {
    gone.abort();
  });
  const signal = AbortSignal.any([gone.signal, stopped]);
  const over = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => {
    over.resolve(undefined);
  });
  res.setHeader('Content-Type', `${events ? 'text/event-stream' : 'application/x-ndjson'}; charset=utf-8`);
  res.setHeader('Cache-Control', 'no-store');
  let told = '';
  try {
    while (!signal.aborted) {
      const text = JSON.stringify(projectionDocument(status, { differences: false }));
      if (text !== told) await write(res, events ? `data: ${text}\n\n` : `${text}\n`, signal);
      told = text;
      await Promise.race([changed.promise, over.promise]);
      changed = Promise.withResolvers();
      if (!isAborted(signal)) status = await rebuilds.show(of);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  res.end();
}

/** Waits until the reader has taken enough. */
async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (!res.write(text)) await once(res, 'drain', { signal });
}

/** Read afresh: the signal may have changed across an await, which the type checker does not expect. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function projectionOf(req: Request, tenant: unknown): ProjectionOf {
  return { projection: String(req.params['projection']), tenant: tenantOf(req, tenant) };
}

function tenantOf(req: Request, member: unknown): ReturnType<typeof tenantOfRequest> {
  return tenantOfRequest(member, req.get('x-tenant-id'));
}

function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;
}
