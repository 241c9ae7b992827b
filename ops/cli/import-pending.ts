/** One row on its way: the line that is sent for it, and what names it to its owner. */
export type SentRow = {
  readonly at: number;
  readonly text: () => string;
  /** With its line feed. */
  readonly line: Buffer;
};

/** The rows that have been taken from a file and not yet been answered, in their order. */
export class PendingRows {
  #rows: SentRow[] = [];
  #bytes = 0;
  #taken = Promise.withResolvers<undefined>();

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): readonly SentRow[] {
    return this.#rows;
  }

  add(rows: readonly SentRow[]): void {
    for (const row of rows) {
      this.#rows.push(row);
      this.#bytes += row.line.length;
    }
  }

  /** The first of them have been answered. */
  take(count: number): readonly SentRow[] {
    const taken = this.#rows.splice(0, count);
    for (const { line } of taken) this.#bytes -= line.length;
    this.#taken.resolve(undefined);
    this.#taken = Promise.withResolvers();
    return taken;
  }

  /** Resolves when the next are taken. */
  taken(): Promise<undefined> {
    return this.#taken.promise;
  }
}
