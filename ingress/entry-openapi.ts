import { ABOUT_THE_REQUEST, ENTRY_FORMS, ENTRY_PATHS } from './entry-forms.ts';
import type { EntryPath } from './entry-forms.ts';
import { fieldErrors, ref } from './openapi-schemas.ts';

const NOUNS: Readonly<Record<EntryPath, string>> = {
  items: 'item',
  scenarios: 'scenario',
  'model-configs': 'model config',
};
const TITLES: Readonly<Record<EntryPath, string>> = {
  items: 'Item',
  scenarios: 'Scenario',
  'model-configs': 'ModelConfig',
};

const RECEIPT = { partition: 2, offset: '17', token: 'dr1_0197f3f2-7c1e-4cc3-98c4-dc0c0c07398f_2_h' };
const WRITTEN = { success: true, outcome: 'accepted', version: 1, errors: [] };
const IMPORTED = {
  success: true,
  total: 1,
  succeeded: 1,
  failed: 0,
  results: [{ index: 0, scenario_id: 'vlog_feed', outcome: 'accepted', version: 1, errors: [] }],
};

const content = (schema: object, example: object): object => ({ 'application/json': { schema, example } });

const FAULTS = {
  400: { $ref: '#/components/responses/Fault' },
  403: { description: 'The entry names another tenant than the credential or X-Tenant-Id.' },
  409: { description: 'The entry has another version than expected, or exists (CATALOGUE_CONFLICT).' },
  503: { description: 'It cannot be written now; send it again after `Retry-After` seconds.' },
};
const UNKNOWN = { 404: { description: 'There is no such entry or tenant (NOT_FOUND, TENANT_UNKNOWN).' } };

/** The path items of the routes that write entries, in OpenAPI 3.1. */
export function entryPaths(): object {
  return Object.fromEntries(ENTRY_PATHS.flatMap((path) => Object.entries(pathsOf(path))));
}

function pathsOf(path: EntryPath): Readonly<Record<string, object>> {
  const noun = NOUNS[path];
  const title = TITLES[path];
  const { id, example } = ENTRY_FORMS[path];
  const own = id.at(-1) ?? '';
  const operation = (about: {
    readonly id: string;
    readonly summary: string;
    readonly body?: object;
    readonly responses: object;
    readonly parameters?: readonly object[];
  }): object => ({
    operationId: about.id,
    tags: ['catalogue'],
    summary: about.summary,
    ...(about.parameters ? { parameters: about.parameters } : {}),
    ...(about.body ? { requestBody: { required: true, content: about.body } } : {}),
    responses: { ...about.responses, ...FAULTS },
  });
  const written = { description: 'Durable.', content: content(ref('EntryWritten'), exampleOf(path)) };
  const parameters = [
    { name: own, in: 'path', required: true, schema: { type: 'string' }, example: example[own] },
  ];
  const about = ABOUT_THE_REQUEST.filter((name) => name !== 'status');
  const inAddress = [...about, ...id.slice(0, -1), ...(path === 'items' ? ['event_id'] : [])];
  const { [own]: _own, ...members } = example;
  return {
    [`/api/v1/${path}`]: {
      post: operation({
        id: `create${title}`,
        summary: `Create one ${noun}; refused with 409 when it exists`,
        body: content(ref(title), example),
        responses: { 201: written },
      }),
    },
    [`/api/v1/${path}/import`]: {
      post: operation({
        id: `import${title}s`,
        summary: `Create or replace up to 1,000 ${noun}s, each with an outcome of its own`,
        body: {
          ...content({ type: 'array', items: ref(title), minItems: 1, maxItems: 1000 }, [example]),
          'application/x-ndjson': { schema: ref(title) },
        },
        responses: {
          200: { description: 'By entry.', content: content(ref('EntriesImported'), IMPORTED) },
        },
      }),
    },
    [`/api/v1/${path}/{${own}}`]: {
      put: operation({
        id: `replace${title}`,
        summary: `Create or replace one ${noun} as a whole`,
        parameters,
        body: content(ref(`${title}Change`), members),
        responses: { 200: written },
      }),
      patch: operation({
        id: `change${title}`,
        summary: `Set the named members of one ${noun}; null takes one away`,
        parameters,
        body: content(ref(`${title}Change`), members),
        responses: { 200: written, ...UNKNOWN },
      }),
      delete: operation({
        id: `delete${title}`,
        summary: `Delete one ${noun}; its history stays`,
        parameters: [
          ...parameters,
          ...inAddress.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
        ],
        responses: { 200: written, ...UNKNOWN },
      }),
    },
  };
}

function exampleOf(path: EntryPath): object {
  return path === 'items' ? { ...WRITTEN, event_id: 'evt_1', receipt: RECEIPT } : WRITTEN;
}

/** The schemas that {@link entryPaths} refers to, from those that check the entries. */
export function entrySchemas(): object {
  const forms = Object.fromEntries(
    ENTRY_PATHS.flatMap((path) => [
      [TITLES[path], ENTRY_FORMS[path].whole],
      [`${TITLES[path]}Change`, ENTRY_FORMS[path].change],
    ]),
  );
  const number = { type: 'integer', minimum: 0 };
  const written = {
    outcome: { enum: ['accepted', 'duplicate', 'unchanged'] },
    version: { ...number, description: 'The version the entry has now.' },
    event_id: { type: 'string' },
    receipt: ref('Receipt'),
    entry: { type: 'object' },
    errors: fieldErrors,
  };
  return {
    ...forms,
    EntryWritten: {
      type: 'object',
      required: ['success', 'outcome', 'errors'],
      properties: { success: { const: true }, ...written },
    },
    EntriesImported: {
      type: 'object',
      required: ['success', 'total', 'succeeded', 'failed', 'results'],
      properties: {
        success: { type: 'boolean' },
        total: number,
        succeeded: number,
        failed: number,
        results: {
          type: 'array',
          items: {
            type: 'object',
            required: ['index', 'outcome', 'errors'],
            properties: {
              index: number,
              ...written,
              outcome: { enum: ['accepted', 'duplicate', 'unchanged', 'conflict', 'rejected'] },
            },
          },
        },
      },
    },
  };
}
