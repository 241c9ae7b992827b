import { Fault, entryDocument, refusalOf } from '#domain';
import type { EntryCommand, EntryKind, EntryRefusal, Json, JsonObject, TenantId } from '#domain';
import type { Catalogue, EventLog, Tenants } from '#log';
import type { FieldError } from '#schema-registry';
import type { EntryPath } from './entry-forms.ts';
import type { EntryRequest } from './entry-request.ts';
import type { Input, Sender } from './examine.ts';
import type { Ingress } from './ingress.ts';
import type { EventOutcome, Receipt } from './outcome.ts';

/** What became of one write. */
export type EntryOutcome =
  | {
      readonly outcome: 'accepted' | 'duplicate' | 'unchanged';
      /** Of items whose version was looked at, and of everything in the control plane. */
      readonly version?: number;
      /** Of items: the catalogue event and where it stands. */
      readonly eventId?: string;
      readonly receipt?: Receipt;
      /** Of everything in the control plane: as it is now. */
      readonly entry?: JsonObject;
    }
  | { readonly outcome: 'rejected'; readonly errors: readonly FieldError[] }
  | { readonly outcome: 'conflict'; readonly why: string; readonly version: number }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'failed'; readonly fault: Fault };

/** The version of an item after everything that stood in the log when asked; undefined when there is none. */
export type LookUpItem = (
  tenant: TenantId,
  id: readonly string[],
) => Promise<{ readonly version: number; readonly deleted: boolean } | undefined>;

export type EntryWriterOptions = {
  readonly ingress: Pick<Ingress, 'track'>;
  readonly log: Pick<EventLog, 'find'>;
  readonly tenants: Pick<Tenants, 'get' | 'ensure'>;
  readonly catalogue: Pick<Catalogue, 'write'>;
  readonly lookUpItem: LookUpItem;
  /** Epoch ms. */
  readonly clock: () => number;
};

/** Writes checked entries; one outcome per request, in order. Durable when resolved. */
export type WriteEntries = (
  path: EntryPath,
  requests: readonly EntryRequest[],
  sender: Sender,
) => Promise<readonly EntryOutcome[]>;

const KINDS: Readonly<Record<Exclude<EntryPath, 'items'>, EntryKind>> = {
  scenarios: 'scenario',
  'model-configs': 'model_config',
};
const EVENT_NAMES = {
  create: 'item_created',
  replace: 'item_replaced',
  change: 'item_changed',
  delete: 'item_deleted',
} as const;

/**
 * Items become catalogue events in the tenant's log, the rest events of the control plane. An item's expected
 * version is exact among the writes that come this way, which take turns item by item; an event sent to the
 * ingest routes may come in between.
 */
export function createEntryWriter(options: EntryWriterOptions): WriteEntries {
  const { ingress, log, tenants, catalogue, lookUpItem, clock } = options;
  const inTurn = createTurns();

  async function writeItems(requests: readonly EntryRequest[], sender: Sender): Promise<EntryOutcome[]> {
    return inTurn(
      requests.map(({ tenant, id }) => JSON.stringify([tenant, ...id])),
      async () => {
        const known = await Promise.all(requests.map((request) => check(request, sender)));
        const wanted = requests.filter((_, index) => typeof known[index] !== 'object');
        const tracked = await ingress.track(
          wanted.map((request) => eventOf(request, sender)),
          { ...sender, fallbackKind: 'catalog' },
        );
        let next = 0;
        return requests.map((_, index) => {
          const found = known[index];
          return typeof found === 'object' ? found : outcomeOf(tracked[next++], found);
        });
      },
    );
  }

  /** The version the item has, undefined where it was not asked for, or why it cannot be written. */
  async function check(request: EntryRequest, sender: Sender): Promise<number | undefined | EntryOutcome> {
    const { action, tenant, id, expectedVersion, members } = request;
    if (!tenants.get(tenant)) {
      if (!sender.mayCreateTenants) return { outcome: 'failed', fault: new Fault('TENANT_UNKNOWN') };
      // Nobody else writes into a tenant that does not exist.
      return checkVersion(request, undefined);
    }
    if (action === 'replace' && expectedVersion === undefined) return undefined;
    try {
      const eventId = members['event_id'];
      // A retry: what it met when it was first sent counts, not what it made itself.
      if (typeof eventId === 'string' && (await log.find(tenant, eventId))) return undefined;
      return checkVersion(request, await lookUpItem(tenant, id));
    } catch (error) {
      return failed(error);
    }
  }

  async function writeEntry(kind: EntryKind, request: EntryRequest, sender: Sender): Promise<EntryOutcome> {
    const { tenant, id, reason } = request;
    const by = { actor: sender.actor, reason };
    try {
      if (!tenants.get(tenant)) {
        if (!sender.mayCreateTenants) throw new Fault('TENANT_UNKNOWN');
        await tenants.ensure(tenant, { actor: sender.actor, reason: 'first entry' });
      }
      const written = await catalogue.write({ kind, tenant, id }, commandOf(request, clock()), by);
      if (written.ok) {
        const { entry, changed } = written;
        const outcome = changed ? 'accepted' : 'unchanged';
        return { outcome, version: entry.version, entry: entryDocument(entry) };
      }
      return refused(written.reason, written.version);
    } catch (error) {
      return failed(error);
    }
  }

  return (path, requests, sender) =>
    path === 'items'
      ? writeItems(requests, sender)
      : Promise.all(requests.map((request) => writeEntry(KINDS[path], request, sender)));
}

function checkVersion(
  { action, expectedVersion }: EntryRequest,
  found: Awaited<ReturnType<LookUpItem>>,
): number | EntryOutcome {
  const there = found ?? { version: 0, deleted: false };
  const reason = refusalOf({ type: action, expectedVersion }, there);
  return reason ? refused(reason, there.version) : there.version;
}

function refused(reason: EntryRefusal, version: number): EntryOutcome {
  switch (reason) {
    case 'version_conflict':
      return { outcome: 'conflict', why: 'The entry has another version than expected.', version };
    case 'exists':
      return { outcome: 'conflict', why: 'The entry exists already.', version };
    case 'unknown':
      return { outcome: 'unknown' };
  }
}

function failed(error: unknown): EntryOutcome {
  const fault = error instanceof Fault ? error : new Fault('INTERNAL', undefined, { cause: error });
  return { outcome: 'failed', fault };
}

function commandOf(request: EntryRequest, atMs: number): EntryCommand {
  const { action, members, status, expectedVersion } = request;
  const expected = expectedVersion === undefined ? {} : { expectedVersion };
  if (action === 'delete') return { type: 'delete', atMs, ...expected };
  return { type: action, atMs, members, ...(status === undefined ? {} : { status }), ...expected };
}

/** The catalogue event an item's write becomes; who wrote it and why stand beside the item's own members. */
function eventOf(request: EntryRequest, sender: Sender): Input {
  const { action, tenant, id, members, status, reason, sent } = request;
  const [scenario_id = '', item_id = ''] = id;
  const { event_id, metadata, embedding } = members;
  const properties: Record<string, Json> = { ...(metadata as JsonObject | undefined) };
  if (embedding !== undefined) properties['embedding'] = embedding;
  if (status !== undefined) properties['status'] = status;
  const value: JsonObject = {
    ...(event_id === undefined ? {} : { event_id }),
    tenant_id: tenant,
    kind: 'catalog',
    event_name: EVENT_NAMES[action],
    scenario_id,
    item_id,
    ...(action === 'delete' ? {} : { properties }),
    extra_data: { changed_by: sender.actor, ...(reason === '' ? {} : { reason }) },
  };
  return { value, errors: [], warnings: [], sent };
}

function outcomeOf(tracked: EventOutcome | undefined, version: number | undefined): EntryOutcome {
  switch (tracked?.outcome) {
    case 'accepted':
      return {
        outcome: 'accepted',
        eventId: tracked.eventId,
        receipt: tracked.receipt,
        ...(version === undefined ? {} : { version: version + 1 }),
      };
    case 'duplicate':
      return { outcome: 'duplicate', eventId: tracked.eventId, receipt: tracked.receipt };
    case 'conflict':
      return {
        outcome: 'conflict',
        why: 'The event id stands in the log with another content.',
        version: version ?? 0,
      };
    case 'rejected':
      return { outcome: 'rejected', errors: tracked.errors };
    case 'failed':
      return { outcome: 'failed', fault: tracked.fault };
    case undefined:
      return { outcome: 'failed', fault: new Fault('INTERNAL') };
  }
}

/** Lets those who name the same key run one after the other, in the order in which they came. */
function createTurns(): <T>(keys: readonly string[], run: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<void>>();
  return async (keys, run) => {
    const own = new Set(keys);
    const before = Promise.all([...own].flatMap((key) => last.get(key) ?? []));
    const turn = before.then(run);
    const over = turn.then(
      () => undefined,
      () => undefined,
    );
    for (const key of own) last.set(key, over);
    try {
      return await turn;
    } finally {
      for (const key of own) if (last.get(key) === over) last.delete(key);
    }
  };
}
