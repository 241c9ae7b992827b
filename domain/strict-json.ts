import type { Json } from './event.ts';
import { inspectJson } from './strict-json-inspect.ts';
import type { JsonFinding, JsonLimits } from './strict-json-inspect.ts';

export type { JsonFinding, JsonFindingCode, JsonLimits } from './strict-json-inspect.ts';

/** One value of a text, by its bytes `[start, end)`, and what a look at the bytes alone says about it. */
export type JsonSpan = {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  /** Members as written, so a name that stands twice counts twice. */
  readonly members: number;
  /** Whether it holds a number or escape that `JSON.parse` may change. */
  readonly suspicious: boolean;
};

export type JsonOutline = {
  readonly whole: JsonSpan;
  /** The elements of the array that the text is, or of the member asked for; empty when there is none. */
  readonly elements: readonly JsonSpan[];
};

/**
 * Looks through the bytes of a JSON text once, without building anything: about 1 ns per byte. What it says
 * holds when `JSON.parse` takes the text; any other bytes are gone through without harm.
 *
 * @param list member of the top object whose elements are wanted
 */
export function outlineJson(bytes: Uint8Array, list?: string): JsonOutline {
  return new Outline(bytes, list).read();
}

/**
 * What a parsed text hides. Costs a walk over the value unless the outline gives cause to read the text again.
 *
 * @param text the text of just this value, asked for only when it must be read again
 */
export function findingsIn(
  value: Json,
  { span, text, limits }: { span: JsonSpan; text: () => string; limits: JsonLimits },
): readonly JsonFinding[] {
  if (span.depth > limits.depth) return inspectJson(text(), limits);
  if (span.members > limits.members) {
    const message = `has ${span.members} members; at most ${limits.members} are allowed`;
    return [{ field: '', code: 'too_many_members', message }];
  }
  // Fewer members than were written: one of them was written twice.
  if (span.suspicious || countMembers(value) !== span.members) return inspectJson(text(), limits);
  return NOTHING;
}

const NOTHING: readonly JsonFinding[] = [];

function countMembers(value: Json): number {
  let count = 0;
  if (isList(value)) {
    for (const item of value) if (typeof item === 'object') count += countMembers(item);
  } else if (typeof value === 'object' && value !== null) {
    for (const name in value) {
      const member = value[name];
      count += typeof member === 'object' ? 1 + countMembers(member) : 1;
    }
  }
  return count;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const LOWER_U = 0x75;
const LOWER_D = 0x64;
const LOWER_CASE = 0x20;

const STRING = 1;
const OPEN = 2;
const CLOSE = 3;
const COLON = 4;
const COMMA = 5;
const NUMBER = 6;
const MEANING = new Uint8Array(256);
for (const [characters, meaning] of [
  ['"', STRING],
  ['[{', OPEN],
  [']}', CLOSE],
  [':', COLON],
  [',', COMMA],
  ['-0123456789', NUMBER],
] as const) {
  for (const character of characters) MEANING[character.charCodeAt(0)] = meaning;
}

const SIGN = 1;
const POINT = 2;
const EXPONENT = 4;
const NUMBER_MARK = new Uint8Array(256);
for (const [characters, mark] of [
  ['+-', SIGN],
  ['.', POINT],
  ['eE', EXPONENT],
] as const) {
  for (const character of characters) NUMBER_MARK[character.charCodeAt(0)] = mark;
}

/** An integer of more digits may lie beyond 2^53; a fraction of up to 17 (and `0.`) is how doubles print. */
const INTEGER_DIGITS = 15;
const FRACTION_DIGITS = 18;

class Outline {
  readonly #bytes: Uint8Array;
  readonly #list: string | undefined;
  readonly #elements: JsonSpan[] = [];
  #depth = 0;
  #members = 0;
  #suspicions = 0;
  #deepest = 0;
  /** Depth of the array whose elements are wanted; -1 outside of it. */
  #listDepth = -1;
  #elementFrom = 0;
  #elementDeepest = 0;
  #membersBefore = 0;
  #suspicionsBefore = 0;
  #name = 0;
  #listNamed: boolean;

  constructor(bytes: Uint8Array, list: string | undefined) {
    this.#bytes = bytes;
    this.#list = list;
    // The text itself may be the array.
    this.#listNamed = true;
  }

  read(): JsonOutline {
    const bytes = this.#bytes;
    const length = bytes.length;
    let at = 0;
    while (at < length) {
      switch (meaningAt(bytes, at)) {
        case STRING:
          if (this.#depth === 1) this.#name = at + 1;
          at = this.#afterString(at + 1);
          continue;
        case NUMBER:
          at = this.#afterNumber(at);
          continue;
        case COLON:
          this.#members++;
          if (this.#depth === 1) this.#listNamed = this.#isList();
          break;
        case COMMA:
          if (this.#depth === this.#listDepth) this.#endElement(at);
          break;
        case OPEN:
          this.#open(at);
          break;
        case CLOSE:
          this.#close(at);
          break;
        default:
      }
      at++;
    }
    const whole = {
      start: 0,
      end: length,
      depth: this.#deepest,
      members: this.#members,
      suspicious: this.#suspicions > 0,
    };
    return { whole, elements: this.#elements };
  }

  #afterString(from: number): number {
    const bytes = this.#bytes;
    const length = bytes.length;
    let at = from;
    while (at < length) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) {
        // Every \ud… may be half a pair; who reads the text again sees whether it is.
        if (bytes[at + 1] === LOWER_U && ((bytes[at + 2] ?? 0) | LOWER_CASE) === LOWER_D) this.#suspicions++;
        at++;
      }
      at++;
    }
    return at;
  }

  #afterNumber(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    let digits = 0;
    let marks = 0;
    for (; ; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x30 && byte <= 0x39) {
        digits++;
        continue;
      }
      const mark = NUMBER_MARK[byte] ?? 0;
      if (mark === 0) break;
      // An integer part of that length may be too long whatever follows.
      if (mark === POINT && digits > INTEGER_DIGITS) this.#suspicions++;
      marks |= mark;
    }
    const most = (marks & POINT) === 0 ? INTEGER_DIGITS : FRACTION_DIGITS;
    if (digits > most || (marks & EXPONENT) !== 0) this.#suspicions++;
    return at;
  }

  #isList(): boolean {
    const list = this.#list;
    if (list === undefined) return false;
    for (let index = 0; index < list.length; index++) {
      if (this.#bytes[this.#name + index] !== list.charCodeAt(index)) return false;
    }
    return this.#bytes[this.#name + list.length] === QUOTE;
  }

  #open(at: number): void {
    const depth = ++this.#depth;
    if (depth > this.#deepest) this.#deepest = depth;
    if (this.#listDepth >= 0) {
      if (depth > this.#elementDeepest) this.#elementDeepest = depth;
    } else if (depth <= 2 && this.#listNamed && this.#bytes[at] === OPEN_ARRAY) {
      this.#listDepth = depth;
      this.#beginElement(at + 1);
    }
    if (depth === 1 && this.#bytes[at] === OPEN_OBJECT) this.#listNamed = false;
  }

  #close(at: number): void {
    if (this.#depth === this.#listDepth) {
      this.#endElement(at);
      this.#listDepth = -1;
      this.#listNamed = false;
    }
    this.#depth--;
  }

  #beginElement(at: number): void {
    this.#elementFrom = at;
    this.#elementDeepest = this.#listDepth;
    this.#membersBefore = this.#members;
    this.#suspicionsBefore = this.#suspicions;
  }

  #endElement(at: number): void {
    let start = this.#elementFrom;
    let end = at;
    while (start < end && isSpace(this.#bytes[start])) start++;
    while (end > start && isSpace(this.#bytes[end - 1])) end--;
    if (start < end) {
      this.#elements.push({
        start,
        end,
        depth: this.#elementDeepest - this.#listDepth,
        members: this.#members - this.#membersBefore,
        suspicious: this.#suspicions > this.#suspicionsBefore,
      });
    }
    this.#beginElement(at + 1);
  }
}

function meaningAt(bytes: Uint8Array, at: number): number {
  return MEANING[bytes[at] ?? 0] ?? 0;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
