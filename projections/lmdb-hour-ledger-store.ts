import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { commitAll } from '#log';
import type {
  DayCounts,
  HourLedgerStore,
  LedgerKey,
  LedgerProgress,
  LetterCount,
  LetterStep,
  PoisonedRecord,
} from './hour-ledger-store.ts';

/** The short name of a ledger in keys, and how far it has come. */
type Book = { readonly no: number; readonly strides: readonly number[]; readonly letters: string };
type Key = (string | number)[];

const HOURS = 24;
/** Counts are kept in 48 bits. */
const COUNT_BYTES = 6;
/** Beyond every day, hour and offset. */
const FAR = 2 ** 52;
const MAP_BYTES = 4 * 1024 ** 3;

/**
 * Opens the hour ledger of a data directory, in an LMDB environment of its own. Durable when resolved. May be
 * opened in several threads of a process, of which one adds; what it has added the others see at once.
 */
export function openLmdbHourLedgerStore(options: { readonly dataDir: string }): HourLedgerStore {
  return new LmdbHourLedgerStore(join(options.dataDir, 'hour-ledger'));
}

class LmdbHourLedgerStore implements HourLedgerStore {
  readonly #env: RootDatabase;
  readonly #books: Database<Book, string>;
  /** [book, partition, day, stride] → running totals of the day's hours at the end of the stride. */
  readonly #totals: Database<Buffer, Key>;
  /** [book, hour, reason] → letters. */
  readonly #letters: Database<number, Key>;
  /** [book, generation, partition, offset] → hour. */
  readonly #poisoned: Database<number, Key>;

  constructor(path: string) {
    mkdirSync(path, { recursive: true });
    // A batch that is begun before all of it has been put would be held for ever by a thread that dies.
    const shape = { overlappingSync: false, maxDbs: 4, mapSize: MAP_BYTES, batchStartThreshold: Infinity };
    this.#env = open(path, { noSubdir: false, ...shape });
    this.#books = this.#env.openDB({ name: 'books', encoding: 'json' });
    this.#totals = this.#env.openDB({ name: 'totals', encoding: 'binary' });
    this.#letters = this.#env.openDB({ name: 'letters', encoding: 'json' });
    this.#poisoned = this.#env.openDB({ name: 'poisoned', encoding: 'json' });
  }

  async progress(key: LedgerKey): Promise<LedgerProgress> {
    const book = this.#find(key);
    return { strides: book?.strides ?? [], letters: BigInt(book?.letters ?? 0) };
  }

  async addStrides(key: LedgerKey, step: Parameters<HourLedgerStore['addStrides']>[1]): Promise<boolean> {
    const { partition, first, totals } = step;
    const book = this.#find(key) ?? this.#newBook();
    if ((book.strides[partition] ?? 0) !== first) return false;
    const strides = [...book.strides];
    while (strides.length <= partition) strides.push(0);
    strides[partition] = first + totals.length;
    await this.#write(() => {
      totals.forEach((days, index) => {
        for (const { day, hours } of days)
          void this.#totals.put([book.no, partition, day, first + index], encode(hours));
      });
      void this.#books.put(nameOf(key), { ...book, strides });
    });
    return true;
  }

  async totals(
    key: LedgerKey,
    { partition, strides, fromDay, toDay }: Parameters<HourLedgerStore['totals']>[1],
  ): Promise<readonly DayCounts[]> {
    const book = this.#find(key);
    if (!book || strides === 0) return [];
    const found: DayCounts[] = [];
    for (let day = toDay - 1; day >= fromDay;) {
      const start = [book.no, partition, day, strides - 1];
      const end = [book.no, partition, fromDay, -1];
      const [row] = [...this.#totals.getRange({ start, end, reverse: true, limit: 1 })];
      if (!row) break;
      const [, , foundDay, stride] = row.key as [number, number, number, number];
      // Of an earlier day the last row may lie beyond; then it is looked for again within.
      if (stride < strides) found.push({ day: foundDay, hours: decode(row.value) });
      day = stride < strides ? foundDay - 1 : foundDay;
    }
    return found.reverse();
  }

  async stridesOf(
    key: LedgerKey,
    { partition, fromDay, toDay }: Parameters<HourLedgerStore['stridesOf']>[1],
  ): Promise<readonly number[]> {
    const book = this.#find(key);
    if (!book) return [];
    const range = { start: [book.no, partition, fromDay, -1], end: [book.no, partition, toDay, -1] };
    const strides = new Set([...this.#totals.getKeys(range)].map((row) => Number(row[3])));
    return [...strides].sort((one, other) => one - other);
  }

  async addLetters(key: LedgerKey, { from, to, counts, poisoned }: LetterStep): Promise<boolean> {
    const book = this.#find(key) ?? this.#newBook();
    if (BigInt(book.letters) !== from) return false;
    await this.#write(() => {
      for (const { hour, reason, letters } of counts) {
        const row = [book.no, hour, reason];
        void this.#letters.put(row, (this.#letters.get(row) ?? 0) + letters);
      }
      for (const { generation, partition, offset, hour } of poisoned)
        void this.#poisoned.put([book.no, generation, partition, Number(offset)], hour);
      void this.#books.put(nameOf(key), { ...book, letters: String(to) });
    });
    return true;
  }

  async letters(
    key: LedgerKey,
    { fromHour, toHour }: { readonly fromHour: number; readonly toHour: number },
  ): Promise<readonly LetterCount[]> {
    const book = this.#find(key);
    if (!book) return [];
    const rows = this.#letters.getRange({ start: [book.no, fromHour], end: [book.no, toHour] });
    return [...rows].map(({ key: row, value }) => ({
      hour: Number(row[1]),
      reason: String(row[2]),
      letters: value,
    }));
  }

  async poisoned(key: LedgerKey, generation: number): Promise<readonly PoisonedRecord[]> {
    const book = this.#find(key);
    if (!book) return [];
    const range = { start: [book.no, generation], end: [book.no, generation, FAR] };
    return [...this.#poisoned.getRange(range)].map(({ key: row, value }) => ({
      generation,
      partition: Number(row[2]),
      offset: BigInt(Number(row[3])),
      hour: value,
    }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#env.close();
  }

  #find(key: LedgerKey): Book | undefined {
    // What was read earlier in this turn may be of an older commit than one of another thread.
    this.#env.resetReadTxn();
    return this.#books.get(nameOf(key));
  }

  #newBook(): Book {
    const last = Math.max(-1, ...[...this.#books.getRange()].map(({ value }) => value.no));
    return { no: last + 1, strides: [], letters: '0' };
  }

  #write(puts: () => void): Promise<void> {
    return commitAll(this.#env, puts);
  }
}

/** Tenant ids hold no slash. */
function nameOf({ tenant, logIdentity }: LedgerKey): string {
  return `${tenant}/${logIdentity}`;
}

function encode(hours: readonly number[]): Buffer {
  const bytes = Buffer.alloc(HOURS * COUNT_BYTES);
  hours.forEach((count, hour) => bytes.writeUIntLE(count, hour * COUNT_BYTES, COUNT_BYTES));
  return bytes;
}

function decode(bytes: Buffer): number[] {
  return Array.from({ length: HOURS }, (_, hour) => bytes.readUIntLE(hour * COUNT_BYTES, COUNT_BYTES));
}
