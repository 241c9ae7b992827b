import { HISTORY_READS } from '#log';
import { AUDIT_FORM } from './http-audit.ts';
import { parametersOf } from './openapi-parameters.ts';
import { OUTCOMES } from './raw-filter.ts';
import { RECORD_FORM, TAIL_FORM, VERIFY_FORM } from './raw-places.ts';
import { BROWSE_FORM, EXPORT_FORM } from './raw-question.ts';

const FAULT = { $ref: '#/components/responses/Fault' };
const REFUSED = { 400: FAULT, 403: FAULT, 404: FAULT, 500: FAULT };
const LOG_IDENTITY = '0190b3a2-0000-7000-8000-000000000000';

const RECORD = {
  position: { partition: 2, offset: '17' },
  receipt: `dr1_${LOG_IDENTITY}_2_h`,
  outcome: 'accepted',
  key: 'u1',
  headers: {
    event_id: 'evt_1',
    content_hash: '5d41402abc4b2a76b9719d911017c592',
    source: 'http',
    schema: 'envelope.generic',
    schema_version: 1,
    received_at: '2024-03-04T10:00:00.012Z',
    timestamp: '2024-03-04T10:00:00.000Z',
    valid: true,
  },
  event: { event_id: 'evt_1', tenant_id: 'acme', kind: 'generic', event_name: 'pageview' },
  raw: '{"event_id":"evt_1","tenant_id":"acme","kind":"generic","event_name":"pageview"}',
};

const PAGE = {
  tenant_id: 'acme',
  channel: 'events',
  records: [RECORD],
  more: true,
  next_cursor: `dl1_${LOG_IDENTITY}_5f0c1d2e3a4b_0.c.h.3`,
  searched: { narrowed_by: 'facts', records_read: 64, up_to: ['0', '12', '17', '3'], elapsed_ms: 4 },
};

const BLOCK = {
  first_offset: '10',
  records: 12,
  digest: '9f'.repeat(32),
  previous_digest: '0b'.repeat(32),
};

const ENTRY = {
  id: '0190b3a2-0000-7000-8000-00000000000a',
  recorded_at: '2024-03-04T10:05:00.000Z',
  kind: 'search',
  question: { tenant_id: 'acme', user_id: 'u1' },
  actor: 'ada',
  authenticated: false,
  address: '127.0.0.1',
  state: 'complete',
  records: 1,
};

const text = { type: 'string' };
const digits = { type: 'string', pattern: '^[0-9]+$' };
const cursor = { type: ['string', 'null'], description: 'Opaque; where to go on.' };

const answer = (description: string, schema: string): object => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
});
const ndjson = (description: string, schema: string): object => ({
  description,
  content: { 'application/x-ndjson': { schema: { $ref: `#/components/schemas/${schema}` } } },
});

const browse = (operationId: string, summary: string): object => ({
  get: {
    operationId,
    tags: ['log'],
    summary,
    description:
      'Recorded in the audit. With less than `limit` records and `more` true the budget was spent: go on with `next_cursor`.',
    parameters: parametersOf('', BROWSE_FORM, { tenant_id: 'acme', user_id: 'u1', limit: 20 }),
    responses: { 200: answer('One page of records.', 'LogPage'), ...REFUSED },
  },
});

/** The routes of raw history and its audit in OpenAPI 3.1. */
export const RAW_HISTORY_PATHS = {
  '/api/v1/log': browse('browseLog', 'The records of a tenant that match, page by page'),
  '/api/log': browse('browseLogShort', 'The same as /api/v1/log'),
  '/api/v1/log/record': {
    get: {
      operationId: 'showRecord',
      tags: ['log'],
      summary: 'One record, by position, receipt or event id, and the block it stands in',
      parameters: parametersOf('', RECORD_FORM, { tenant_id: 'acme', event_id: 'evt_1' }),
      responses: { 200: answer('The record.', 'LogRecordShown'), ...REFUSED },
    },
  },
  '/api/v1/log/tail': {
    get: {
      operationId: 'tailLog',
      tags: ['log'],
      summary: 'The newest records of a tenant, as they stand in the log',
      parameters: parametersOf('', TAIL_FORM, { tenant_id: 'acme', n: 10 }),
      responses: {
        200: ndjson('One record per line. By time of receipt, then in the order of the log.', 'LogRecord'),
        ...REFUSED,
      },
    },
  },
  '/api/v1/log/export': {
    get: {
      operationId: 'exportLog',
      tags: ['log'],
      summary: 'All records of a tenant that match; one entry in the audit',
      parameters: parametersOf('', EXPORT_FORM, { tenant_id: 'acme', event_name: 'click' }),
      responses: { 200: ndjson('One record per line, the oldest first.', 'LogRecord'), ...REFUSED },
    },
  },
  '/api/v1/log/verify': {
    post: {
      operationId: 'verifyLog',
      tags: ['log'],
      summary: 'Whether every stored block is what was written, or the first offset that is not',
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/LogVerification' },
            example: { tenant_id: 'acme', channel: 'events' },
          },
        },
      },
      responses: {
        200: ndjson('How far it has come, line by line; the last line is the verdict.', 'LogVerified'),
        ...REFUSED,
      },
    },
  },
  '/api/v1/audit': {
    get: {
      operationId: 'listAudit',
      tags: ['log'],
      summary: 'Who has read the raw history of a tenant, the newest first; not recorded itself',
      parameters: parametersOf('', AUDIT_FORM, { tenant_id: 'acme' }),
      responses: { 200: answer('One page of entries.', 'AuditPage'), 400: FAULT, 403: FAULT },
    },
  },
};

/** The schemas that {@link RAW_HISTORY_PATHS} refers to. */
export const RAW_HISTORY_SCHEMAS = {
  LogRecord: {
    type: 'object',
    required: ['position', 'receipt', 'outcome', 'key', 'headers'],
    properties: {
      position: {
        type: 'object',
        required: ['partition', 'offset'],
        properties: { partition: { type: 'integer' }, offset: digits },
      },
      receipt: { type: 'string', description: 'The token the sender got.' },
      outcome: { type: 'string', enum: [...OUTCOMES] },
      key: text,
      headers: {
        type: 'object',
        properties: {
          event_id: text,
          content_hash: text,
          source: text,
          schema: text,
          schema_version: { type: 'integer' },
          received_at: text,
          timestamp: text,
          valid: { type: 'boolean' },
        },
      },
      event: { description: 'The value of the record, decoded; as text when it is not JSON.' },
      raw: { type: 'string', description: 'The bytes of the value, where they are UTF-8.' },
      raw_base64: { type: 'string', description: 'The bytes of the value, where they are not.' },
      sent: { type: 'string', description: 'The bytes as sent, where normalisation changed them.' },
      sent_base64: { type: 'string', description: 'The same, where they are no UTF-8.' },
    },
    examples: [RECORD],
  },
  LogPage: {
    type: 'object',
    required: ['tenant_id', 'channel', 'records', 'more', 'next_cursor', 'searched'],
    properties: {
      tenant_id: text,
      channel: text,
      records: { type: 'array', items: { $ref: '#/components/schemas/LogRecord' } },
      more: { type: 'boolean', description: 'Whether anything is left to be searched.' },
      next_cursor: cursor,
      searched: {
        type: 'object',
        properties: {
          narrowed_by: { type: 'string', enum: ['nothing', 'event_id', 'facts'] },
          records_read: { type: 'integer' },
          up_to: { type: 'array', items: digits, description: 'The offset of every partition reached.' },
          elapsed_ms: { type: 'number' },
        },
      },
    },
    examples: [PAGE],
  },
  LogRecordShown: {
    type: 'object',
    required: ['tenant_id', 'channel', 'record'],
    properties: {
      tenant_id: text,
      channel: text,
      record: { $ref: '#/components/schemas/LogRecord' },
      block: {
        type: 'object',
        properties: {
          first_offset: digits,
          records: { type: 'integer' },
          digest: text,
          previous_digest: text,
        },
      },
    },
    examples: [{ tenant_id: 'acme', channel: 'events', record: RECORD, block: BLOCK }],
  },
  LogVerification: JSON.parse(JSON.stringify(VERIFY_FORM)) as object,
  LogVerified: {
    type: 'object',
    description: 'Has `progress` or `verdict`.',
    properties: {
      progress: {
        type: 'object',
        properties: {
          partition: { type: 'integer' },
          partitions: { type: 'integer' },
          offset: digits,
          next: digits,
          blocks: { type: 'integer' },
          records: digits,
          digest: text,
        },
      },
      verdict: {
        type: 'object',
        required: ['ok'],
        properties: {
          ok: { type: 'boolean' },
          blocks: { type: 'integer' },
          records: digits,
          reason: {
            type: 'string',
            enum: ['digest', 'chain', 'missing', 'misplaced', 'truncated', 'records'],
          },
          partition: { type: 'integer' },
          first_offset: digits,
          offset: digits,
          names: { type: 'string', enum: ['record', 'block'] },
          message: text,
        },
      },
    },
    examples: [
      { verdict: { ok: true, blocks: 12, records: '340' } },
      {
        verdict: {
          ok: false,
          reason: 'digest',
          partition: 2,
          first_offset: '10',
          offset: '17',
          names: 'record',
          message: 'The record has a value that is no JSON object.',
        },
      },
    ],
  },
  AuditPage: {
    type: 'object',
    required: ['tenant_id', 'entries', 'next_cursor'],
    properties: {
      tenant_id: text,
      entries: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'recorded_at', 'kind', 'question', 'actor', 'authenticated', 'state', 'records'],
          properties: {
            id: text,
            recorded_at: { type: 'string', format: 'date-time' },
            kind: { type: 'string', enum: [...HISTORY_READS] },
            question: { type: 'object' },
            actor: text,
            authenticated: { type: 'boolean' },
            address: text,
            forwarded_for: text,
            user_agent: text,
            state: { type: 'string', enum: ['open', 'complete', 'broken_off', 'failed'] },
            records: { type: ['integer', 'null'] },
          },
        },
      },
      next_cursor: cursor,
    },
    examples: [{ tenant_id: 'acme', entries: [ENTRY], next_cursor: null }],
  },
} as const;
