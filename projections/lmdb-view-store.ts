import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { open } from 'lmdb';
import type { Database, RootDatabase, Transaction } from 'lmdb';
import { Fault } from '#domain';
import { commitAll } from '#log';
import { endOf, keyFrom, prefixOf, rangeOf, textOf } from './lmdb-view-keys.ts';
import type { KeyRange } from './lmdb-view-keys.ts';
import { claimOf, claimed, refusalOf, stepped, vectorOf } from './view-checkpoint.ts';
import type { ViewCheckpoint } from './view-checkpoint.ts';
import { decodeEntries, decodeSize, encodeEntries, mergeEntries } from './view-entries.ts';
import type {
  ViewAnswer,
  ViewApplied,
  ViewBatch,
  ViewChange,
  ViewClaim,
  ViewContent,
  ViewFound,
  ViewScope,
  ViewStore,
  ViewUpkeep,
  ViewWanted,
} from './view-store.ts';
import { VIEWS, VIEW_NAMES, hasExpired } from './views.ts';
import type { ViewKey, ViewName } from './views.ts';

/** Collections read or looked at in one go, before others get their turn. */
const PAGE = 500;
/** Characters of collections that are read in one go, unless a single one is larger. */
const PAGE_CHARACTERS = 256 * 1024;

/** Address space set aside at first, so that it need not grow beneath another thread; it grows by itself. */
const MAP_BYTES = 16 * 1024 ** 3;
/**
 * By default a large batch is begun before the last of it has been put, and the writing waits for the rest: a
 * thread that dies in between would hold the lock of the environment for ever.
 */
const WHOLE_BATCHES = { batchStartThreshold: Infinity };

/**
 * Opens the live views of a data directory, in an LMDB environment of their own. Durable when resolved. May be
 * opened in several threads of a process: what one has written the others see at their next reading.
 */
export function openLmdbViewStore(options: { readonly dataDir: string }): ViewStore & ViewUpkeep {
  return new LmdbViewStore(options.dataDir);
}

class LmdbViewStore implements ViewStore, ViewUpkeep {
  readonly #env: RootDatabase;
  readonly #collections: Database<string, string>;
  readonly #checkpoints: Database<ViewCheckpoint, string>;
  /** Whoever reads first and then writes does so alone. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(dataDir: string) {
    const path = join(dataDir, 'views');
    mkdirSync(path, { recursive: true });
    const shape = { noSubdir: false, overlappingSync: false, maxDbs: 2, mapSize: MAP_BYTES };
    this.#env = open(path, { ...shape, ...WHOLE_BATCHES });
    this.#collections = this.#env.openDB({ name: 'collections', encoding: 'string' });
    this.#checkpoints = this.#env.openDB({ name: 'checkpoints', encoding: 'json' });
  }

  claim(scope: ViewScope, claim: Parameters<ViewStore['claim']>[1]): Promise<ViewClaim> {
    return this.#alone(async () => {
      const prefix = prefixOf(scope);
      const known = this.#checkpoints.get(prefix);
      // What a drop that was broken off has left would be counted again.
      if (!known) while ((await this.#removePage({ start: prefix, end: endOf(prefix) })) === PAGE);
      const next = claimed(known, claim);
      await this.#write(() => void this.#checkpoints.put(prefix, next));
      return claimOf(next, claim.partitions);
    });
  }

  apply(scope: ViewScope, { steps, changes }: ViewBatch): Promise<ViewApplied> {
    return this.#alone(async () => {
      const prefix = prefixOf(scope);
      const checkpoint = this.#checkpoints.get(prefix);
      const refusal = refusalOf(checkpoint, steps);
      if (refusal || !checkpoint) return refusal ?? { ok: true };
      const merged: (readonly [key: string, value: string])[] = [];
      for (let at = 0; at < changes.length; at += PAGE) {
        for (const change of changes.slice(at, at + PAGE)) merged.push(this.#merge(prefix, change));
        await setImmediate();
      }
      await this.#write(() => {
        for (const [key, value] of merged) void this.#collections.put(key, value);
        void this.#checkpoints.put(prefix, stepped(checkpoint, steps));
      });
      return { ok: true };
    });
  }

  // A reader sees one instant: nothing is awaited while its transaction is open.
  async read(scope: ViewScope, wanted: readonly ViewWanted[]): Promise<ViewAnswer | undefined> {
    this.#checkOpen();
    // What was read earlier in this turn may be of an older commit than one another thread has told of.
    this.#env.resetReadTxn();
    const prefix = prefixOf(scope);
    const transaction = this.#env.useReadTransaction();
    try {
      const checkpoint = this.#checkpoints.get(prefix, { transaction });
      if (!checkpoint) return undefined;
      const found = wanted.map((each) => this.#find(prefix, each, transaction));
      return { vector: vectorOf(checkpoint), prunedAtMs: checkpoint.pruned_at_ms, found };
    } finally {
      transaction.done();
    }
  }

  async *scan(scope: ViewScope, atMs: number): AsyncIterable<ViewContent> {
    const prefix = prefixOf(scope);
    for (const view of [...VIEW_NAMES].sort()) {
      for (let after: string | undefined; ;) {
        const { rows, last } = this.#page(rangeOf(prefix, view), after);
        for (const { key: text, value } of rows) {
          const key = keyFrom(view, text.slice(prefix.length));
          const entries = aliveOf(key, decodeEntries(value), atMs);
          if (entries.size > 0) yield { key, entries };
        }
        if (last === undefined) break;
        after = last;
        await setImmediate();
      }
    }
  }

  async prune(scope: ViewScope, atMs: number): Promise<number> {
    const prefix = prefixOf(scope);
    await this.#alone(async () => {
      const known = this.#checkpoints.get(prefix);
      if (!known || known.pruned_at_ms >= atMs) return;
      await this.#write(() => void this.#checkpoints.put(prefix, { ...known, pruned_at_ms: atMs }));
    });
    let pruned = 0;
    for (const view of VIEW_NAMES) {
      const { keepMs, bucketMs } = VIEWS[view];
      if (keepMs === undefined) continue;
      // The first bucket that is kept begins after `atMs - keepMs - bucketMs`.
      pruned += bucketMs
        ? await this.#removeAll(rangeOf(prefix, view, atMs - keepMs - bucketMs + 1))
        : await this.#removeOldMembers(rangeOf(prefix, view), view, atMs);
    }
    return pruned;
  }

  async drop(scope: ViewScope): Promise<void> {
    const prefix = prefixOf(scope);
    await this.#alone(() => this.#write(() => void this.#checkpoints.remove(prefix)));
    await this.#removeAll({ start: prefix, end: endOf(prefix) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    await this.#env.close();
  }

  #merge(prefix: string, { key, entries }: ViewChange): readonly [key: string, value: string] {
    const text = textOf(prefix, key);
    const kept = this.#collections.get(text);
    const merged = mergeEntries(
      VIEWS[key.view],
      kept ? decodeEntries(kept) : new Map<string, number>(),
      entries,
    );
    return [text, encodeEntries(merged)];
  }

  #find(prefix: string, wanted: ViewWanted, transaction: Transaction): readonly ViewFound[] {
    return bucketsOf(wanted).flatMap((bucketMs) => {
      const value = this.#collections.get(textOf(prefix, { ...wanted, bucketMs }), { transaction });
      if (!value) return [];
      const bucketed = VIEWS[wanted.view].bucketMs !== undefined;
      if (wanted.sizesOnly && (bucketed || !wanted.range)) {
        return [{ bucketMs, size: decodeSize(value), entries: new Map<string, number>() }];
      }
      const entries = decodeEntries(value);
      if (!bucketed && wanted.range) keepWithin(entries, wanted.range);
      if (entries.size === 0) return [];
      return [{ bucketMs, size: entries.size, entries: wanted.sizesOnly ? new Map() : entries }];
    });
  }

  /** The next collections of a range, read without a pause; `last` is undefined when there are no more. */
  #page(range: KeyRange, after: string | undefined): Page {
    this.#checkOpen();
    this.#env.resetReadTxn();
    const start = after === undefined ? { start: range.start } : { start: after, exclusiveStart: true };
    const rows: Page['rows'][number][] = [];
    let characters = 0;
    for (const row of this.#collections.getRange({ ...start, end: range.end, limit: PAGE })) {
      rows.push(row);
      characters += row.value.length;
      if (rows.length === PAGE || characters >= PAGE_CHARACTERS) return { rows, last: row.key };
    }
    return { rows, last: undefined };
  }

  async #removeAll(range: KeyRange): Promise<number> {
    for (let removed = 0; ;) {
      const some = await this.#alone(() => this.#removePage(range));
      removed += some;
      if (some < PAGE) return removed;
    }
  }

  /** Removes the first collections of a range; fewer than a page when they were the last. */
  async #removePage(range: KeyRange): Promise<number> {
    const keys = [...this.#collections.getKeys({ ...range, limit: PAGE })];
    if (keys.length === 0) return 0;
    await this.#write(() => {
      for (const key of keys) void this.#collections.remove(key);
    });
    return keys.length;
  }

  async #removeOldMembers(range: KeyRange, view: ViewName, atMs: number): Promise<number> {
    let changed = 0;
    for (let after: string | undefined; ;) {
      const last = await this.#alone(async () => {
        const { rows, last } = this.#page(range, after);
        const fewer = rows.flatMap(({ key, value }) => {
          const entries = decodeEntries(value);
          const alive = aliveOf({ view, bucketMs: 0 }, entries, atMs);
          return alive.size === entries.size ? [] : [{ key, alive }];
        });
        await this.#write(() => {
          for (const { key, alive } of fewer) {
            if (alive.size === 0) void this.#collections.remove(key);
            else void this.#collections.put(key, encodeEntries(alive));
          }
        });
        changed += fewer.length;
        return last;
      });
      if (last === undefined) return changed;
      after = last;
    }
  }

  #alone<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(() => {
      this.#checkOpen();
      return step();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Fault('LOG_CLOSED', 'The live views have been closed.');
  }

  /** All puts and removes of the callback in one transaction, and on the disk. */
  async #write(changes: () => void): Promise<void> {
    await commitAll(this.#env, changes);
  }
}

type Page = {
  readonly rows: readonly { readonly key: string; readonly value: string }[];
  readonly last: string | undefined;
};

function bucketsOf({ view, range }: ViewWanted): readonly number[] {
  const { bucketMs } = VIEWS[view];
  if (bucketMs === undefined) return [0];
  if (!range) throw new TypeError(`The view ${view} is read by a range of buckets.`);
  const first = Math.ceil(range.fromMs / bucketMs);
  const count = Math.max(0, Math.ceil(range.toMs / bucketMs) - first);
  return Array.from({ length: count }, (_, index) => (first + index) * bucketMs);
}

function keepWithin(
  entries: Map<string, number>,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): void {
  for (const [member, timeMs] of entries) if (timeMs < fromMs || timeMs >= toMs) entries.delete(member);
}

function aliveOf(
  { view, bucketMs }: Pick<ViewKey, 'view' | 'bucketMs'>,
  entries: ReadonlyMap<string, number>,
  atMs: number,
): ReadonlyMap<string, number> {
  const { keepMs, bucketMs: length } = VIEWS[view];
  if (keepMs === undefined) return entries;
  if (length !== undefined) return hasExpired(view, bucketMs, atMs) ? new Map() : entries;
  return new Map([...entries].filter(([, timeMs]) => !hasExpired(view, timeMs, atMs)));
}
