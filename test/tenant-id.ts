import { parseTenantId } from '#domain';
import type { TenantId } from '#domain';

/** The id of a tenant that is known to be one. */
export function tenantId(text: string): TenantId {
  const parsed = parseTenantId(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.tenant;
}
