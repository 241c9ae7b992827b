const PLACE = {
  type: 'object',
  required: ['partition', 'offset', 'token'],
  properties: {
    partition: { type: 'integer' },
    offset: { type: 'string' },
    token: { type: 'string', description: 'What `wait_for` takes, and this route in place of an id.' },
  },
};
const PERHAPS_PLACE = { anyOf: [PLACE, { type: 'null' }] };
const TIME = { type: 'string', format: 'date-time' };
const TEXT_OR_NULL = { type: ['string', 'null'] };

const HELD_BY = {
  type: 'object',
  required: ['projection', 'generation', 'confirmed', 'since', 'since_within_ms', 'paused', 'dead_letter'],
  properties: {
    projection: { type: 'string' },
    generation: { type: ['integer', 'null'] },
    confirmed: { type: 'boolean', description: 'It has folded everything up to the event, durably.' },
    since: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'Null while it has not, and when that is longer ago than the process remembers.',
    },
    since_within_ms: {
      type: ['integer', 'null'],
      description: 'How long before `since` it may have been there already.',
    },
    paused: { ...TEXT_OR_NULL, description: 'Why the projection stands still before the event.' },
    dead_letter: { ...PERHAPS_PLACE, description: 'Where it is kept that it could not take the event.' },
  },
};

const ACCEPTED = {
  type: 'object',
  required: [
    'state',
    'receipt',
    'received_at',
    'timestamp',
    'queryable',
    'not_queryable_because',
    'projections',
    'turned_away',
  ],
  properties: {
    state: { const: 'accepted' },
    receipt: PLACE,
    received_at: TIME,
    timestamp: TIME,
    source: { type: 'string' },
    schema: { type: 'string' },
    schema_version: { type: 'integer' },
    queryable: { type: 'boolean', description: 'Whether questions about the facts see it.' },
    not_queryable_because: { enum: ['behind', 'paused', 'dead_letter', 'horizon', null] },
    projections: { type: 'array', items: HELD_BY },
    turned_away: {
      type: 'object',
      description:
        'Turned away in the hour of its time, of all ids together: duplicates are counted, not kept.',
      properties: { hour: TIME, duplicates: { type: 'integer' }, conflicts: { type: 'integer' } },
    },
  },
};

const REFUSED = {
  type: 'object',
  required: ['state', 'dead_letter', 'first', 'received_at', 'reason', 'errors'],
  properties: {
    state: { enum: ['conflict', 'rejected'] },
    dead_letter: PLACE,
    first: { ...PERHAPS_PLACE, description: 'Of a conflict: the event that has the id.' },
    received_at: TIME,
    source: { type: 'string' },
    reason: { type: 'string', description: 'Code of the first error.' },
    errors: { type: 'array', items: { type: 'object' } },
  },
};

const TOKEN = 'dr1_0190b3a2-0000-7000-8000-000000000000_2_h';
const LETTER = 'dr1_0190b3a2-0000-7000-8000-000000000001_0_5';

const RECEIPT_SCHEMAS = {
  EventReceipt: {
    type: 'object',
    required: ['tenant_id', 'event_id', 'state', 'also', 'dead_letters'],
    properties: {
      tenant_id: { type: 'string' },
      event_id: { ...TEXT_OR_NULL, description: 'Null for an input without one, asked for by its token.' },
      state: { enum: ['accepted', 'conflict', 'rejected', 'unknown', 'not_known_any_more'] },
      also: {
        type: 'array',
        description: 'What else was sent under the id and became something else, newest first.',
        items: { anyOf: [ACCEPTED, REFUSED] },
      },
      dead_letters: { type: 'integer', description: 'How many there are of the id.' },
    },
    anyOf: [
      ACCEPTED,
      REFUSED,
      { type: 'object', properties: { state: { enum: ['unknown', 'not_known_any_more'] } } },
    ],
    examples: [
      {
        tenant_id: 'acme',
        event_id: 'evt_1',
        state: 'accepted',
        receipt: { partition: 2, offset: '17', token: TOKEN },
        received_at: '2024-03-04T10:00:00.120Z',
        timestamp: '2024-03-04T10:00:00.000Z',
        source: 'http',
        schema: 'envelope.behaviour',
        schema_version: 1,
        queryable: true,
        not_queryable_because: null,
        projections: [
          {
            projection: 'facts',
            generation: 1,
            confirmed: true,
            since: '2024-03-04T10:00:00.371Z',
            since_within_ms: 251,
            paused: null,
            dead_letter: null,
          },
        ],
        turned_away: { hour: '2024-03-04T10:00:00.000Z', duplicates: 1, conflicts: 1 },
        also: [
          {
            state: 'conflict',
            dead_letter: { partition: 0, offset: '5', token: LETTER },
            first: { partition: 2, offset: '17', token: TOKEN },
            received_at: '2024-03-04T10:00:09.000Z',
            source: 'http',
            reason: 'conflict',
            errors: [
              { field: 'event_id', code: 'conflict', message: 'stands in the log with another content' },
            ],
          },
        ],
        dead_letters: 1,
      },
      { tenant_id: 'acme', event_id: 'evt_2', state: 'unknown', also: [], dead_letters: 0 },
    ],
  },
} as const;

const RECEIPT_PATHS = {
  '/api/v1/receipts/{event_id}': {
    get: {
      operationId: 'getReceipt',
      tags: ['receipts'],
      summary: 'What became of an event',
      parameters: [
        {
          name: 'event_id',
          in: 'path',
          required: true,
          description: 'The id of the event, or the token of a receipt or dead letter.',
          schema: { type: 'string' },
          example: 'evt_1',
        },
        { name: 'tenant_id', in: 'query', required: true, schema: { type: 'string' }, example: 'acme' },
      ],
      responses: {
        200: {
          description: 'As it is now.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/EventReceipt' } } },
        },
        400: { $ref: '#/components/responses/Fault' },
        404: { $ref: '#/components/responses/Fault' },
      },
    },
  },
} as const;

/** The description of `createReceiptRouter` in OpenAPI 3.1. */
export const RECEIPT_ROUTES: { readonly paths: object; readonly schemas: object } = {
  paths: RECEIPT_PATHS,
  schemas: RECEIPT_SCHEMAS,
};
