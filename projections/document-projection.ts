import {
  addToItem,
  addToProfile,
  isAboutItem,
  itemDocument,
  itemOf,
  profileDocument,
  profileOf,
  profileScopes,
  profileStepOf,
} from '#domain';
import type {
  Event,
  Item,
  ItemDocument,
  JsonObject,
  LoggedEvent,
  Profile,
  ProfileDocument,
  ProfileStep,
} from '#domain';
import type { DocumentId } from './document-store.ts';

/**
 * How events become documents: pure, and without a clock. Whoever runs it folds each record once into each
 * document, whatever the batches.
 */
export type DocumentProjection<State, Step = unknown> = {
  /** Also the name of the collection. */
  readonly name: string;
  /** Raised whenever an event is folded to something else; `logic-versions.test.ts` notices. */
  readonly version: number;
  /** Bytes that stand in every record of any concern; others need not be parsed. @default all are parsed */
  readonly marker?: Buffer;
  /** The documents an event is folded into. */
  idsOf(event: Event): readonly DocumentId[];
  /** Takes a body up again; undefined begins anew. */
  stateOf(body: JsonObject | undefined): State;
  /** Takes out of an event what `add` needs of it. Many of these wait in memory. */
  stepOf(logged: LoggedEvent): Step;
  /** Folds one event into the state, which it changes. */
  add(state: State, step: Step): void;
  /** Equal states give equal bodies. */
  bodyOf(state: State, about: { readonly tenant: string; readonly id: DocumentId }): JsonObject;
};

/** Profiles of users, by user and scenario; the scenario `''` is the profile over all scenarios (MG-03, PJ-02). */
export const USER_PROFILES: DocumentProjection<Profile, ProfileStep> = {
  name: 'user_profiles',
  version: 1,
  idsOf: (event) => profileScopes(event).map((scenario) => [event.user_id ?? '', scenario]),
  stateOf: (body) => profileOf(body as ProfileDocument | undefined),
  stepOf: profileStepOf,
  add: addToProfile,
  bodyOf: (profile, { tenant, id: [user_id = '', scenario_id = ''] }) => ({
    tenant_id: tenant,
    user_id,
    scenario_id,
    ...profileDocument(profile),
  }),
};

/** The items of the catalogue, by scenario and item (MG-02). */
export const ITEMS: DocumentProjection<Item, LoggedEvent> = {
  name: 'items',
  version: 1,
  marker: Buffer.from('"kind":"catalog"'),
  idsOf: (event) => (isAboutItem(event) ? [[event.scenario_id ?? '', event.item_id]] : []),
  stateOf: (body) => itemOf(body as ItemDocument | undefined),
  stepOf: (logged) => logged,
  add: addToItem,
  bodyOf: (item, { tenant, id: [scenario_id = '', item_id = ''] }) => ({
    tenant_id: tenant,
    scenario_id,
    item_id,
    ...itemDocument(item),
  }),
};
