/** A checked tenant id: safe in a path, a topic, a key and a query parameter. */
export type TenantId = string & { readonly __brand: 'TenantId' };

const FORM = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/**
 * Takes an untrusted tenant id: 1 to 64 of `a-z 0-9 _ -`, beginning with a letter or digit. Ids ending in
 * `-dlq` are refused, because their log would carry the name of another tenant's dead letters.
 */
export function parseTenantId(
  value: unknown,
): { ok: true; tenant: TenantId } | { ok: false; reason: string } {
  if (typeof value !== 'string' || value === '')
    return { ok: false, reason: 'is required and must be a string' };
  if (!FORM.test(value)) {
    return { ok: false, reason: 'must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit' };
  }
  if (value.endsWith('-dlq')) return { ok: false, reason: 'must not end in -dlq' };
  return { ok: true, tenant: value as TenantId };
}
