import type { Tenant, TenantId } from '#domain';

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
