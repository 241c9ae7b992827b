/** Members of the answers of all explanations, in OpenAPI 3.1. */
export const WHOLE = { type: 'integer' };

export const lists = (form: object, description: string) => ({ type: 'array', items: form, description });

const COUNTED = { type: 'object', description: 'What it adds to the number, or says of the field.' };
const WHO = { type: ['string', 'null'], description: 'Null where it was nobody.' };

export const EXPLAINED_EVENTS = lists(
  {
    type: 'object',
    required: ['position', 'event_id', 'kind', 'event', 'time', 'received_at', 'counted'],
    properties: {
      position: {
        type: 'object',
        required: ['partition', 'offset'],
        properties: { partition: WHOLE, offset: { type: 'string' } },
      },
      event_id: { type: 'string' },
      kind: { type: 'string' },
      event: { type: 'string' },
      time: { type: 'string' },
      received_at: { type: 'string' },
      user: WHO,
      item: WHO,
      counted: COUNTED,
    },
  },
  'Of the level `events`.',
);

export const EXPLAINED_RECORDS = lists(
  {
    allOf: [
      { $ref: '#/components/schemas/LogRecord' },
      {
        type: 'object',
        required: ['counted'],
        properties: { user: WHO, item: WHO, counted: COUNTED },
      },
    ],
  },
  'Of the level `records`: as they stand in the log, with their decoded event and their bytes.',
);

export const NEXT_CURSOR = {
  type: ['string', 'null'],
  description: 'Opaque; the next page, as of the vector and instant of this one.',
};

export const SAMPLED = {
  type: 'object',
  description: 'Only where it was too much to read all: how many of the records were read.',
  required: ['records', 'note'],
  properties: {
    records: WHOLE,
    of: { type: 'integer', description: 'Of how many, where that is known.' },
    note: { type: 'string' },
  },
};
