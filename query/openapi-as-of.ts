import { DIFF_QUESTION } from './diffs.ts';
import { explanationSchema } from './explain-live.ts';
import { PROFILE_EXPLANATION } from './explain-profile.ts';
import {
  EXPLAINED_EVENTS,
  EXPLAINED_RECORDS,
  NEXT_CURSOR,
  SAMPLED,
  WHOLE,
  lists,
} from './explanation-forms.ts';
import { LEVELS } from './explanation-page.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';
import { parametersOf } from './openapi-parameters.ts';
import type { QueryDescription } from './openapi.ts';

/** Describes the explanations of live views and profiles, and the diff of two answers. */
export function describeAsOf(): QueryDescription {
  const explained = LIVE_QUESTIONS.map((question) => {
    const path = `${question.path}/explain`;
    const operation = {
      tags: ['explanations'],
      operationId: `${question.name}Explanation`,
      summary: `What a figure is made of: ${question.summary.toLowerCase()}`,
      parameters: parametersOf(path, explanationSchema(question), {
        ...question.example.question,
        ...CELL_EXAMPLES[question.name],
      }),
      responses: responsesOf(LIVE_EXAMPLE, explainedBy({})),
    };
    return [path, { get: operation }] as const;
  });
  const profile = '/api/analytics/users/{user_id}/profile/explain';
  return {
    paths: {
      ...Object.fromEntries(explained),
      [profile]: {
        get: {
          tags: ['explanations'],
          operationId: 'profileExplanation',
          summary: 'What a field of a profile is made of',
          parameters: parametersOf(profile, PROFILE_EXPLANATION, {
            tenant_id: 'acme',
            user_id: 'u1',
            field: 'features.action_counts.click',
          }),
          responses: responsesOf(
            PROFILE_EXAMPLE,
            explainedBy({ user_id: { type: 'string' }, field: { type: ['string', 'null'] } }),
          ),
        },
      },
      '/api/analytics/diff': {
        get: {
          tags: ['questions'],
          operationId: 'diffByGet',
          summary: 'What became of an answer between two tokens, and why',
          parameters: parametersOf('', DIFF_QUESTION, DIFF_QUESTION_EXAMPLE).map((each) =>
            each.name === 'question'
              ? { ...each, schema: { type: 'string' }, example: JSON.stringify(each.example) }
              : each,
          ),
          responses: responsesOf(DIFF_EXAMPLE),
        },
        post: {
          tags: ['questions'],
          operationId: 'diff',
          summary: 'What became of an answer between two tokens, and why',
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: { $ref: '#/components/schemas/DiffQuestion' },
                example: DIFF_QUESTION_EXAMPLE,
              },
            },
          },
          responses: responsesOf(DIFF_EXAMPLE),
        },
      },
    },
    schemas: { DiffQuestion: JSON.parse(JSON.stringify(DIFF_QUESTION)) as object },
  };
}

/** The form of an explanation that has been read from the log itself. */
function explainedBy(named: object): object {
  return {
    type: 'object',
    required: ['analysis', 'total', 'level', 'next_cursor', 'meta'],
    properties: {
      analysis: { type: 'string' },
      ...named,
      value: { description: 'As the read model has it. Of the first page only, as is `recount`.' },
      recount: {
        type: 'object',
        description: 'The value folded anew from the records.',
        required: ['equal', 'value', 'records_read'],
        properties: {
          equal: { type: ['boolean', 'null'], description: 'Null where not all records were read.' },
          value: { description: 'From the raw records alone; null where not all were read.' },
          records_read: WHOLE,
          differences: lists({ type: 'object' }, 'Of a profile: where the two differ.'),
        },
      },
      sampled: SAMPLED,
      total: { type: 'object', description: 'Of all pages.' },
      level: { type: 'string', enum: LEVELS },
      users: lists(
        { type: 'object', required: ['user', 'events'] },
        'Of the level `users`: by how many events each is in it.',
      ),
      events: EXPLAINED_EVENTS,
      records: EXPLAINED_RECORDS,
      next_cursor: NEXT_CURSOR,
      meta: {
        type: 'object',
        required: ['as_of', 'generation'],
        properties: {
          as_of: { type: ['string', 'null'], description: 'The records it is made of lie before it.' },
          generation: { type: ['integer', 'null'] },
          now: { type: 'string', description: 'The instant looked back from.' },
        },
      },
    },
  };
}

function responsesOf(example: object, schema: object = { type: 'object' }): object {
  return {
    200: {
      description: 'The answer.',
      content: { 'application/json': { schema, example } },
    },
    400: { description: 'The question is not of the documented form (QUERY_INVALID, TENANT_INVALID).' },
    403: { description: 'The tenant differs from the header (TENANT_MISMATCH).' },
    410: { description: 'The answer can no longer be given (QUERY_PIN_UNAVAILABLE).' },
    504: { description: 'The awaited event was not visible in time (QUERY_NOT_YET_VISIBLE).' },
  };
}

const BEFORE = 'da1_018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10_1_0_k.12.7.a';
const AFTER = 'da1_018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10_1_0_l.12.7.a';

/** What names a figure of each live question, in an example. */
const CELL_EXAMPLES: Readonly<Record<string, object>> = {
  hotItems: { item_id: 'i7' },
  realtimeMetrics: { cell: 'ctr' },
  realtimeMinutes: { cell: 'pv', minute: '2024-03-11T07:59:00.000Z' },
  realtimeStats: { cell: 'last_hour.events' },
  recentViews: { item_id: 'i7' },
  itemStats: { cell: 'click_count' },
};

const DIFF_QUESTION_EXAMPLE = {
  tenant_id: 'acme',
  analysis: 'dashboard',
  question: { from: '2024-03-04', to: '2024-03-11' },
  before: BEFORE,
  after: AFTER,
};

const LIVE_EXAMPLE = {
  analysis: 'realtimeMetrics',
  value: 50,
  recount: { equal: true, value: 50, records_read: 3 },
  total: { users: 2, events: 3, sums: { impression: 2, click: 1 } },
  level: 'users',
  users: [
    { user: 'u1', events: 2 },
    { user: 'u2', events: 1 },
  ],
  next_cursor: null,
  meta: { as_of: BEFORE, generation: 1, now: '2024-03-11T08:00:12.000Z' },
};

const EVENT = {
  position: { partition: 0, offset: '20' },
  event_id: 'evt_1',
  kind: 'behaviour',
  event: 'click',
  time: '2024-03-11T07:59:02.120Z',
  received_at: '2024-03-11T07:59:02.300Z',
  user: 'u1',
};

const PROFILE_EXAMPLE = {
  analysis: 'profile',
  user_id: 'u1',
  field: 'features.action_counts.click',
  value: 1,
  recount: { equal: true, value: 1, records_read: 4, differences: [] },
  total: { events: 1 },
  level: 'events',
  events: [{ ...EVENT, counted: { 'features.action_counts.click': 1 } }],
  next_cursor: null,
  meta: { as_of: BEFORE, generation: 1 },
};

const DIFF_EXAMPLE = {
  analysis: 'dashboard',
  before: { as_of: BEFORE, answer: { overview: { total_clicks: 0 } } },
  after: { as_of: AFTER, answer: { overview: { total_clicks: 1 } } },
  changed: [{ path: 'overview.total_clicks', before: 0, after: 1, difference: 1 }],
  changed_total: 1,
  why: { records: { late: 1, new: 0, outside_range: 0 } },
  records: [{ class: 'late', ...EVENT }],
  next_cursor: null,
  meta: {
    now: '2024-03-11T08:00:00.000Z',
    range: { from: '2024-03-04T00:00:00.000Z', to: '2024-03-11T00:00:00.000Z', tz: 'UTC' },
  },
};
