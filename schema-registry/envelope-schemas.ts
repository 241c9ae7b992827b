import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { ACTIONS, ACTION_ALIASES, DEVICE_TYPES, EVENT_KINDS } from '#domain';
import type { EventKind } from '#domain';

/** Ids end up in keys of logs and indexes. */
const ID_BYTES = 255;
const TEXT_BYTES = 1024;
const URL_BYTES = 8192;

const text = (maxBytes: number, description: string): TSchema =>
  Type.Unsafe<string>({ type: 'string', minLength: 1, maxBytes, description });
/** Senders write null or an empty text for what they do not know; both are taken as absent. */
const perhaps = (maxBytes: number, description: string): TSchema =>
  Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], maxBytes, description }));
const perhapsObject = (description: string): TSchema =>
  Type.Optional(Type.Unsafe<object | null>({ type: ['object', 'null'], description }));
const time = (description: string): TSchema =>
  Type.Optional(Type.Unsafe<number | null>({ type: ['number', 'null'], description }));

const common = {
  event_id: perhaps(
    ID_BYTES,
    'Unique per tenant, given once before the first attempt; without it every attempt is a new event.',
  ),
  tenant_id: perhaps(64, 'Whose event it is, unless the credential or X-Tenant-Id says so.'),
  kind: Type.Optional(
    Type.Unsafe<EventKind | null>({
      enum: [...EVENT_KINDS, null],
      description: 'Told by action_type or event_name when left out.',
    }),
  ),
  timestamp: time('When it happened: milliseconds since 1970; missing or 0 means the time of receipt.'),
  event_time: time('Alias of timestamp.'),
  session_id: perhaps(ID_BYTES, 'Session of the sender.'),
  platform: perhaps(ID_BYTES, 'ios, android, web, …'),
  country: perhaps(ID_BYTES, 'Looked up from the address when left out.'),
  region: perhaps(ID_BYTES, 'As country.'),
  city: perhaps(ID_BYTES, 'As country.'),
  device_model: perhaps(ID_BYTES, 'Model of the device.'),
  os_version: perhaps(ID_BYTES, 'Version of the operating system.'),
  app_version: perhaps(ID_BYTES, 'Version of the application.'),
  page_url: perhaps(URL_BYTES, 'Address of the page.'),
  page_title: perhaps(TEXT_BYTES, 'Title of the page.'),
  product: perhaps(ID_BYTES, 'Product module the event comes from.'),
  experiment_id: perhaps(ID_BYTES, 'Experiment the sender is part of.'),
  experiment_group: perhaps(ID_BYTES, 'Its group in the experiment.'),
  scenario_type: perhaps(ID_BYTES, 'Type of the scenario; told by scenario_data when left out.'),
  scenario_data: perhapsObject('One member, e.g. video_data, with what the scenario type knows.'),
  extra_data: perhapsObject('Further data of any form.'),
  properties: perhapsObject('Custom attributes.'),
  data: perhapsObject('Attributes of a module event; merged into properties.'),
};

const context = (required: boolean): TSchema => {
  const members = {
    os: perhaps(ID_BYTES, 'Operating system.'),
    location: perhaps(ID_BYTES, 'Place by the sender’s word.'),
    ip: perhaps(64, 'Address of the device, if it is not the sender.'),
  };
  const deviceType = { enum: [...DEVICE_TYPES], description: 'Kind of device.' };
  return required
    ? Type.Object({ device_type: Type.Unsafe<string>(deviceType), ...members })
    : Type.Optional(
        Type.Unsafe<object | null>({
          ...Type.Object({
            device_type: Type.Optional(
              Type.Unsafe<string | null>({ ...deviceType, enum: [...DEVICE_TYPES, null] }),
            ),
            ...members,
          }),
          type: ['object', 'null'],
        }),
      );
};

const actors = {
  user_id: perhaps(ID_BYTES, 'Who did it; one of user_id, device_id and session_id is needed.'),
  device_id: perhaps(ID_BYTES, 'The device, as long as the user is not known.'),
};

const named = {
  event_name: text(ID_BYTES, 'What happened; kept as sent.'),
  ...common,
  ...actors,
  item_id: perhaps(ID_BYTES, 'What it happened to.'),
  scenario_id: perhaps(ID_BYTES, 'Where it happened.'),
  context: context(false),
};

/** The envelope of each kind of event: the one definition behind validation and the API's description. */
export const ENVELOPE_SCHEMAS = {
  behaviour: Type.Object(
    {
      scenario_id: text(ID_BYTES, 'Where it happened, e.g. vlog_feed.'),
      user_id: text(ID_BYTES, 'Who did it.'),
      item_id: text(ID_BYTES, 'What it was done to.'),
      action_type: Type.Unsafe<string>({
        enum: [...ACTIONS, ...Object.keys(ACTION_ALIASES)],
        description: 'What was done.',
      }),
      context: context(true),
      event_name: perhaps(ID_BYTES, 'The action; of no effect here.'),
      device_id: perhaps(ID_BYTES, 'The device.'),
      position: Type.Optional(
        Type.Unsafe<number | null>({
          type: ['integer', 'null'],
          minimum: 1,
          maximum: 4_294_967_295,
          description: 'Slot in the recommendation list, from 1.',
        }),
      ),
      ...common,
    },
    { title: 'Behaviour' },
  ),
  generic: Type.Object(named, { title: 'Generic event' }),
  user: Type.Object(named, { title: 'Change of a user' }),
  catalog: Type.Object(
    { ...named, item_id: text(ID_BYTES, 'The entry that changed.') },
    { title: 'Change of a catalogue entry' },
  ),
} as const satisfies Record<EventKind, TSchema>;

/** Version of the envelopes; facts load each version through a structure of its own. */
export const ENVELOPE_VERSION = 1;
