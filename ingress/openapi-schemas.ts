import { ENVELOPE_SCHEMAS, FIELD_CODES } from '#schema-registry';

/** Points at a schema of {@link ingressSchemas}. */
export const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

export const fieldErrors = { type: 'array', items: ref('FieldError') };

/** The schemas of the ingest routes, those of the events from the very schemas that validate them. */
export function ingressSchemas(): object {
  const number = { type: 'integer', minimum: 0 };
  return {
    BehaviourEvent: ENVELOPE_SCHEMAS.behaviour,
    GenericEvent: ENVELOPE_SCHEMAS.generic,
    UserEvent: ENVELOPE_SCHEMAS.user,
    CatalogEvent: ENVELOPE_SCHEMAS.catalog,
    TrackedEvent: { anyOf: ['BehaviourEvent', 'GenericEvent', 'UserEvent', 'CatalogEvent'].map(ref) },
    FieldError: {
      type: 'object',
      description: Object.entries(FIELD_CODES)
        .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
        .join('\n'),
      required: ['field', 'code', 'message'],
      properties: {
        field: { type: 'string', description: 'Path of the member; empty means the whole.' },
        code: { enum: Object.keys(FIELD_CODES) },
        message: { type: 'string' },
      },
    },
    Receipt: {
      type: 'object',
      description: 'Where the event stands. `token` is what `wait_for` takes.',
      required: ['partition', 'offset', 'token'],
      properties: { partition: number, offset: { type: 'string' }, token: { type: 'string' } },
    },
    Accepted: {
      type: 'object',
      required: ['success', 'event_id', 'message', 'outcome', 'receipt', 'warnings', 'validation_warnings'],
      properties: {
        success: { const: true },
        event_id: { type: 'string' },
        message: { type: 'string' },
        outcome: { enum: ['accepted', 'duplicate'] },
        receipt: ref('Receipt'),
        warnings: fieldErrors,
        validation_warnings: fieldErrors,
      },
    },
    Rejected: {
      type: 'object',
      required: ['success', 'error', 'errors', 'outcome'],
      properties: {
        success: { const: false },
        error: { type: 'string' },
        errors: fieldErrors,
        outcome: { enum: ['rejected', 'conflict'] },
        event_id: { type: 'string' },
        receipt: ref('Receipt'),
        dead_letter: ref('Receipt'),
      },
    },
    BatchAnswer: {
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
            required: ['index', 'event_id', 'outcome', 'warnings', 'errors'],
            properties: {
              index: number,
              event_id: { type: ['string', 'null'] },
              outcome: { enum: ['accepted', 'duplicate', 'conflict', 'rejected'] },
              receipt: ref('Receipt'),
              dead_letter: ref('Receipt'),
              warnings: fieldErrors,
              validation_warnings: fieldErrors,
              errors: fieldErrors,
            },
          },
        },
      },
    },
    IngressHealth: {
      type: 'object',
      required: ['status', 'kafka_available', 'stats'],
      properties: {
        status: { enum: ['healthy', 'degraded'] },
        kafka_available: { type: 'boolean' },
        stats: {
          type: 'object',
          properties: {
            total_events: number,
            kafka_success: number,
            kafka_failed: number,
            rejected: number,
            duplicates: number,
            conflicts: number,
            validation_warnings: number,
            success_rate: { type: ['number', 'null'] },
          },
        },
      },
    },
  };
}
