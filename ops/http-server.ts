import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from '#domain';
import { answerFault, answerJson, faultOf } from './fault-status.ts';
import type { Readiness } from './readiness.ts';

/** What the server passes requests to once the platform is ready. */
export type HttpRoutes = {
  /** The ingest routes, served before everything else; false when the request is none of them. */
  readonly ingress: (req: IncomingMessage, res: ServerResponse) => boolean;
  readonly api: RequestListener;
};

export type HttpServerOptions = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly readiness: Readiness;
  readonly newId: () => string;
  /** Told of every fault the server answers itself. */
  readonly onFault: (fault: Fault, requestId: string) => void;
};

/** The HTTP server of the platform, listening from the first moment. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the port it really has. */
  readonly url: string;
  /** From now on requests go here, as soon as the platform is ready. */
  serve(routes: HttpRoutes): void;
  /** The request's own id when it sent a usable one, else a new one. */
  requestIdOf(header: string | string[] | undefined): string;
  /** Writes a fault that the ingest routes have no documented body for. */
  fail(res: ServerResponse, error: unknown): void;
  /**
   * Takes no new connection and resolves when every request in flight has been answered. After `graceMs` the
   * connections of those that are left are broken off, which also stops their questions.
   */
  drain(graceMs: number): Promise<void>;
}

const IDLE_CHECK_MS = 20;
const USABLE_ID = /^[\w.:-]{1,128}$/;

/**
 * Opens the server. `/live` answers 200 from then on; `/ready` 200 when the platform is ready, else 503 with
 * what is missing; every other path 503 `NOT_READY` until then. A port in use is said as `CONFIG_INVALID`.
 */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { readiness, newId, onFault } = options;
  let routes: HttpRoutes | undefined;
  const requestIdOf = (header: string | string[] | undefined): string =>
    typeof header === 'string' && USABLE_ID.test(header) ? header : newId();
  const fail = (res: ServerResponse, error: unknown): void => {
    const fault = faultOf(error);
    const requestId = requestIdOf(res.req.headers['x-request-id']);
    onFault(fault, requestId);
    answerFault(res, fault, requestId);
  };
  const server = createServer(
    // Headers within 15 s and a whole request within 60 s, so that slow senders cannot hold the sockets;
    // 65 s of keep-alive outlast the 60 s of the usual proxies in front.
    { headersTimeout: 15_000, requestTimeout: 60_000, keepAliveTimeout: 65_000, noDelay: true },
    (req, res) => {
      try {
        if (readiness.stopping) res.setHeader('Connection', 'close');
        if (answeredAsProbe(req, res, readiness)) return;
        if (!routes || !readiness.ready) throw notReady(readiness);
        if (!routes.ingress(req, res)) routes.api(req, res);
      } catch (error) {
        fail(res, error);
      }
    },
  );
  const address = await listen(server, options);
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    serve: (given) => {
      routes = given;
    },
    requestIdOf,
    fail,
    drain: (graceMs) => drain(server, graceMs),
    async [Symbol.asyncDispose]() {
      await drain(server, 0);
    },
  };
}

function answeredAsProbe(req: IncomingMessage, res: ServerResponse, readiness: Readiness): boolean {
  const path = req.url?.split('?', 1)[0];
  if (path !== '/live' && path !== '/ready') return false;
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.setHeader('Allow', 'GET, HEAD');
    throw new Fault('METHOD_NOT_ALLOWED');
  }
  res.setHeader('Cache-Control', 'no-store');
  if (path === '/live') {
    answerJson(res, { status: 'live' });
  } else {
    res.statusCode = readiness.ready ? 200 : 503;
    answerJson(res, {
      status: readiness.stopping ? 'stopping' : readiness.ready ? 'ready' : 'starting',
      missing: readiness.missing,
    });
  }
  return true;
}

function notReady(readiness: Readiness): Fault {
  return readiness.stopping
    ? new Fault('NOT_READY', 'The platform is stopping.')
    : new Fault('NOT_READY', 'The platform is still starting.', { details: { missing: readiness.missing } });
}

async function listen(server: Server, { host, port }: HttpServerOptions): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen({ host, port }, () => {
    resolve(undefined);
  });
  try {
    await promise;
  } catch (error) {
    throw new Fault('CONFIG_INVALID', whyNotListening(error, host, port), { cause: error });
  }
  server.removeListener('error', reject);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Fault('INTERNAL');
  return address;
}

function whyNotListening(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'EADDRINUSE') {
    return `Port ${port} on ${host} is in use by another process: stop it, or choose another with DAYBOOK_HTTP_PORT.`;
  }
  if (code === 'EACCES')
    return `Port ${port} needs rights this process does not have: choose one above 1023.`;
  if (code === 'EADDRNOTAVAIL') return `This machine has no address ${host}: correct DAYBOOK_HOST.`;
  return `Cannot listen on ${host}:${port} (${code}).`;
}

async function drain(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  server.close(() => {
    resolve(undefined);
  });
  // `close` ends the connections that are idle at that moment. One whose last answer comes later would live
  // on for its keep-alive time, so they are looked for again and again.
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  const grace = setTimeout(() => {
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(grace);
}
