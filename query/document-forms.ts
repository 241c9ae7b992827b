import { Type } from 'typebox';
import type { TObject, TProperties } from 'typebox';
import { ENTRY_STATUSES } from '#domain';
import { COMMON, oneOf } from './question.ts';

const id = (description: string) => Type.String({ minLength: 1, maxLength: 255, description });
const waiting = { tenant_id: COMMON.tenant_id, wait_for: COMMON.wait_for, timeout: COMMON.timeout };
const paging = {
  status: Type.Optional(
    oneOf([...ENTRY_STATUSES, 'deleted'], 'Only those of this status. By default all but deleted ones.'),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, default: 50, description: 'Most per page.' }),
  ),
  cursor: Type.Optional(
    Type.String({ maxLength: 4000, description: 'The `next_cursor` of the page before; an opaque word.' }),
  ),
};
const form = (members: TProperties): TObject => Type.Object(members, { additionalProperties: false });

/** The forms of the questions about documents, by route; those in braces stand in the path. */
export const DOCUMENT_FORMS = {
  item: form({ ...waiting, scenario_id: id('The scenario of the item.'), item_id: id('The item.') }),
  items: form({
    ...waiting,
    ...paging,
    scenario_id: Type.Optional(id('Only items of this scenario.')),
    category: Type.Optional(id('Only items with this `metadata.category`.')),
  }),
  entry: form({
    tenant_id: COMMON.tenant_id,
    scenario_id: id('The scenario.'),
    model_id: Type.Optional(id('The model config.')),
  }),
  entries: form({
    tenant_id: COMMON.tenant_id,
    ...paging,
    scenario_id: Type.Optional(id('Only those of this scenario.')),
  }),
  profile: form({
    ...waiting,
    user_id: id('The user.'),
    scenario_id: Type.Optional(id('The profile in this scenario; by default over all.')),
    tz: Type.Optional(
      Type.String({ maxLength: 64, description: 'IANA time zone of the active hours.', default: 'UTC' }),
    ),
    as_of: Type.Optional(Type.String({ description: 'Refused: a profile is kept as it is now.' })),
  }),
} as const;

export type DocumentForm = keyof typeof DOCUMENT_FORMS;
