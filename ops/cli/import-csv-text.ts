const LINE_FEED = 0x0a;

/** The bytes that a parser has been given and not yet turned into rows, so that each row can be shown as it stands. */
export class UnreadText {
  #chunks: Buffer[] = [];
  /** Of the whole text, where the first chunk begins. */
  #at = 0;
  /** Lines that have been cut off. */
  #lines = 0;

  get lines(): number {
    return this.#lines;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  /** Cuts off the row that ends at a byte of the whole text, its line ends left away, and says on which line it begins. */
  cut(end: number): { readonly text: Buffer; readonly line: number } {
    const bytes = this.#take(end - this.#at);
    this.#at = end;
    let first = 0;
    // Empty lines before a row belong to none.
    while (isLineEnd(bytes[first])) first++;
    const line = this.#lines + 1 + linesIn(bytes.subarray(0, first));
    this.#lines += linesIn(bytes);
    let last = bytes.length;
    while (last > first && isLineEnd(bytes[last - 1])) last--;
    return { text: bytes.subarray(first, last), line };
  }

  #take(length: number): Buffer {
    const [chunk] = this.#chunks;
    if (chunk && chunk.length > length) {
      this.#chunks[0] = chunk.subarray(length);
      return chunk.subarray(0, length);
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    return all.subarray(0, length);
  }
}

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LINE_FEED || byte === 0x0d;
}
