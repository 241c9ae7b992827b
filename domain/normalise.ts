import { canonicalAction } from './action.ts';
import type { ActionType } from './action.ts';
import type { Event, EventKind, EventWarning, Json, JsonObject } from './event.ts';
import { canonicalExtra } from './normalise-extra.ts';
import { MEASURE_MEMBERS, measuresOf, pick, readPosition } from './normalise-measures.ts';
import type { Source } from './normalise-measures.ts';
import { isObject, scenarioOf } from './normalise-scenario.ts';
import type { Scenario } from './normalise-scenario.ts';
import type { ScenarioType } from './scenario.ts';

/** What the ingress adds to an event. */
export type Stamps = {
  readonly tenant_id: string;
  /** Taken when the sender gave none. */
  readonly newEventId: () => string;
  /** When it happened, see `eventTime`. */
  readonly timestamp: number;
  readonly server_time: number;
  readonly country?: string;
  readonly region?: string;
  readonly city?: string;
  readonly ip_prefix?: string;
  readonly schema: string;
  readonly schema_version: number;
};

/** What {@link normalise} takes. */
export type Normalising = {
  readonly sent: JsonObject;
  readonly kind: EventKind;
  readonly stamps: Stamps;
  /** What its scenario is configured to be; taken when the event names no type. */
  readonly scenarioType?: ScenarioType | undefined;
};

export type Normalised = {
  readonly event: Event;
  readonly warnings: readonly EventWarning[];
  /**
   * Whether a member as sent is not in the event as it was sent: renamed, moved, replaced or left out.
   * What was only added does not count, nor does the alias `event_time`, whose value stands as `timestamp`.
   */
  readonly changed: boolean;
};

/** Kind by the sender's word, else by the name it gives: an action or an event name. */
export function kindOf(sent: JsonObject, fallback: EventKind): EventKind | 'unknown' {
  const kind = sent['kind'];
  if (kind === 'behaviour' || kind === 'generic' || kind === 'user' || kind === 'catalog') return kind;
  if (kind !== undefined && kind !== null) return 'unknown';
  if (isSaid(sent['action_type'])) return 'behaviour';
  return isSaid(sent['event_name']) ? 'generic' : fallback;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function isSaid(value: Json | undefined): boolean {
  return value !== undefined && value !== null;
}

const PLAIN = 1;
const HANDLED = 2;
const STAMP = 3;

/** What becomes of each member of the envelope; others are kept among the custom attributes. */
const MEMBERS: ReadonlyMap<string, number> = new Map<string, number>([
  ...[
    'scenario_id',
    'user_id',
    'device_id',
    'session_id',
    'item_id',
    'platform',
    'country',
    'region',
    'city',
    'device_model',
    'os_version',
    'app_version',
    'page_url',
    'page_title',
    'product',
    'experiment_id',
    'experiment_group',
  ].map((name) => [name, PLAIN] as const),
  ...[
    'event_id',
    'tenant_id',
    'kind',
    'event_name',
    'action_type',
    'timestamp',
    'event_time',
    'context',
    'scenario_type',
    'scenario_data',
    'extra_data',
    'properties',
    'data',
    'position',
    ...MEASURE_MEMBERS,
  ].map((name) => [name, HANDLED] as const),
  ...['server_time', 'ip_prefix', 'valid_status', 'warnings', 'schema', 'schema_version'].map(
    (name) => [name, STAMP] as const,
  ),
]);

/** Members the log keeps in `context`. */
const CONTEXT_MEMBERS = new Set(['device_type', 'os', 'location', 'ip']);

/** The names an envelope may have, for the schemas and their test. */
export const ENVELOPE_MEMBERS: readonly string[] = [...MEMBERS.keys()];

/**
 * Brings an event that is valid by the schema of its kind into the one documented form. Pure: the same input
 * gives the same event.
 *
 * @param found warnings known before, which go into the event too
 */
export function normalise(input: Normalising, found: readonly EventWarning[] = []): Normalised {
  return new Normalisation(input, found).run();
}

const POSITION = { names: ['position'], read: readPosition };

type Draft = { -readonly [member in keyof Event]?: Event[member] } & Record<string, unknown>;

class Normalisation {
  readonly #sent: JsonObject;
  readonly #kind: EventKind;
  readonly #stamps: Stamps;
  readonly #scenarioType: ScenarioType | undefined;
  readonly #warnings: EventWarning[];
  readonly #draft: Draft;
  /** Members the envelope does not know. */
  #others: Record<string, Json> | undefined;
  #changed: boolean;

  constructor({ sent, kind, stamps, scenarioType }: Normalising, found: readonly EventWarning[]) {
    this.#sent = sent;
    this.#kind = kind;
    this.#stamps = stamps;
    this.#scenarioType = scenarioType;
    this.#warnings = [...found];
    this.#changed = found.length > 0;
    const eventId = sent['event_id'];
    this.#draft = {
      event_id: typeof eventId === 'string' && eventId !== '' ? eventId : stamps.newEventId(),
      tenant_id: stamps.tenant_id,
      kind,
      event_name: this.#eventName(),
    };
  }

  run(): Normalised {
    const draft = this.#draft;
    const action = this.#kind === 'behaviour' ? this.#action() : undefined;
    if (action !== undefined) draft.action_type = action;
    this.#plainMembers();
    draft.timestamp = this.#stamps.timestamp;
    this.#context();
    this.#attributes(this.#scenario(action));
    this.#place();
    this.#stamp();
    return { event: draft as Event, warnings: this.#warnings, changed: this.#changed };
  }

  #eventName(): string {
    const name = this.#sent['event_name'];
    if (this.#kind !== 'behaviour') return textOf(name);
    const sentAction = textOf(this.#sent['action_type']);
    const action = canonicalAction(sentAction) ?? sentAction;
    if (isSaid(name) && name !== '' && name !== action && name !== sentAction) {
      this.#warn('event_name', 'ignored', 'differs from action_type, which names a behaviour');
    }
    return action;
  }

  #action(): ActionType {
    const action = this.#draft.event_name as ActionType;
    if (this.#sent['action_type'] !== action) {
      this.#warn('action_type', 'alias', `was taken as ${action}`);
    }
    return action;
  }

  #plainMembers(): void {
    const sent = this.#sent;
    for (const name in sent) {
      const value = sent[name];
      const handling = MEMBERS.get(name);
      if (handling === HANDLED) {
        // An id is filled in like any other; every other null is left out.
        if (value === null && name !== 'event_id') this.#changed = true;
        continue;
      }
      if (handling === PLAIN) {
        if (value === null || value === '') this.#changed = true;
        else this.#draft[name] = value;
      } else if (handling === STAMP) {
        this.#warn(name, 'ignored', 'is set by the ingress alone');
      } else this.#keepOther(name, name, value ?? null);
    }
  }

  #keepOther(name: string, path: string, value: Json): void {
    this.#others ??= Object.create(null) as Record<string, Json>;
    this.#others[name] = value;
    const where = this.#kind === 'behaviour' ? 'extra_data' : 'properties';
    this.#warn(path, 'unknown_field', `is no member of the envelope; it was put into ${where}`);
  }

  #context(): void {
    const context = this.#sent['context'];
    if (!isObject(context)) return;
    let known: JsonObject | undefined = context;
    for (const name in context) {
      if (CONTEXT_MEMBERS.has(name) && context[name] !== null) continue;
      if (known === context) known = knownContext(context);
      if (CONTEXT_MEMBERS.has(name)) this.#changed = true;
      else this.#keepOther(name, `context.${name}`, context[name] ?? null);
    }
    this.#draft.context = known;
  }

  #scenario(action: ActionType | undefined): Scenario {
    const sent = this.#sent;
    const draft = this.#draft;
    const scenario = scenarioOf(sent, this.#warnings, this.#scenarioType);
    const { type } = scenario;
    if (type !== undefined) draft.scenario_type = type;
    if (isSaid(sent['scenario_type']) && sent['scenario_type'] !== type) this.#changed = true;
    if (isObject(sent['scenario_data'])) draft.scenario_data = sent['scenario_data'];
    if (action === undefined) this.#envelopeMeasures();
    else this.#measures(action, scenario);
    return scenario;
  }

  #measures(action: ActionType, { type, branch, branchPath }: Scenario): void {
    const sent = this.#sent;
    const draft = this.#draft;
    const sources: Source[] = [];
    if (branch) sources.push({ path: branchPath, members: branch });
    const extra = sent['extra_data'];
    if (isObject(extra)) sources.push({ path: 'extra_data.', members: extra });
    sources.push({ path: '', members: sent });
    const position = pick(sources, POSITION, this.#warnings);
    if (position !== undefined) draft.position = position;
    Object.assign(draft, measuresOf({ action, type, sources }, this.#warnings));
    for (const name of MEASURE_MEMBERS) if (sent[name] !== undefined) this.#keepMeasure(name);
    if (isSaid(sent['position']) && sent['position'] !== position) this.#changed = true;
  }

  /** A measure in the envelope of an action that has none is an attribute like any other. */
  #keepMeasure(name: string): void {
    const value = this.#sent[name] ?? null;
    if (this.#draft[name] === value) return;
    this.#changed = true;
    if (this.#draft[name] === undefined && value !== null) this.#keepOther(name, name, value);
  }

  #envelopeMeasures(): void {
    for (const name of ['position', ...MEASURE_MEMBERS]) {
      const value = this.#sent[name];
      if (isSaid(value)) this.#keepOther(name, name, value ?? null);
    }
  }

  #attributes(scenario: Scenario): void {
    const sent = this.#sent;
    const draft = this.#draft;
    const others = this.#others;
    const behaviour = this.#kind === 'behaviour';
    const extra = isObject(sent['extra_data']) ? sent['extra_data'] : undefined;
    const properties = isObject(sent['properties']) ? sent['properties'] : undefined;
    const data = isObject(sent['data']) ? sent['data'] : undefined;
    if (data) this.#liftSession(data);
    // What the sender put there itself wins; a spread defines, so `__proto__` stays a member like any other.
    const intoProperties = behaviour ? data : data || others ? { ...data, ...others } : undefined;
    const allExtra = behaviour ? this.#extra(merged(extra, others), scenario) : extra;
    const allProperties = merged(properties, intoProperties);
    if (allExtra) draft.extra_data = allExtra;
    if (allProperties) draft.properties = allProperties;
    if (data) this.#changed = true;
  }

  #extra(extra: JsonObject | undefined, scenario: Scenario): JsonObject | undefined {
    if (extra === undefined) return undefined;
    const canonical = canonicalExtra(extra, scenario, this.#warnings);
    if (canonical !== extra) this.#changed = true;
    return canonical;
  }

  /** `track("session.start", { session_id })`: the session of a module event stands in its data. */
  #liftSession(data: JsonObject): void {
    const session = data['session_id'];
    if (this.#draft.session_id === undefined && typeof session === 'string' && session !== '') {
      this.#draft.session_id = session;
    }
  }

  #place(): void {
    const draft = this.#draft;
    const { country, region, city } = this.#stamps;
    // The sender's own word about the place is not mixed with ours.
    if ((draft.country ?? draft.region ?? draft.city) !== undefined) return;
    if (country !== undefined) draft.country = country;
    if (region !== undefined) draft.region = region;
    if (city !== undefined) draft.city = city;
  }

  #stamp(): void {
    const draft = this.#draft;
    const stamps = this.#stamps;
    draft.server_time = stamps.server_time;
    if (stamps.ip_prefix !== undefined) draft.ip_prefix = stamps.ip_prefix;
    draft.valid_status = 1;
    if (this.#warnings.length > 0) draft.warnings = this.#warnings;
    draft.schema = stamps.schema;
    draft.schema_version = stamps.schema_version;
  }

  #warn(field: string, code: string, message: string): void {
    this.#warnings.push({ field, code, message });
    this.#changed = true;
  }
}

function knownContext(context: JsonObject): JsonObject {
  const known: Record<string, Json> = {};
  for (const name of CONTEXT_MEMBERS) {
    const value = context[name];
    if (value !== undefined && value !== null) known[name] = value;
  }
  return known;
}

function merged(own: JsonObject | undefined, added: JsonObject | undefined): JsonObject | undefined {
  return added ? { ...added, ...own } : own;
}
