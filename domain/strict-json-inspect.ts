/** What one JSON text holds that `JSON.parse` hides, or more of something than is allowed. */
export type JsonFinding = {
  /** Path of the member, `context.os` or `tags[2]`; empty for the text as a whole. */
  readonly field: string;
  readonly code: JsonFindingCode;
  readonly message: string;
};

/** All findings refuse the text, except `number_rounded`, which its reader is told of. */
export type JsonFindingCode =
  | 'duplicate_member'
  | 'lone_surrogate'
  | 'number_not_finite'
  | 'number_rounded'
  | 'number_too_large'
  | 'too_deep'
  | 'too_many_members';

export type JsonLimits = {
  /** Objects and arrays within each other. */
  readonly depth: number;
  /** Members of all its objects together. */
  readonly members: number;
};

/** Beyond that many the rest of the text is not looked at: the sender has enough to mend. */
const MAX_FINDINGS = 20;

/** A text that JSON.parse takes, read token by token: what in it is lost or changed by parsing, and where. */
export function inspectJson(text: string, limits: Pick<JsonLimits, 'depth'>): readonly JsonFinding[] {
  return new Inspection(text, limits.depth).read();
}

type Frame = {
  /** Names seen so far; undefined in an array. */
  readonly names: Set<string> | undefined;
  name: string;
  index: number;
  expectsName: boolean;
};

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
/** Digits that every double can hold. */
const SIGNIFICANT_DIGITS = 17;

class Inspection {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #frames: Frame[] = [];
  readonly #findings: JsonFinding[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  read(): readonly JsonFinding[] {
    while (this.#at < this.#text.length && this.#findings.length < MAX_FINDINGS) {
      const frame = this.#frames.at(-1);
      const character = this.#text[this.#at] ?? '';
      if (character === '"') this.#string(frame);
      else if (character === '{' || character === '[') {
        if (!this.#open(character === '{')) break;
      } else if (character === '-' || (character >= '0' && character <= '9')) this.#number();
      else this.#mark(character, frame);
    }
    return this.#findings;
  }

  #mark(character: string, frame: Frame | undefined): void {
    this.#at++;
    if (character === '}' || character === ']') this.#frames.pop();
    else if (character === ',' && frame) {
      frame.index++;
      frame.expectsName = true;
    }
  }

  #open(object: boolean): boolean {
    this.#at++;
    this.#frames.push({
      names: object ? new Set() : undefined,
      name: '',
      index: 0,
      expectsName: true,
    });
    if (this.#frames.length <= this.#maxDepth) return true;
    this.#frames.pop();
    this.#find('too_deep', `is nested more than ${this.#maxDepth} levels deep`);
    return false;
  }

  #string(frame: Frame | undefined): void {
    const value = JSON.parse(this.#stringToken()) as string;
    if (frame?.names && frame.expectsName) {
      frame.expectsName = false;
      frame.name = value.toWellFormed();
      if (frame.names.has(value)) this.#find('duplicate_member', 'stands more than once in its object');
      frame.names.add(value);
    }
    if (!value.isWellFormed()) {
      this.#find('lone_surrogate', 'has half of a surrogate pair, which is no character');
    }
  }

  #number(): void {
    const token = this.#numberToken();
    const value = Number(token);
    if (!Number.isFinite(value)) {
      this.#find('number_not_finite', 'is beyond the largest number; send it as a string');
      return;
    }
    const [mantissa = ''] = token.split(/[eE]/);
    // Below 10^21 a number is written again as digits, which no 64-bit integer need hold; above, with an exponent.
    const writtenAsDigits = mantissa === token || Math.abs(value) < 1e21;
    if (writtenAsDigits && !Number.isSafeInteger(Math.trunc(value))) {
      this.#find('number_too_large', 'is beyond 2^53, where digits are lost; send it as a string');
      return;
    }
    const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
    if (digits.length > SIGNIFICANT_DIGITS || (value === 0 && digits !== '')) {
      this.#find('number_rounded', 'has more digits than a number keeps; it was rounded');
    }
  }

  // The text is known to be JSON, so the tokens end where they must.

  #numberToken(): string {
    NUMBER.lastIndex = this.#at;
    const token = NUMBER.exec(this.#text)?.[0] ?? '0';
    this.#at += token.length;
    return token;
  }

  #stringToken(): string {
    const from = this.#at;
    let at = from + 1;
    while (this.#text[at] !== '"') at += this.#text[at] === '\\' ? 2 : 1;
    this.#at = at + 1;
    return this.#text.slice(from, at + 1);
  }

  #find(code: JsonFindingCode, message: string): void {
    this.#findings.push({ field: pathOf(this.#frames), code, message });
  }
}

function pathOf(frames: readonly Frame[]): string {
  let path = '';
  for (const frame of frames) {
    if (!frame.names) path += `[${frame.index}]`;
    else path += path === '' ? frame.name : `.${frame.name}`;
  }
  return path;
}
