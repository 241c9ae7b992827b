import { ANY_EVENT, Fault, OPPOSITES, attributeOf } from '#domain';
import type { Attribute, EventFilter, EventSelection, FilterScalar, PositionVector, TenantId } from '#domain';
import type { SealedDay } from '#projections';

/** Whose facts a statement reads, of which generation, and up to where. */
export type Scope = {
  readonly tenant: TenantId;
  readonly generation: number;
  /** Only records before it are seen. */
  readonly vector: PositionVector;
  /** How far the kept `first_seen` fold has come; from there on the facts themselves are read. */
  readonly firstSeen: PositionVector;
  /** Days whose slices hold just the records before `vector`. @default none */
  readonly sealed?: readonly SealedDay[];
  /** Scenarios that the control plane had active at the position the answer reports. @default 0 */
  readonly activeScenarios?: number;
};

/** One statement with its values apart from it. */
export type Statement = { readonly sql: string; readonly params: Readonly<Record<string, unknown>> };

/** Gathers the values of a statement and answers the placeholder that stands for each. */
export type Binder = {
  readonly params: Readonly<Record<string, unknown>>;
  bind(type: string, value: unknown): string;
};

/** The engine reads statements of up to 256 KiB, values included. */
const MAX_VALUES_LENGTH = 200_000;

export function createBinder(): Binder {
  const params: Record<string, unknown> = {};
  let length = 0;
  return {
    params,
    bind(type, value) {
      length += typeof value === 'string' ? value.length : Array.isArray(value) ? 24 * value.length : 24;
      if (length > MAX_VALUES_LENGTH) {
        const message = 'is too long: all values together may have 200,000 characters';
        throw new Fault('QUERY_INVALID', undefined, {
          details: { errors: [{ field: 'filters', code: 'length', message }] },
        });
      }
      const name = `p${Object.keys(params).length}`;
      params[name] = value;
      return `{${name}:${type}}`;
    },
  };
}

export function factsOf(scope: Scope): string {
  return `analysis_db.facts_g${scope.generation}`;
}

export function firstSeenOf(scope: Scope): string {
  return `analysis_db.first_seen_g${scope.generation}`;
}

/** The tenant's rows before the vector. A partition the vector does not know has none. */
export function visible(binder: Binder, scope: Scope): string {
  return `tenant_id = ${binder.bind('String', scope.tenant)} AND ${beforeVector(binder, scope.vector)}`;
}

export function beforeVector(binder: Binder, vector: PositionVector): string {
  return `log_offset < ${binder.bind('Array(UInt64)', vector)}[log_partition + 1]`;
}

export function inRange(
  binder: Binder,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): string {
  const instant = (ms: number) => `fromUnixTimestamp64Milli(${binder.bind('Int64', ms)}, 'UTC')`;
  return `ts >= ${instant(fromMs)} AND ts < ${instant(toMs)}`;
}

/** The meaning of `selects` in the domain. */
export function selected(binder: Binder, selection: EventSelection): string {
  const { event, kind, filters = [] } = selection;
  const conditions: string[] = [];
  if (event !== ANY_EVENT) conditions.push(`event_name = ${binder.bind('String', event)}`);
  else if (kind === undefined) conditions.push(`kind != 'catalog'`);
  if (kind !== undefined) conditions.push(`kind = ${binder.bind('String', kind)}`);
  return all([...conditions, ...filters.map((filter) => holds(binder, filter))]);
}

/** That a row is meant by one of the selections, as far as names tell: what lets the engine skip the rest. */
export function namedByOne(binder: Binder, selections: readonly EventSelection[]): string {
  if (selections.some(({ event }) => event === ANY_EVENT)) return '1';
  const names = [...new Set(selections.map(({ event }) => event))];
  return `event_name IN (${names.map((name) => binder.bind('String', name)).join(', ')})`;
}

export function all(conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}

/** An attribute as SQL: its text or number, and whether it is there at all. */
export function attributeSql(
  binder: Binder,
  attribute: Attribute,
): { readonly value: string; readonly present: string } {
  if ('custom' in attribute) {
    const key = binder.bind('String', attribute.custom);
    return { value: `properties[${key}]`, present: `mapContains(properties, ${key})` };
  }
  const { column, type } = attribute;
  if (type === 'text') return { value: column, present: `${column} != ''` };
  if (column === 'position') return { value: 'toFloat64(position)', present: 'position != 0' };
  return { value: `ifNull(toFloat64(${column}), 0)`, present: `isNotNull(${column})` };
}

/** JSON's own form of a number; what the engine would read as one besides is text to us. */
const NUMBER = String.raw`'^-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?$'`;

/** The meaning of `matches` in the domain, for one filter; never NULL. */
export function holds(binder: Binder, filter: EventFilter): string {
  const { op } = filter;
  const attribute = attributeOf(filter.property);
  const wanted = listOf(filter.value);
  switch (op) {
    case '!=':
    case 'not_in':
    case 'not_exists':
      return `(NOT ${holds(binder, { ...filter, op: OPPOSITES[op] })})`;
    case 'exists':
      return `(${attributeSql(binder, attribute).present})`;
    case '=':
    case 'in':
      return `(${wanted.map((to) => compared(binder, attribute, ['=', to])).join(' OR ')})`;
    case 'contains':
      return contains(binder, attribute, String(wanted[0]));
    case '>':
    case '>=':
    case '<':
    case '<=':
      return wanted.map((to) => compared(binder, attribute, [op, to])).join(' AND ');
  }
}

function contains(binder: Binder, attribute: Attribute, text: string): string {
  const { value, present } = attributeSql(binder, attribute);
  return `(${present} AND position(${value}, ${binder.bind('String', text)}) > 0)`;
}

function compared(
  binder: Binder,
  attribute: Attribute,
  [sign, to]: readonly [sign: '=' | '>' | '>=' | '<' | '<=', to: FilterScalar],
): string {
  const { value, present } = attributeSql(binder, attribute);
  if (typeof to !== 'number') return `(${present} AND ${value} ${sign} ${binder.bind('String', String(to))})`;
  const number = binder.bind('Float64', String(to));
  if ('type' in attribute && attribute.type === 'number')
    return `(${present} AND ${value} ${sign} ${number})`;
  return `(match(${value}, ${NUMBER}) AND toFloat64OrZero(${value}) ${sign} ${number})`;
}

function listOf(value: EventFilter['value']): readonly FilterScalar[] {
  if (value === undefined) return [];
  return typeof value === 'object' ? value : [value];
}

/** More runs of equal width than this are looked up instead of compared one by one. */
const MAX_RUNS = 24;

/** Which bucket a row of the range falls into, by edges as the domain lays them. */
export function bucketSql(binder: Binder, edges: readonly number[]): string {
  const ms = 'toUnixTimestamp64Milli(ts)';
  const runs = runsOf(edges);
  if (runs.length > MAX_RUNS) {
    const starts = binder.bind('Array(Int64)', edges.slice(0, -1));
    return `toUInt32(indexOf(${starts}, roundDown(${ms}, ${starts})) - 1)`;
  }
  const within = ({ start, width, index }: Run) => `intDiv(${ms} - ${start}, ${width}) + ${index}`;
  const last = runs.at(-1);
  if (!last) return 'toUInt32(0)';
  const branches = runs.slice(0, -1).flatMap((run) => [`${ms} < ${run.end}`, within(run)]);
  return `toUInt32(${branches.length === 0 ? within(last) : `multiIf(${[...branches, within(last)].join(', ')})`})`;
}

type Run = { readonly start: number; readonly end: number; readonly width: number; readonly index: number };

/** Neighbouring buckets of one width as one run. */
function runsOf(edges: readonly number[]): Run[] {
  const runs: Run[] = [];
  edges.slice(0, -1).forEach((start, index) => {
    const end = edges[index + 1] ?? start;
    const last = runs.at(-1);
    if (last?.width === end - start) runs[runs.length - 1] = { ...last, end };
    else runs.push({ start, end, width: end - start, index });
  });
  return runs;
}
