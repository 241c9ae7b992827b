import { isUtf8 } from 'node:buffer';
import type { FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';
import type { Json } from '#domain';

/** A column and what its decimals are scaled by, by their place in the schema. */
export type ParquetColumn = {
  readonly tree: SchemaTree;
  readonly decimals: ReadonlyMap<SchemaElement, number>;
};

/**
 * Takes the mark of a decimal from every such column, and answers the scales: the library would make doubles
 * of them, which lose digits; without the mark it gives the unscaled integers.
 */
export function keepDecimals(metadata: FileMetaData): ReadonlyMap<SchemaElement, number> {
  const scales = new Map<SchemaElement, number>();
  for (const element of metadata.schema) {
    if (element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL') continue;
    scales.set(element, element.scale ?? 0);
    delete element.converted_type;
    delete element.logical_type;
  }
  return scales;
}

/** A value as JSON can hold it, nothing rounded: what a double cannot hold is a text. */
export function parquetJson({ tree, decimals }: ParquetColumn, value: unknown): Json {
  if (value === null || value === undefined) return null;
  const scale = decimals.get(tree.element);
  if (scale !== undefined && !Array.isArray(value)) return decimalText(unscaled(value), scale);
  if (Array.isArray(value)) {
    const item = { tree: itemOf(tree), decimals };
    return value.map((one) => parquetJson(item, one));
  }
  if (value instanceof Uint8Array) return bytesText(value);
  if (typeof value === 'object') return objectJson({ tree, decimals }, value);
  return scalarJson(value);
}

function scalarJson(value: unknown): Json {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return typeof value === 'boolean' ? value : String(value);
}

/** A struct has its members in the schema; a map has one pair of key and value for all. */
function objectJson({ tree, decimals }: ParquetColumn, value: object): Json {
  const pair = tree.children[0]?.children;
  const mapped = tree.element.converted_type === 'MAP' || tree.element.logical_type?.type === 'MAP';
  const members = Object.create(null) as Record<string, Json>;
  for (const [name, member] of Object.entries(value)) {
    const inner = mapped ? pair?.[1] : tree.children.find(({ element }) => element.name === name);
    members[name] = parquetJson({ tree: inner ?? tree, decimals }, member);
  }
  return members;
}

/** A list is a group around a repeated group around the item; older writers leave one or both out. */
function itemOf(tree: SchemaTree): SchemaTree {
  const [repeated] = tree.children;
  if (!repeated) return tree;
  return repeated.children.length === 1 ? (repeated.children[0] ?? repeated) : repeated;
}

function unscaled(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  let digits = 0n;
  const bytes = value instanceof Uint8Array ? value : new Uint8Array(0);
  for (const byte of bytes) digits = digits * 256n + BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, digits);
}

function decimalText(value: bigint, scale: number): string {
  if (scale <= 0) return String(value * 10n ** BigInt(-scale));
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Bytes that are no text are written in base 64. */
export function bytesText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? buffer.toString() : buffer.toString('base64');
}
