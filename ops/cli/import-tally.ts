import { appendFileSync } from 'node:fs';
import type { PortionReport, RefusedLine } from '#ingress';
import type { SentRow } from './import-pending.ts';

/** Rows that were refused for the same reason, with the first of them. */
export type RefusalReason = {
  readonly code: string;
  readonly field: string;
  readonly rows: number;
  readonly examples: readonly { readonly at: number; readonly message: string }[];
};

export type ImportTallied = {
  /** Rows that have been answered, those that an earlier run brought in included. */
  readonly rows: number;
  readonly resumed: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
  readonly warned: number;
  readonly reasons: readonly RefusalReason[];
};

type Reason = { -readonly [name in keyof RefusalReason]: RefusalReason[name] } & {
  readonly examples: { at: number; message: string }[];
};

const COUNTS = ['accepted', 'duplicate', 'conflict', 'rejected', 'warned'] as const;
const EXAMPLES = 3;
/** Reasons beyond that many are counted together: their texts may be as many as the rows. */
const REASONS = 100;

/** Counts the answers to the rows of one file. */
export class ImportTally {
  readonly #rejects: string | undefined;
  readonly #counts = { accepted: 0, duplicate: 0, conflict: 0, rejected: 0, warned: 0 };
  readonly #reasons = new Map<string, Reason>();
  readonly #resumed: number;
  #rows: number;
  /** Receipt of the newest accepted event. */
  token: string | undefined;

  /**
   * @param rejects file to which every refused row is appended, as a line of JSON
   */
  constructor({ rejects, resumed }: { readonly rejects: string | undefined; readonly resumed: number }) {
    this.#rejects = rejects;
    this.#resumed = resumed;
    this.#rows = resumed;
  }

  add(rows: readonly SentRow[], report: PortionReport): void {
    this.#rows += report.lines;
    for (const name of COUNTS) this.#counts[name] += report[name];
    this.token = report.positions.at(-1)?.token ?? this.token;
    let lines = '';
    for (const refused of report.refused) {
      const row = rows[refused.line - report.from_line];
      const at = row?.at ?? 0;
      this.#reason(refused, at);
      if (this.#rejects !== undefined) lines += rejectedLine(refused, at, row);
    }
    if (this.#rejects !== undefined && lines !== '') appendFileSync(this.#rejects, lines);
  }

  read(): ImportTallied {
    const reasons = [...this.#reasons.values()].sort((one, other) => other.rows - one.rows);
    return { rows: this.#rows, resumed: this.#resumed, ...this.#counts, reasons };
  }

  #reason({ errors }: RefusedLine, at: number): void {
    const { code = 'format', field = '', message = '' } = errors[0] ?? {};
    const known = `${code} ${field}`;
    const name = this.#reasons.has(known) || this.#reasons.size < REASONS ? known : 'others';
    let reason = this.#reasons.get(name);
    if (!reason) {
      reason = {
        ...(name === 'others' ? { code: 'others', field: '' } : { code, field }),
        rows: 0,
        examples: [],
      };
      this.#reasons.set(name, reason);
    }
    reason.rows++;
    if (reason.examples.length < EXAMPLES) reason.examples.push({ at, message });
  }
}

function rejectedLine(
  { outcome, errors, dead_letter: letter }: RefusedLine,
  at: number,
  row: SentRow | undefined,
): string {
  const kept = letter === undefined ? {} : { dead_letter: letter.token };
  return `${JSON.stringify({ line: at, outcome, errors, ...kept, row: row?.text() ?? '' })}\n`;
}
