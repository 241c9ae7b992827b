import { Type } from 'typebox';
import type { TObject, TSchema } from 'typebox';
import { ENTRY_STATUSES, SCENARIO_TYPES, SCENARIO_TYPE_ALIASES } from '#domain';

/** The three kinds of entry one writes under `/api/v1`. */
export const ENTRY_PATHS = ['items', 'scenarios', 'model-configs'] as const;
export type EntryPath = (typeof ENTRY_PATHS)[number];

const ID_BYTES = 255;

const text = (description: string, maxBytes = ID_BYTES): TSchema =>
  Type.Unsafe<string>({ type: 'string', minLength: 1, maxBytes, description });
const object = (description: string): TSchema => Type.Unsafe<object>({ type: 'object', description });

const common = {
  tenant_id: Type.Optional(text('Whose entry it is, unless the header X-Tenant-Id says so.', 64)),
  status: Type.Optional(
    Type.Unsafe<string>({ type: 'string', enum: [...ENTRY_STATUSES], description: 'By default active.' }),
  ),
  expected_version: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'Refuse with 409 unless the entry has this version; 0 = there is none.',
    }),
  ),
  reason: Type.Optional(text('Why, for the history of the entry.', 1024)),
};

/** Members that are no part of the entry itself. */
export const ABOUT_THE_REQUEST = ['tenant_id', 'status', 'expected_version', 'reason'] as const;

export type EntryForm = {
  /** Members of the id, in order. */
  readonly id: readonly string[];
  /** A whole entry, as it is created or replaced. */
  readonly whole: TObject;
  /** A change of some of its members; null takes one away. */
  readonly change: TObject;
  readonly example: Readonly<Record<string, unknown>>;
};

const form = (
  id: readonly string[],
  members: Record<string, TSchema>,
  example: EntryForm['example'],
): EntryForm => ({
  id,
  whole: Type.Object({ ...common, ...members }),
  change: Type.Object(
    Object.fromEntries(
      Object.entries({ ...common, ...members }).map(([name, member]) => [
        name,
        Type.Optional(id.includes(name) || name in common ? member : orNull(member)),
      ]),
    ),
  ),
  example,
});

function orNull(member: TSchema): TSchema {
  return Type.Unsafe<unknown>({ anyOf: [JSON.parse(JSON.stringify(member)) as object, { type: 'null' }] });
}

const scenarioId = text('The scenario.');

/** The form of each kind of entry: the one definition behind checking and the description of the API. */
export const ENTRY_FORMS: Readonly<Record<EntryPath, EntryForm>> = {
  items: form(
    ['scenario_id', 'item_id'],
    {
      scenario_id: scenarioId,
      item_id: text('The item.'),
      event_id: Type.Optional(
        text('Of the catalogue event this becomes; a retry with the same one is no new write.'),
      ),
      metadata: object('Title, category, tags and whatever the scenario knows of its items.'),
      embedding: Type.Optional(
        Type.Array(Type.Number(), { maxItems: 4096, description: 'Vector of the item.' }),
      ),
    },
    {
      tenant_id: 'acme',
      scenario_id: 'vlog_feed',
      item_id: 'item_67890',
      metadata: { title: 'A day in Beijing', category: 'travel', tags: ['city'], duration: 63 },
    },
  ),
  scenarios: form(
    ['scenario_id'],
    {
      scenario_id: scenarioId,
      scenario_type: Type.Unsafe<string>({
        type: 'string',
        enum: [...SCENARIO_TYPES, ...Object.keys(SCENARIO_TYPE_ALIASES)],
        description: 'What kind of scenario it is.',
      }),
      name: text('Its name for people.', 1024),
      config: Type.Optional(object('`features`, `recall`, `rank`, `rerank`.')),
    },
    {
      tenant_id: 'acme',
      scenario_id: 'vlog_feed',
      scenario_type: 'video',
      name: 'Vlog feed',
      config: { recall: { hot_items: { weight: 0.2, size: 50 } }, rank: { model: 'deepfm' } },
    },
  ),
  'model-configs': form(
    ['scenario_id', 'model_id'],
    {
      scenario_id: scenarioId,
      model_id: Type.Optional(text('By default `<model_type>-<model_name>-<model_version>`.')),
      model_type: text('rank, recall, …'),
      model_name: text('deepfm, …'),
      model_version: text('v1.0, …'),
      model_path: text('Where the model is kept.', 8192),
      config: Type.Optional(object('Its parameters.')),
      metrics: Type.Optional(object('What it was measured at.')),
    },
    {
      tenant_id: 'acme',
      scenario_id: 'vlog_feed',
      model_id: 'rank-deepfm-v1.0',
      model_type: 'rank',
      model_name: 'deepfm',
      model_version: 'v1.0',
      model_path: 's3://models/deepfm_v1.0.pt',
      metrics: { auc: 0.85 },
    },
  ),
};
