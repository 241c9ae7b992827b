import type { Fault } from '#domain';
import type { FieldError } from '#schema-registry';
import type { ImportLine } from './import-inputs.ts';
import type { Portion } from './import-portions.ts';
import type { EventOutcome, Receipt } from './outcome.ts';

/**
 * What became of the lines of one portion, or of all: the four outcomes and the blank lines make `lines`. In a
 * dry run what would become of them, duplicates and conflicts not known.
 */
export type ImportCounts = {
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
  readonly blank: number;
  /** Accepted events with a warning. */
  readonly warned: number;
};

/** Where the accepted events of a portion stand in one partition, both ends included. */
export type ImportPosition = {
  readonly partition: number;
  readonly first: string;
  readonly last: string;
  /** The receipt of the last; what `wait_for` takes. */
  readonly token: string;
};

export type RefusedLine = {
  /** Number in the body, from 1. */
  readonly line: number;
  readonly outcome: 'conflict' | 'rejected';
  readonly event_id: string | null;
  readonly errors: readonly FieldError[];
  readonly dead_letter?: Receipt;
};

/** One line of the answer: everything up to `to_line` is durable. */
export type PortionReport = ImportCounts & {
  readonly from_line: number;
  readonly to_line: number;
  readonly positions: readonly ImportPosition[];
  readonly refused: readonly RefusedLine[];
};

/** The last line of the answer. Unless complete, the lines after the first `lines` are to be sent again. */
export type ImportEnd = ImportCounts & {
  readonly complete: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
};

/** What became of one line; in a dry run, that it would be taken. */
export type LineOutcome =
  EventOutcome | { readonly outcome: 'checked'; readonly warnings: readonly FieldError[] };

type Tally = { -readonly [name in keyof ImportCounts]: number };

const NOTHING: ImportCounts = {
  lines: 0,
  accepted: 0,
  duplicate: 0,
  conflict: 0,
  rejected: 0,
  blank: 0,
  warned: 0,
};

/** Adds up the portions of one request. */
export class ImportTotals {
  readonly #tally: Tally = { ...NOTHING };

  add(counts: ImportCounts): void {
    for (const name of Object.keys(this.#tally) as (keyof Tally)[]) this.#tally[name] += counts[name];
  }

  end({ complete, fault }: { readonly complete: boolean; readonly fault: Fault | undefined }): ImportEnd {
    if (!fault) return { complete, ...this.#tally };
    const { code, message, retryable } = fault;
    return { complete, ...this.#tally, error: { code, message, retryable } };
  }
}

/** Reports one portion, and adds it to the totals. */
export function reportOf(
  totals: ImportTotals,
  about: {
    readonly portion: Portion;
    readonly lines: readonly ImportLine[];
    readonly outcomes: readonly LineOutcome[];
  },
): PortionReport {
  const { portion, lines, outcomes } = about;
  const count = portion.ends.length;
  const tally: Tally = { ...NOTHING, lines: count, blank: count - lines.length };
  const refused: RefusedLine[] = [];
  const positions = new Map<number, { first: string; last: Receipt }>();
  for (const [index, outcome] of outcomes.entries()) {
    switch (outcome.outcome) {
      case 'checked':
        tally.accepted++;
        if (outcome.warnings.length > 0) tally.warned++;
        break;
      case 'accepted':
        tally.accepted++;
        if (outcome.warnings.length > 0) tally.warned++;
        extend(positions, outcome.receipt);
        break;
      case 'duplicate':
        tally.duplicate++;
        break;
      case 'conflict':
      case 'rejected':
        tally[outcome.outcome]++;
        refused.push(refusedLine(lines[index], outcome));
        break;
      case 'failed':
        throw outcome.fault;
    }
  }
  totals.add(tally);
  return {
    from_line: portion.firstLine,
    to_line: portion.firstLine + count - 1,
    ...tally,
    positions: [...positions]
      .sort(([one], [other]) => one - other)
      .map(([partition, { first, last }]) => ({ partition, first, last: last.offset, token: last.token })),
    refused,
  };
}

/** Outcomes come in the order of the lines, and the log gives rising offsets in that order. */
function extend(positions: Map<number, { first: string; last: Receipt }>, receipt: Receipt): void {
  const range = positions.get(receipt.partition);
  if (range) range.last = receipt;
  else positions.set(receipt.partition, { first: receipt.offset, last: receipt });
}

function refusedLine(
  line: ImportLine | undefined,
  outcome: Extract<EventOutcome, { outcome: 'conflict' | 'rejected' }>,
): RefusedLine {
  return {
    line: line?.line ?? 0,
    outcome: outcome.outcome,
    event_id: outcome.eventId ?? null,
    errors: outcome.errors,
    ...(outcome.deadLetter ? { dead_letter: outcome.deadLetter } : {}),
  };
}
