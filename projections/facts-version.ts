import { tableStatements } from './facts-schema.ts';
import { foldFirstSeenStatement } from './first-seen.ts';
import { SLICE_TABLE_LIST, aggregateSelect, factsOfDay, sliceTableStatements } from './slice-tables.ts';

/**
 * The logic of the facts: what records become in them, in `first_seen`, and in the aggregates of sealed days.
 *
 * Raise the version whenever the definition changes: what other versions have folded then stands still and is
 * offered for a rebuild, instead of being mixed with the new.
 */
export const FACTS = {
  name: 'facts',
  version: 1,
} as const;

/** Everything that decides what the facts hold, as text without the number of a generation or a name of a tenant. */
export function factsDefinition(): string {
  const day = { generation: 0, tenant: "''", day: 0, vector: [0n] };
  const statements = [
    ...tableStatements(0),
    foldFirstSeenStatement(0, { from: [0n], to: [1n] }) ?? '',
    ...sliceTableStatements(0),
    ...SLICE_TABLE_LIST.map((table) => aggregateSelect(table, factsOfDay(day))),
  ];
  return statements.map((statement) => statement.replace(/\s+/g, ' ').trim()).join(';\n');
}
