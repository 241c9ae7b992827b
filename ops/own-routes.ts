import type { ApiFragment } from './openapi.ts';

const PROBE = {
  type: 'object',
  required: ['status', 'missing'],
  properties: {
    status: { type: 'string', enum: ['starting', 'ready', 'stopping'] },
    missing: { type: 'array', items: { type: 'string' } },
  },
};

const probe = (status: string, missing: readonly string[]): object => ({
  content: { 'application/json': { schema: PROBE, example: { status, missing } } },
});

/** The routes of operations themselves, in OpenAPI 3.1. */
export const OWN_ROUTES: ApiFragment = {
  paths: {
    '/live': {
      get: {
        operationId: 'live',
        tags: ['operations'],
        summary: 'Whether the process serves at all',
        responses: {
          200: {
            description: 'It does.',
            content: {
              'application/json': {
                schema: { type: 'object', properties: { status: { const: 'live' } } },
                example: { status: 'live' },
              },
            },
          },
        },
      },
    },
    '/ready': {
      get: {
        operationId: 'ready',
        tags: ['operations'],
        summary: 'Whether the platform takes events and answers questions',
        responses: {
          200: { description: 'It does.', ...probe('ready', []) },
          503: { description: 'It starts or stops.', ...probe('starting', ['facts']) },
        },
      },
    },
    '/config': {
      get: {
        operationId: 'config',
        tags: ['operations'],
        summary: 'The settings in force, secrets masked',
        responses: {
          200: {
            description: 'By name.',
            content: {
              'application/json': {
                schema: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
                example: { DAYBOOK_HTTP_PORT: 8080 },
              },
            },
          },
        },
      },
    },
    '/api/v1/openapi.json': {
      get: {
        operationId: 'openapi',
        tags: ['operations'],
        summary: 'This description',
        responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': {} } } },
      },
    },
  },
  schemas: {},
};
