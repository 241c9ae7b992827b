import { covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { LogRecord } from '#log';
import { announced } from './announced.ts';
import type { SealEntry, SealKey, SealStore } from './seal-store.ts';
import type { SliceCounts, SliceStore } from './slice-store.ts';

/** A day whose aggregates stand whole in the slices. */
export type SealedDay = {
  /** Days since 1970 in UTC. */
  readonly day: number;
  /** The seal its rows carry. */
  readonly seal: number;
  /** The slice counts the records before it, and no other record of the day was there. */
  readonly vector: PositionVector;
};

/** The days of consecutive records of one partition, each with the offset of its last record. */
export type DaysOfRecords = ReadonlyMap<number, bigint>;

const DAY_MS = 86_400_000;

/** Days that the slices can name: those of the engine's `Date`, 1970 to 2149. */
const LAST_DAY = 65_535;

/** The days of records, by their own time. Neighbours are mostly of one day, which costs a comparison. */
export function daysOf(records: readonly LogRecord[]): DaysOfRecords {
  const days = new Map<number, bigint>();
  let startMs = Infinity;
  let last: bigint | undefined;
  for (const { offset, headers } of records) {
    const { timestampMs } = headers;
    if (timestampMs < startMs || timestampMs >= startMs + DAY_MS) {
      if (last !== undefined) days.set(startMs / DAY_MS, last);
      startMs = Math.floor(timestampMs / DAY_MS) * DAY_MS;
    }
    last = offset;
  }
  if (last !== undefined) days.set(startMs / DAY_MS, last);
  return days;
}

type Book = {
  readonly key: SealKey;
  readonly entries: Map<number, SealEntry>;
  /** Per open day the next offsets after the records noted in this process. */
  readonly noted: Map<number, bigint[]>;
  /** Days that must not be sealed now, and by how many that is wanted. */
  readonly held: Map<number, number>;
  lastSeal: number;
  /** What `sealed` answers, until something changes. */
  answer: readonly SealedDay[] | undefined;
};

/**
 * Knows of every day of which there are facts whether it is open or sealed. Whoever inserts facts notes their
 * days before: that opens a sealed day durably first, so that no crash leaves a slice in use that lacks a
 * record of its day.
 */
export class Seals {
  readonly #store: Pick<SealStore, 'load' | 'save'>;
  readonly #slices: SliceStore;
  readonly #generation: number;
  readonly #books = new Map<TenantId, Book>();

  constructor(options: {
    readonly store: Pick<SealStore, 'load' | 'save'>;
    readonly slices: SliceStore;
    readonly generation: number;
  }) {
    this.#store = options.store;
    this.#slices = options.slices;
    this.#generation = options.generation;
  }

  /**
   * Takes up a tenant: opens the days whose slices are not whole, which a power loss can cause, and removes
   * slices that no seal names. Nothing of the tenant may be read or inserted before.
   */
  async open(tenant: TenantId, logIdentity: string, confirmed: PositionVector): Promise<void> {
    const key: SealKey = { generation: this.#generation, tenant, logIdentity };
    const known = await this.#store.load(key);
    const kept = known ?? (await this.#begin(key, confirmed));
    // A tenant of which no day was ever sealed has no slices, unless its seals were lost.
    const mayHave = known ? kept.some(({ seal }) => seal > 0) : kept.length > 0;
    const stored = mayHave ? await this.#slices.storedSlices(this.#generation, tenant) : [];
    const counts = new Map(stored.map((slice) => [slice.seal, slice.counts]));
    const isWhole = ({ seal, sealed }: SealEntry): boolean =>
      sealed?.counts.every((count, index) => count === (counts.get(seal)?.[index] ?? 0n)) ?? false;
    const entries = kept.map((entry) => (entry.sealed && !isWhole(entry) ? opened(entry) : entry));
    const broken = entries.filter((entry, index) => entry !== kept[index]);
    if (broken.length > 0) await this.#store.save(key, broken);
    const named = new Set(entries.flatMap(({ seal, sealed }) => (sealed ? [seal] : [])));
    const unnamed = stored.map(({ seal }) => seal).filter((seal) => !named.has(seal));
    await this.#slices.removeSlices(this.#generation, tenant, unnamed);
    this.#books.set(tenant, {
      key,
      entries: new Map(entries.map((entry) => [entry.day, entry])),
      noted: new Map(),
      held: new Map(),
      lastSeal: Math.max(0, ...entries.map(({ seal }) => seal), ...counts.keys()),
      answer: undefined,
    });
  }

  /** Knows the tenant no more; what is stored of it stays. */
  close(tenant: TenantId): void {
    this.#books.delete(tenant);
  }

  /** Takes note of records that are about to be inserted. Resolves when none of their days counts as sealed. */
  async note(tenant: TenantId, partition: number, days: DaysOfRecords): Promise<void> {
    const book = this.#bookOf(tenant);
    const changed: SealEntry[] = [];
    for (const [day, last] of days) {
      const entry = book.entries.get(day);
      if (!entry) changed.push({ day, seal: 0 });
      else if (entry.sealed) {
        // What the slice counts already is only being inserted again.
        if (last < (entry.sealed.vector[partition] ?? 0n)) continue;
        changed.push(opened(entry));
      }
      const noted = book.noted.get(day) ?? [];
      noted[partition] = last + 1n;
      book.noted.set(day, noted);
    }
    if (changed.length === 0) return;
    await announced({ what: 'open_days', tenant, generation: this.#generation }, () =>
      this.#store.save(book.key, changed),
    );
    for (const entry of changed) book.entries.set(entry.day, entry);
    book.answer = undefined;
  }

  /**
   * Opens days whose facts before the confirmed vector are about to change, durably, and lets none of them be
   * sealed until the result is disposed; what was being written for them meanwhile is not taken either.
   */
  async reopen(tenant: TenantId, days: readonly number[]): Promise<Disposable> {
    const book = this.#bookOf(tenant);
    for (const day of days) book.held.set(day, (book.held.get(day) ?? 0) + 1);
    const release = (): void => {
      for (const day of days) {
        const holds = (book.held.get(day) ?? 1) - 1;
        if (holds > 0) book.held.set(day, holds);
        else book.held.delete(day);
        const entry = book.entries.get(day);
        // The number that was given out is no longer the day's, so whoever has it cannot settle it.
        if (entry) book.entries.set(day, { ...entry, seal: ++book.lastSeal });
      }
    };
    try {
      const entries = days.map((day): SealEntry => ({ day, seal: book.entries.get(day)?.seal ?? 0 }));
      for (const entry of entries) book.entries.set(entry.day, entry);
      book.answer = undefined;
      const about = { what: 'reopened_days', tenant, generation: this.#generation };
      await announced(about, () => this.#store.save(book.key, entries));
    } catch (error) {
      release();
      throw error;
    }
    return { [Symbol.dispose]: release };
  }

  /** The sealed days of a tenant, ascending; right for every vector confirmed so far that covers theirs. */
  sealed(tenant: TenantId): readonly SealedDay[] {
    const book = this.#books.get(tenant);
    if (!book) return [];
    book.answer ??= [...book.entries.values()]
      .flatMap(({ day, seal, sealed }) => (sealed ? [{ day, seal, vector: sealed.vector }] : []))
      .sort((one, other) => one.day - other.day);
    return book.answer;
  }

  /** Whether every day of the tenant that ends at or before the instant stands in slices. */
  isSealedBefore(tenant: TenantId, beforeMs: number): boolean {
    const book = this.#books.get(tenant);
    return (
      book !== undefined && this.due(tenant, { day: beforeMs / DAY_MS, triedBeforeMs: Infinity }).length === 0
    );
  }

  get tenants(): readonly TenantId[] {
    return [...this.#books.keys()];
  }

  /** The open days before `day` that have not been tried since `triedBeforeMs`, ascending. */
  due(tenant: TenantId, before: { readonly day: number; readonly triedBeforeMs: number }): readonly number[] {
    return [...(this.#books.get(tenant)?.entries.values() ?? [])]
      .filter(
        ({ day, sealed, triedAtMs = -Infinity }) =>
          !sealed && day >= 0 && day <= LAST_DAY && day < before.day && triedAtMs <= before.triedBeforeMs,
      )
      .map(({ day }) => day)
      .sort((one, other) => one - other);
  }

  /** Gives out a seal for an open day that no attempt has had or will have. Durable when resolved. */
  async reserve(tenant: TenantId, day: number, nowMs: number): Promise<number> {
    const book = this.#bookOf(tenant);
    const seal = ++book.lastSeal;
    const entry: SealEntry = { day, seal, triedAtMs: nowMs };
    book.entries.set(day, entry);
    const about = { what: 'reserved_seal', tenant, generation: this.#generation, day };
    await announced(about, () => this.#store.save(book.key, [entry]));
    return seal;
  }

  /**
   * Declares the slice of the reserved seal to be the day's, unless records have been noted since that it does
   * not count: then the answer is false and the day stays open.
   */
  async settle(tenant: TenantId, slice: SealedDay & { readonly counts: SliceCounts }): Promise<boolean> {
    const { day, seal, vector, counts } = slice;
    const book = this.#bookOf(tenant);
    const before = book.entries.get(day);
    if (book.held.has(day) || before?.seal !== seal || !covers(vector, noGaps(book.noted.get(day))))
      return false;
    const entry: SealEntry = { ...before, sealed: { vector, counts } };
    // Before it is durable: a record noted meanwhile must find the day sealed and open it after this save.
    book.entries.set(day, entry);
    book.noted.delete(day);
    book.answer = undefined;
    try {
      const about = { what: 'seal', tenant, generation: this.#generation, day };
      await announced(about, () => this.#store.save(book.key, [entry]));
    } catch (error) {
      if (book.entries.get(day) === entry) book.entries.set(day, before);
      book.answer = undefined;
      throw error;
    }
    return true;
  }

  /** The first time, or when the seals were lost, the days are those of the facts. */
  async #begin(key: SealKey, confirmed: PositionVector): Promise<readonly SealEntry[]> {
    const any = confirmed.some((offset) => offset > 0n);
    const days = any ? await this.#slices.daysOfFacts(this.#generation, key.tenant, confirmed) : [];
    const entries = days.map((day) => ({ day, seal: 0 }));
    await this.#store.save(key, entries);
    return entries;
  }

  #bookOf(tenant: TenantId): Book {
    const book = this.#books.get(tenant);
    if (!book) throw new Error(`The seals of ${tenant} have not been opened.`);
    return book;
  }
}

function opened({ sealed: _, ...entry }: SealEntry): SealEntry {
  return entry;
}

/** A partition of which nothing was noted has no offset to be covered. */
function noGaps(noted: readonly (bigint | undefined)[] = []): PositionVector {
  return Array.from(noted, (offset) => offset ?? 0n);
}
