import type { AnalysisName } from './analysis.ts';
import { CATALOGUE } from './queries.ts';
import { COUNTED_RANGE, COUNTED_RANGE_EXAMPLE } from './counted-range.ts';
import { COMMON_META } from './openapi-meta.ts';
import { parametersOf } from './openapi-parameters.ts';

/** The part of the API description that the questions bring along, in OpenAPI 3.1. */
export type QueryDescription = { readonly paths: object; readonly schemas: object };

const PIN = 'da1_018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10_1_0_k.12.7.a';

/** Describes every route of the questions from the schemas the questions are checked by. */
export function describeQueries(): QueryDescription {
  const schemas: Record<string, object> = { AnswerMeta: META };
  const paths: Record<string, object> = {};
  for (const analysis of Object.values(CATALOGUE)) {
    const name = oneWord(analysis.name);
    const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}Question`;
    schemas[title] = JSON.parse(JSON.stringify(analysis.schema)) as object;
    paths[`/api/analytics/${analysis.name}`] = {
      ...(BODY.has(analysis.name) ? {} : { get: byGet(analysis.name) }),
      ...(BODY.has(analysis.name) ? { post: byPost(analysis.name, title) } : {}),
      ...(analysis.name === 'events' ? { get: byGet('events') } : {}),
    };
  }
  return { paths, schemas };
}

const BODY: ReadonlySet<AnalysisName> = new Set(['events', 'funnel', 'retention']);

/** `hot-items` as `hotItems`. */
function oneWord(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function byGet(name: AnalysisName): object {
  const { schema, summary, example } = CATALOGUE[name];
  return {
    tags: ['questions'],
    operationId: `${oneWord(name)}ByGet`,
    summary,
    parameters: parametersOf('', schema, example.question),
    responses: responsesOf(name),
  };
}

function byPost(name: AnalysisName, title: string): object {
  const { summary, example } = CATALOGUE[name];
  return {
    tags: ['questions'],
    operationId: name,
    summary,
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: { $ref: `#/components/schemas/${title}` }, example: example.question },
      },
    },
    responses: responsesOf(name),
  };
}

function responsesOf(name: AnalysisName): object {
  const { answerSchema, example } = CATALOGUE[name];
  const { answer } = example;
  const members = Object.keys(answer);
  const forms = JSON.parse(JSON.stringify(answerSchema?.properties ?? {})) as Record<string, object>;
  return {
    200: {
      description: 'The answer, and beside it what it reflects.',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: [...members, 'meta'],
            properties: {
              ...Object.fromEntries(members.map((member) => [member, forms[member] ?? {}])),
              meta: { $ref: '#/components/schemas/AnswerMeta' },
            },
          },
          example: { ...answer, meta: META_EXAMPLE },
        },
      },
    },
    400: { description: 'The question is not of the documented form (QUERY_INVALID, TENANT_INVALID).' },
    403: { description: 'The tenant differs from the header (TENANT_MISMATCH).' },
    410: { description: 'The answer as of that token can no longer be given (QUERY_PIN_UNAVAILABLE).' },
    422: { description: 'The question exceeded its limit of time, rows or memory (QUERY_TOO_DEAR).' },
    503: { description: 'Too many questions wait (QUERY_OVERLOADED).' },
    504: { description: 'The awaited event was not visible in time (QUERY_NOT_YET_VISIBLE).' },
  };
}

export const META_EXAMPLE = {
  as_of: PIN,
  generation: 1,
  lag: { events: 0, ms: 0 },
  completeness: { confirmed_ratio: 1, behind_events: 0, ...COUNTED_RANGE_EXAMPLE },
  horizon: null,
  now: '2024-03-11T08:00:00.000Z',
  range: { from: '2024-03-04T00:00:00.000Z', to: '2024-03-11T00:00:00.000Z', tz: 'UTC' },
  elapsed_ms: 12,
  rows_read: 8192,
  cached: false,
};

const META = {
  type: 'object',
  description: 'What an answer reflects.',
  required: Object.keys(META_EXAMPLE),
  properties: {
    as_of: {
      type: ['string', 'null'],
      description: 'Pins the answer: the same question with it gives the same figures.',
    },
    generation: { type: ['integer', 'null'], description: 'The generation of the facts that answered.' },
    ...COMMON_META,
    completeness: {
      ...COMMON_META.completeness,
      properties: { ...COMMON_META.completeness.properties, ...COUNTED_RANGE },
    },
    horizon: {
      type: ['string', 'null'],
      description: 'Facts older than this are gone; null = all are kept.',
    },
    now: { type: 'string', description: 'The instant taken for now.' },
    range: { type: 'object', description: 'The range that was answered.' },
    rows_read: { type: 'integer' },
    cached: { type: 'boolean' },
  },
  example: META_EXAMPLE,
};
