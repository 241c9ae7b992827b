import type { FactStore } from '#projections';
import { scanSql } from './free-sql-tokens.ts';
import { judgeTree } from './free-sql-tree.ts';

/** Names of the engine's own databases, of ours, and of the tables of a generation. */
const STORED = /^(?:analysis_db|system|information_schema|.*_g\d+)$/i;

/** A query begins so; a statement that changes, shows or explains something does not. */
const BEGINS = /^\(*(?:SELECT|WITH)\b/;

/** Longest statement, in characters. */
export const FREE_SQL_MAX_LENGTH = 32_768;

export type FreeSqlVerdict =
  | {
      readonly ok: true;
      /** The statement as the engine understood it: one line, without comments. */
      readonly sql: string;
      /** The documented views it reads. */
      readonly views: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Judges untrusted SQL: whether it is one SELECT over the documented views and nothing else.
 *
 * Four steps, each of which only has to hold what the earlier ones let through. (1) The text travels as a
 * bound value to the engine's own parser, which refuses several statements and prints the one it understood;
 * comments, heredocs and odd quotes end there, and only that print is used from then on. (2) A scan refuses
 * clauses of output and settings. (3) The engine's syntax tree is compared with lists of the node kinds,
 * functions and tables that are allowed. (4) Whoever runs it puts the tenant's rows under the views' names.
 */
export async function checkFreeSql(
  facts: FactStore,
  sql: string,
  views: ReadonlySet<string>,
): Promise<FreeSqlVerdict> {
  if (sql.trim() === '') return refuse('must not be empty');
  if (sql.length > FREE_SQL_MAX_LENGTH)
    return refuse(`must not be longer than ${FREE_SQL_MAX_LENGTH} characters`);
  const understood = await canonical(facts, sql);
  if (understood === undefined || !BEGINS.test(understood)) {
    return refuse('must be one SELECT that the engine can parse');
  }
  const scan = scanSql(understood);
  if (!scan.ok) return scan;
  const own = await withoutRealTables(facts, scan.subqueryNames);
  const verdict = judgeTree(await treeOf(facts, understood), (table) => views.has(table) || own.has(table));
  if (!verdict.ok) return verdict;
  // The tree has judged every table; should the parser ever hide a part of a tree, such a name still shows.
  const stored = scan.names.find((name) => STORED.test(name));
  if (stored !== undefined) return refuse(`must not name ${stored}`);
  return { ok: true, sql: understood, views: verdict.tables.intersection(views) };
}

/** The statement as the engine prints what it understood; undefined when it does not parse as one. */
async function canonical(facts: FactStore, sql: string): Promise<string | undefined> {
  const answer = await facts.query<{ sql: string | null }>({
    sql: 'SELECT formatQuerySingleLineOrNull({sql:String}) AS sql',
    params: { sql },
  });
  return answer.rows[0]?.sql ?? undefined;
}

/**
 * The syntax tree as the parser made it. `EXPLAIN AST` in a subquery would show a tree that the analyser has
 * already rewritten, and there the definitions of windows are missing. As a statement of its own it takes the
 * first FORMAT for part of what it explains; `FORMAT Null` is there to be taken, and leaves the last line.
 */
async function treeOf(facts: FactStore, sql: string): Promise<readonly string[]> {
  const tree = await facts.query<{ explain: string }>({
    sql: `EXPLAIN AST ${sql} FORMAT Null`,
    params: {},
  });
  const lines = tree.rows.map((row) => row.explain);
  return lines.pop() === ' Identifier Null' ? lines : [];
}

/**
 * The names of the statement's own subqueries without those of stored tables: such a name, used where the
 * subquery is out of sight, would reach the table.
 */
async function withoutRealTables(facts: FactStore, names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  if (names.size === 0) return names;
  const real = await facts.query<{ name: string }>({
    sql: 'SELECT DISTINCT name FROM system.tables WHERE name IN {names:Array(String)}',
    params: { names: [...names] },
  });
  return names.difference(new Set(real.rows.map((row) => row.name)));
}

function refuse(reason: string): FreeSqlVerdict {
  return { ok: false, reason };
}
