import { ACTIONS, FIELD_TYPES, SCENARIO_TYPES } from '#domain';

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const text = (description: string): object => ({ type: 'string', description });
const list = (name: string): object => ({ type: 'array', items: ref(name) });
const scenarioType = { type: 'string', enum: SCENARIO_TYPES };
const status = { type: 'string', enum: ['active', 'inactive'] };

const DURATION = {
  field_name: 'duration',
  field_type: 'integer',
  required: true,
  description: 'Length of the video in seconds',
  min_value: 1,
  max_value: 3600,
};
const BUFFER_TIME = { field_name: 'buffer_time', field_type: 'integer', required: false, description: 'ms' };
const WORDS = {
  scenario_type: 'video',
  name: 'Vlog feed',
  description: 'The feed of the start page',
  required_fields: [DURATION],
  optional_fields: [BUFFER_TIME],
};
const NEW_EXAMPLE = { tenant_id: 'mymx', scenario_id: 'vlog_feed', ...WORDS };
const LINT_EXAMPLE = {
  field: 'optional_fields[0]',
  code: 'no_range',
  message: 'buffer_time is a number without min_value and max_value',
};
const CONFIG_EXAMPLE = {
  tenant_id: 'mymx',
  scenario_id: 'vlog_feed',
  version: 1,
  status: 'active',
  ...WORDS,
  recommended_actions: [],
  created_at: '2026-07-01T12:00:00.000Z',
  updated_at: '2026-07-01T12:00:00.000Z',
  change: { type: 'config_created', by: 'ada', authenticated: false, reason: 'first version' },
  lint: [LINT_EXAMPLE],
};

/** Members a definition is made of. */
const definition = {
  scenario_type: scenarioType,
  name: text('What people call it.'),
  description: text('What the scenario is and who sends its events.'),
  required_fields: list('FieldDefinition'),
  optional_fields: list('FieldDefinition'),
  recommended_actions: { type: 'array', items: { enum: ACTIONS } },
};
const reason = text('Why, for the history.');
const expectedVersion = {
  type: 'integer',
  description: 'Refuses the change with 409 when the config has another version.',
};

/** The schemas that {@link TRACKING_CONFIG_PATHS} refers to. */
export const TRACKING_CONFIG_SCHEMAS = {
  FieldDefinition: {
    type: 'object',
    required: ['field_name', 'field_type'],
    properties: {
      field_name: text('1 to 64 of A-Z, a-z, 0-9 and _, beginning with a letter; best in snake_case.'),
      field_type: { enum: [...FIELD_TYPES, 'float'], description: 'float is taken as number.' },
      required: { type: 'boolean', description: 'As the list says in which the field stands.' },
      description: { type: 'string' },
      min_value: { type: 'number', description: 'Of numbers.' },
      max_value: { type: 'number', description: 'Of numbers.' },
      enum_values: { type: 'array', items: { type: 'string' }, description: 'Of enums.' },
      item_type: { enum: [...FIELD_TYPES, 'float'], description: 'Of arrays: what the elements are.' },
      default: { description: 'What questions take for events without the field.' },
    },
    examples: [DURATION, BUFFER_TIME],
  },
  NewTrackingConfig: {
    type: 'object',
    required: ['scenario_id', 'scenario_type', 'name'],
    properties: {
      tenant_id: text('Also by the header X-Tenant-Id.'),
      scenario_id: { type: 'string' },
      ...definition,
      reason,
    },
    examples: [NEW_EXAMPLE],
  },
  TrackingConfigFromTemplate: {
    type: 'object',
    required: ['scenario_id', 'template_id'],
    properties: {
      tenant_id: text('Also by the header X-Tenant-Id.'),
      scenario_id: { type: 'string' },
      template_id: { type: 'string' },
      ...definition,
      reason,
    },
    examples: [{ tenant_id: 'mymx', scenario_id: 'vlog_feed', template_id: 'video', name: 'Vlog feed' }],
  },
  TrackingConfigChange: {
    type: 'object',
    properties: { ...definition, reason, expected_version: expectedVersion },
    examples: [{ description: 'The feed of the start page', expected_version: 1 }],
  },
  TrackingConfig: {
    type: 'object',
    required: Object.keys(CONFIG_EXAMPLE).filter((member) => member !== 'description'),
    properties: {
      tenant_id: { type: 'string' },
      scenario_id: { type: 'string' },
      version: { type: 'integer', minimum: 1 },
      status,
      ...definition,
      template_id: text('The template it was made from.'),
      created_at: { type: 'string', format: 'date-time' },
      updated_at: { type: 'string', format: 'date-time' },
      change: {
        type: 'object',
        description: 'The change that made this version.',
        required: ['type', 'by', 'authenticated'],
        properties: {
          type: { enum: ['config_created', 'config_updated', 'config_deactivated', 'config_reactivated'] },
          by: text('The header X-User-Id of whoever made it.'),
          authenticated: { type: 'boolean' },
          reason: { type: 'string' },
        },
      },
      lint: { ...list('DefinitionFinding'), description: 'What could be better; it refuses nothing.' },
    },
    examples: [CONFIG_EXAMPLE],
  },
  DefinitionFinding: {
    type: 'object',
    required: ['field', 'code', 'message'],
    properties: {
      field: text('Path of the member, `required_fields[0].min_value`.'),
      code: { type: 'string' },
      message: { type: 'string' },
    },
    examples: [LINT_EXAMPLE],
  },
  ScenarioTemplate: {
    type: 'object',
    required: ['template_id', 'scenario_type', 'name', 'required_fields', 'optional_fields'],
    properties: { template_id: { type: 'string' }, ...definition },
  },
};

type Place = 'path' | 'query';

function parameter(place: Place, name: string, schema: object): object {
  return { name, in: place, required: place === 'path', schema };
}

const query = (name: string, schema: object): object => parameter('query', name, schema);
const SCENARIO = Object.entries({ tenant_id: 'mymx', scenario_id: 'vlog_feed' }).map(([name, example]) => ({
  ...parameter('path', name, { type: 'string' }),
  example,
}));
const FAULT = { $ref: '#/components/responses/Fault' };

function answer(description: string, schema: object, example?: object): object {
  const content = { schema, ...(example === undefined ? {} : { example }) };
  return { description, content: { 'application/json': content } };
}

const oneConfig = (description: string): object => answer(description, ref('TrackingConfig'), CONFIG_EXAMPLE);

function body(name: 'NewTrackingConfig' | 'TrackingConfigFromTemplate' | 'TrackingConfigChange'): object {
  const [example] = TRACKING_CONFIG_SCHEMAS[name].examples;
  return { required: true, content: { 'application/json': { schema: ref(name), example } } };
}

function operation(operationId: string, summary: string, rest: object): object {
  return { operationId, tags: ['tracking configs'], summary, ...rest };
}

const BASE = '/api/v1/tracking-configs';
const ONE = `${BASE}/{tenant_id}/{scenario_id}`;

/** The description of `createTrackingConfigRouter` in OpenAPI 3.1. */
export const TRACKING_CONFIG_PATHS = {
  [BASE]: {
    get: operation('listTrackingConfigs', 'The tracking configs of a tenant', {
      parameters: [
        query('tenant_id', { type: 'string', description: 'Also by the header X-Tenant-Id.' }),
        query('scenario_type', scenarioType),
        query('status', status),
      ],
      responses: {
        200: answer(
          'Their newest versions by scenario id.',
          {
            type: 'object',
            required: ['configs', 'total'],
            properties: { configs: list('TrackingConfig'), total: { type: 'integer' } },
          },
          { configs: [CONFIG_EXAMPLE], total: 1 },
        ),
        400: FAULT,
        403: FAULT,
      },
    }),
    post: operation('createTrackingConfig', 'Create a tracking config, or bring an inactive one back', {
      requestBody: body('NewTrackingConfig'),
      responses: { 201: oneConfig('It is in force.'), 400: FAULT, 403: FAULT, 409: FAULT, 503: FAULT },
    }),
  },
  [`${BASE}/templates`]: {
    get: operation('listTrackingConfigTemplates', 'The built-in templates', {
      responses: {
        200: answer('All of them.', {
          type: 'object',
          required: ['templates'],
          properties: { templates: list('ScenarioTemplate') },
        }),
      },
    }),
  },
  [`${BASE}/from-template`]: {
    post: operation('createTrackingConfigFromTemplate', 'Create a tracking config from a template', {
      requestBody: body('TrackingConfigFromTemplate'),
      responses: { 201: oneConfig('It is in force.'), 400: FAULT, 403: FAULT, 409: FAULT, 503: FAULT },
    }),
  },
  [ONE]: {
    get: operation('getTrackingConfig', 'A tracking config, active or not', {
      parameters: SCENARIO,
      responses: { 200: oneConfig('Its newest version.'), 400: FAULT, 403: FAULT, 404: FAULT },
    }),
    put: operation('changeTrackingConfig', 'Change some members; null takes one away', {
      parameters: SCENARIO,
      requestBody: body('TrackingConfigChange'),
      responses: {
        200: oneConfig('The new version is in force.'),
        400: FAULT,
        403: FAULT,
        404: FAULT,
        409: FAULT,
        503: FAULT,
      },
    }),
    delete: operation('deactivateTrackingConfig', 'Deactivate a tracking config; its history stays', {
      parameters: [...SCENARIO, query('expected_version', expectedVersion), query('reason', reason)],
      responses: {
        200: oneConfig('It is inactive.'),
        400: FAULT,
        403: FAULT,
        404: FAULT,
        409: FAULT,
        503: FAULT,
      },
    }),
  },
  [`${ONE}/versions`]: {
    get: operation('listTrackingConfigVersions', 'Who changed it, when, why, and to what', {
      parameters: SCENARIO,
      responses: {
        200: answer(
          'Every version, the first first.',
          { type: 'object', required: ['versions'], properties: { versions: list('TrackingConfig') } },
          { versions: [CONFIG_EXAMPLE] },
        ),
        400: FAULT,
        403: FAULT,
        404: FAULT,
      },
    }),
  },
  [`${ONE}/versions/{version}`]: {
    get: operation('getTrackingConfigVersion', 'One version', {
      parameters: [
        ...SCENARIO,
        { ...parameter('path', 'version', { type: 'integer', minimum: 1 }), example: 1 },
      ],
      responses: { 200: oneConfig('As it was.'), 400: FAULT, 403: FAULT, 404: FAULT },
    }),
  },
  [`${ONE}/schema`]: {
    get: operation('getTrackingConfigSchema', 'The fields of the newest version as JSON Schema', {
      parameters: SCENARIO,
      responses: {
        200: { description: 'Draft 2020-12.', content: { 'application/schema+json': {} } },
        400: FAULT,
        403: FAULT,
        404: FAULT,
      },
    }),
  },
};
