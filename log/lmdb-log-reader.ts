import { Fault } from '#domain';
import type { EventLogReader, LogBounds, LogName, OffsetRange, RecordBatch } from './event-log.ts';
import { LmdbBlocks } from './lmdb-blocks.ts';
import type { StoredLog } from './lmdb-blocks.ts';
import { readPages, readTimePages } from './lmdb-pages.ts';
import type { PagesRange } from './lmdb-pages.ts';
import type { RecordTimes, TimesBatch } from './record-times.ts';

export type LmdbLogReaderOptions = {
  readonly dataDir: string;
  /** Where it is heard that the thread of the log has committed. */
  readonly onCommit: EventLogReader['onCommit'];
};

const MAP_BYTES = 64 * 1024 ** 3;

/**
 * Reads the embedded log in another thread of the process that has it open (`openLmdbEventLog`), and must be
 * opened after it: the threads share one LMDB environment, which is as the first of them has opened it. Either
 * may be closed first.
 *
 * What is committed is durable (`LmdbBlocks`), and nothing else is seen. `onCommit` tells what it is told; what
 * was committed before stands in `bounds` and can be read, whether it has been told yet or not.
 */
export function openLmdbLogReader(
  options: LmdbLogReaderOptions,
): EventLogReader & RecordTimes & AsyncDisposable {
  return new LmdbLogReader(options);
}

class LmdbLogReader implements EventLogReader, RecordTimes, AsyncDisposable {
  readonly #blocks: LmdbBlocks;
  readonly #onCommit: EventLogReader['onCommit'];
  /** What is fixed when a log is created, by its name. */
  readonly #logs = new Map<string, StoredLog>();
  #closed = false;

  constructor({ dataDir, onCommit }: LmdbLogReaderOptions) {
    this.#blocks = new LmdbBlocks(dataDir, MAP_BYTES, { readOnly: true });
    this.#onCommit = onCommit;
  }

  read(name: LogName, range: OffsetRange, signal?: AbortSignal): AsyncIterable<RecordBatch> {
    const log = this.#find(name);
    return readPages(this.#blocks, log, this.#pagesOf(log, range, signal));
  }

  readTimes(name: LogName, range: OffsetRange, signal?: AbortSignal): AsyncIterable<TimesBatch> {
    const log = this.#find(name);
    return readTimePages(this.#blocks, log, this.#pagesOf(log, range, signal));
  }

  #pagesOf(log: StoredLog, range: OffsetRange, signal: AbortSignal | undefined): PagesRange {
    const { partition, from } = range;
    if (from < 0n) throw new Fault('LOG_GAP', undefined, { details: { from, first: 0n } });
    const head = partition < log.partitions ? this.#blocks.head(log, partition).next : 0;
    const to = range.to === undefined ? head : Math.min(head, Number(range.to));
    const check = (): void => {
      this.#checkOpen();
    };
    return { partition, from: Number(from), to, check, signal };
  }

  async bounds(name: LogName): Promise<LogBounds> {
    const log = this.#find(name);
    const partitions = Array.from({ length: log.partitions }, (_, partition) => partition);
    return {
      identity: log.identity,
      first: partitions.map(() => 0n),
      next: partitions.map((partition) => BigInt(this.#blocks.head(log, partition).next)),
    };
  }

  onCommit(listener: (log: LogName) => void): Disposable {
    return this.#onCommit(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#blocks.close();
  }

  /** The log as it stands now: what was read earlier in this turn may be of an older commit. */
  #find({ tenant, channel }: LogName): StoredLog {
    this.#checkOpen();
    this.#blocks.renew();
    const key = `${channel}/${tenant}`;
    const known = this.#logs.get(key);
    if (known) return known;
    for (const log of this.#blocks.logs()) this.#logs.set(`${log.channel}/${log.tenant}`, log);
    const found = this.#logs.get(key);
    if (!found) throw new Fault('TENANT_UNKNOWN', undefined, { details: { tenant } });
    return found;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Fault('LOG_CLOSED');
  }
}
