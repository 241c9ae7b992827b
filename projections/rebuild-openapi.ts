import { COMMAND_MEMBERS } from './rebuild-request.ts';
import type { ProjectionCommand } from './rebuild-request.ts';

const text = (description: string): object => ({ type: 'string', description });
const textOrNull = (description: string): object => ({ type: ['string', 'null'], description });
const TIME = { type: 'string', format: 'date-time' };
const VECTOR = { type: 'array', items: { type: 'string' }, description: 'Next offset, per partition.' };
const BY = {
  type: 'object',
  required: ['actor', 'reason'],
  properties: { actor: { type: 'string' }, reason: { type: 'string' } },
};
const SCOPE = {
  type: 'object',
  required: ['kind'],
  properties: {
    kind: { enum: ['all', 'event', 'offsets', 'time'] },
    event: { type: 'string' },
    partition: { type: 'integer' },
    from_offset: { type: 'string' },
    to_offset: { type: 'string' },
    from: TIME,
    to: TIME,
  },
};
const DIFFERENCE = {
  type: 'object',
  required: ['name', 'active', 'candidate', 'examples'],
  properties: {
    name: text('A day of facts, a collection of a view, a document: what differences are accepted by.'),
    active: textOrNull('What the active generation has there.'),
    candidate: textOrNull('What the other one has there.'),
    examples: { type: 'array', items: { type: 'string' } },
  },
};
const VERIFICATION = {
  type: ['object', 'null'],
  required: ['at', 'vector', 'compared', 'different', 'checksums'],
  properties: {
    at: TIME,
    vector: VECTOR,
    compared: { type: 'integer' },
    different: { type: 'integer' },
    checksums: {
      type: 'object',
      properties: { active: { type: 'string' }, candidate: { type: 'string' } },
    },
    differences: {
      type: 'array',
      items: DIFFERENCE,
      description: 'The first 1000 by name. Left out of lists and of progress.',
    },
  },
};
const REBUILD = {
  type: ['object', 'null'],
  required: ['generation', 'stage', 'scope', 'by', 'started_at', 'done', 'total', 'rate', 'eta_seconds'],
  properties: {
    generation: { type: 'integer' },
    stage: {
      enum: [
        'copying',
        'folding',
        'verifying',
        'ready',
        'different',
        'paused',
        'failed',
        'cancelled',
        'activated',
      ],
    },
    scope: SCOPE,
    by: BY,
    started_at: TIME,
    done: { type: 'integer', description: 'Records folded so far.' },
    total: { type: 'integer', description: 'Records there are to fold by now.' },
    rate: { type: ['number', 'null'], description: 'Records a second.' },
    eta_seconds: { type: ['number', 'null'] },
    verification: VERIFICATION,
    accepted: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string' }, by: BY } },
    },
    reason: textOrNull('Why it is paused or has failed.'),
  },
};

const EXAMPLE = {
  projection: 'facts',
  tenant_id: 'acme',
  version: 2,
  rebuild_due: true,
  active_generation: 1,
  high_water: ['120', '97', '0', '133'],
  generations: [
    {
      generation: 1,
      role: 'active',
      version: 1,
      created_at: '2024-03-01T08:00:00.000Z',
      confirmed: ['120', '97', '0', '133'],
      behind: '0',
      stands_still: null,
    },
    {
      generation: 2,
      role: 'building',
      version: 2,
      created_at: '2024-03-05T09:00:00.000Z',
      confirmed: ['120', '97', '0', '133'],
      behind: '0',
      stands_still: null,
    },
  ],
  rebuild: {
    generation: 2,
    stage: 'different',
    scope: { kind: 'all' },
    by: { actor: 'ada', reason: 'watch time in seconds' },
    started_at: '2024-03-05T09:00:00.000Z',
    done: 350,
    total: 350,
    rate: null,
    eta_seconds: null,
    verification: {
      at: '2024-03-05T09:00:02.000Z',
      vector: ['120', '97', '0', '133'],
      compared: 31,
      different: 1,
      checksums: { active: '9f0c', candidate: '11ab' },
      differences: [
        {
          name: '2024-03-04',
          active: '12 rows, 51aa',
          candidate: '12 rows, 77c3',
          examples: ['2:17 watch_duration 63500 → 63.5'],
        },
      ],
    },
    accepted: [],
    reason: null,
  },
};

/** The schemas that {@link REBUILD_PATHS} refers to. */
export const REBUILD_SCHEMAS = {
  Projection: {
    type: 'object',
    required: [
      'projection',
      'tenant_id',
      'version',
      'rebuild_due',
      'active_generation',
      'generations',
      'rebuild',
    ],
    properties: {
      projection: { type: 'string' },
      tenant_id: { type: 'string' },
      version: { type: 'integer', description: 'Of the logic in this process.' },
      rebuild_due: { type: 'boolean', description: 'The active generation was folded by older logic.' },
      active_generation: { type: 'integer' },
      high_water: VECTOR,
      generations: {
        type: 'array',
        items: {
          type: 'object',
          required: ['generation', 'role', 'version', 'created_at', 'confirmed', 'behind', 'stands_still'],
          properties: {
            generation: { type: 'integer' },
            role: { enum: ['active', 'building', 'previous', 'dropped'] },
            version: { type: 'integer', description: 'Of the logic that folded it.' },
            created_at: TIME,
            confirmed: VECTOR,
            behind: text('Records it has not folded yet.'),
            stands_still: textOrNull('Why it does not follow the log, if it does not.'),
          },
        },
      },
      rebuild: REBUILD,
    },
    examples: [EXAMPLE, { ...EXAMPLE, rebuild_due: false, rebuild: null }],
  },
} as const;

const MEMBERS: Readonly<Record<string, object>> = {
  event: text('Fold anew the events of one name alone.'),
  partition: { type: 'integer', description: 'Fold anew offsets of this partition alone.' },
  from_offset: text('The first of them.'),
  to_offset: text('The first after them.'),
  from: {
    type: ['string', 'number'],
    description: 'Fold anew events from this time on; ISO 8601 or epoch ms.',
  },
  to: { type: ['string', 'number'], description: 'And before this one.' },
  activate: {
    type: 'boolean',
    default: false,
    description: 'Activate it when it has been verified and nothing differs.',
  },
  names: {
    type: 'array',
    minItems: 1,
    items: { type: 'string' },
    description: 'Names of differences; one that ends in * accepts all that begin so.',
  },
  generation: { type: 'integer', minimum: 1 },
};

const SAYS: Readonly<Record<ProjectionCommand, readonly [summary: string, example: object]>> = {
  rebuild: [
    'Fold a read model anew beside the one that serves, and verify it',
    { reason: 'watch time in seconds' },
  ],
  pause: ['Let the rebuild stand still', { reason: 'at peak time' }],
  resume: ['Let a paused or failed rebuild go on', {}],
  cancel: ['End the rebuild and drop its generation', {}],
  verify: ['Compare the rebuilt or previous generation with the active one again', {}],
  accept: ['Accept differences by name', { names: ['2024-03-04'], reason: 'seconds, as meant' }],
  activate: ['Let the verified generation serve', {}],
  rollback: ['Let the previous generation serve again', {}],
  drop: ['Drop a generation that does not serve', { generation: 1 }],
};

const PROJECTION = {
  name: 'projection',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  example: 'facts',
};
const TENANT = {
  name: 'tenant_id',
  in: 'query',
  required: true,
  schema: { type: 'string' },
  example: 'acme',
};
const ACTOR = { name: 'X-User-Id', in: 'header', description: 'Who asks; kept.', schema: { type: 'string' } };
const status = (description: string): object => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Projection' } } },
});
const FAULTS = {
  400: { $ref: '#/components/responses/Fault' },
  404: { $ref: '#/components/responses/Fault' },
};
const question = (operationId: string, summary: string, rest: object): object => ({
  get: { operationId, tags: ['projections'], summary, ...rest },
});

/** The description of `createRebuildRouter` in OpenAPI 3.1. */
export const REBUILD_PATHS: object = {
  '/api/v1/projections': question('listProjections', 'Every projection of a tenant, with its generations', {
    parameters: [TENANT],
    responses: {
      200: {
        description: 'As they are now.',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['projections'],
              properties: {
                projections: { type: 'array', items: { $ref: '#/components/schemas/Projection' } },
              },
            },
          },
        },
      },
      ...FAULTS,
    },
  }),
  '/api/v1/projections/{projection}': question('getProjection', 'One projection of a tenant', {
    parameters: [PROJECTION, TENANT],
    responses: { 200: status('As it is now, with what differs.'), ...FAULTS },
  }),
  '/api/v1/projections/{projection}/progress': question(
    'followProjection',
    'A projection, whenever it has changed',
    {
      parameters: [PROJECTION, TENANT],
      responses: {
        200: {
          description: 'One status per line, the first at once, until the connection is closed.',
          content: {
            'application/x-ndjson': { schema: { $ref: '#/components/schemas/Projection' } },
            'text/event-stream': { schema: { $ref: '#/components/schemas/Projection' } },
          },
        },
        ...FAULTS,
      },
    },
  ),
  ...Object.fromEntries(
    (Object.keys(COMMAND_MEMBERS) as ProjectionCommand[]).map((command) => [
      `/api/v1/projections/{projection}/${command}`,
      { post: operationOf(command) },
    ]),
  ),
};

function operationOf(command: ProjectionCommand): object {
  const [summary, example] = SAYS[command];
  const members: readonly string[] = COMMAND_MEMBERS[command];
  const required = [
    'tenant_id',
    ...members.filter((member) => member === 'names' || member === 'generation'),
  ];
  return {
    operationId: `${command}Projection`,
    tags: ['projections'],
    summary,
    parameters: [PROJECTION, ACTOR],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            additionalProperties: false,
            required,
            properties: {
              tenant_id: { type: 'string' },
              ...Object.fromEntries(members.map((member) => [member, MEMBERS[member]])),
              reason: text('Why; kept.'),
            },
          },
          example: { tenant_id: 'acme', ...example },
        },
      },
    },
    responses: {
      [['rebuild', 'resume', 'verify'].includes(command) ? 202 : 200]: status('As it is now.'),
      ...FAULTS,
      409: { description: 'Its state does not allow it (PROJECTION_COMMAND_REFUSED, `details.reason`).' },
    },
  };
}
