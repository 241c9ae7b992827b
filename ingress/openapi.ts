import { fieldErrors, ref } from './openapi-schemas.ts';

const BEHAVIOUR_EXAMPLE = {
  event_id: 'evt_0197f3f2-7c1e-7cc3-98c4-dc0c0c07398f',
  tenant_id: 'acme',
  scenario_id: 'vlog_feed',
  user_id: 'user_12345',
  item_id: 'item_67890',
  action_type: 'click',
  timestamp: 1_730_000_000_000,
  context: { device_type: 'mobile', os: 'iOS', location: 'Beijing' },
  position: 3,
};
const GENERIC_EXAMPLE = {
  tenant_id: 'acme',
  event_name: 'pageview',
  user_id: 'user_123',
  device_id: 'device_456',
  event_time: 1_717_251_000_000,
  properties: { page_url: 'https://example.com/product/1', referrer: 'google.com' },
};
const TRACKER_EXAMPLE = {
  tenantId: 'acme',
  scenarioId: 'vlog_feed',
  userId: 'user_12345',
  itemId: 'item_67890',
  action: 'click',
};
const RECEIPT_EXAMPLE = {
  partition: 2,
  offset: '17',
  token: 'dr1_0197f3f2-7c1e-4cc3-98c4-dc0c0c07398f_2_h',
};
const ACCEPTED_EXAMPLE = {
  success: true,
  event_id: BEHAVIOUR_EXAMPLE.event_id,
  message: 'Event tracked successfully',
  outcome: 'accepted',
  receipt: RECEIPT_EXAMPLE,
  warnings: [],
  validation_warnings: [],
};
const REQUIRED_EXAMPLE = {
  field: 'tenant_id',
  code: 'required',
  message: 'is required, in the event or from the credential',
};
const REJECTED_EXAMPLE = {
  success: false,
  error: `${REQUIRED_EXAMPLE.field} ${REQUIRED_EXAMPLE.message}`,
  errors: [REQUIRED_EXAMPLE],
  outcome: 'rejected',
};

const content = (schema: object, example: object): object => ({ 'application/json': { schema, example } });
const answer = (description: string, schema: object, example: object): object => ({
  description,
  content: content(schema, example),
});

const REFUSALS = {
  403: { description: 'The event names another tenant than the credential or X-Tenant-Id.' },
  413: { description: 'The body is larger than the limit, perhaps only after decompression.' },
  415: { description: 'The content type or content encoding is not supported.' },
  503: { description: 'The log cannot take the event now; send it again after `Retry-After` seconds.' },
};
const CONFLICT = {
  409: answer('The event id stands in the log with another content; both are kept.', ref('Rejected'), {
    success: false,
    error: 'event_id stands in the log with another content',
    errors: [{ field: 'event_id', code: 'conflict', message: 'stands in the log with another content' }],
    outcome: 'conflict',
    event_id: BEHAVIOUR_EXAMPLE.event_id,
    receipt: RECEIPT_EXAMPLE,
    dead_letter: { ...RECEIPT_EXAMPLE, partition: 0, offset: '3' },
  }),
};
const BAD = {
  400: answer('Refused; kept as a dead letter when it has a tenant.', ref('Rejected'), REJECTED_EXAMPLE),
};
const TENANT_HEADER = {
  name: 'X-Tenant-Id',
  in: 'header',
  description: 'The tenant of events that name none; believed from this machine alone.',
  schema: { type: 'string' },
};

const post = (about: {
  readonly summary: string;
  readonly description: string;
  readonly schema: object;
  readonly example: object;
  readonly responses: object;
}): object => ({
  post: {
    tags: ['ingress'],
    summary: about.summary,
    description: about.description,
    parameters: [TENANT_HEADER],
    requestBody: { required: true, content: content(about.schema, about.example) },
    responses: about.responses,
  },
});

/** The path items of the ingest routes, in OpenAPI 3.1. */
export function ingressPaths(): object {
  const accepted = { 200: answer('Durable in the log, now or before.', ref('Accepted'), ACCEPTED_EXAMPLE) };
  return {
    '/api/v1/behaviors/track': post({
      summary: 'Track one event',
      description:
        'Answers when the event is durable. Give every event its `event_id` before the first attempt: without one a repeated request is a new event.',
      schema: ref('TrackedEvent'),
      example: BEHAVIOUR_EXAMPLE,
      responses: { ...accepted, ...BAD, ...CONFLICT, ...REFUSALS },
    }),
    '/api/v1/behaviors/track/batch': post({
      summary: 'Track up to 100 events, of any kinds',
      description: 'One event that is refused does not refuse the others; every event has its own result.',
      schema: {
        type: 'object',
        required: ['events'],
        properties: { events: { type: 'array', minItems: 1, maxItems: 100, items: ref('TrackedEvent') } },
      },
      example: { events: [BEHAVIOUR_EXAMPLE, GENERIC_EXAMPLE] },
      responses: {
        200: answer('Processed; `success` is true also when every event was refused.', ref('BatchAnswer'), {
          success: true,
          total: 2,
          succeeded: 1,
          failed: 1,
          results: [
            {
              index: 0,
              event_id: BEHAVIOUR_EXAMPLE.event_id,
              outcome: 'accepted',
              receipt: RECEIPT_EXAMPLE,
              warnings: [],
              errors: [],
            },
            { index: 1, event_id: null, outcome: 'rejected', warnings: [], errors: [REQUIRED_EXAMPLE] },
          ],
        }),
        ...BAD,
        ...REFUSALS,
      },
    }),
    '/api/v1/behaviors/validate': post({
      summary: 'Check an event or a batch without keeping it',
      description: 'The checks of `track`, a dry run: a failed one is answered 200 with `success` false.',
      schema: ref('TrackedEvent'),
      example: BEHAVIOUR_EXAMPLE,
      responses: {
        200: answer(
          'What `track` would say.',
          {
            type: 'object',
            properties: {
              success: { type: 'boolean' },
              errors: fieldErrors,
              warnings: fieldErrors,
              validation_warnings: fieldErrors,
            },
          },
          { success: false, errors: [REQUIRED_EXAMPLE], warnings: [], validation_warnings: [] },
        ),
        413: REFUSALS[413],
        415: REFUSALS[415],
      },
    }),
    '/api/v1/behaviors': post({
      summary: 'Track one event of a front-end tracker',
      description: 'The camelCase spelling of a behaviour; the device type is told by the User-Agent.',
      schema: { type: 'object', additionalProperties: true },
      example: TRACKER_EXAMPLE,
      responses: { ...accepted, ...BAD, ...CONFLICT, ...REFUSALS },
    }),
    '/v1/track': post({
      summary: 'Track one generic event',
      description: 'The event gateway: `event_name` and user or device. Failures are `{"error":"…"}`.',
      schema: ref('GenericEvent'),
      example: GENERIC_EXAMPLE,
      responses: {
        200: answer(
          'Durable in the log, now or before.',
          { type: 'object', properties: { status: { const: 'ok' }, receipt: ref('Receipt') } },
          {
            status: 'ok',
            event_id: BEHAVIOUR_EXAMPLE.event_id,
            outcome: 'accepted',
            receipt: RECEIPT_EXAMPLE,
            warnings: [],
          },
        ),
        400: answer(
          'Refused; kept as a dead letter when it has a tenant.',
          { type: 'object', properties: { error: { type: 'string' }, errors: fieldErrors } },
          {
            error: 'event_name is required',
            errors: [{ field: 'event_name', code: 'required', message: 'is required' }],
            outcome: 'rejected',
          },
        ),
        ...CONFLICT,
        ...REFUSALS,
      },
    }),
    '/api/v1/behaviors/health': {
      get: {
        tags: ['ingress'],
        summary: 'Whether events can be taken, and what was answered since the start',
        parameters: [{ name: 'tenant_id', in: 'query', schema: { type: 'string' } }],
        responses: {
          200: answer('Counters.', ref('IngressHealth'), {
            status: 'healthy',
            kafka_available: true,
            stats: {
              total_events: 10_000,
              kafka_success: 9_990,
              kafka_failed: 0,
              rejected: 5,
              duplicates: 5,
              conflicts: 0,
              validation_warnings: 12,
              success_rate: 99.95,
            },
          }),
        },
      },
    },
  };
}
