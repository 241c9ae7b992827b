import { Fault } from '#domain';

/**
 * Binds `{name:Type}` in a statement: every value becomes a quoted literal cast to the declared type, so
 * that no value can become part of the statement.
 *
 * The binding of chdb itself is not used, because it keeps parameters in state that all connections share
 * and therefore lets one bound query run at a time in the whole process.
 *
 * Throws `QUERY_INVALID` on a value that is missing or cannot be written, and on a statement that holds a
 * `;`, a heredoc or settings of its own.
 */
export function bindParameters(sql: string, params: Readonly<Record<string, unknown>>): string {
  let bound = '';
  let at = 0;
  while (at < sql.length) {
    const end = endOfQuoted(sql, at);
    if (end > at) {
      bound += sql.slice(at, end);
      at = end;
      continue;
    }
    const placeholder = matchAt(PLACEHOLDER, sql, at);
    if (placeholder) {
      const [text, name = '', type = ''] = placeholder;
      bound += literal(name, type, params);
      at += text.length;
      continue;
    }
    refuse(sql, at);
    bound += sql[at] ?? '';
    at++;
  }
  return bound;
}

/** A string as a literal of the engine's SQL. */
export function quote(text: string): string {
  return `'${text.replace(SPECIAL, (character) => ESCAPES[character] ?? character)}'`;
}

const SPECIAL = /[\\'\0\b\f\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const PLACEHOLDER = /\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*:\s*([A-Za-z][A-Za-z0-9_(), '/+.-]*?)\s*\}/y;
const STRING = /'(?:[^'\\]|\\[^]|'')*'/y;
const NAME = /"(?:[^"\\]|\\[^]|"")*"|`(?:[^`\\]|\\[^]|``)*`/y;
const COMMENT = /--[^\n]*|#[! ][^\n]*|\/\*[^]*?\*\//y;
const HEREDOC = /\$\w*\$/y;
const SETTINGS = /settings\s+\w+\s*=/iy;
const WORD = /\w/;

function endOfQuoted(sql: string, at: number): number {
  for (const form of [STRING, NAME, COMMENT]) {
    const match = matchAt(form, sql, at);
    if (match) return at + match[0].length;
  }
  return at;
}

function matchAt(form: RegExp, sql: string, at: number): RegExpExecArray | null {
  form.lastIndex = at;
  return form.exec(sql);
}

function refuse(sql: string, at: number): void {
  if (sql[at] === ';') throw invalid('A statement must be a single one, without a semicolon.');
  if (matchAt(HEREDOC, sql, at)) throw invalid('A statement must not hold a heredoc.');
  const startsWord = at === 0 || !WORD.test(sql[at - 1] ?? '');
  if (startsWord && matchAt(SETTINGS, sql, at)) throw invalid('A statement must not carry settings.');
}

function literal(name: string, type: string, params: Readonly<Record<string, unknown>>): string {
  if (!Object.hasOwn(params, name)) throw invalid(`The parameter ${name} has no value.`);
  const value = params[name];
  if (type === 'Identifier') return identifier(name, value);
  if (value === null || value === undefined) return `CAST(NULL AS ${type})`;
  const text = typeof value === 'string' ? value : written(name, value);
  return type === 'String' ? quote(text) : `CAST(${quote(text)} AS ${type})`;
}

function identifier(name: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) {
    throw invalid(`The parameter ${name} is not an identifier.`);
  }
  return '`' + value + '`';
}

/** A value as the engine reads it from text; strings inside of arrays and maps are quoted. */
function written(name: string, value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && isExact(value)) return String(value);
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return `[${value.map((member) => written(name, member)).join(',')}]`;
  if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '');
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const members = Object.entries(value).map(([key, member]) => `${quote(key)}:${written(name, member)}`);
    return `{${members.join(',')}}`;
  }
  throw invalid(`The parameter ${name} cannot be written as a value of the engine.`);
}

function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function invalid(message: string): Fault {
  return new Fault('QUERY_INVALID', message);
}
