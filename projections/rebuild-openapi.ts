import { COMMAND_MEMBERS } from './rebuild-request.ts';
import type { ProjectionCommand } from './rebuild-request.ts';
import { REBUILD_SCHEMAS } from './rebuild-schemas.ts';

const text = (description: string): object => ({ type: 'string', description });

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

const REBUILD_PATHS: object = {
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

/** The description of `createRebuildRouter` in OpenAPI 3.1. */
export const REBUILD_ROUTES: { readonly paths: object; readonly schemas: object } = {
  paths: REBUILD_PATHS,
  schemas: REBUILD_SCHEMAS,
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
