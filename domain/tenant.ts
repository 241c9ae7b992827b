import type { TenantId } from './tenant-id.ts';

/** What the control plane knows of a tenant. */
export type Tenant = {
  readonly id: TenantId;
  /** Fixed at creation, so that one user's events stay in one order. */
  readonly partitions: number;
  readonly createdAtMs: number;
};

export type CreateTenant = {
  readonly type: 'create_tenant';
  readonly id: TenantId;
  readonly partitions: number;
  readonly atMs: number;
};

export type TenantCreated = {
  readonly type: 'tenant_created';
  readonly id: TenantId;
  readonly partitions: number;
  readonly createdAtMs: number;
};

/** Decides what a command changes: creating a tenant that exists changes nothing. */
export function decideTenant(
  state: Tenant | undefined,
  command: CreateTenant,
):
  | { readonly ok: true; readonly events: readonly TenantCreated[] }
  | { readonly ok: false; readonly reason: 'partitions_out_of_range' } {
  if (state) return { ok: true, events: [] };
  if (!Number.isInteger(command.partitions) || command.partitions < 1 || command.partitions > 24) {
    return { ok: false, reason: 'partitions_out_of_range' };
  }
  const { id, partitions, atMs } = command;
  return { ok: true, events: [{ type: 'tenant_created', id, partitions, createdAtMs: atMs }] };
}

/** Folds one event of a tenant's stream. */
export function evolveTenant(_state: Tenant | undefined, event: TenantCreated): Tenant {
  return { id: event.id, partitions: event.partitions, createdAtMs: event.createdAtMs };
}
