import type { Position, PositionVector } from './position.ts';

/** What a receipt token says: where the sender's event stands, in the log of which identity. */
export type ReceiptToken = { readonly logIdentity: string } & Position;

/** What pins an answer: how far the facts of which generation, under which control plane. */
export type AsOfToken = {
  readonly logIdentity: string;
  readonly generation: number;
  /** Position of the control plane that was in force. */
  readonly controlPosition: bigint;
  readonly vector: PositionVector;
};

const RECEIPT = /^dr1_([0-9a-f-]{36})_([0-9a-z]{1,4})_([0-9a-z]{1,13})$/;
const AS_OF = /^da1_([0-9a-f-]{36})_([0-9a-z]{1,6})_([0-9a-z]{1,13})_((?:[0-9a-z]{1,13}\.)*[0-9a-z]{1,13})$/;

/** Writes a receipt as one opaque word that is safe in a URL. */
export function formatReceipt(receipt: ReceiptToken): string {
  return `dr1_${receipt.logIdentity}_${receipt.partition.toString(36)}_${receipt.offset.toString(36)}`;
}

/** Takes an untrusted receipt token; undefined when it is none. */
export function parseReceipt(token: string): ReceiptToken | undefined {
  const match = RECEIPT.exec(token);
  if (!match) return undefined;
  const [, logIdentity = '', partition = '', offset = ''] = match;
  return { logIdentity, partition: parseInt(partition, 36), offset: parseBase36(offset) };
}

/** Writes an as-of pin as one opaque word that is safe in a URL. */
export function formatAsOf(pin: AsOfToken): string {
  const vector = pin.vector.map((offset) => offset.toString(36)).join('.');
  return `da1_${pin.logIdentity}_${pin.generation.toString(36)}_${pin.controlPosition.toString(36)}_${vector}`;
}

/** Takes an untrusted as-of token; undefined when it is none. */
export function parseAsOf(token: string): AsOfToken | undefined {
  const match = AS_OF.exec(token);
  if (!match) return undefined;
  const [, logIdentity = '', generation = '', controlPosition = '', vector = ''] = match;
  return {
    logIdentity,
    generation: parseInt(generation, 36),
    controlPosition: parseBase36(controlPosition),
    vector: vector.split('.').map(parseBase36),
  };
}

function parseBase36(digits: string): bigint {
  let value = 0n;
  for (const digit of digits) value = value * 36n + BigInt(parseInt(digit, 36));
  return value;
}
