import { Fault, decideTenant, evolveTenant, parseTenantId } from '#domain';
import type { Tenant, TenantCreated, TenantId } from '#domain';
import type { EventLog } from './event-log.ts';
import { StreamFollower } from './stream-follower.ts';
import type { StreamEvent, StreamStore } from './stream-store.ts';

/**
 * The tenants of the control plane, folded from their streams and kept current from them.
 *
 * `openTenants(streams, log, options)` opens it; a tenant created elsewhere appears without a restart.
 */
export interface Tenants extends AsyncDisposable {
  /** From memory; undefined when no such tenant has been created. */
  get(id: TenantId): Tenant | undefined;
  list(): readonly Tenant[];
  /** Creates the tenant and its logs where missing, and answers it. Safe to call by several at once. */
  ensure(id: TenantId, by: { readonly actor: string; readonly reason: string }): Promise<Tenant>;
  /** Calls the listener for every tenant, those already known first, until disposed. */
  onTenant(listener: (tenant: Tenant) => void): Disposable;
  /** Position of the control plane folded so far. */
  position(): bigint;
}

/** What {@link openTenants} needs from outside. */
export type TenantsOptions = {
  /** Partitions of the log of a new tenant, 1 to 24. */
  readonly partitions: number;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Makes the ids of events of the control plane. */
  readonly newId: () => string;
};

const STREAM_PREFIX = 'tenant-';

/**
 * Resolves when every tenant of the control plane has been folded and has its logs, also one whose creator
 * died between the two.
 */
export async function openTenants(
  streams: StreamStore,
  log: EventLog,
  options: TenantsOptions,
): Promise<Tenants> {
  const tenants = new FoldedTenants(streams, log, options);
  await tenants.untilCaughtUp();
  return tenants;
}

class FoldedTenants implements Tenants {
  readonly #streams: StreamStore;
  readonly #log: EventLog;
  readonly #options: TenantsOptions;
  readonly #tenants = new Map<TenantId, Tenant>();
  readonly #listeners = new Set<(tenant: Tenant) => void>();
  readonly #ensuring = new Map<TenantId, Promise<Tenant>>();
  readonly #follower: StreamFollower;

  constructor(streams: StreamStore, log: EventLog, options: TenantsOptions) {
    this.#streams = streams;
    this.#log = log;
    this.#options = options;
    this.#follower = new StreamFollower(streams, (event) => this.#fold(event));
  }

  untilCaughtUp(): Promise<void> {
    return this.#follower.untilCaughtUp();
  }

  get(id: TenantId): Tenant | undefined {
    return this.#tenants.get(id);
  }

  list(): readonly Tenant[] {
    return [...this.#tenants.values()];
  }

  async ensure(id: TenantId, by: { readonly actor: string; readonly reason: string }): Promise<Tenant> {
    const known = this.#tenants.get(id);
    if (known) return known;
    let ensuring = this.#ensuring.get(id);
    if (!ensuring) {
      ensuring = this.#create(id, by).finally(() => this.#ensuring.delete(id));
      this.#ensuring.set(id, ensuring);
    }
    return ensuring;
  }

  onTenant(listener: (tenant: Tenant) => void): Disposable {
    const own = (tenant: Tenant): void => {
      listener(tenant);
    };
    this.#listeners.add(own);
    for (const tenant of this.#tenants.values()) own(tenant);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  position(): bigint {
    return this.#follower.position;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower[Symbol.asyncDispose]();
  }

  async #fold(event: StreamEvent): Promise<void> {
    const created = parseTenantCreated(event);
    if (!created) return;
    const tenant = evolveTenant(this.#tenants.get(created.id), created);
    // The logs first: whoever sees the tenant may append at once. It also mends a creation that broke off here.
    await this.#log.create(tenant.id, { partitions: tenant.partitions });
    this.#tenants.set(tenant.id, tenant);
    for (const listener of this.#listeners) listener(tenant);
  }

  async #create(id: TenantId, by: { readonly actor: string; readonly reason: string }): Promise<Tenant> {
    const { partitions, clock, newId } = this.#options;
    const decided = decideTenant(undefined, { type: 'create_tenant', id, partitions, atMs: clock() });
    if (!decided.ok) {
      throw new Fault('CONFIG_INVALID', 'A tenant log has 1 to 24 partitions.', { details: { partitions } });
    }
    const events = decided.events.map(({ type, ...data }) => ({
      id: newId(),
      type,
      data,
      metadata: { ...by },
    }));
    // A conflict means that somebody else has created it; their event is on its way to us.
    await this.#streams.append(STREAM_PREFIX + id, events, 'no_stream');
    return this.#follower.until(() => this.#tenants.get(id));
  }
}

function parseTenantCreated({ stream, type, data }: StreamEvent): TenantCreated | undefined {
  if (!stream.startsWith(STREAM_PREFIX) || type !== 'tenant_created') return undefined;
  const id = parseTenantId(data['id']);
  const { partitions, createdAtMs } = data;
  if (!id.ok || typeof partitions !== 'number' || typeof createdAtMs !== 'number') return undefined;
  return { type: 'tenant_created', id: id.tenant, partitions, createdAtMs };
}
