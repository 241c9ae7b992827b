import type { Json } from './event.ts';

/**
 * One text per JSON value: members sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript writes them (the scheme of RFC 8785). Equal values give equal text whatever order and
 * spacing they were sent in, so its hash tells a retry from another body under the same id.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) {
    let out = '[';
    for (let i = 0; i < value.length; i++) {
      if (i > 0) out += ',';
      out += canonicalJson(value[i] ?? null);
    }
    return out + ']';
  }
  const keys = Object.keys(value).sort();
  let out = '{';
  let first = true;
  for (const key of keys) {
    const member = value[key];
    if (member === undefined) continue;
    if (first) first = false;
    else out += ',';
    out += JSON.stringify(key) + ':' + canonicalJson(member);
  }
  return out + '}';
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
