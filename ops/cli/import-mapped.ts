import { kindOf } from '#domain';
import type { Json, JsonObject } from '#domain';
import { ruleByName } from './import-mapping.ts';
import type { Mapping, MemberRule } from './import-mapping.ts';
import type { RowProblem } from './import-source.ts';
import { convert } from './import-values.ts';

export type MappedRow =
  { readonly ok: true; readonly event: JsonObject } | { readonly ok: false; readonly problem: RowProblem };

type Draft = Record<string, Json>;

/** Makes events of rows by a mapping. */
export class RowMapper {
  readonly #mapping: Mapping;
  readonly #used: ReadonlySet<string>;
  readonly #targets: ReadonlySet<string>;
  /** What becomes of each column without a rule; columns repeat from row to row. */
  readonly #byName = new Map<string, MemberRule | undefined>();

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#used = new Set(mapping.rules.flatMap(({ from }) => from ?? []));
    this.#targets = new Set(mapping.rules.map(({ path }) => path.join('.')));
  }

  map(columns: JsonObject): MappedRow {
    const event = emptyDraft();
    const { kind, rules } = this.#mapping;
    if (kind !== undefined) event['kind'] = kind;
    for (const rule of rules) {
      const value = rule.from === undefined ? rule.constant : valueAt(columns, rule.from);
      const problem = this.#put(event, rule, value);
      if (problem) return { ok: false, problem };
    }
    return this.#mapOthers(columns, event);
  }

  #mapOthers(columns: JsonObject, event: Draft): MappedRow {
    let others: Draft | undefined;
    for (const [name, value] of Object.entries(columns)) {
      if (this.#used.has(name)) continue;
      const rule = this.#ruleOf(name);
      const problem = rule && this.#put(event, rule, value);
      if (problem) return { ok: false, problem };
      if (rule || value === null || this.#mapping.others === 'drop') continue;
      others ??= emptyDraft();
      others[name] = value;
    }
    return others ? this.#keep(event, others) : { ok: true, event };
  }

  #ruleOf(name: string): MemberRule | undefined {
    if (this.#byName.has(name)) return this.#byName.get(name);
    const rule = this.#targets.has(name) ? undefined : ruleByName(name);
    // A file may have any number of names; what is remembered of them must not grow with it.
    if (this.#byName.size < 10_000) this.#byName.set(name, rule);
    return rule;
  }

  #put(event: Draft, rule: MemberRule, value: Json | undefined): RowProblem | undefined {
    if (value === undefined || value === null || value === '') return undefined;
    const called = typeof value === 'string' ? (rule.values.get(value) ?? value) : value;
    const converted = convert(called, rule.as, this.#mapping.zone);
    const field = rule.from ?? rule.path.join('.');
    if (!converted.ok) return { field, code: 'format', message: converted.message };
    return place(event, rule.path, converted.value)
      ? undefined
      : {
          field,
          code: 'format',
          message: `cannot be put into ${rule.path.join('.')}, which has a value already`,
        };
  }

  /** Columns the envelope does not know, where an event of its kind keeps them. */
  #keep(event: Draft, others: Draft): MappedRow {
    const where = kindOf(event, 'behaviour') === 'behaviour' ? 'extra_data' : 'properties';
    const own = event[where];
    if (own !== undefined && !isObject(own)) {
      return { ok: false, problem: { field: where, code: 'format', message: 'must be an object' } };
    }
    event[where] = { ...others, ...own };
    return { ok: true, event };
  }
}

/** The column of that name, else the member of a nested one. */
function valueAt(columns: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(columns, name)) return columns[name];
  let value: Json | undefined = columns;
  for (const part of name.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function place(event: Draft, path: readonly string[], value: Json): boolean {
  let target = event;
  for (const part of path.slice(0, -1)) {
    const inner = target[part];
    if (inner !== undefined && !isObject(inner)) return false;
    target = target[part] = Object.assign(emptyDraft(), inner);
  }
  const last = path.at(-1) ?? '';
  const before = target[last];
  // `context` and `context.os` may come from two columns.
  if (before !== undefined && !(isObject(before) && isObject(value))) return false;
  target[last] = isObject(before) && isObject(value) ? { ...value, ...before } : value;
  return true;
}

/** Without a prototype, so that `__proto__` is a name like any other. */
function emptyDraft(): Draft {
  return Object.create(null) as Draft;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
