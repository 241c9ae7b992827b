import { canonicalJson } from './canonical-json.ts';
import type { EventWarning, Json, JsonObject } from './event.ts';
import { aliasOf, convertAlias } from './field-aliases.ts';
import type { Scenario } from './normalise-scenario.ts';
import type { ScenarioType } from './scenario.ts';

/**
 * `extra_data` by the canonical names of its scenario type; the very same object where nothing had to change.
 * A value that has no canonical form stays as it was sent. Where `scenario_data`, or a member of the canonical
 * name, says otherwise, that is what is taken, with a warning unless one names the member already.
 */
export function canonicalExtra(
  extra: JsonObject,
  { type, branch }: Scenario,
  warnings: EventWarning[],
): JsonObject {
  if (type === undefined) return extra;
  const meanings = meaningsIn(extra, type);
  for (const name in extra) {
    const { field, value } = meanings?.get(name) ?? { field: name, value: extra[name] ?? null };
    const taken = saidIn(branch, field) ?? (field === name ? undefined : saidIn(extra, field));
    if (taken !== undefined && value !== null && !same(taken, value)) warnDiffering(name, taken, warnings);
  }
  return meanings ? renamed(extra, meanings) : extra;
}

type Meaning = { readonly field: string; readonly value: Json };
type Meanings = ReadonlyMap<string, Meaning>;

/** The members that stand for another name or value, undefined when there is none. */
function meaningsIn(extra: JsonObject, type: ScenarioType): Meanings | undefined {
  let meanings: Map<string, Meaning> | undefined;
  for (const name in extra) {
    const alias = aliasOf(type, name);
    const sent = extra[name] ?? null;
    if (alias === undefined || sent === null) continue;
    const value = convertAlias(alias, sent);
    if (value === undefined || (alias.field === name && value === sent)) continue;
    meanings ??= new Map<string, Meaning>();
    meanings.set(name, { field: alias.field, value });
  }
  return meanings;
}

function renamed(extra: JsonObject, meanings: Meanings): JsonObject {
  const kept = Object.entries(extra).filter(([name]) => !meanings.has(name));
  const added = [...meanings]
    .filter(([name, { field }]) => field === name || saidIn(extra, field) === undefined)
    .map(([, { field, value }]) => [field, value] as const);
  // Entries define, so `__proto__` stays a member like any other.
  return Object.fromEntries([...kept, ...added]);
}

function saidIn(members: JsonObject | undefined, name: string): Json | undefined {
  return members && Object.hasOwn(members, name) ? (members[name] ?? undefined) : undefined;
}

function same(a: Json, b: Json): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && canonicalJson(a) === canonicalJson(b));
}

const SHORT_CHARACTERS = 64;

function warnDiffering(name: string, taken: Json, warnings: EventWarning[]): void {
  const field = `extra_data.${name}`;
  if (warnings.some((warning) => warning.field === field)) return;
  const short = typeof taken !== 'object' && String(taken).length <= SHORT_CHARACTERS;
  const message = `differs from the value taken${short ? `, ${taken}` : ''}`;
  warnings.push({ field, code: 'differing_values', message });
}
