import type { LogRecord } from '#log';
import type { LetterCount, PoisonedRecord } from './hour-ledger-store.ts';
import { hourOf } from './hours.ts';

/** The members of a dead letter that are counted by, whoever wrote it. */
type Letter = {
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly projection?: unknown;
  readonly generation?: unknown;
  readonly partition?: unknown;
  readonly offset?: unknown;
};

/** Counts dead letters by hour and reason, and names the records that the facts could not take. */
export function countLetters(records: readonly LogRecord[]): {
  readonly counts: readonly LetterCount[];
  readonly poisoned: readonly PoisonedRecord[];
} {
  const counts = new Map<string, LetterCount>();
  const poisoned: PoisonedRecord[] = [];
  for (const { headers, value } of records) {
    const letter = parseLetter(value);
    const hour = hourOf(headers.timestampMs);
    const said = letter.code ?? letter.reason;
    const reason = typeof said === 'string' ? said : 'unknown';
    const key = `${hour} ${reason}`;
    counts.set(key, { hour, reason, letters: (counts.get(key)?.letters ?? 0) + 1 });
    const { projection, generation, partition, offset } = letter;
    if (projection !== 'facts' || typeof offset !== 'string' || typeof generation !== 'number') continue;
    poisoned.push({ generation, partition: Number(partition), offset: BigInt(offset), hour });
  }
  return { counts: [...counts.values()], poisoned };
}

function parseLetter(value: Uint8Array): Letter {
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()) as Letter;
  } catch {
    return {};
  }
}
