import type { ActionType, Event, Json, JsonObject, ScenarioType } from '#domain';
import { createRandom } from '../random.ts';
import type { Random } from '../random.ts';
import { TABLE_SCENARIOS } from '../scenario-table.ts';
import type { Input } from './history.ts';
import { scenarioStepOf } from './scenario-steps.ts';
import { STORIES } from './stories.ts';
import { WRONGS, rewritten } from './wire.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Ids that a path, a key, a statement or a joined id would stumble over. */
export const ODD_IDS = [
  'o\'x"y\\',
  '100%',
  '%41',
  'a:b',
  ':',
  '{acme}',
  '__proto__',
  'x/y?z#',
  '漢'.repeat(80),
  '🎵',
  'ﬀ',
];
const id = (kind: string, number: number): string => {
  const odd = number % 11 === 3 ? ODD_IDS[((number - 3) / 11) % ODD_IDS.length] : undefined;
  return odd ?? `${kind}${number}`;
};

/** Where things happen: a scenario of each type, one without any, and one in which several types meet. */
export const MIXED = `o'{feed}: "%41"`;
const SCENARIOS: readonly { readonly id: string; readonly types: readonly (ScenarioType | undefined)[] }[] = [
  ...STORIES.map(({ type }) => ({ id: `${type}_feed`, types: [type] })),
  { id: 'untyped', types: [undefined] },
  { id: MIXED, types: ['education', 'ecommerce', 'music', undefined] },
];

/** The actions of a type: all that its table and its story name; those most often done first. */
const ACTIONS = new Map<ScenarioType, readonly ActionType[]>(
  STORIES.map(({ type, path, aside }) => {
    const own = TABLE_SCENARIOS.find((one) => one.type === type)?.actions ?? [];
    const named = own.map(
      ({ action }) => (action === 'not_interested' ? 'not_interest' : action) as ActionType,
    );
    return [
      type,
      [...path, ...path, ...path.slice(0, 2), ...new Set([...named, ...aside, 'order' as const])],
    ];
  }),
);

export type ScenarioHistory = {
  readonly inputs: readonly Input[];
  readonly users: readonly string[];
  readonly items: readonly string[];
};

const USERS = 260;
const ITEMS = 190;

/**
 * Behaviour of several tenants in scenarios of all types over 45 days and a dense last hour that ends a little
 * after `nowMs`, shuffled; some inputs sent twice, some with another body, some that no platform should take.
 * All tenants have the same users, items and event ids.
 */
export function makeScenarioHistory(options: {
  readonly seed: number;
  readonly tenants: readonly string[];
  /** Events of each tenant. */
  readonly events: number;
  readonly nowMs: number;
}): ScenarioHistory {
  const random = createRandom(options.seed);
  const drafts = options.tenants.flatMap((tenant) =>
    Array.from({ length: options.events }, (_, number) => {
      const base = {
        event_id: `evt_${number}`,
        tenant_id: tenant,
        timestamp: instant(options.nowMs, random),
      };
      return inputsOf(random.chance(0.86) ? behaviour(base, random) : other(base, random), random);
    }).flat(),
  );
  return {
    inputs: random.shuffled(drafts).map((draft, index) => ({ index, ...draft })),
    users: Array.from({ length: USERS }, (_, number) => id('u', number)),
    items: Array.from({ length: ITEMS }, (_, number) => id('i', number)),
  };
}

type Base = { readonly event_id: string; readonly tenant_id: string; readonly timestamp: number };
/** An event as it is sent, and as it must stand in the log. */
type Draft = { readonly wire: JsonObject; readonly event: Event };

/** A quarter within the last hour and the next minutes, the rest over the days, some exactly on an edge. */
function instant(nowMs: number, random: Random): number {
  if (random.chance(0.25)) return nowMs + random.between(-62 * MINUTE_MS, 9 * MINUTE_MS);
  const atMs = nowMs - random.between(0, 45 * DAY_MS);
  const fate = random.next();
  if (fate < 0.02) return atMs - (atMs % DAY_MS) - random.below(2);
  if (fate < 0.04) return atMs - (atMs % (60 * MINUTE_MS)) - random.below(2);
  return atMs;
}

function behaviour(base: Base, random: Random): Draft {
  const scenario = random.pick(SCENARIOS);
  const type = random.pick(scenario.types);
  const action = random.pick(ACTIONS.get(type ?? random.pick(STORIES).type) ?? []);
  const { sent, made } = scenarioStepOf(type, action, random);
  const common = {
    ...base,
    scenario_id: scenario.id,
    user_id: userId(random),
    item_id: id('i', random.below(ITEMS)),
    ...(random.chance(0.3) ? { session_id: `s${random.below(90)}` } : {}),
    ...(random.chance(0.2) ? { device_id: `d${random.below(50)}` } : {}),
    ...experiment(random),
    context: {
      device_type: random.pick(['mobile', 'pc', 'tablet'] as const),
      os: random.pick(['iOS', 'mac "OS"']),
    },
  };
  const alias = action === 'not_interest' && random.chance(0.5) ? 'not_interested' : action;
  return {
    wire: { ...common, action_type: alias, ...sent },
    event: stamped({ ...common, kind: 'behaviour', event_name: action, action_type: action, ...made }),
  };
}

/** One of the users has seen more items than a list of recent ones holds. */
function userId(random: Random): string {
  return id('u', random.chance(0.07) ? 0 : random.below(USERS));
}

function experiment(random: Random): { readonly experiment_id?: string; readonly experiment_group?: string } {
  if (random.chance(0.65)) return {};
  const experiment_id = random.pick(['exp_001', 'exp:2%', "it's"]);
  return random.chance(0.1)
    ? { experiment_id }
    : { experiment_id, experiment_group: random.pick(['a', 'b:c', '%3A']) };
}

function other(base: Base, random: Random): Draft {
  const user = { user_id: userId(random) };
  const fate = random.next();
  if (fate < 0.1) {
    const members = {
      kind: 'user',
      event_name: 'identify',
      ...user,
      properties: { vip: random.chance(0.2) },
    } as const;
    return { wire: { ...base, ...members }, event: stamped({ ...base, ...members }) };
  }
  if (fate < 0.2) {
    const item_id = id('i', random.below(ITEMS));
    const properties = { title: 'A thing', price: random.between(1, 100) };
    const members = { kind: 'catalog', event_name: 'item_updated', ...user, item_id, properties } as const;
    return { wire: { ...base, ...members }, event: stamped({ ...base, ...members }) };
  }
  const device = { device_id: `d${random.below(50)}` };
  const session = { session_id: `s${random.below(90)}` };
  const members = {
    event_name: random.pick(['pageview', 'page_view', '$pageview', 'session.start', "it's 100 %"]),
    ...random.pick([user, device, session, { ...user, ...device, ...session }, { ...device, ...session }]),
    ...(random.chance(0.5) ? { scenario_id: random.pick(SCENARIOS).id } : {}),
    ...experiment(random),
    properties: { page: random.below(9), referrer: random.pick(['', 'google.com', null]) } as Record<
      string,
      Json
    >,
  };
  return { wire: { ...base, ...members }, event: stamped({ ...base, kind: 'generic', ...members }) };
}

type Stamp = 'server_time' | 'valid_status' | 'schema' | 'schema_version';

function stamped(members: Omit<Event, Stamp>): Event {
  return { ...members, server_time: 0, valid_status: 1, schema: '', schema_version: 0 };
}

function inputsOf({ wire, event }: Draft, random: Random): Omit<Input, 'index'>[] {
  const { tenant_id: tenant, event_id: eventId } = event;
  const first = { tenant, eventId, text: JSON.stringify(wire), event, variant: 0 };
  const fate = random.next();
  if (fate < 0.015) return [first, first];
  if (fate < 0.03) return [first, { ...first, text: rewritten(wire, random) }];
  if (fate < 0.04) {
    const change = { timestamp: event.timestamp + 1 };
    const text = JSON.stringify({ ...wire, ...change });
    return [first, { ...first, text, event: { ...event, ...change }, variant: 1 }];
  }
  if (fate < 0.05) {
    const wrong = random.pick(WRONGS)(wire, `${eventId}-wrong`);
    return [first, { ...first, ...wrong, event: undefined, variant: 2 }];
  }
  return [first];
}
