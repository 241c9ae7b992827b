import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Fault } from '#domain';
import { batchAnswer, checkAnswer, gatewayAnswer, healthAnswer, singleAnswer } from './http-answers.ts';
import type { Answer } from './http-answers.ts';
import { Aborted, readBody } from './http-body.ts';
import { answerImport } from './http-import.ts';
import { readInput, readInputs } from './http-inputs.ts';
import type { InputLimits } from './http-inputs.ts';
import { senderOf } from './http-sender.ts';
import type { SenderOptions } from './http-sender.ts';
import type { Sender } from './examine.ts';
import type { Ingress } from './ingress.ts';
import { IMPORT_PATHS, IMPORT_SCHEMAS } from './openapi-import.ts';
import { ingressSchemas } from './openapi-schemas.ts';
import { ingressPaths } from './openapi.ts';
import type { EventOutcome } from './outcome.ts';
import { fromTracker } from './tracker-alias.ts';

export type HttpIngressOptions = SenderOptions & {
  /** Answers a fault that has no documented body of its own. */
  readonly fail: (res: ServerResponse, error: unknown) => void;
  /**
   * The status of a fault, for the event gateway, whose failures have a body of their own.
   * @default those are answered by `fail` too
   */
  readonly statusOf?: (error: unknown) => number;
  /** Bytes of a body after decompression. @default 10 MiB */
  readonly maxBodyBytes?: number;
  /** Bytes of one event. @default 1 MiB */
  readonly maxEventBytes?: number;
  /** Levels of objects and arrays in one event. @default 32 */
  readonly maxDepth?: number;
  /** Members of one event, those of inner objects included. @default 2,000 */
  readonly maxMembers?: number;
  /** Ends imports under way, so that a stop need not wait for their senders. */
  readonly stopping?: AbortSignal;
};

/** The ingest routes over plain `node:http`. */
export type HttpIngress = {
  /** Answers the request, now or later; false when its path is none of the ingest routes. */
  readonly handle: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** OpenAPI 3.1 path items. */
  readonly paths: object;
  /** OpenAPI 3.1 schemas. */
  readonly schemas: object;
};

const BATCH_EVENTS = 100;
const MIB = 1024 * 1024;
/** What a client may still send after it was refused, so that it reads the refusal instead of a reset. */
const DISCARDED_BYTES = 64 * MIB;

/** One request on its way to an answer. */
type Exchange = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly sender: Sender;
  readonly limits: InputLimits;
  readonly ingress: Ingress;
  readonly maxBodyBytes: number;
  readonly stopping: AbortSignal | undefined;
};
type Route = {
  readonly method: 'GET' | 'POST';
  /** Nothing when the route has written its answer itself. */
  readonly answer: (exchange: Exchange) => Answer | Promise<Answer | undefined>;
  /** Whether failures have the body of the event gateway, `{"error":"…"}`. */
  readonly gateway?: boolean;
};

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/api/v1/behaviors/track', { method: 'POST', answer: track }],
  ['/api/v1/behaviors/track/batch', { method: 'POST', answer: trackBatch }],
  ['/api/v1/behaviors/import', { method: 'POST', answer: importLines }],
  ['/api/v1/behaviors/validate', { method: 'POST', answer: check }],
  ['/api/v1/behaviors/health', { method: 'GET', answer: health }],
  ['/api/v1/behaviors', { method: 'POST', answer: trackFromTracker }],
  ['/v1/track', { method: 'POST', answer: trackGeneric, gateway: true }],
]);

const answered = channel('daybook:ingress:answered');

/** Creates the handler of the ingest routes. */
export function createHttpIngress(ingress: Ingress, options: HttpIngressOptions): HttpIngress {
  const maxBodyBytes = options.maxBodyBytes ?? 10 * MIB;
  const limits: InputLimits = {
    depth: options.maxDepth ?? 32,
    members: options.maxMembers ?? 2_000,
    eventBytes: Math.min(options.maxEventBytes ?? MIB, maxBodyBytes),
    batchEvents: BATCH_EVENTS,
  };
  return {
    handle: (req, res) => {
      const path = pathOf(req.url ?? '');
      const route = ROUTES.get(path);
      if (!route) return false;
      const startedAt = answered.hasSubscribers ? performance.now() : 0;
      const sender = senderOf(req, options, route.gateway);
      const exchange = { req, res, ingress, limits, maxBodyBytes, sender, stopping: options.stopping };
      respond(route, exchange, res)
        .catch((error: unknown) => {
          failed(route, { req, res, error, options });
        })
        .finally(() => {
          if (answered.hasSubscribers) announce(path, { req, res, startedAt });
        });
      return true;
    },
    paths: { ...ingressPaths(), ...IMPORT_PATHS },
    schemas: { ...ingressSchemas(), ...IMPORT_SCHEMAS },
  };
}

async function respond(route: Route, exchange: Exchange, res: ServerResponse): Promise<void> {
  const { req } = exchange;
  const headers: OutgoingHttpHeaders = {};
  const requestId = req.headers['x-request-id'];
  if (typeof requestId === 'string' && /^[\w.:-]{1,128}$/.test(requestId))
    headers['X-Request-Id'] = requestId;
  if (req.headers.origin !== undefined) allowOrigin(req, headers);
  if (req.method === 'OPTIONS') {
    const allow = `${route.method}, OPTIONS`;
    res.writeHead(204, { ...headers, Allow: allow, 'Access-Control-Allow-Methods': allow }).end();
    return;
  }
  if (req.method !== route.method && !(req.method === 'HEAD' && route.method === 'GET')) {
    res.setHeader('Allow', `${route.method}, OPTIONS`);
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
    throw new Fault('METHOD_NOT_ALLOWED', undefined, {
      details: { method: req.method, allowed: [route.method] },
    });
  }
  const answer = await route.answer(exchange);
  if (answer) write(res, answer, headers);
}

function write(res: ServerResponse, answer: Answer, headers: OutgoingHttpHeaders): void {
  const text = JSON.stringify(answer.body);
  headers['Content-Type'] = 'application/json; charset=utf-8';
  headers['Content-Length'] = Buffer.byteLength(text);
  if (answer.retryAfterSeconds !== undefined) headers['Retry-After'] = answer.retryAfterSeconds;
  res.writeHead(answer.status, headers);
  res.end(res.req.method === 'HEAD' ? undefined : text);
}

/** Browsers may send from any page, as trackers do; what they read back is a receipt. */
function allowOrigin({ headers: given }: IncomingMessage, headers: OutgoingHttpHeaders): void {
  headers['Access-Control-Allow-Origin'] = given.origin;
  headers['Access-Control-Allow-Credentials'] = 'true';
  headers['Access-Control-Max-Age'] = 86_400;
  headers['Access-Control-Allow-Headers'] =
    'content-type, content-encoding, authorization, x-tenant-id, x-user-id, x-request-id';
  headers['Access-Control-Expose-Headers'] = 'x-request-id, retry-after';
  headers.vary = 'Origin';
}

async function track({ req, sender, limits, ingress, maxBodyBytes }: Exchange): Promise<Answer> {
  const body = await readBody(req, Math.min(maxBodyBytes, limits.eventBytes));
  return singleAnswer(await only(ingress.track([readInput(body, limits)], sender)));
}

async function trackFromTracker({ req, sender, limits, ingress }: Exchange): Promise<Answer> {
  const input = readInput(await readBody(req, limits.eventBytes), limits);
  const event = fromTracker(input, req.headers['user-agent']);
  return singleAnswer(await only(ingress.track([event], sender)));
}

async function trackGeneric({ req, sender, limits, ingress }: Exchange): Promise<Answer> {
  const body = await readBody(req, limits.eventBytes);
  return gatewayAnswer(await only(ingress.track([readInput(body, limits)], sender)));
}

async function trackBatch({ req, sender, limits, ingress, maxBodyBytes }: Exchange): Promise<Answer> {
  const read = readInputs(await readBody(req, maxBodyBytes), limits);
  if (read.ok) return batchAnswer(await ingress.track(read.inputs, sender));
  return singleAnswer(await only(ingress.track([read.input], sender)));
}

async function importLines(exchange: Exchange): Promise<undefined> {
  const { maxBodyBytes, sender } = exchange;
  // What happened elsewhere and long ago did not happen where the import is sent from.
  const importing = { ...sender, source: 'import', anyAge: true, address: undefined };
  await answerImport({ ...exchange, sender: importing, lineBytes: maxBodyBytes });
}

async function check({ req, sender, limits, ingress, maxBodyBytes }: Exchange): Promise<Answer> {
  const body = await readBody(req, maxBodyBytes);
  const single = readInput(body, limits);
  const batch = isBatch(single.value);
  if (!batch) return checkAnswer(ingress.check([single], sender), false);
  const read = readInputs(body, limits);
  return read.ok
    ? checkAnswer(ingress.check(read.inputs, sender), true)
    : checkAnswer(ingress.check([read.input], sender), false);
}

function isBatch(value: unknown): boolean {
  return (
    Array.isArray(value) || (typeof value === 'object' && value !== null && Object.hasOwn(value, 'events'))
  );
}

function health({ req, ingress }: Exchange): Answer {
  const query = (req.url ?? '').split('?', 2)[1];
  return healthAnswer(ingress, new URLSearchParams(query).get('tenant_id') ?? undefined);
}

async function only(outcomes: Promise<readonly EventOutcome[]>): Promise<EventOutcome> {
  const [outcome] = await outcomes;
  if (!outcome) throw new Fault('INTERNAL');
  return outcome;
}

function failed(
  route: Route,
  about: {
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    readonly error: unknown;
    readonly options: HttpIngressOptions;
  },
): void {
  const { req, res, error, options } = about;
  if (error instanceof Aborted || res.destroyed || res.headersSent) {
    res.destroy();
    return;
  }
  if (!req.complete) discard(req, res);
  if (route.gateway !== true || !options.statusOf) {
    options.fail(res, error);
    return;
  }
  // The gateway's clients know `{"error":"<text>"}` alone (IH-12).
  const text = error instanceof Fault && error.code !== 'INTERNAL' ? error.message : 'internal error';
  const status = options.statusOf(error);
  write(res, { status, body: { error: text }, ...(status === 503 ? { retryAfterSeconds: 1 } : {}) }, {});
}

function discard(req: IncomingMessage, res: ServerResponse): void {
  res.setHeader('Connection', 'close');
  let discarded = 0;
  req.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > DISCARDED_BYTES) req.socket.destroy();
  });
  req.resume();
}

function announce(
  path: string,
  about: { readonly req: IncomingMessage; readonly res: ServerResponse; readonly startedAt: number },
): void {
  const { req, res, startedAt } = about;
  answered.publish({
    path,
    method: req.method,
    status: res.statusCode,
    elapsed_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
    request_id: req.headers['x-request-id'],
  });
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
