import { findingsIn, outlineJson, parseInstant } from '#domain';
import type { Json, Zone } from '#domain';

/** How the value of a column becomes that of a member. */
export const VALUE_FORMS = [
  'as_is',
  'text',
  'number',
  'integer',
  'boolean',
  'json',
  'time',
  'epoch_s',
  'epoch_ms',
  'epoch_us',
  'iso',
] as const;
export type ValueForm = (typeof VALUE_FORMS)[number];

export type Converted =
  { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string };

/**
 * Takes a value as a form. Nothing is rounded: digits finer than a millisecond are cut off.
 *
 * @param zone of times that are written without an offset
 */
export function convert(value: Json, form: ValueForm, zone: Zone): Converted {
  return CONVERSIONS[form](value, zone);
}

const CONVERSIONS: Readonly<Record<ValueForm, (value: Json, zone: Zone) => Converted>> = {
  as_is: (value) => ({ ok: true, value }),
  text: (value) => ({ ok: true, value: textOf(value) }),
  number: (value) => numberOf(value, NUMBER, 'a number'),
  integer: (value) => numberOf(value, INTEGER, 'a whole number'),
  boolean: booleanOf,
  json: jsonOf,
  // What is all digits is milliseconds, as on every other way in.
  time: (value, zone) => (INTEGER.test(textOf(value)) ? epochOf(value, 0) : instantOf(value, zone)),
  epoch_s: (value) => epochOf(value, 3),
  epoch_ms: (value) => epochOf(value, 0),
  epoch_us: (value) => epochOf(value, -3),
  iso: instantOf,
};

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
const INTEGER = /^[-+]?\d+$/;
const DECIMAL = /^([-+]?)(\d+)(?:\.(\d*))?$/;
const NO_LIMITS = { depth: Infinity, members: Infinity };

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function numberOf(value: Json, pattern: RegExp, what: string): Converted {
  const text = textOf(value).trim();
  if (!pattern.test(text)) return wrong(value, what);
  const number = Number(text);
  if (!Number.isFinite(number) || !Number.isSafeInteger(Math.trunc(number))) {
    return wrong(value, `${what} up to 2^53, beyond which digits are lost: take it as text`);
  }
  return { ok: true, value: number };
}

function booleanOf(value: Json): Converted {
  const text = textOf(value).trim().toLowerCase();
  if (['true', 't', 'yes', '1'].includes(text)) return { ok: true, value: true };
  if (['false', 'f', 'no', '0'].includes(text)) return { ok: true, value: false };
  return wrong(value, 'true or false');
}

function jsonOf(value: Json): Converted {
  if (typeof value !== 'string') return { ok: true, value };
  try {
    const parsed = JSON.parse(value) as Json;
    const span = outlineJson(Buffer.from(value)).whole;
    const lost = findingsIn(parsed, { span, text: () => value, limits: NO_LIMITS }).find(
      ({ code }) => code !== 'number_rounded',
    );
    if (lost) return { ok: false, message: `holds ${lost.field || 'a value'} that ${lost.message}` };
    return { ok: true, value: parsed };
  } catch {
    return wrong(value, 'JSON');
  }
}

/** Shifts the decimal point and cuts off the rest, digit by digit: a double would round. */
function epochOf(value: Json, shift: number): Converted {
  const [, sign = '', whole = '', fraction = ''] = DECIMAL.exec(textOf(value).trim()) ?? [];
  if (whole === '') return wrong(value, 'a time in digits');
  const digits =
    shift >= 0
      ? whole + fraction.slice(0, shift).padEnd(shift, '0')
      : whole.padStart(1 - shift, '0').slice(0, shift);
  const left = shift >= 0 ? fraction.slice(shift) : whole.padStart(1 - shift, '0').slice(shift) + fraction;
  const cut = Number(digits);
  if (!Number.isSafeInteger(cut)) return wrong(value, 'a time');
  // Before 1970 cutting off must go to the earlier millisecond too.
  const ms = sign === '-' ? -cut - (/[1-9]/.test(left) ? 1 : 0) : cut;
  return { ok: true, value: ms };
}

function instantOf(value: Json, zone: Zone): Converted {
  if (typeof value !== 'string') return wrong(value, 'a time in ISO 8601');
  const ms = INTEGER.test(value) ? undefined : parseInstant(value.trim(), zone);
  return ms === undefined ? wrong(value, 'a time in ISO 8601') : { ok: true, value: ms };
}

function wrong(value: Json, what: string): Converted {
  const text = textOf(value);
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return { ok: false, message: `is ${JSON.stringify(shown)}, not ${what}` };
}
