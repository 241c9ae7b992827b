import { isAllowedFunction } from './free-sql-functions.ts';

/** One node of the engine's syntax tree. */
type Node = { readonly kind: string; readonly name: string; readonly children: Node[] };

export type TreeVerdict =
  | { readonly ok: true; /** Tables it reads, each once. */ readonly tables: ReadonlySet<string> }
  | { readonly ok: false; readonly reason: string };

/** Every kind of node that a plain SELECT consists of. Whatever else the parser makes is refused. */
const KINDS = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'ExpressionList',
  'WithElement',
  'Subquery',
  'Identifier',
  'Function',
  'Literal',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'TableExpression',
  'TableIdentifier',
  'TableJoin',
  'ArrayJoin',
  'OrderByElement',
  'Asterisk',
  'QualifiedAsterisk',
  'ColumnsListMatcher',
  'ColumnsRegexpMatcher',
  'ColumnsTransformerList',
  'ColumnsExceptTransformer',
  'ColumnsReplaceTransformer',
  'ColumnsReplaceTransformer::Replacement',
  'WindowDefinition',
  'WindowListElement',
  'InterpolateElement',
]);

/** A name on the right of these is read as a table. */
const MEMBERSHIP = new Set(['in', 'notin', 'nullin', 'notnullin']);

const LINE = /^( *)([A-Za-z]+(?:::[A-Za-z]+)?)(?: (.*))?$/s;
const TRAILER = / \((?:children \d+|alias .*?|column .*?)\)$/s;

/**
 * Judges the syntax tree of a statement as `EXPLAIN AST` prints it: only the kinds of node, the functions and
 * the sources of a plain SELECT. `mayRead` says whether a table name is one the statement may read.
 */
export function judgeTree(lines: readonly string[], mayRead: (table: string) => boolean): TreeVerdict {
  const root = parseTree(lines);
  if (root?.kind !== 'SelectWithUnionQuery') return refuse('must be one SELECT');
  const tables = new Set<string>();
  const waiting: Node[] = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    const reason = whyNot(node, mayRead);
    if (reason !== undefined) return refuse(reason);
    if (node.kind === 'TableIdentifier') tables.add(node.name);
    waiting.push(...node.children);
  }
  return { ok: true, tables };
}

function whyNot(node: Node, mayRead: (table: string) => boolean): string | undefined {
  const { kind, name, children } = node;
  if (!KINDS.has(kind)) return `must not use ${kind}`;
  switch (kind) {
    case 'SelectWithUnionQuery':
      return children.length === 1 ? undefined : 'must not say where or how to write the answer';
    case 'TableExpression':
      return whyNotSource(children);
    case 'TableIdentifier':
      return mayRead(name) ? undefined : `must not read the table ${name}`;
    case 'Function':
      return whyNotFunction(node);
    default:
      return undefined;
  }
}

function whyNotSource(children: readonly Node[]): string | undefined {
  const [source, ...rest] = children;
  if (source?.kind === 'Function') return `must not use the table function ${source.name}`;
  const plain = source?.kind === 'TableIdentifier' || source?.kind === 'Subquery';
  return plain && rest.length === 0 ? undefined : 'must read from views and subqueries only';
}

function whyNotFunction({ name, children }: Node): string | undefined {
  if (!isAllowedFunction(name)) return `must not use the function ${name}`;
  if (!MEMBERSHIP.has(name.toLowerCase())) return undefined;
  const set = children.at(-1)?.children[1];
  return set === undefined || set.kind === 'Identifier'
    ? 'must have a list or a subquery on the right of IN, not a name'
    : undefined;
}

/** Builds the tree from its indentation; undefined when the text is not of the expected form. */
function parseTree(lines: readonly string[]): Node | undefined {
  const path: Node[] = [];
  for (const line of lines) {
    const parsed = parseLine(line);
    // Only the first line stands at the margin, and a line is at most one step deeper than the one before.
    const fits =
      path.length === 0 ? parsed?.depth === 0 : parsed && parsed.depth > 0 && parsed.depth <= path.length;
    if (!parsed || !fits) return undefined;
    path.length = parsed.depth;
    path.at(-1)?.children.push(parsed.node);
    path.push(parsed.node);
  }
  return path[0];
}

function parseLine(line: string): { readonly depth: number; readonly node: Node } | undefined {
  const found = line.includes('\n') ? null : LINE.exec(line);
  if (!found) return undefined;
  const [, indent = '', kind = '', rest = ''] = found;
  return { depth: indent.length, node: { kind, name: nameOf(rest), children: [] } };
}

/** `toDate (alias d) (children 1)` is the name `toDate`. */
function nameOf(rest: string): string {
  let name = ` ${rest}`;
  while (TRAILER.test(name)) name = name.replace(TRAILER, '');
  return name.trim();
}

function refuse(reason: string): TreeVerdict {
  return { ok: false, reason };
}
