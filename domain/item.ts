import type { Event, Json, JsonObject } from './event.ts';
import type { LoggedEvent } from './event-filter.ts';
import { isLater, stampOf } from './stamp.ts';
import type { Stamp } from './stamp.ts';

/** Names of catalogue events that say everything about an item, also of one that was deleted before. */
export const ITEM_REPLACED_NAMES: readonly string[] = ['item_created', 'item_replaced'];
/** Names of catalogue events that delete an item. Those of any other name change the members they carry. */
export const ITEM_DELETED_NAMES: readonly string[] = ['item_deleted', 'item_removed'];

const replacing = new Set(ITEM_REPLACED_NAMES);
const deleting = new Set(ITEM_DELETED_NAMES);

/** Members of a catalogue event's `properties` that are no metadata. */
const STATUS = 'status';
const EMBEDDING = 'embedding';

/**
 * One entry of the catalogue as its events tell it. Of each member the latest word counts, by the events' own
 * times and then by position, so the order of folding does not matter; each event must be folded once.
 */
export type Item = {
  /** Null where the latest word took the member away. */
  readonly members: Map<string, { readonly value: Json; readonly stamp: Stamp }>;
  replacedAt: Stamp | undefined;
  deletedAt: Stamp | undefined;
  /** How many events it was made of. */
  version: number;
  createdAtMs: number | undefined;
  updatedAtMs: number | undefined;
};

/** An item of no events. */
export function createItem(): Item {
  return {
    members: new Map(),
    replacedAt: undefined,
    deletedAt: undefined,
    version: 0,
    createdAtMs: undefined,
    updatedAtMs: undefined,
  };
}

/** Whether an event changes an item. */
export function isAboutItem(event: Event): event is Event & { readonly item_id: string } {
  return event.kind === 'catalog' && event.item_id !== undefined && event.item_id !== '';
}

/** Folds one event into the item, which it changes. */
export function addToItem(item: Item, logged: LoggedEvent): void {
  const { event } = logged;
  const stamp = stampOf(logged);
  item.version++;
  item.createdAtMs = Math.min(item.createdAtMs ?? event.timestamp, event.timestamp);
  item.updatedAtMs = Math.max(item.updatedAtMs ?? event.timestamp, event.timestamp);
  if (deleting.has(event.event_name)) {
    if (isLater(stamp, item.deletedAt)) item.deletedAt = stamp;
    return;
  }
  if (replacing.has(event.event_name) && isLater(stamp, item.replacedAt)) item.replacedAt = stamp;
  for (const [name, value] of Object.entries(event.properties ?? {})) {
    if (isLater(stamp, item.members.get(name)?.stamp)) item.members.set(name, { value, stamp });
  }
}

/** The names under which an item is kept (MG-02); `fold` is what folding on needs beside them. */
export type ItemDocument = {
  readonly metadata: JsonObject;
  readonly embedding?: Json;
  /** `active` unless said otherwise; `deleted` once it was deleted and not replaced since. */
  readonly status: string;
  readonly version: number;
  /** Epoch ms of the earliest and the latest of its events. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly fold: {
    readonly replaced_at: Stamp | null;
    readonly deleted_at: Stamp | null;
    readonly status: Json;
    readonly stamps: Readonly<Record<string, Stamp>>;
  };
};

/** Writes an item as JSON, equal items equally. */
export function itemDocument(item: Item): ItemDocument {
  const { replacedAt, deletedAt } = item;
  // What was said before the item was replaced can never count again.
  const kept = [...item.members]
    .filter(([, { stamp }]) => !isLater(replacedAt, stamp))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const said = Object.fromEntries(kept.map(([name, { value }]) => [name, value]));
  const { [STATUS]: status = null, [EMBEDDING]: embedding = null, ...metadata } = said;
  const deleted = isLater(deletedAt, replacedAt);
  return {
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null)),
    ...(embedding === null ? {} : { embedding }),
    status: deleted ? 'deleted' : typeof status === 'string' && status !== '' ? status : 'active',
    version: item.version,
    created_at: item.createdAtMs ?? 0,
    updated_at: item.updatedAtMs ?? 0,
    fold: {
      replaced_at: replacedAt ?? null,
      deleted_at: deletedAt ?? null,
      status,
      stamps: Object.fromEntries(kept.map(([name, { stamp }]) => [name, stamp])),
    },
  };
}

/** Takes an item up again where {@link itemDocument} left it. */
export function itemOf(document: ItemDocument | undefined): Item {
  const item = createItem();
  if (!document) return item;
  const { metadata, embedding = null, fold } = document;
  for (const [name, stamp] of Object.entries(fold.stamps)) {
    const value = name === STATUS ? fold.status : name === EMBEDDING ? embedding : memberOf(metadata, name);
    item.members.set(name, { value, stamp });
  }
  item.replacedAt = fold.replaced_at ?? undefined;
  item.deletedAt = fold.deleted_at ?? undefined;
  item.version = document.version;
  item.createdAtMs = document.created_at;
  item.updatedAtMs = document.updated_at;
  return item;
}

function memberOf(metadata: JsonObject, name: string): Json {
  return Object.hasOwn(metadata, name) ? (metadata[name] ?? null) : null;
}
