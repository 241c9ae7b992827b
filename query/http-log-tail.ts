import { once } from 'node:events';
import { Router } from 'express';
import type { Request, Response } from 'express';
import { Fault, formatReceipt, parseTenantId } from '#domain';
import type { TenantId } from '#domain';
import { follow } from '#log';
import type { EventLog, LogBounds, LogChannel, LogName, LogRecord } from '#log';

export type LogTailOptions = {
  readonly log: EventLog;
  /** Ends every answer that follows, so that a stop need not wait for its readers. */
  readonly signal: AbortSignal;
};

const MAX_RECORDS = 1_000;
const DEFAULT_RECORDS = 10;

const TAIL_PARAMETERS = [
  { name: 'tenant_id', in: 'query', required: true, schema: { type: 'string' }, example: 'acme' },
  {
    name: 'n',
    in: 'query',
    description: 'How many of the newest records come first.',
    schema: { type: 'integer', minimum: 0, maximum: MAX_RECORDS, default: DEFAULT_RECORDS },
  },
  {
    name: 'follow',
    in: 'query',
    description: '1: go on with the records that come, until the connection is closed.',
    schema: { type: 'string', enum: ['0', '1'], default: '0' },
  },
  {
    name: 'channel',
    in: 'query',
    description: 'The events, or the inputs that were kept out of them.',
    schema: { type: 'string', enum: ['events', 'dead_letters'], default: 'events' },
  },
];

/** The description of {@link createLogTailRouter} in OpenAPI 3.1. */
export const LOG_TAIL_PATHS = {
  '/api/v1/log/tail': {
    get: {
      operationId: 'tailLog',
      tags: ['log'],
      summary: 'The newest records of a tenant, as they stand in the log',
      parameters: TAIL_PARAMETERS,
      responses: {
        200: {
          description: 'One record per line. By time of receipt, then in the order of the log.',
          content: { 'application/x-ndjson': { schema: { $ref: '#/components/schemas/LogTailRecord' } } },
        },
        400: { $ref: '#/components/responses/Fault' },
        404: { $ref: '#/components/responses/Fault' },
      },
    },
  },
} as const;

/** The schemas that {@link LOG_TAIL_PATHS} refers to. */
export const LOG_TAIL_SCHEMAS = {
  LogTailRecord: {
    type: 'object',
    required: ['position', 'receipt', 'key', 'headers', 'event'],
    properties: {
      position: {
        type: 'object',
        required: ['partition', 'offset'],
        properties: { partition: { type: 'integer' }, offset: { type: 'string' } },
      },
      receipt: { type: 'string', description: 'The token the sender got.' },
      key: { type: 'string' },
      headers: {
        type: 'object',
        properties: {
          event_id: { type: 'string' },
          content_hash: { type: 'string' },
          source: { type: 'string' },
          schema: { type: 'string' },
          schema_version: { type: 'integer' },
          received_at: { type: 'string', format: 'date-time' },
          timestamp: { type: 'string' },
          valid: { type: 'boolean' },
        },
      },
      event: { description: 'The value of the record; as text when it is not JSON.' },
      sent: { type: 'string', description: 'The bytes as sent, where normalisation changed them.' },
    },
    examples: [
      {
        position: { partition: 2, offset: '17' },
        receipt: 'dr1_0190b3a2-0000-7000-8000-000000000000_2_h',
        key: 'u1',
        headers: { event_id: 'evt_1', source: 'http', valid: true },
        event: { event_id: 'evt_1', tenant_id: 'acme', kind: 'generic', event_name: 'pageview' },
      },
    ],
  },
} as const;

/** Serves `GET /api/v1/log/tail`: the newest records of one tenant as NDJSON, and those that come. */
export function createLogTailRouter({ log, signal: stopped }: LogTailOptions): Router {
  const router = Router();
  router.get('/api/v1/log/tail', async (req, res) => {
    const { tenant, count, following, channel } = parseTail(req);
    const name = { tenant, channel };
    const bounds = await log.bounds(name);
    const gone = new AbortController();
    res.once('close', () => {
      gone.abort();
    });
    const signal = AbortSignal.any([gone.signal, stopped]);
    res.setHeader('Content-Type', 'application/x-ndjson; charset=utf-8');
    res.setHeader('Cache-Control', 'no-store');
    res.flushHeaders();
    try {
      const newest = await readNewest(log, name, { bounds, count });
      await write(res, newest.map((record) => lineOf(record, bounds.identity)).join(''), signal);
      if (following) {
        for await (const { records } of follow(log, name, bounds.next, signal)) {
          await write(res, records.map((record) => lineOf(record, bounds.identity)).join(''), signal);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    res.end();
  });
  return router;
}

type Tail = {
  readonly tenant: TenantId;
  readonly count: number;
  readonly following: boolean;
  readonly channel: LogChannel;
};

function parseTail({ query }: Request): Tail {
  const tenant = parseTenantId(query['tenant_id']);
  if (!tenant.ok) throw new Fault('TENANT_INVALID', `tenant_id ${tenant.reason}.`);
  const { n = String(DEFAULT_RECORDS), follow: following = '0', channel = 'events' } = query;
  if (typeof n !== 'string' || !/^\d{1,4}$/.test(n) || Number(n) > MAX_RECORDS) {
    throw invalid('n', `must be a whole number from 0 to ${MAX_RECORDS}`);
  }
  if (following !== '0' && following !== '1') throw invalid('follow', 'must be 0 or 1');
  if (channel !== 'events' && channel !== 'dead_letters') {
    throw invalid('channel', 'must be events or dead_letters');
  }
  return { tenant: tenant.tenant, count: Number(n), following: following === '1', channel };
}

function invalid(field: string, what: string): Fault {
  return new Fault('QUERY_INVALID', `${field} ${what}.`, { details: { field } });
}

/** The newest `count` records over all partitions: by time of receipt, then as they stand in their partition. */
async function readNewest(
  log: EventLog,
  name: LogName,
  { bounds, count }: { readonly bounds: LogBounds; readonly count: number },
): Promise<readonly LogRecord[]> {
  if (count === 0) return [];
  const found: LogRecord[] = [];
  for (const [partition, to] of bounds.next.entries()) {
    const first = bounds.first[partition] ?? 0n;
    const from = to - BigInt(count) > first ? to - BigInt(count) : first;
    for await (const { records } of log.read(name, { partition, from, to })) found.push(...records);
  }
  return found
    .sort(
      (a, b) =>
        a.headers.receivedAtMs - b.headers.receivedAtMs ||
        a.partition - b.partition ||
        Number(a.offset - b.offset),
    )
    .slice(-count);
}

/** Waits until the reader has taken enough, so that a slow one slows the reading of the log. */
async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (text !== '' && !res.write(text)) await once(res, 'drain', { signal });
}

function lineOf({ partition, offset, key, headers, value, sent }: LogRecord, logIdentity: string): string {
  const line = {
    position: { partition, offset: String(offset) },
    receipt: formatReceipt({ logIdentity, partition, offset }),
    key: textOf(key),
    headers: {
      event_id: headers.eventId,
      content_hash: Buffer.from(headers.contentHash).toString('hex'),
      source: headers.source,
      schema: headers.schema,
      schema_version: headers.schemaVersion,
      received_at: new Date(headers.receivedAtMs).toISOString(),
      timestamp: instantOf(headers.timestampMs),
      valid: headers.valid,
    },
    event: valueOf(value),
    ...(sent === undefined ? {} : { sent: textOf(sent) }),
  };
  return JSON.stringify(line) + '\n';
}

function valueOf(value: Uint8Array): unknown {
  const text = textOf(value);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A dead letter may claim a time that no calendar has. */
function instantOf(ms: number): string {
  const instant = new Date(ms);
  return Number.isNaN(instant.getTime()) ? String(ms) : instant.toISOString();
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
