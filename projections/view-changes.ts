import { VIEWS, VIEW_NAMES, hasExpired, viewBucketOf } from './views.ts';
import type { ViewName } from './views.ts';
import type { ViewChange } from './view-store.ts';

type Collections = Map<number, Map<string, Map<string, number>>>;

type Found = {
  readonly bucketMs: number;
  readonly id: string;
  readonly entries: Map<string, number>;
};

/** Gathers what a run of events changes, so that every collection is written once. */
export class ViewChanges {
  readonly #prunedAtMs: number;
  readonly #views = Object.fromEntries(VIEW_NAMES.map((name) => [name, new Map()])) as Record<
    ViewName,
    Collections
  >;

  readonly #last: Partial<Record<ViewName, Found>> = {};

  /** What has expired at `prunedAtMs` is left out: nobody can ask for it any more. */
  constructor(prunedAtMs: number) {
    this.#prunedAtMs = prunedAtMs;
  }

  /** The collection to change for an event at an instant; undefined when it has expired. */
  collection(view: ViewName, timeMs: number, id: string): Map<string, number> | undefined {
    const bucketMs = viewBucketOf(view, timeMs);
    const last = this.#last[view];
    // Most events change the minute, the day and the scenario that the one before has changed.
    if (last?.id === id && last.bucketMs === bucketMs) return last.entries;
    if (hasExpired(view, timeMs, this.#prunedAtMs)) return undefined;
    const entries = madeIfMissing(madeIfMissing(this.#views[view], bucketMs), id);
    if (VIEWS[view].bucketMs !== undefined) this.#last[view] = { bucketMs, id, entries };
    return entries;
  }

  /** All changes; of views that are kept in total too, the sums over all ids under the empty id. */
  list(): readonly ViewChange[] {
    return VIEW_NAMES.flatMap((view) =>
      [...this.#views[view]].flatMap(([bucketMs, bucket]) => {
        const collections = VIEWS[view].totals ? withTotal(bucket) : bucket;
        return [...collections].map(([id, entries]) => ({ key: { view, bucketMs, id }, entries }));
      }),
    );
  }
}

function madeIfMissing<Key, Value, Inner>(outer: Map<Key, Map<Value, Inner>>, key: Key): Map<Value, Inner> {
  let inner = outer.get(key);
  if (!inner) {
    inner = new Map();
    outer.set(key, inner);
  }
  return inner;
}

function withTotal(
  bucket: ReadonlyMap<string, ReadonlyMap<string, number>>,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const total = new Map<string, number>();
  for (const entries of bucket.values()) {
    for (const [member, amount] of entries) add(total, member, amount);
  }
  return new Map(bucket).set('', total);
}

export function add(entries: Map<string, number>, member: string, amount: number): void {
  entries.set(member, (entries.get(member) ?? 0) + amount);
}

export function keepNewest(entries: Map<string, number>, member: string, timeMs: number): void {
  const known = entries.get(member);
  if (known === undefined || timeMs > known) entries.set(member, timeMs);
}
