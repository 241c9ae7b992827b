import type { LiveMeta } from './live-meta.ts';
import type { LiveQuestion } from './live-question.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';
import type { QueryDescription } from './openapi.ts';
import { COMMON_META } from './openapi-meta.ts';
import { parametersOf } from './openapi-parameters.ts';

/** Describes every route of the live questions from the schemas the questions are checked by. */
export function describeLiveQuestions(): QueryDescription {
  return {
    paths: Object.fromEntries(
      LIVE_QUESTIONS.map((question) => [question.path, { get: operationOf(question) }]),
    ),
    schemas: { LiveMeta: META },
  };
}

function operationOf({ name, path, schema, summary, example }: LiveQuestion): object {
  const parameters = parametersOf(path, schema, example.question);
  return { tags: ['live'], operationId: name, summary, parameters, responses: responsesOf(example.answer) };
}

function responsesOf(answer: object): object {
  const members = Object.keys(answer);
  return {
    200: {
      description: 'The answer, and beside it what it reflects.',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: [...members, 'meta'],
            properties: {
              ...Object.fromEntries(members.map((member) => [member, {}])),
              meta: { $ref: '#/components/schemas/LiveMeta' },
            },
          },
          example: { ...answer, meta: META_EXAMPLE },
        },
      },
    },
    400: { description: 'The question is not of the documented form (QUERY_INVALID, TENANT_INVALID).' },
    403: { description: 'The tenant differs from the header (TENANT_MISMATCH).' },
    410: {
      description: 'The answer can no longer be given (QUERY_PIN_UNAVAILABLE): `as_of`, or `at` too early.',
    },
    504: { description: 'The awaited event was not visible in time (QUERY_NOT_YET_VISIBLE).' },
  };
}

const META_EXAMPLE: LiveMeta = {
  as_of: null,
  vector: 'da1_018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10_1_0_k.12.7.a',
  generation: 1,
  lag: { events: 0, ms: 0 },
  completeness: { confirmed_ratio: 1, behind_events: 0 },
  horizon: '2024-03-11T07:55:00.000Z',
  at: '2024-03-11T08:00:12.000Z',
  data_source: 'live_views',
  elapsed_ms: 2,
};

const META = {
  type: 'object',
  description: 'What an answer from the live views reflects.',
  required: Object.keys(META_EXAMPLE),
  properties: {
    as_of: { type: 'null', description: 'Live views keep only what is current: there is nothing to pin.' },
    vector: { type: ['string', 'null'], description: 'How much of the log the answer reflects, as a token.' },
    generation: { type: ['integer', 'null'], description: 'The generation of the views that answered.' },
    ...COMMON_META,
    horizon: {
      type: ['string', 'null'],
      description: 'What had expired at this instant has been removed.',
    },
    at: { type: 'string', description: 'The instant looked back from.' },
    data_source: { type: 'string' },
  },
  example: META_EXAMPLE,
};
