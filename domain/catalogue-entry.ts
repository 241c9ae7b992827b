import { canonicalJson } from './canonical-json.ts';
import type { JsonObject } from './event.ts';
import type { TenantId } from './tenant-id.ts';

/** What the control plane keeps entries of, beside the items of the log. */
export const ENTRY_KINDS = ['scenario', 'model_config'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Which entry: a scenario by its id, a model config by its scenario's id and its own. */
export type EntryRef = {
  readonly kind: EntryKind;
  readonly tenant: TenantId;
  readonly id: readonly string[];
};

export const ENTRY_STATUSES = ['active', 'inactive'] as const;
export type EntryStatus = (typeof ENTRY_STATUSES)[number];

/** A scenario or model config at one of its versions. */
export type CatalogueEntry = EntryRef & {
  /** 1 for the first, one more with every event of its stream. */
  readonly version: number;
  /** A deleted entry keeps its history and can be created again. */
  readonly status: EntryStatus | 'deleted';
  readonly members: JsonObject;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

/** What somebody wants of an entry. `expectedVersion` 0 means that there is none, or a deleted one. */
export type EntryCommand = { readonly atMs: number; readonly expectedVersion?: number } & (
  | {
      /** `create` wants none to exist; `replace` takes either; `change` sets the members it names, null removes. */
      readonly type: 'create' | 'replace' | 'change';
      readonly members: JsonObject;
      /** @default active, or as it is */
      readonly status?: EntryStatus;
    }
  | { readonly type: 'delete' }
);

export type EntryEvent =
  | {
      readonly type: 'entry_written';
      readonly members: JsonObject;
      readonly status: EntryStatus;
      readonly atMs: number;
    }
  | { readonly type: 'entry_deleted'; readonly atMs: number };

/** Why an entry cannot be written as wanted. */
export type EntryRefusal = 'version_conflict' | 'exists' | 'unknown';

export type EntryDecision =
  | { readonly ok: true; readonly events: readonly EntryEvent[] }
  | { readonly ok: false; readonly reason: EntryRefusal; readonly version: number };

/**
 * Why the entry that is there, at `version` (0 = none), forbids what is wanted; undefined when it does not.
 * Holds for items too, whose events lie in the log.
 */
export function refusalOf(
  wanted: { readonly type: EntryCommand['type']; readonly expectedVersion?: number | undefined },
  there: { readonly version: number; readonly deleted: boolean },
): EntryRefusal | undefined {
  const { type, expectedVersion } = wanted;
  const version = there.deleted ? 0 : there.version;
  if (expectedVersion !== undefined && expectedVersion !== version) return 'version_conflict';
  if (type === 'create') return version > 0 ? 'exists' : undefined;
  if (type === 'replace') return undefined;
  return version > 0 ? undefined : 'unknown';
}

/** Decides what a command changes; wanting what is already so changes nothing. */
export function decideEntry(state: CatalogueEntry | undefined, command: EntryCommand): EntryDecision {
  const { atMs } = command;
  const there = { version: state?.version ?? 0, deleted: state?.status === 'deleted' };
  const reason = refusalOf(command, there);
  if (reason) return { ok: false, reason, version: there.version };
  if (command.type === 'delete') return { ok: true, events: [{ type: 'entry_deleted', atMs }] };
  const { members, status } = wantedOf(state, command);
  const isSo = state?.status === status && canonicalJson(state.members) === canonicalJson(members);
  return { ok: true, events: isSo ? [] : [{ type: 'entry_written', members, status, atMs }] };
}

function wantedOf(
  state: CatalogueEntry | undefined,
  command: Exclude<EntryCommand, { readonly type: 'delete' }>,
): { readonly members: JsonObject; readonly status: EntryStatus } {
  const before = command.type === 'change' ? state : undefined;
  const members = Object.entries({ ...before?.members, ...command.members });
  return {
    members: Object.fromEntries(members.filter(([, value]) => value !== null)),
    status: command.status ?? statusOf(before),
  };
}

function statusOf(entry: CatalogueEntry | undefined): EntryStatus {
  return entry?.status === 'inactive' ? 'inactive' : 'active';
}

/** Folds one event of an entry's stream. */
export function evolveEntry(
  ref: EntryRef,
  state: CatalogueEntry | undefined,
  event: EntryEvent,
): CatalogueEntry {
  const { kind, tenant, id } = ref;
  const version = (state?.version ?? 0) + 1;
  const createdAtMs = state?.createdAtMs ?? event.atMs;
  const about = { kind, tenant, id, version, createdAtMs, updatedAtMs: event.atMs };
  return event.type === 'entry_deleted'
    ? { ...about, status: 'deleted', members: state?.members ?? {} }
    : { ...about, status: event.status, members: event.members };
}

/** The names under which an entry is kept and shown (MG-01, MG-04). Times in epoch ms. */
export function entryDocument(entry: CatalogueEntry): JsonObject {
  const { kind, tenant, id, version, status, members, createdAtMs, updatedAtMs } = entry;
  const [scenario_id = '', model_id = ''] = id;
  return {
    ...members,
    tenant_id: tenant,
    scenario_id,
    ...(kind === 'model_config' ? { model_id } : {}),
    status,
    version,
    created_at: createdAtMs,
    updated_at: updatedAtMs,
  };
}
