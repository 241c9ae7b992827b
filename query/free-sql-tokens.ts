/** What the scan of a statement found. */
export type SqlScan =
  | {
      readonly ok: true;
      /** Every name and keyword, quoted or not. */
      readonly names: readonly string[];
      /** Names given by `name AS (SELECT …)`. */ readonly subqueryNames: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly reason: string };

/** Clauses that are not part of a question. As a name each needs quotes, as a function its parenthesis. */
const REFUSED_WORDS = new Set([
  'settings',
  'format',
  'into',
  'outfile',
  'infile',
  'final',
  'sample',
  'apply',
]);

const SPACE = /\s+/y;
const STRING = /'(?:[^'\\]|\\[^]|'')*'/y;
const QUOTED_NAME = /`([^`]*)`/y;
/** No backslash, parenthesis or control character, so that a name cannot look like something else anywhere. */
const PLAIN_NAME = /^[\p{L}\p{N}_ .,:$@/+*%?!-]+$/u;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y;
const SIGN = /[()[\],.*/%+\-=<>!|?:]/y;
/** What the engine would read as a comment; its own print has none. */
const COMMENT = /--|\/\*/y;
const OPENS_SUBQUERY = /\s*AS\s*\(\s*(?:SELECT|WITH)\b/iy;

/**
 * Scans one statement as the engine prints it (so without comments, heredocs and typographic quotes) and
 * refuses what is no part of one plain SELECT: semicolons, placeholders, clauses of output and settings, and
 * any character that should not be there.
 */
export function scanSql(sql: string): SqlScan {
  const names: string[] = [];
  const subqueryNames = new Set<string>();
  let depth = 0;
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at);
    if (token.refused !== undefined) return { ok: false, reason: token.refused };
    depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    if (depth < 0) return { ok: false, reason: 'has a closing parenthesis too many' };
    at += token.text.length;
    if (token.name === undefined) continue;
    names.push(token.name);
    if (match(OPENS_SUBQUERY, sql, at) !== undefined) subqueryNames.add(token.name);
  }
  return depth === 0 ? { ok: true, names, subqueryNames } : { ok: false, reason: 'has an open parenthesis' };
}

/** A token never is empty; a refused one says why. */
type Token = { readonly text: string; readonly name?: string; readonly refused?: string };

function tokenAt(sql: string, at: number): Token {
  const plain = match(SPACE, sql, at) ?? match(STRING, sql, at) ?? match(NUMBER, sql, at);
  if (plain !== undefined) return { text: plain };
  const named = nameAt(sql, at);
  if (named) return named;
  const sign = match(COMMENT, sql, at) === undefined ? match(SIGN, sql, at) : undefined;
  return sign === undefined
    ? { text: '', refused: `must not hold ${JSON.stringify(sql[at])}` }
    : { text: sign };
}

function nameAt(sql: string, at: number): Token | undefined {
  const quoted = match(QUOTED_NAME, sql, at);
  if (quoted !== undefined) {
    const name = quoted.slice(1, -1);
    return PLAIN_NAME.test(name)
      ? { text: quoted, name }
      : { text: quoted, refused: 'must not hold a quoted name with special characters' };
  }
  const word = match(WORD, sql, at);
  if (word === undefined) return undefined;
  const called = sql[at + word.length] === '(';
  return !called && REFUSED_WORDS.has(word.toLowerCase())
    ? { text: word, refused: `must not use ${word.toUpperCase()}` }
    : { text: word, name: word };
}

function match(form: RegExp, sql: string, at: number): string | undefined {
  form.lastIndex = at;
  return form.exec(sql)?.[0];
}
