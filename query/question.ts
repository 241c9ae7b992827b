import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { EVENT_KINDS, FILTER_OPERATORS, Fault, attributeOf } from '#domain';
import type { EventFilter, FilterScalar } from '#domain';

/** One thing that is wrong with a question. */
export type Problem = { readonly field: string; readonly code: string; readonly message: string };

/** Collects what is wrong, so that all of it is answered at once. */
export type Report = (field: string, code: string, message: string) => void;

const ajv = new Ajv({ allErrors: true, strict: false, messages: true });

/** Checks the form of questions of one schema. Unknown members are wrong. */
export function createFormCheck(schema: TSchema): (question: unknown) => readonly Problem[] {
  const validate: ValidateFunction = ajv.compile(schema);
  return (question) => (validate(question) ? [] : (validate.errors ?? []).map(problemOf));
}

const CODES: Readonly<Record<string, string>> = {
  required: 'required',
  additionalProperties: 'unknown',
  type: 'type',
  enum: 'enum',
  minimum: 'range',
  maximum: 'range',
  minLength: 'length',
  maxLength: 'length',
  minItems: 'length',
  maxItems: 'length',
};

function problemOf({ instancePath, keyword, params, message = 'is not valid' }: ErrorObject): Problem {
  const extra: unknown = params['missingProperty'] ?? params['additionalProperty'];
  const path = typeof extra === 'string' ? `${instancePath}/${extra}` : instancePath;
  const allowed: unknown = params['allowedValues'];
  const code = CODES[keyword] ?? 'form';
  const texts: Readonly<Record<string, string>> = {
    required: 'is required',
    unknown: 'is not a member of this question',
    enum: `must be one of ${Array.isArray(allowed) ? allowed.join(', ') : ''}`,
  };
  return { field: fieldOf(path), code, message: texts[code] ?? message };
}

/** `/steps/0/event` as `steps[0].event`. */
function fieldOf(path: string): string {
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((field, part) =>
      /^\d+$/.test(part) ? `${field}[${part}]` : field === '' ? part : `${field}.${part}`,
    );
}

export function invalidQuestion(problems: readonly Problem[]): Fault {
  const first = problems[0];
  const text = first
    ? `${first.field || 'the question'} ${first.message}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}.`
    : 'The question is not of the documented form.';
  return new Fault('QUERY_INVALID', text, { details: { errors: problems } });
}

/** A closed set of words. */
export function oneOf<const Words extends readonly string[]>(
  words: Words,
  description: string,
  fallback?: Words[number],
) {
  return Type.Unsafe<Words[number]>({
    type: 'string',
    enum: [...words],
    description,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
}

const time = (description: string) =>
  Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 64, description }));

/** Members that every question has. */
export const COMMON = {
  tenant_id: Type.Optional(
    Type.String({ maxLength: 64, description: 'Whose events. Also by the header X-Tenant-Id.' }),
  ),
  from: time(
    'Start of the range, inclusive: ISO 8601 or epoch ms. A date alone is its midnight in `tz`. By default seven days before `to`.',
  ),
  to: time('End of the range, exclusive. By default now.'),
  start_time: time('The same as `from`.'),
  end_time: time('The same as `to`.'),
  range: Type.Optional(oneOf(['24h', '7d', '30d'], 'Instead of `from` and `to`: so long, up to now.')),
  tz: Type.Optional(
    Type.String({ maxLength: 64, description: 'IANA time zone of days, weeks and months.', default: 'UTC' }),
  ),
  now: time(
    'The instant taken for now. By default the clock, or the instant given as `as_of`. Beside a token as `as_of` it is required where the answer depends on it: give the `meta.now` of the answer that gave the token.',
  ),
  as_of: time(
    'Pins the answer: the `meta.as_of` of an earlier one, or an instant, for what was received before it.',
  ),
  wait_for: Type.Optional(
    Type.String({
      maxLength: 100,
      description:
        'Receipt token of an event, or `latest` for all that was acknowledged before: the answer waits until it is visible.',
    }),
  ),
  timeout: Type.Optional(
    Type.String({
      maxLength: 16,
      description: 'How long `wait_for` waits at most: `500ms`, `10s`; up to 30 s.',
      default: '5s',
    }),
  ),
};

export const FILTER = Type.Object(
  {
    property: Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'A documented member of events (os, city, amount, …), else a custom attribute; `properties.<name>` always means the custom one.',
    }),
    op: oneOf(FILTER_OPERATORS, 'How the value is compared.'),
    value: Type.Optional(
      Type.Unsafe<FilterScalar | readonly FilterScalar[]>({
        type: ['string', 'number', 'boolean', 'array'],
        maxLength: 1000,
        items: { type: ['string', 'number', 'boolean'], maxLength: 1000 },
        maxItems: 1000,
        description: 'A list for `in` and `not_in`; none for `exists` and `not_exists`.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const FILTERS = Type.Optional(
  Type.Array(FILTER, { maxItems: 50, description: 'All of them must hold.' }),
);

export const EVENT_NAME = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'Name of an event (of a behaviour its action), or `any`.',
});
export const KIND = Type.Optional(
  oneOf(EVENT_KINDS, 'Needed only where events of several kinds bear the name.'),
);

export const SELECTION = Type.Object(
  { event: EVENT_NAME, kind: KIND, filters: FILTERS },
  { additionalProperties: false },
);

/** Checks what the form cannot: whether value and operator fit. */
export function checkFilters(filters: readonly EventFilter[], field: string, report: Report): void {
  filters.forEach((filter, index) => {
    const message = wrongWith(filter);
    if (message) report(`${field}[${index}].value`, 'type', message);
  });
}

function wrongWith({ property, op, value }: EventFilter): string | undefined {
  if (op === 'exists' || op === 'not_exists') {
    return value === undefined ? undefined : `must not be given with ${op}`;
  }
  if (value === undefined) return 'is required';
  const values = typeof value === 'object' ? value : [value];
  const list = op === 'in' || op === 'not_in';
  if (list !== (typeof value === 'object')) return list ? 'must be a list' : 'must be a single value';
  if (values.length === 0) return 'must not be an empty list';
  const attribute = attributeOf(property);
  return 'type' in attribute && attribute.type === 'number'
    ? wrongWithNumber(property, op, values)
    : undefined;
}

function wrongWithNumber(
  property: string,
  op: EventFilter['op'],
  values: readonly FilterScalar[],
): string | undefined {
  if (op === 'contains') return `is no text to look for in: ${property} is a number`;
  return values.some((each) => typeof each !== 'number')
    ? `must be a number, as ${property} is one`
    : undefined;
}

/** `90s`, `2h`, `7d` in ms; undefined when it is not of that form. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (!match) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? ''];
  return unit === undefined ? undefined : Number(match[1]) * unit;
}
