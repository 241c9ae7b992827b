import { CELLS } from './explain-cells.ts';
import { EXPLAIN_SCHEMA } from './explain.ts';
import { ANALYSES } from './analysis.ts';
import type { AnalysisName } from './analysis.ts';
import { LEVELS } from './explanation-page.ts';
import {
  EXPLAINED_EVENTS,
  EXPLAINED_RECORDS,
  NEXT_CURSOR,
  SAMPLED,
  WHOLE,
  lists,
} from './explanation-forms.ts';
import { BY_GET } from './http-query.ts';
import { META_EXAMPLE } from './openapi.ts';
import { parametersOf } from './openapi-parameters.ts';
import type { QueryDescription } from './openapi.ts';
import { CATALOGUE } from './queries.ts';

/** Describes every route that explains a number, in OpenAPI 3.1. */
export function describeExplanations(): QueryDescription {
  const paths = Object.fromEntries(
    ANALYSES.map((name) => [
      `/api/analytics/${name}/explain`,
      { ...(BY_GET.includes(name) ? { get: byGet(name) } : {}), post: byPost(name) },
    ]),
  );
  return { paths, schemas: { Recount: RECOUNT } };
}

function plain(schema: unknown): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(schema)) as Readonly<Record<string, unknown>>;
}

/** The members of the question and of the explanation together. */
function membersOf(name: AnalysisName): Readonly<Record<string, unknown>> {
  const cell = { ...plain(EXPLAIN_SCHEMA.properties.cell) };
  return {
    ...plain(CATALOGUE[name].schema.properties),
    ...plain(EXPLAIN_SCHEMA.properties),
    cell: { ...cell, type: undefined, anyOf: [plain(CELLS[name].schema), { type: 'string' }] },
  };
}

function exampleOf(name: AnalysisName): Readonly<Record<string, unknown>> {
  return { ...CATALOGUE[name].example.question, cell: CELLS[name].example };
}

function requiredOf(name: AnalysisName): readonly string[] {
  return ['cell', ...((CATALOGUE[name].schema as { required?: readonly string[] }).required ?? [])];
}

function byGet(name: AnalysisName): object {
  const form = { properties: membersOf(name), required: requiredOf(name) };
  const parameters = parametersOf('', form, exampleOf(name)).map((each) =>
    each.name === 'cell'
      ? { ...each, schema: { type: 'string' }, example: JSON.stringify(each.example) }
      : each,
  );
  return { ...operation(name, 'ByGet'), parameters };
}

function byPost(name: AnalysisName): object {
  const schema = {
    type: 'object',
    required: requiredOf(name),
    additionalProperties: false,
    properties: plain(membersOf(name)),
  };
  return {
    ...operation(name, ''),
    requestBody: {
      required: true,
      content: { 'application/json': { schema, example: exampleOf(name) } },
    },
  };
}

function operation(name: AnalysisName, how: string): object {
  const word = name.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
  return {
    tags: ['explanations'],
    operationId: `explain${word}${how}`,
    summary: `Who and what makes a number of ${name}, down to the raw records`,
    responses: RESPONSES,
  };
}

const PART = {
  type: 'object',
  required: ['name', 'unit', 'of'],
  properties: {
    name: { type: 'string' },
    unit: { type: 'string', description: 'What the values of its users are counted in.' },
    of: { type: 'string', enum: ['users', 'items'] },
  },
};

const EXAMPLE = {
  analysis: 'dashboard',
  cell: { figure: 'ctr' },
  value: 7.5,
  part: { name: 'clicks', unit: 'events', of: 'users' },
  parts: [
    { name: 'clicks', unit: 'events', of: 'users' },
    { name: 'impressions', unit: 'events', of: 'users' },
  ],
  level: 'users',
  users: [{ user: 'u1', value: 2, events: 2 }],
  next_cursor: null,
  recount: {
    equal: true,
    value: 7.5,
    records_read: 4000,
    events: { log: 43, facts: 43, missing: 0, unexpected: 0, differing: 0, repeated: 0 },
    examples: [],
  },
  meta: META_EXAMPLE,
};

const MEMBER = { type: 'object', required: ['value', 'events'] };

const RESPONSES = {
  200: {
    description: 'The number, who is in it, and whether the raw records come to the same.',
    content: {
      'application/json': {
        schema: {
          type: 'object',
          required: ['analysis', 'cell', 'value', 'part', 'parts', 'level', 'next_cursor', 'meta'],
          properties: {
            analysis: { type: 'string' },
            cell: { type: 'object' },
            value: { description: 'As the answer has it.' },
            part: PART,
            parts: lists(PART, 'What the value is worked out from.'),
            level: { type: 'string', enum: LEVELS },
            users: lists(MEMBER, 'Of the level `users`: what each user adds, by how many events.'),
            items: lists(MEMBER, 'The same where the number is of items.'),
            events: EXPLAINED_EVENTS,
            records: EXPLAINED_RECORDS,
            next_cursor: NEXT_CURSOR,
            recount: { $ref: '#/components/schemas/Recount' },
            meta: { $ref: '#/components/schemas/AnswerMeta' },
          },
        },
        example: EXAMPLE,
      },
    },
  },
  400: {
    description:
      'The question is not of the documented form, or has no such cell (QUERY_INVALID, TENANT_INVALID).',
  },
  403: { description: 'The tenant differs from the header (TENANT_MISMATCH).' },
  410: {
    description:
      'It can no longer be given or explained (QUERY_PIN_UNAVAILABLE, QUERY_UNEXPLAINABLE, LOG_GAP).',
  },
  422: { description: 'The question exceeded its limit of time, rows or memory (QUERY_TOO_DEAR).' },
  503: { description: 'Too many questions wait (QUERY_OVERLOADED).' },
  504: { description: 'The awaited event was not visible in time (QUERY_NOT_YET_VISIBLE).' },
};

const RECOUNT = {
  type: 'object',
  description: 'The number counted again from the raw records, beside what the facts hold.',
  required: ['equal', 'value', 'records_read', 'events', 'examples'],
  properties: {
    equal: {
      type: 'boolean',
      description: 'The value is that of the answer, and the facts hold just the events of the log.',
    },
    value: { description: 'From the raw records alone; null where only samples were read.' },
    records_read: WHOLE,
    events: {
      type: 'object',
      properties: {
        log: WHOLE,
        facts: WHOLE,
        missing: WHOLE,
        unexpected: WHOLE,
        differing: WHOLE,
        repeated: WHOLE,
      },
    },
    examples: lists(
      {
        type: 'object',
        required: ['partition', 'offset', 'what'],
        properties: {
          partition: WHOLE,
          offset: { type: 'string' },
          what: { type: 'string', enum: ['missing', 'unexpected', 'differing', 'repeated'] },
        },
      },
      'Some of the differences between log and facts.',
    ),
    sampled: SAMPLED,
  },
  example: EXAMPLE.recount,
};
