import type { PositionVector } from '#domain';
import type { EventLog, LogName, LogRecord } from '#log';
import { matches } from './raw-filter.ts';
import type { RawFilter } from './raw-filter.ts';
import type { NarrowSpans, NarrowedSpan, Span } from './raw-spans.ts';

/** Where a search begins: offsets `[from, to)` of every partition, empty for those left out. */
export type SearchBounds = { readonly from: PositionVector; readonly to: PositionVector };

export type SearchOptions = {
  readonly log: Pick<EventLog, 'read'>;
  readonly name: LogName;
  readonly filter: RawFilter;
  readonly order: 'newest' | 'oldest';
  readonly bounds: SearchBounds;
  readonly narrow: NarrowSpans;
  readonly signal?: AbortSignal;
};

/** Most offsets of a partition that are narrowed at once; the first windows are smaller, because often they suffice. */
const WINDOWS = [65_536n, 262_144n, 1_048_576n] as const;
/** Records read at once; also how far apart two offsets may be and still be read together. */
const CHUNK = 1_024n;
const NEAR = 256n;

/**
 * Finds the matching records of a log in its order: within a partition by offset, partitions merged by the time
 * of receipt of their next match, at equal times by number. What it found and where it stands follow from the
 * records alone, however many pages they are asked for in.
 */
export class RawSearch {
  readonly #options: SearchOptions;
  readonly #partitions: PartitionSearch[];
  #read = 0;
  #begun = false;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#partitions = options.bounds.from.map(
      (from, partition) =>
        new PartitionSearch(partition, from, options.bounds.to[partition] ?? from, options.order),
    );
  }

  /** How many records have been read from the log. */
  get recordsRead(): number {
    return this.#read;
  }

  /** Where it stands: of the oldest first the next offsets, of the newest first the ends of what is left. */
  get place(): PositionVector {
    return this.#partitions.map((one) => one.place);
  }

  /** Whether everything has been searched and given. */
  get ended(): boolean {
    return this.#partitions.every((one) => one.ended && one.head === undefined);
  }

  /**
   * The next match; undefined at the end, and when `spent` said so before there was one. It is asked before every
   * reading of the log but the very first, so that every search gets further.
   */
  async next(spent: () => boolean): Promise<LogRecord | undefined> {
    for (;;) {
      const waiting = this.#partitions.filter((one) => one.head === undefined && !one.ended);
      if (waiting.length === 0) return this.#takeFirst();
      if (this.#begun && spent()) return undefined;
      this.#begun = true;
      this.#options.signal?.throwIfAborted();
      const idle = waiting.filter((one) => !one.hasSpans);
      if (idle.length > 0) await this.#narrow(idle);
      for (const one of waiting) this.#read += await one.step(this.#options);
    }
  }

  async #narrow(idle: readonly PartitionSearch[]): Promise<void> {
    const spans = await this.#options.narrow(
      idle.map((one) => one.window()),
      this.#options.signal,
    );
    for (const one of idle) one.take(spans.filter(({ partition }) => partition === one.partition));
  }

  #takeFirst(): LogRecord | undefined {
    const direction = this.#options.order === 'newest' ? -1 : 1;
    let first: PartitionSearch | undefined;
    for (const one of this.#partitions) {
      if (!one.head) continue;
      const later = first?.head ? one.head.headers.receivedAtMs - first.head.headers.receivedAtMs : -1;
      // Equal times by number of the partition, of the newest first the other way round.
      if (!first || later * direction < 0 || (later === 0 && direction < 0)) first = one;
    }
    return first?.takeHead();
  }
}

/** One partition on its way from one end of its bounds to the other. */
class PartitionSearch {
  readonly partition: number;
  readonly #newest: boolean;
  /** What has not been looked at yet: `[#from, #to)`. */
  #from: bigint;
  #to: bigint;
  /** Where matches may stand, the next to be read last. */
  #spans: NarrowedSpan[] = [];
  #windows = 0;
  /** Matches read and not yet taken, in the order of the search. */
  #found: LogRecord[] = [];

  constructor(partition: number, from: bigint, to: bigint, order: 'newest' | 'oldest') {
    this.partition = partition;
    this.#newest = order === 'newest';
    this.#from = from;
    this.#to = to > from ? to : from;
  }

  get head(): LogRecord | undefined {
    return this.#found[0];
  }

  get ended(): boolean {
    return this.#from >= this.#to;
  }

  get hasSpans(): boolean {
    return this.#spans.length > 0;
  }

  get place(): bigint {
    const { head } = this;
    if (this.#newest) return head ? head.offset + 1n : this.#to;
    return head ? head.offset : this.#from;
  }

  takeHead(): LogRecord | undefined {
    return this.#found.shift();
  }

  /** What is to be narrowed next. */
  window(): Span {
    const size = WINDOWS[Math.min(this.#windows, WINDOWS.length - 1)] ?? 0n;
    this.#windows += 1;
    const { partition } = this;
    if (this.#newest) {
      const from = this.#to - size;
      return { partition, from: from > this.#from ? from : this.#from, to: this.#to };
    }
    const to = this.#from + size;
    return { partition, from: this.#from, to: to < this.#to ? to : this.#to };
  }

  take(spans: readonly NarrowedSpan[]): void {
    this.#spans = this.#newest ? [...spans] : spans.toReversed();
  }

  /** Reads what comes next and answers how many records that were. */
  async step({ log, name, filter, signal }: SearchOptions): Promise<number> {
    const span = this.#spans.pop();
    if (!span) return 0;
    const chunk = this.#chunkOf(span);
    let read = 0;
    const found: LogRecord[] = [];
    if (chunk.from < chunk.to) {
      const wanted = chunk.offsets && new Set(chunk.offsets);
      const { partition, from, to } = chunk;
      for await (const { records } of log.read(name, { partition, from, to }, signal)) {
        read += records.length;
        for (const record of records) {
          if (wanted?.has(record.offset) !== false && matches(record, name.channel, filter))
            found.push(record);
        }
      }
    }
    signal?.throwIfAborted();
    this.#found = this.#newest ? found.reverse() : found;
    return read;
  }

  /** The part of a span that is read at once; the rest is kept, and what is skipped counts as looked at. */
  #chunkOf(span: NarrowedSpan): NarrowedSpan {
    const { partition, offsets } = span;
    const chunk = offsets ? this.#nearOffsets(span, offsets) : this.#nextRange(span);
    const rest = this.#newest
      ? { partition, from: span.from, to: chunk.from }
      : { partition, from: chunk.to, to: span.to };
    const left = offsets?.filter((offset) => offset >= rest.from && offset < rest.to);
    const over = left?.length === 0 || rest.from >= rest.to;
    if (!over) this.#spans.push(left ? { ...rest, offsets: left } : rest);
    if (this.#newest) this.#to = over ? span.from : chunk.from;
    else this.#from = over ? span.to : chunk.to;
    return chunk;
  }

  #nextRange({ partition, from, to }: Span): NarrowedSpan {
    if (to - from <= CHUNK) return { partition, from, to };
    return this.#newest ? { partition, from: to - CHUNK, to } : { partition, from, to: from + CHUNK };
  }

  /** The next offsets that lie so near to each other that reading what is between costs less than beginning again. */
  #nearOffsets({ partition, from }: Span, offsets: readonly bigint[]): NarrowedSpan {
    const ordered = this.#newest ? offsets.toReversed() : offsets;
    const [first] = ordered;
    if (first === undefined) return { partition, from, to: from, offsets };
    let last = first;
    for (const offset of ordered) {
      const gap = offset > last ? offset - last : last - offset;
      const length = offset > first ? offset - first : first - offset;
      if (gap > NEAR || length >= CHUNK) break;
      last = offset;
    }
    return this.#newest
      ? { partition, from: last, to: first + 1n, offsets }
      : { partition, from: first, to: last + 1n, offsets };
  }
}
