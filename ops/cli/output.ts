/** Where a command writes, and what it may know of its surroundings. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly fetch: typeof fetch;
  readonly readFile: (path: string) => string;
  /** Aborts when the person at the terminal has had enough; until it is asked for, that ends the process. */
  readonly interrupted: () => AbortSignal;
  /** Whether a person reads what goes to `err`. @default false */
  readonly interactive?: boolean;
  /** How wide that person's terminal is. @default as wide as need be */
  readonly columns?: number;
};

/** What commands are added to the command line with that ask the running platform. */
export type AskingCommands = {
  readonly around: Surroundings;
  readonly end: (given: { readonly exit: number }) => void;
  /** Where the platform runs, unless a flag says otherwise. */
  readonly url: () => string;
};

/** What makes a command end with a sentence for the person who gave it, and exit code 1. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** A table with a header, columns as wide as their longest value; numbers to the right. */
export function formatTable(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => columns.map((_, index) => cellText(row[index])));
  const widths = columns.map((name, index) =>
    Math.max(textWidth(name), ...cells.map((row) => textWidth(row[index] ?? ''))),
  );
  const right = columns.map((_, index) => rows.length > 0 && rows.every((row) => isNumeric(row[index])));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, right[index] === true))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(columns), rule, ...cells.map(line)].join('\n') + '\n';
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return shown(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A text that somebody sent: a line feed or an escape sequence in it must not reach the terminal as such. */
export function shown(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value));
}

function textWidth(text: string): number {
  return Array.from(text).length;
}

function pad(text: string, width: number, right: boolean): string {
  const filling = ' '.repeat(Math.max(0, width - textWidth(text)));
  return right ? filling + text : text + filling;
}
