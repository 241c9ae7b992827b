import { fieldErrors, ref } from './openapi-schemas.ts';

const count = { type: 'integer', minimum: 0 };
const COUNTS = {
  lines: count,
  accepted: count,
  duplicate: count,
  conflict: count,
  rejected: count,
  blank: count,
  warned: { ...count, description: 'Accepted events with a warning.' },
};
const EXAMPLE_COUNTS = {
  lines: 3,
  accepted: 2,
  duplicate: 0,
  conflict: 0,
  rejected: 1,
  blank: 0,
  warned: 0,
};
const TOKEN = 'dr1_0197f3f2-7c1e-4cc3-98c4-dc0c0c07398f_2_h';

/** The schemas of the import route. */
export const IMPORT_SCHEMAS = {
  ImportPortion: {
    type: 'object',
    description: 'One line of the answer: everything up to `to_line` is durable.',
    required: ['from_line', 'to_line', ...Object.keys(COUNTS), 'positions', 'refused'],
    properties: {
      from_line: { type: 'integer', minimum: 1 },
      to_line: { type: 'integer', minimum: 1 },
      ...COUNTS,
      positions: {
        type: 'array',
        description: 'Where the accepted events stand, per partition; `token` is what `wait_for` takes.',
        items: {
          type: 'object',
          required: ['partition', 'first', 'last', 'token'],
          properties: {
            partition: count,
            first: { type: 'string' },
            last: { type: 'string' },
            token: { type: 'string' },
          },
        },
      },
      refused: {
        type: 'array',
        items: {
          type: 'object',
          required: ['line', 'outcome', 'event_id', 'errors'],
          properties: {
            line: { type: 'integer', minimum: 1 },
            outcome: { enum: ['conflict', 'rejected'] },
            event_id: { type: ['string', 'null'] },
            errors: fieldErrors,
            dead_letter: ref('Receipt'),
          },
        },
      },
    },
    examples: [
      {
        from_line: 1,
        to_line: 3,
        ...EXAMPLE_COUNTS,
        positions: [{ partition: 2, first: '16', last: '17', token: TOKEN }],
        refused: [
          {
            line: 2,
            outcome: 'rejected',
            event_id: null,
            errors: [{ field: 'user_id', code: 'required', message: 'is required' }],
            dead_letter: { partition: 0, offset: '3', token: TOKEN },
          },
        ],
      },
    ],
  },
  ImportEnd: {
    type: 'object',
    description:
      'The last line: the sums. Unless complete, the lines after the first `lines` are to be sent again.',
    required: ['complete', ...Object.keys(COUNTS)],
    properties: {
      complete: { type: 'boolean' },
      ...COUNTS,
      error: {
        type: 'object',
        required: ['code', 'message', 'retryable'],
        properties: { code: { type: 'string' }, message: { type: 'string' }, retryable: { type: 'boolean' } },
      },
    },
    examples: [{ complete: true, ...EXAMPLE_COUNTS }],
  },
} as const;

/** The path item of the import route, in OpenAPI 3.1. */
export const IMPORT_PATHS = {
  '/api/v1/behaviors/import': {
    post: {
      operationId: 'importEvents',
      tags: ['ingress'],
      summary: 'Import any number of events of any age, one a line',
      description:
        'Events are written in large portions, and each portion is answered when it is durable, while the rest is still being sent. Give every event its `event_id`: then what is sent again adds nothing twice.',
      parameters: [
        {
          name: 'X-Tenant-Id',
          in: 'header',
          description: 'The tenant of events that name none; believed from this machine alone.',
          schema: { type: 'string' },
        },
        {
          name: 'dry_run',
          in: 'query',
          description: '1: check every line and keep nothing.',
          schema: { type: 'string', enum: ['0', '1'], default: '0' },
        },
        {
          name: 'portion_lines',
          in: 'query',
          description: 'Lines that are written and answered together, at most.',
          schema: { type: 'integer', minimum: 1, maximum: 20_000, default: 5_000 },
        },
      ],
      requestBody: {
        required: true,
        content: { 'application/x-ndjson': { schema: ref('TrackedEvent') } },
      },
      responses: {
        200: {
          description: 'One line per portion, then one with the sums.',
          content: {
            'application/x-ndjson': { schema: { anyOf: [ref('ImportPortion'), ref('ImportEnd')] } },
          },
        },
        400: { description: 'A parameter is not of its form, or the body is not what gzip makes.' },
        415: { description: 'The content type or content encoding is not supported.' },
        503: { description: 'The log cannot take events now; send them again after `Retry-After` seconds.' },
      },
    },
  },
} as const;
