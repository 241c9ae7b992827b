import { DOCUMENT_FORMS } from './document-forms.ts';
import type { DocumentForm } from './document-forms.ts';
import { DOCUMENT_ROUTES } from './http-documents.ts';
import { parametersOf } from './openapi-parameters.ts';

const META = {
  as_of: 'da1_018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10_1_0_k.12.7.a',
  generation: 1,
  lag: { events: 0, ms: 0 },
  elapsed_ms: 2,
};
const ITEM = {
  tenant_id: 'acme',
  scenario_id: 'vlog_feed',
  item_id: 'item_67890',
  metadata: { title: 'A day in Beijing', category: 'travel' },
  status: 'active',
  version: 1,
  created_at: 1_730_000_000_000,
  updated_at: 1_730_000_000_000,
};
const { item_id: _item, metadata: _metadata, ...PLACED } = ITEM;
const SCENARIO = { ...PLACED, scenario_type: 'video', name: 'Vlog feed' };
/** What the examples of the routes that change entries make. */
const ENTRY = {
  tenant_id: 'acme',
  scenario_id: 'vlog_feed',
  item_id: 'item_67890',
  model_id: 'rank-deepfm-v1.0',
};
const HISTORY = { changed_by: 'anonymous', authenticated: false, reason: '' };

/** One answer of each route, by its path. */
const EXAMPLES: Readonly<Record<string, object>> = {
  '/api/v1/items': { items: [ITEM], next_cursor: null, meta: META },
  '/api/v1/items/{item_id}': { item: ITEM, meta: META },
  '/api/v1/scenarios': { scenarios: [SCENARIO], next_cursor: null },
  '/api/v1/scenarios/{scenario_id}': { scenario: SCENARIO },
  '/api/v1/scenarios/{scenario_id}/versions': { versions: [{ ...SCENARIO, ...HISTORY }] },
  '/api/v1/model-configs': { model_configs: [], next_cursor: null },
  '/api/v1/model-configs/{model_id}': {
    model_config: { ...PLACED, model_id: 'rank-deepfm-v1.0', model_type: 'rank', model_name: 'deepfm' },
  },
  '/api/v1/model-configs/{model_id}/versions': {
    versions: [{ ...PLACED, model_id: 'rank-deepfm-v1.0', ...HISTORY }],
  },
  '/api/analytics/users/{user_id}/profile': {
    tenant_id: 'acme',
    user_id: 'user_12345',
    scenario_id: null,
    features: {
      total_events: 3,
      total_watch_count: 1,
      action_counts: { click: 2, play_end: 1 },
      category_counts: { travel: 3 },
      favorite_categories: ['travel'],
      devices: { mobile: 3 },
      total_watch_duration: 63.5,
      active_hours: Array.from({ length: 24 }, (_, hour) => (hour === 20 ? 3 : 0)),
      first_seen_at: '2024-10-27T03:33:20.000Z',
      last_seen_at: '2024-10-27T03:40:00.000Z',
    },
    preferences: { category_scores: { travel: 1 } },
    updated_at: '2024-10-27T03:40:00.000Z',
    tz: 'UTC',
    properties: { city: 'Beijing' },
    data_source: 'documents',
    meta: META,
  },
};

const SUMMARIES: Readonly<Record<string, string>> = {
  '/api/v1/items': 'Items of the catalogue, by scenario and id',
  '/api/v1/items/{item_id}': 'One item',
  '/api/v1/scenarios': 'Scenarios, by id',
  '/api/v1/scenarios/{scenario_id}': 'One scenario',
  '/api/v1/scenarios/{scenario_id}/versions': 'Every version of a scenario, with who made it and why',
  '/api/v1/model-configs': 'Model configs, by scenario and id',
  '/api/v1/model-configs/{model_id}': 'One model config',
  '/api/v1/model-configs/{model_id}/versions': 'Every version of a model config, with who made it and why',
  '/api/analytics/users/{user_id}/profile': 'What the log tells of a user',
};

/** The paths of {@link DOCUMENT_ROUTES} in OpenAPI 3.1. */
export const DOCUMENT_PATHS: object = Object.fromEntries(
  DOCUMENT_ROUTES.map(({ path, form }) => [
    path,
    {
      get: {
        operationId: `get${path.replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, '')}`,
        tags: [path.startsWith('/api/v1/') ? 'catalogue' : 'questions'],
        summary: SUMMARIES[path],
        parameters: parametersFor(path, form),
        responses: {
          200: {
            description: 'As it is now.',
            content: { 'application/json': { schema: answerOf(path), example: EXAMPLES[path] } },
          },
          400: { $ref: '#/components/responses/Fault' },
          404: { description: 'There is no such entry (NOT_FOUND).' },
          504: { description: 'The awaited event was not visible in time (QUERY_NOT_YET_VISIBLE).' },
        },
      },
    },
  ]),
);

/** Only what belongs to model configs is asked about the model. */
function parametersFor(path: string, form: DocumentForm): readonly object[] {
  const example = path.startsWith('/api/analytics/') ? { tenant_id: 'acme', user_id: 'u1' } : ENTRY;
  return parametersOf(path, DOCUMENT_FORMS[form], example).filter(
    ({ name }) => name !== 'model_id' || path.includes('model'),
  );
}

function answerOf(path: string): object {
  const members = Object.keys(EXAMPLES[path] ?? {});
  return {
    type: 'object',
    required: members,
    properties: Object.fromEntries(members.map((member) => [member, {}])),
  };
}
