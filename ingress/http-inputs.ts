import { isUtf8 } from 'node:buffer';
import { findingsIn, outlineJson } from '#domain';
import type { Json, JsonFinding, JsonObject, JsonLimits, JsonSpan } from '#domain';
import type { FieldError } from '#schema-registry';
import type { Input } from './examine.ts';

export type InputLimits = JsonLimits & {
  /** Of one event as sent. */
  readonly eventBytes: number;
  readonly batchEvents: number;
};

/** The events of a batch, or why the body as a whole is none. */
export type BatchInputs =
  { readonly ok: true; readonly inputs: readonly Input[] } | { readonly ok: false; readonly input: Input };

const NONE: readonly FieldError[] = [];
const BYTE_ORDER_MARK = 0xef;

/** Takes one untrusted body as one event. */
export function readInput(body: Buffer, limits: InputLimits): Input {
  const parsed = parse(body);
  if (!parsed.ok) return parsed.input;
  const { bytes, text, value } = parsed;
  const span = outlineJson(bytes).whole;
  return inputOf(value, { span, limits, sent: () => body, text: () => text });
}

/**
 * Takes one untrusted body as `{"events":[…]}` or `[…]`. What is wrong with one event is said of that event
 * alone; the bytes of each are exactly those between the commas.
 */
export function readInputs(body: Buffer, limits: InputLimits): BatchInputs {
  const parsed = parse(body);
  if (!parsed.ok) return parsed;
  const { bytes, text, value } = parsed;
  const refuse = (field: string, code: FieldError['code'], message: string): BatchInputs => ({
    ok: false,
    input: unreadable(body, { field, code, message }),
  });
  const list = isObject(value) ? value['events'] : value;
  if (!isList(list))
    return refuse('events', list === undefined ? 'required' : 'type', 'must be a list of events');
  if (list.length === 0 || list.length > limits.batchEvents) {
    return refuse('events', 'batch_size', `must hold 1 to ${limits.batchEvents} events, not ${list.length}`);
  }
  const { whole, elements } = outlineJson(bytes, 'events');
  const wrapping = isObject(value) ? wrapperError(value, { text, whole, elements }) : undefined;
  if (wrapping) return { ok: false, input: unreadable(body, wrapping) };
  const inputs = list.map((event, index) => {
    const span = elements[index] ?? whole;
    const sent = (): Buffer => bytes.subarray(span.start, span.end);
    return inputOf(event, { span, limits, sent, text: () => sent().toString() });
  });
  return { ok: true, inputs };
}

/** An input of bytes that could not be read at all. */
export function unreadable(body: Buffer, error: FieldError): Input {
  return { value: undefined, errors: [error], warnings: NONE, sent: () => body };
}

type Parsed =
  | { readonly ok: true; readonly bytes: Buffer; readonly text: string; readonly value: Json }
  | { readonly ok: false; readonly input: Input };

function parse(body: Buffer): Parsed {
  const refuse = (message: string): Parsed => ({
    ok: false,
    input: unreadable(body, { field: '', code: 'not_json', message }),
  });
  if (body.length === 0) return refuse('the body is empty');
  if (!isUtf8(body)) return refuse('the body is not UTF-8');
  const bytes = body[0] === BYTE_ORDER_MARK && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
  const text = bytes.toString();
  try {
    return { ok: true, bytes, text, value: JSON.parse(text) as Json };
  } catch (error) {
    return refuse(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What one parsed value says, with what its text hides. */
export function inputOf(
  value: Json,
  about: {
    readonly span: JsonSpan;
    readonly limits: InputLimits;
    readonly sent: () => Buffer;
    readonly text: () => string;
  },
): Input {
  const { span, limits, sent, text } = about;
  const bytes = span.end - span.start;
  if (bytes > limits.eventBytes) {
    const message = `has ${bytes} bytes; at most ${limits.eventBytes} are allowed`;
    return { value, errors: [{ field: '', code: 'too_large', message }], warnings: NONE, sent };
  }
  const findings = findingsIn(value, { span, text, limits });
  if (findings.length === 0) return { value, errors: NONE, warnings: NONE, sent };
  return { value, errors: findings.filter(refuses), warnings: findings.filter((one) => !refuses(one)), sent };
}

function refuses({ code }: JsonFinding): boolean {
  return code !== 'number_rounded';
}

/** What is wrong with the object around the events; a repeated `events` among it, of which one would be lost. */
function wrapperError(
  value: Json,
  about: { readonly text: string; readonly whole: JsonSpan; readonly elements: readonly JsonSpan[] },
): FieldError | undefined {
  const { text, whole, elements } = about;
  const inside = elements.reduce((sum, { members }) => sum + members, 0);
  // Nothing but `events` itself, found by its plain name.
  if (whole.members - inside === 1 && elements.length > 0) return undefined;
  const limits = { depth: Infinity, members: Infinity };
  const findings = findingsIn(value, { span: { ...whole, suspicious: true }, text: () => text, limits });
  const outside = findings.find((one) => refuses(one) && !one.field.startsWith('events['));
  if (outside || elements.length > 0) return outside;
  return { field: 'events', code: 'not_json', message: 'must be written without escapes' };
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
