import { canonicalJson } from './canonical-json.ts';
import type { JsonObject } from './event.ts';
import type { TenantId } from './tenant-id.ts';

/** What the control plane keeps entries of, beside the items of the log. */
export const ENTRY_KINDS = ['scenario', 'model_config'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Which entry: a scenario by its id, a model config by its scenario's id and its own. */
export type EntryRef = { readonly kind: EntryKind; readonly tenant: TenantId; readonly id: readonly string[] };

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

export type EntryDecision =
  | { readonly ok: true; readonly events: readonly EntryEvent[] }
  | { readonly ok: false; readonly reason: 'version_conflict' | 'exists' | 'unknown'; readonly version: number };

/** Decides what a command changes; wanting what is already so changes nothing. */
export function decideEntry(state: CatalogueEntry | undefined, command: EntryCommand): EntryDecision {
  const alive = state && state.status !== 'deleted' ? state : undefined;
  const { atMs, expectedVersion } = command;
  const refuse = (reason: 'version_conflict' | 'exists' | 'unknown'): EntryDecision => ({
    ok: false,
    reason,
    version: state?.version ?? 0,
  });
  if (expectedVersion !== undefined && expectedVersion !== (alive?.version ?? 0)) {
    return refuse('version_conflict');
  }
  if (command.type === 'create' && alive) return refuse('exists');
  if ((command.type === 'change' || command.type === 'delete') && !alive) return refuse('unknown');
  if (command.type === 'delete') return { ok: true, events: [{ type: 'entry_deleted', atMs }] };
  const given = command.type === 'change' ? { ...alive?.members, ...command.members } : command.members;
  const members = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const before = command.type === 'change' ? statusOf(alive) : 'active';
  const written: EntryEvent = { type: 'entry_written', members, status: command.status ?? before, atMs };
  const same = alive?.status === written.status && canonicalJson(alive.members) === canonicalJson(members);
  return { ok: true, events: same ? [] : [written] };
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
