import { foldRecord } from './view-fold.ts';
import { ViewChanges } from './view-changes.ts';
import { newestOf } from './view-entries.ts';
import type { ViewFound, ViewWanted } from './view-store.ts';
import { VIEWS } from './views.ts';
import type { ViewName } from './views.ts';

/** A part of the live views that a figure is made of. */
export type ViewPart = {
  readonly view: ViewName;
  readonly id: string;
  /** As in {@link ViewWanted}. @default all of it */
  readonly range?: { readonly fromMs: number; readonly toMs: number };
  /** Under which name a member is part of the figure; undefined when it is none. */
  nameOf(member: string): string | undefined;
};

/** Nothing has expired: what may be looked at is the caller's to choose. */
const NEVER_MS = -Infinity;

/** Folds records anew, apart from every store, and answers what a store that had folded just these would. */
export class ViewRecount {
  readonly #changes = new ViewChanges(NEVER_MS);

  /** Folds the value of one record; each must be given once, in any order. */
  add(value: Uint8Array): void {
    foldRecord(value, this.#changes);
  }

  /** What is found where `wanted` looks, as `ViewStore.read` answers it. */
  find(wanted: readonly ViewWanted[]): readonly (readonly ViewFound[])[] {
    const changes = this.#changes.list();
    return wanted.map((each) =>
      changes
        .filter(({ key }) => key.view === each.view && key.id === each.id && isBucketOf(each, key.bucketMs))
        .map(({ key, entries }) => ({ bucketMs: key.bucketMs, entries: within(each, entries) }))
        .filter(({ entries }) => entries.size > 0)
        .sort((one, other) => one.bucketMs - other.bucketMs)
        .map(({ bucketMs, entries }) => ({
          bucketMs,
          size: entries.size,
          entries: each.sizesOnly ? new Map<string, number>() : entries,
        })),
    );
  }
}

/**
 * What folding one record changes in the parts of a figure, by name: what is added to a sum, or the instant that
 * is newest. Empty when the figure does not depend on the record.
 */
export function changedParts(value: Uint8Array, parts: readonly ViewPart[]): ReadonlyMap<string, number> {
  const recount = new ViewRecount();
  recount.add(value);
  const changed = new Map<string, number>();
  for (const part of parts) {
    for (const { entries } of recount.find([part]).flat()) {
      for (const [member, amount] of entries) {
        const name = part.nameOf(member);
        if (name !== undefined) changed.set(name, amount);
      }
    }
  }
  return changed;
}

function isBucketOf({ view, range }: Pick<ViewWanted, 'view' | 'range'>, bucketMs: number): boolean {
  if (!range || VIEWS[view].bucketMs === undefined) return true;
  return bucketMs >= range.fromMs && bucketMs < range.toMs;
}

function within(
  { view, range }: ViewWanted,
  entries: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const { bucketMs, cap } = VIEWS[view];
  const kept = cap === undefined ? entries : newestOf(entries, cap);
  if (!range || bucketMs !== undefined) return kept;
  return new Map([...kept].filter(([, timeMs]) => timeMs >= range.fromMs && timeMs < range.toMs));
}
