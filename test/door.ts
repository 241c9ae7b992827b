import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Json, JsonObject, TenantId } from '#domain';
import { createHttpIngress, createIngress } from '#ingress';
import type { DeadLetter, HttpIngress, HttpIngressOptions, Ingress, IngressOptions } from '#ingress';
import { openTenants } from '#log';
import type { EventLog, LogChannel } from '#log';
import { createSchemaRegistry, openTrackingConfigs } from '#schema-registry';
import type { TrackingConfigs } from '#schema-registry';
import { openLmdbEventLog } from '../log/lmdb-event-log.ts';
import { openLmdbStreamStore } from '../log/lmdb-stream-store.ts';
import { FAULT_STATUS, answerFault, faultOf } from '../ops/fault-status.ts';
import { temporaryDir } from './platform.ts';

export const NOW_MS = Date.parse('2026-07-01T12:00:00.000Z');

/** An error or warning of an answer. */
export type Said = { readonly field: string; readonly code: string };

export type DoorReply = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: JsonObject;
};
export type Kept = {
  readonly partition: number;
  readonly offset: bigint;
  readonly value: JsonObject;
  readonly sent: string | undefined;
};

/** The ingest routes over a real socket, on the embedded log in a directory of its own, at a fixed time. */
export type Door = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly log: EventLog;
  readonly configs: TrackingConfigs;
  readonly ingress: Ingress;
  readonly http: HttpIngress;
  post(path: string, body: Json | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<DoorReply>;
  /** As {@link post}, with a text as the very body. */
  postText(path: string, text: string, headers?: Readonly<Record<string, string>>): Promise<DoorReply>;
  send(path: string, init?: RequestInit): Promise<DoorReply>;
  events(tenant?: string): Promise<Kept[]>;
  deadLetters(tenant?: string): Promise<(Kept & { readonly letter: DeadLetter })[]>;
  /** Sends bytes as they are; resolves with all that came back when the connection ended. */
  raw(bytes: Uint8Array): Promise<string>;
};

export async function openDoor(
  options: {
    readonly ingress?: Partial<IngressOptions>;
    readonly http?: Partial<HttpIngressOptions>;
    /** Stands between the door and its log. */
    readonly wrapLog?: (log: EventLog) => EventLog;
  } = {},
): Promise<Door> {
  const opened = new AsyncDisposableStack();
  const dir = opened.use(await temporaryDir());
  const log = opened.use(await openLmdbEventLog({ dataDir: dir.path }));
  const streams = opened.use(await openLmdbStreamStore({ dataDir: dir.path }));
  let ids = 0;
  const newId = (): string => `00000000-0000-7000-8000-${(++ids).toString(16).padStart(12, '0')}`;
  const clock = (): number => NOW_MS;
  const tenants = opened.use(await openTenants(streams, log, { partitions: 4, clock, newId }));
  const configs = opened.use(await openTrackingConfigs(streams, { clock, newId }));
  const ingress = createIngress({
    log: options.wrapLog?.(log) ?? log,
    tenants,
    registry: createSchemaRegistry(configs),
    lookUpPlace: () => undefined,
    clock,
    newId,
    maxAgeDays: 0,
    ...options.ingress,
  });
  const http = createHttpIngress(ingress, {
    fail: (res, error) => {
      answerFault(res, faultOf(error), 'r');
    },
    statusOf: (error) => FAULT_STATUS[faultOf(error).code],
    ...options.http,
  });
  const server = createServer((req, res) => {
    if (!http.handle(req, res)) res.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const send: Door['send'] = async (path, init) => {
    const response = await fetch(url + path, init);
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as JsonObject;
    return { status: response.status, headers: response.headers, text, body };
  };
  const postBytes = (path: string, body: string | Uint8Array, headers = {}): Promise<DoorReply> =>
    send(path, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
  return {
    url,
    port,
    log,
    configs,
    ingress,
    http,
    send,
    post: (path, body, headers) =>
      postBytes(path, body instanceof Uint8Array ? body : JSON.stringify(body), headers),
    postText: postBytes,
    events: (tenant = 'acme') => readAll(log, tenant, 'events'),
    deadLetters: async (tenant = 'acme') =>
      (await readAll(log, tenant, 'dead_letters')).map((kept) => ({
        ...kept,
        letter: kept.value as unknown as DeadLetter,
      })),
    raw: (bytes) => exchange(port, bytes),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function readAll(log: EventLog, tenant: string, channel: LogChannel): Promise<Kept[]> {
  const name = { tenant: tenant as TenantId, channel };
  const kept: Kept[] = [];
  const { next } = await log.bounds(name);
  for (let partition = 0; partition < next.length; partition++) {
    for await (const { records } of log.read(name, { partition, from: 0n })) {
      for (const { offset, value, sent } of records) {
        kept.push({
          partition,
          offset,
          value: JSON.parse(Buffer.from(value).toString()) as JsonObject,
          // Latin 1 shows every byte as it is.
          sent: sent && Buffer.from(sent).toString('latin1'),
        });
      }
    }
  }
  return kept;
}

async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  // A reset while we still write is an answer too.
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}
