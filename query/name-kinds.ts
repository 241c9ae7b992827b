import { ANY_EVENT } from '#domain';
import type { EventKind, EventSelection } from '#domain';
import type { Ask } from './analysis.ts';
import type { Problem } from './question.ts';
import { createBinder, factsOf, visible } from './sql.ts';
import type { Scope } from './sql.ts';

/** Tells which kinds of event bear a name. */
export type NameKinds = {
  /** Problems of selections without a kind whose name events of several kinds bear, as of the scope. */
  check(selections: readonly EventSelection[], scope: Scope, ask: Ask): Promise<readonly Problem[]>;
};

type Known = {
  /** Everything before it has been looked at. */
  seen: readonly bigint[];
  /** Per kind, where in each partition the name first stands. */
  readonly first: Map<string, Map<number, bigint>>;
};

type FirstRow = {
  readonly event_name: string;
  readonly kind: EventKind;
  readonly p: number;
  readonly o: string;
};

/**
 * Remembers of each name where each kind first bore it, so that a further question reads only the records
 * that came since. What is known of later records does not reach into an earlier scope: the same question
 * as of the same vector is judged the same for ever.
 */
export function createNameKinds(capacity = 10_000): NameKinds {
  const names = new Map<string, Known>();

  async function learn(unknown: readonly string[], scope: Scope, ask: Ask): Promise<void> {
    const keys = unknown.map((name) => [name, keyOf(scope, name)] as const);
    // The least that any of them has been looked at: names asked for together are mostly known together.
    const from = scope.vector.map((_, partition) =>
      keys.reduce<bigint | undefined>((least, [, key]) => {
        const seen = names.get(key)?.seen[partition] ?? 0n;
        return least === undefined || seen < least ? seen : least;
      }, undefined),
    );
    const binder = createBinder();
    const isNew = from.some((offset) => offset !== 0n && offset !== undefined)
      ? ` AND log_offset >= ${binder.bind('Array(UInt64)', from)}[log_partition + 1]`
      : '';
    const list = unknown.map((name) => binder.bind('String', name)).join(', ');
    const rows = await ask<FirstRow>({
      sql: `SELECT event_name, kind, log_partition AS p, min(log_offset) AS o FROM ${factsOf(scope)}
        WHERE ${visible(binder, scope)} AND event_name IN (${list})${isNew} GROUP BY event_name, kind, p`,
      params: binder.params,
    });
    for (const [name, key] of keys) {
      const known = names.get(key) ?? { seen: [], first: new Map<string, Map<number, bigint>>() };
      for (const row of rows) if (row.event_name === name) note(known, row);
      known.seen = scope.vector.map((next, partition) => higher(next, known.seen[partition] ?? 0n));
      names.delete(key);
      names.set(key, known);
    }
    for (const key of names.keys()) {
      if (names.size <= capacity) break;
      names.delete(key);
    }
  }

  return {
    async check(selections, scope, ask) {
      const open = [
        ...new Set(
          selections.flatMap(({ event, kind }) => (event === ANY_EVENT || kind !== undefined ? [] : [event])),
        ),
      ];
      const unknown = open.filter((name) => {
        const seen = names.get(keyOf(scope, name))?.seen ?? [];
        return scope.vector.some((next, partition) => next > (seen[partition] ?? 0n));
      });
      if (unknown.length > 0) await learn(unknown, scope, ask);
      return open.flatMap((name) => {
        const known = names.get(keyOf(scope, name));
        const kinds = [...(known?.first ?? [])]
          .filter(([, first]) => isBefore(first, scope))
          .map(([kind]) => kind);
        if (kinds.length < 2) return [];
        const message = `is ambiguous: ${kinds.sort().join(' and ')} events are named ${name}; say which by kind`;
        return [{ field: 'kind', code: 'ambiguous', message }];
      });
    },
  };
}

function keyOf(scope: Scope, name: string): string {
  return `${scope.tenant} ${scope.generation} ${name}`;
}

function note(known: Known, { kind, p, o }: FirstRow): void {
  const first = known.first.get(kind) ?? new Map<number, bigint>();
  known.first.set(kind, first);
  const before = first.get(p);
  if (before === undefined || BigInt(o) < before) first.set(p, BigInt(o));
}

function isBefore(first: ReadonlyMap<number, bigint>, scope: Scope): boolean {
  return [...first].some(([partition, offset]) => offset < (scope.vector[partition] ?? 0n));
}

function higher(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
