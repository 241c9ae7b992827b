/** One figure of an answer that another answer gives differently. */
export type Difference = {
  /** Where it stands: `overview.total_clicks`, `items[item_id=i7].clicks`, `series[0].points[3].value`. */
  readonly path: string;
  /** Null where the answer does not have it. */
  readonly before: unknown;
  readonly after: unknown;
  /** After less before, of numbers; else null. */
  readonly difference: number | null;
};

type Members = Readonly<Record<string, unknown>>;

/** Members by which the rows of a list are told apart, whatever their order; the first that all rows have. */
const NAMES = [
  'item_id',
  'scenario_id',
  'user_id',
  'time',
  'date',
  'start',
  'action',
  'metric',
  'metric_name',
  'group',
  'breakdown',
];

/** Decimals that a difference of binary fractions is rounded to; no figure has more. */
const DECIMALS = 6;

/** The figures in which two values differ, in the order of the first, then of the second. */
export function differencesBetween(before: unknown, after: unknown, path = ''): readonly Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  // What only one of them has is shown figure by figure too.
  const old = before ?? emptyLike(after);
  const fresh = after ?? emptyLike(before);
  if (Array.isArray(old) && Array.isArray(fresh)) return ofLists(old, fresh, path);
  if (isMembers(old) && isMembers(fresh)) {
    const names = new Set([...Object.keys(old), ...Object.keys(fresh)]);
    return [...names].flatMap((name) =>
      differencesBetween(old[name], fresh[name], path === '' ? name : `${path}.${name}`),
    );
  }
  return [{ path, before: before ?? null, after: after ?? null, difference: less(before, after) }];
}

function emptyLike(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  return isMembers(value) ? {} : undefined;
}

function ofLists(before: readonly unknown[], after: readonly unknown[], path: string): readonly Difference[] {
  const name = NAMES.find((each) => tellsApart(before, each) && tellsApart(after, each));
  if (name === undefined) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) =>
      differencesBetween(before[index], after[index], `${path}[${index}]`),
    ).flat();
  }
  const old = byName(before, name);
  const fresh = byName(after, name);
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((key) =>
    differencesBetween(old.get(key), fresh.get(key), `${path}[${name}=${key}]`),
  );
}

function tellsApart(rows: readonly unknown[], name: string): boolean {
  return rows.every((row) => isMembers(row) && name in row) && byName(rows, name).size === rows.length;
}

function byName(rows: readonly unknown[], name: string): ReadonlyMap<string, unknown> {
  return new Map(rows.map((row) => [String((row as Members)[name]), row]));
}

function less(before: unknown, after: unknown): number | null {
  const numbers = [before ?? 0, after ?? 0];
  if (!numbers.every((each) => typeof each === 'number')) return null;
  return Number(((numbers[1] ?? 0) - (numbers[0] ?? 0)).toFixed(DECIMALS));
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
