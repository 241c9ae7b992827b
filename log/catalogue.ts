import { ENTRY_KINDS, decideEntry, evolveEntry, parseTenantId } from '#domain';
import type {
  CatalogueEntry,
  EntryCommand,
  EntryDecision,
  EntryEvent,
  EntryKind,
  EntryRef,
  JsonObject,
  TenantId,
} from '#domain';
import { StreamFollower } from './stream-follower.ts';
import type { StreamEvent, StreamStore } from './stream-store.ts';

/** What became of a command. `changed` is false where everything was as wanted. */
export type EntryWritten =
  | { readonly ok: true; readonly entry: CatalogueEntry; readonly changed: boolean }
  | Extract<EntryDecision, { readonly ok: false }>;

/** One version of an entry with who made it and why. */
export type EntryVersion = CatalogueEntry & { readonly actor: string; readonly reason: string };

/**
 * The scenarios and model configs of all tenants, each a stream of the control plane, folded in memory and
 * kept current: what was written through any node is seen without a restart.
 */
export interface Catalogue extends AsyncDisposable {
  /** The newest version; a deleted entry is answered too. */
  get(ref: EntryRef): CatalogueEntry | undefined;
  /** Entries of a tenant, deleted ones among them, in the order of their ids' UTF-16 units. */
  list(kind: EntryKind, tenant: TenantId): readonly CatalogueEntry[];
  /** Resolves when the change is durable and seen by `get` and `list`. */
  write(
    ref: EntryRef,
    command: EntryCommand,
    by: { readonly actor: string; readonly reason: string },
  ): Promise<EntryWritten>;
  /** All versions of an entry, the first one first; none when there never was one. */
  versions(ref: EntryRef): Promise<readonly EntryVersion[]>;
  /** How many scenarios of the tenant were active once the control plane had come to a position. */
  activeScenarios(tenant: TenantId, position: bigint): number;
  /** Calls the listener with every entry, those already known first, until disposed. */
  onEntry(listener: (entry: CatalogueEntry) => void): Disposable;
  /** Position of the control plane folded so far. */
  position(): bigint;
}

export type CatalogueOptions = {
  /** Makes the ids of events of the control plane. */
  readonly newId: () => string;
};

/** Resolves when the whole control plane has been folded. */
export async function openCatalogue(streams: StreamStore, options: CatalogueOptions): Promise<Catalogue> {
  const catalogue = new FoldedCatalogue(streams, options);
  await catalogue.untilCaughtUp();
  return catalogue;
}

class FoldedCatalogue implements Catalogue {
  readonly #streams: StreamStore;
  readonly #newId: () => string;
  /** By the name of the stream. */
  readonly #entries = new Map<string, CatalogueEntry>();
  /** Scenarios that became active (+1) or ceased to be (-1), per tenant, by position of the control plane. */
  readonly #turns = new Map<TenantId, { readonly position: bigint; readonly by: 1 | -1 }[]>();
  readonly #listeners = new Set<(entry: CatalogueEntry) => void>();
  readonly #follower: StreamFollower;

  constructor(streams: StreamStore, { newId }: CatalogueOptions) {
    this.#streams = streams;
    this.#newId = newId;
    this.#follower = new StreamFollower(streams, (event) => {
      this.#fold(event);
    });
  }

  untilCaughtUp(): Promise<void> {
    return this.#follower.untilCaughtUp();
  }

  get(ref: EntryRef): CatalogueEntry | undefined {
    return this.#entries.get(streamOf(ref));
  }

  list(kind: EntryKind, tenant: TenantId): readonly CatalogueEntry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.kind === kind && entry.tenant === tenant)
      .sort((a, b) => compareIds(a.id, b.id));
  }

  async write(
    ref: EntryRef,
    command: EntryCommand,
    by: { readonly actor: string; readonly reason: string },
  ): Promise<EntryWritten> {
    const stream = streamOf(ref);
    for (;;) {
      const state = this.#entries.get(stream);
      const decided = decideEntry(state, command);
      if (!decided.ok) return decided;
      if (decided.events.length === 0 && state) return { ok: true, entry: state, changed: false };
      const events = decided.events.map(({ type, ...data }) => ({
        id: this.#newId(),
        type,
        data: { kind: ref.kind, tenant: ref.tenant, id: ref.id, ...data },
        metadata: { ...by },
      }));
      const expected = state ? BigInt(state.version - 1) : 'no_stream';
      const appended = await this.#streams.append(stream, events, expected);
      // Somebody else was first; their event is on its way to us, and then it is decided again.
      const version = appended.ok ? Number(appended.revision) + 1 : (state?.version ?? 0) + 1;
      const entry = await this.#reached(stream, version);
      if (appended.ok) return { ok: true, entry, changed: true };
    }
  }

  async versions(ref: EntryRef): Promise<readonly EntryVersion[]> {
    const versions: EntryVersion[] = [];
    for await (const event of this.#streams.read(streamOf(ref))) {
      const parsed = parseEntryEvent(event);
      if (!parsed) continue;
      const { actor, reason } = event.metadata;
      versions.push({
        ...evolveEntry(ref, versions.at(-1), parsed.event),
        actor: typeof actor === 'string' ? actor : '',
        reason: typeof reason === 'string' ? reason : '',
      });
    }
    return versions;
  }

  activeScenarios(tenant: TenantId, position: bigint): number {
    let active = 0;
    for (const turn of this.#turns.get(tenant) ?? []) if (turn.position <= position) active += turn.by;
    return active;
  }

  onEntry(listener: (entry: CatalogueEntry) => void): Disposable {
    const own = (entry: CatalogueEntry): void => {
      listener(entry);
    };
    this.#listeners.add(own);
    for (const entry of this.#entries.values()) own(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  position(): bigint {
    return this.#follower.position;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower[Symbol.asyncDispose]();
  }

  #fold(event: StreamEvent): void {
    const parsed = parseEntryEvent(event);
    if (!parsed) return;
    const before = this.#entries.get(event.stream);
    const entry = evolveEntry(parsed.ref, before, parsed.event);
    this.#entries.set(event.stream, entry);
    if (entry.kind === 'scenario' && (before?.status === 'active') !== (entry.status === 'active')) {
      const turns = this.#turns.get(entry.tenant) ?? [];
      turns.push({ position: event.position, by: entry.status === 'active' ? 1 : -1 });
      this.#turns.set(entry.tenant, turns);
    }
    for (const listener of this.#listeners) listener(entry);
  }

  #reached(stream: string, version: number): Promise<CatalogueEntry> {
    return this.#follower.until(() => {
      const entry = this.#entries.get(stream);
      return entry && entry.version >= version ? entry : undefined;
    });
  }
}

/** Ids are written so that no part of one can be taken for the next. */
function streamOf({ kind, tenant, id }: EntryRef): string {
  return `${kind}-${tenant}/${id.map(encodeURIComponent).join('/')}`;
}

function compareIds(one: readonly string[], other: readonly string[]): number {
  for (const [index, part] of one.entries()) {
    const against = other[index] ?? '';
    if (part !== against) return part < against ? -1 : 1;
  }
  return 0;
}

function parseEntryEvent({
  stream,
  type,
  data,
}: StreamEvent): { readonly ref: EntryRef; readonly event: EntryEvent } | undefined {
  const kind = ENTRY_KINDS.find((one) => stream.startsWith(`${one}-`));
  const tenant = parseTenantId(data['tenant']);
  const { id, atMs } = data;
  if (!kind || !tenant.ok || !Array.isArray(id) || typeof atMs !== 'number') return undefined;
  const ref = { kind, tenant: tenant.tenant, id: id.map(String) };
  if (type === 'entry_deleted') return { ref, event: { type, atMs } };
  const { members, status } = data;
  if (type !== 'entry_written' || (status !== 'active' && status !== 'inactive')) return undefined;
  return { ref, event: { type, members: members as JsonObject, status, atMs } };
}
