import type { Position } from '#domain';
import type { LogRecord } from '#log';

/** What a dead letter says of itself, as far as it can be read. */
export type DeadLetterSaid = {
  /** Code of the reason. */
  readonly reason: string;
  readonly errors: readonly unknown[];
  /** Of a conflict: where the event stands whose id it has. */
  readonly first: Position | undefined;
  /** Of an event that a projection could not take: which one, and where the event stands. */
  readonly refusedBy: { readonly generation: number; readonly position: Position } | undefined;
};

/** Reads the value of a dead letter. What is not there is left out; it throws nothing. */
export function readDeadLetter({ value }: LogRecord): DeadLetterSaid {
  const said = objectOf(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'));
  const { code, reason, errors, generation } = said;
  const position = positionOf(said);
  return {
    reason: textOf(code) ?? textOf(reason) ?? '',
    errors: Array.isArray(errors) ? errors : [{ field: '', code, message: reason }],
    first: positionOf(said['first']),
    refusedBy:
      typeof generation === 'number' && position !== undefined ? { generation, position } : undefined,
  };
}

function textOf(said: unknown): string | undefined {
  return typeof said === 'string' ? said : undefined;
}

function positionOf(said: unknown): Position | undefined {
  if (typeof said !== 'object' || said === null || !('partition' in said) || !('offset' in said))
    return undefined;
  const { partition, offset } = said;
  if (typeof partition !== 'number' || typeof offset !== 'string' || !/^\d+$/.test(offset)) return undefined;
  return { partition, offset: BigInt(offset) };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
