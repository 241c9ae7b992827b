/** Members of `meta` that mean the same whichever read model answers. */
export const COMMON_META = {
  lag: {
    type: 'object',
    properties: { events: { type: 'integer' }, ms: { type: 'number' } },
    description: 'How far the answer is behind the log.',
  },
  completeness: {
    type: 'object',
    properties: { confirmed_ratio: { type: 'number' }, behind_events: { type: 'integer' } },
    description: 'How much of the log the answer has seen, 0 to 1.',
  },
  elapsed_ms: { type: 'number' },
  notice: { type: 'string', description: 'What the reader should know.' },
} as const;
