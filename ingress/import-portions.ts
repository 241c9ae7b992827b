/** Whole lines of a body, as they came. */
export type Portion = {
  /** Number of its first line in the body, from 1. */
  readonly firstLine: number;
  /** The lines with the line feeds between them; the last one may stand without. */
  readonly bytes: Buffer;
  /** Where the lines end in `bytes`, at their line feed or at the end. */
  readonly ends: readonly number[];
};

export type PortionLimits = {
  /** A portion is cut after the line that reaches this. */
  readonly portionBytes: number;
  readonly portionLines: number;
  /** Of a longer line only that much is kept; the rest is read and let go. */
  readonly lineBytes: number;
};

const LINE_FEED = 0x0a;

/**
 * Cuts a body of lines into portions, and holds no more of it than one portion and one line, whatever comes.
 * The last line need not end in a line feed. Nothing of an unfinished line is given when the body breaks off.
 */
export async function* portionsOf(
  body: AsyncIterable<Buffer>,
  limits: PortionLimits,
): AsyncGenerator<Portion> {
  const cutter = new Cutter(limits);
  for await (const chunk of body) {
    for (let rest = chunk; rest.length > 0;) {
      rest = rest.subarray(cutter.take(rest));
      if (cutter.full) yield cutter.cut();
    }
  }
  cutter.endLine();
  if (!cutter.empty) yield cutter.cut();
}

class Cutter {
  readonly #limits: PortionLimits;
  #bytes: Buffer;
  #length = 0;
  #lineStart = 0;
  #ends: number[] = [];
  #firstLine = 1;

  constructor(limits: PortionLimits) {
    this.#limits = limits;
    this.#bytes = Buffer.allocUnsafeSlow(limits.portionBytes + 1024);
  }

  get full(): boolean {
    const { portionBytes, portionLines } = this.#limits;
    return this.#ends.length >= portionLines || (this.#lineStart >= portionBytes && this.#ends.length > 0);
  }

  get empty(): boolean {
    return this.#ends.length === 0;
  }

  /** Takes bytes up to where the portion is full, at most all of them; answers how many. */
  take(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && !this.full) {
      const end = chunk.indexOf(LINE_FEED, at);
      this.#keep(chunk.subarray(at, end < 0 ? chunk.length : end));
      if (end < 0) return chunk.length;
      at = end + 1;
      this.#closeLine();
    }
    return at;
  }

  /** A last line without its line feed is a line. */
  endLine(): void {
    if (this.#length > this.#lineStart) this.#closeLine();
  }

  cut(): Portion {
    const ends = this.#ends;
    const portion = {
      firstLine: this.#firstLine,
      bytes: this.#bytes.subarray(0, ends.at(-1) ?? 0),
      ends,
    };
    this.#firstLine += ends.length;
    this.#ends = [];
    // The portion keeps its memory; the next one gets its own.
    this.#bytes = Buffer.allocUnsafeSlow(this.#limits.portionBytes + 1024);
    this.#length = 0;
    this.#lineStart = 0;
    return portion;
  }

  #keep(part: Buffer): void {
    const room = this.#limits.lineBytes - (this.#length - this.#lineStart);
    const kept = part.length > room ? part.subarray(0, room) : part;
    this.#reserve(kept.length + 1);
    this.#bytes.set(kept, this.#length);
    this.#length += kept.length;
  }

  #closeLine(): void {
    this.#reserve(1);
    this.#ends.push(this.#length);
    this.#bytes[this.#length++] = LINE_FEED;
    this.#lineStart = this.#length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
