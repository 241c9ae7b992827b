const text = (description: string): object => ({ type: 'string', description });
const textOrNull = (description: string): object => ({ type: ['string', 'null'], description });
const TIME = { type: 'string', format: 'date-time' };
const VECTOR = { type: 'array', items: { type: 'string' }, description: 'Next offset, per partition.' };
const BY = {
  type: 'object',
  required: ['actor', 'reason'],
  properties: { actor: { type: 'string' }, reason: { type: 'string' } },
};
const SCOPE = {
  type: 'object',
  required: ['kind'],
  properties: {
    kind: { enum: ['all', 'event', 'offsets', 'time'] },
    event: { type: 'string' },
    partition: { type: 'integer' },
    from_offset: { type: 'string' },
    to_offset: { type: 'string' },
    from: TIME,
    to: TIME,
  },
};
const DIFFERENCE = {
  type: 'object',
  required: ['name', 'active', 'candidate', 'examples'],
  properties: {
    name: text('A day of facts, a collection of a view, a document: what differences are accepted by.'),
    active: textOrNull('What the active generation has there.'),
    candidate: textOrNull('What the other one has there.'),
    examples: { type: 'array', items: { type: 'string' } },
  },
};
const VERIFICATION = {
  type: ['object', 'null'],
  required: ['at', 'vector', 'compared', 'different', 'checksums'],
  properties: {
    at: TIME,
    vector: VECTOR,
    compared: { type: 'integer' },
    different: { type: 'integer' },
    checksums: {
      type: 'object',
      properties: { active: { type: 'string' }, candidate: { type: 'string' } },
    },
    differences: {
      type: 'array',
      items: DIFFERENCE,
      description: 'The first 1000 by name. Left out of lists and of progress.',
    },
  },
};
const REBUILD = {
  type: ['object', 'null'],
  required: ['generation', 'stage', 'scope', 'by', 'started_at', 'done', 'total', 'rate', 'eta_seconds'],
  properties: {
    generation: { type: 'integer' },
    stage: {
      enum: [
        'copying',
        'folding',
        'verifying',
        'ready',
        'different',
        'paused',
        'failed',
        'cancelled',
        'activated',
      ],
    },
    scope: SCOPE,
    by: BY,
    started_at: TIME,
    done: { type: 'integer', description: 'Records folded so far.' },
    total: { type: 'integer', description: 'Records there are to fold by now.' },
    rate: { type: ['number', 'null'], description: 'Records a second.' },
    eta_seconds: { type: ['number', 'null'] },
    verification: VERIFICATION,
    accepted: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string' }, by: BY } },
    },
    reason: textOrNull('Why it is paused or has failed.'),
  },
};

const EXAMPLE = {
  projection: 'facts',
  tenant_id: 'acme',
  version: 2,
  rebuild_due: true,
  active_generation: 1,
  high_water: ['120', '97', '0', '133'],
  generations: [
    {
      generation: 1,
      role: 'active',
      version: 1,
      created_at: '2024-03-01T08:00:00.000Z',
      confirmed: ['120', '97', '0', '133'],
      behind: '0',
      stands_still: null,
    },
    {
      generation: 2,
      role: 'building',
      version: 2,
      created_at: '2024-03-05T09:00:00.000Z',
      confirmed: ['120', '97', '0', '133'],
      behind: '0',
      stands_still: null,
    },
  ],
  rebuild: {
    generation: 2,
    stage: 'different',
    scope: { kind: 'all' },
    by: { actor: 'ada', reason: 'watch time in seconds' },
    started_at: '2024-03-05T09:00:00.000Z',
    done: 350,
    total: 350,
    rate: null,
    eta_seconds: null,
    verification: {
      at: '2024-03-05T09:00:02.000Z',
      vector: ['120', '97', '0', '133'],
      compared: 31,
      different: 1,
      checksums: { active: '9f0c', candidate: '11ab' },
      differences: [
        {
          name: '2024-03-04',
          active: '12 rows, 51aa',
          candidate: '12 rows, 77c3',
          examples: ['2:17 watch_duration 63500 → 63.5'],
        },
      ],
    },
    accepted: [],
    reason: null,
  },
};

/** The schemas that the routes of rebuilds refer to. */
export const REBUILD_SCHEMAS = {
  Projection: {
    type: 'object',
    required: [
      'projection',
      'tenant_id',
      'version',
      'rebuild_due',
      'active_generation',
      'generations',
      'rebuild',
    ],
    properties: {
      projection: { type: 'string' },
      tenant_id: { type: 'string' },
      version: { type: 'integer', description: 'Of the logic in this process.' },
      rebuild_due: { type: 'boolean', description: 'The active generation was folded by older logic.' },
      active_generation: { type: 'integer' },
      high_water: VECTOR,
      generations: {
        type: 'array',
        items: {
          type: 'object',
          required: ['generation', 'role', 'version', 'created_at', 'confirmed', 'behind', 'stands_still'],
          properties: {
            generation: { type: 'integer' },
            role: { enum: ['active', 'building', 'previous', 'dropped'] },
            version: { type: 'integer', description: 'Of the logic that folded it.' },
            created_at: TIME,
            confirmed: VECTOR,
            behind: textOrNull('Records it has not folded yet; null when it is dropped.'),
            stands_still: textOrNull('Why it does not follow the log, if it does not.'),
          },
        },
      },
      rebuild: REBUILD,
    },
    examples: [EXAMPLE, { ...EXAMPLE, rebuild_due: false, rebuild: null }],
  },
} as const;
