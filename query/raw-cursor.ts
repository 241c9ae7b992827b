import { hash } from 'node:crypto';
import type { PositionVector } from '#domain';

/** Where a search through a log goes on: one offset per partition, of the log of that identity. */
export type RawCursor = { readonly logIdentity: string; readonly vector: PositionVector };

const FORM = /^dl1_([0-9a-f-]{36})_([0-9a-f]{12})_((?:[0-9a-z]{1,11}\.)*[0-9a-z]{1,11})$/;

/** Writes a cursor as one word that is safe in a URL and belongs to one question (`about`, any text that tells them apart). */
export function formatCursor({ logIdentity, vector }: RawCursor, about: string): string {
  const places = vector.map((offset) => offset.toString(36)).join('.');
  return `dl1_${logIdentity}_${checkOf(logIdentity, places, about)}_${places}`;
}

/** Takes an untrusted cursor; undefined when it is none, or of another question. */
export function parseCursor(text: string, about: string): RawCursor | undefined {
  const [, logIdentity = '', check, places = ''] = FORM.exec(text) ?? [];
  if (check === undefined || check !== checkOf(logIdentity, places, about)) return undefined;
  const vector = places.split('.').map((digits) => BigInt(parseInt(digits, 36)));
  return { logIdentity, vector };
}

/**
 * Tells a cursor that was cut off, mistyped or taken from another question. It keeps nothing secret: a cursor
 * only says where in the tenant's own log to go on.
 */
function checkOf(logIdentity: string, places: string, about: string): string {
  return hash('sha256', `${logIdentity} ${places} ${about}`, 'hex').slice(0, 12);
}
