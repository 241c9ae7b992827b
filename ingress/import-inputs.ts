import { isUtf8 } from 'node:buffer';
import { outlineJson } from '#domain';
import type { Json, JsonObject } from '#domain';
import { FIELD_CODES } from '#schema-registry';
import type { FieldCode } from '#schema-registry';
import type { Input } from './examine.ts';
import { inputOf, readInput, unreadable } from './http-inputs.ts';
import type { InputLimits } from './http-inputs.ts';
import type { Portion } from './import-portions.ts';

/** One line of an import with its number in the body. */
export type ImportLine = { readonly line: number; readonly input: Input };

const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Reads every line of a portion as one event; blank lines are passed over. A line
 * `["refused",{"field","code","message"},"<text>"]` is a row that its sender could not read: it is refused
 * for that reason, with the text as the bytes as sent.
 */
export function readLines(portion: Portion, limits: InputLimits): readonly ImportLine[] {
  const lines = readAtOnce(portion, limits) ?? readOneByOne(portion, limits);
  return lines.map((one) => {
    const refused = refusedBySender(one.input.value);
    return refused ? { ...one, input: refused } : one;
  });
}

/**
 * The lines as the elements of one array: parsed together they take two thirds of the time. Undefined when that array is
 * no JSON, or its elements are not the lines: then what is wrong must be said of one line.
 */
function readAtOnce(portion: Portion, limits: InputLimits): readonly ImportLine[] | undefined {
  const { bytes, ends, firstLine } = portion;
  if (!isUtf8(bytes)) return undefined;
  const list = Buffer.allocUnsafe(bytes.length + 2);
  list[0] = OPEN;
  list.set(bytes, 1);
  list[bytes.length + 1] = CLOSE;
  for (const end of ends) if (end < bytes.length) list[end + 1] = COMMA;
  const values = parsedList(list.toString());
  if (values?.length !== ends.length) return undefined;
  const { elements } = outlineJson(list);
  const lines: ImportLine[] = [];
  let start = 0;
  for (const [index, value] of values.entries()) {
    const end = ends[index] ?? 0;
    const span = elements[index];
    // One more for the bracket. A value that reaches into the next line is none of either.
    if (!span || span.start < start + 1 || span.end > end + 1) return undefined;
    const sent = (): Buffer => bytes.subarray(span.start - 1, span.end - 1);
    const input = inputOf(value, { span, limits, sent, text: () => sent().toString() });
    lines.push({ line: firstLine + index, input });
    start = end + 1;
  }
  return lines;
}

function parsedList(text: string): readonly Json[] | undefined {
  try {
    return JSON.parse(text) as readonly Json[];
  } catch {
    return undefined;
  }
}

function readOneByOne({ bytes, ends, firstLine }: Portion, limits: InputLimits): readonly ImportLine[] {
  const lines: ImportLine[] = [];
  let start = 0;
  for (const [index, end] of ends.entries()) {
    const line = bytes.subarray(start, bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
    start = end + 1;
    if (isBlank(line)) continue;
    lines.push({ line: firstLine + index, input: readLine(line, limits) });
  }
  return lines;
}

function readLine(line: Buffer, limits: InputLimits): Input {
  if (line.length <= limits.eventBytes) return readInput(line, limits);
  const message = `is longer than the ${limits.eventBytes} bytes an event may have`;
  return unreadable(line, { field: '', code: 'too_large', message });
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === SPACE || byte === TAB || byte === CARRIAGE_RETURN);
}

function refusedBySender(value: Json | undefined): Input | undefined {
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== 'refused') return undefined;
  const [, why, text] = value as readonly Json[];
  if (typeof why !== 'object' || why === null || typeof text !== 'string') return undefined;
  const { field, code, message } = why as JsonObject;
  if (typeof field !== 'string' || typeof message !== 'string') return undefined;
  const known = (Object.keys(FIELD_CODES) as FieldCode[]).find((one) => one === code);
  return unreadable(Buffer.from(text), { field, code: known ?? 'format', message });
}
