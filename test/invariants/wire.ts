import type { Event, Json, JsonObject } from '#domain';
import type { Random } from '../random.ts';

const FILLED_BY_THE_PLATFORM = new Set([
  'server_time',
  'valid_status',
  'schema',
  'schema_version',
  'scenario_type',
  'watch_duration',
  'completion_rate',
  'amount',
  'currency',
]);

/** An event as its sender writes it: without what the platform fills in. */
export function wireOf(event: Event): JsonObject {
  const wire: Record<string, Json> = {};
  for (const [member, value] of Object.entries(event) as [string, Json][]) {
    if (FILLED_BY_THE_PLATFORM.has(member)) continue;
    if (event.kind === 'behaviour' && (member === 'kind' || member === 'event_name')) continue;
    // Generic events are told by their name alone, and carry the alias of the time.
    if (event.kind === 'generic' && member === 'kind') continue;
    wire[event.kind === 'generic' && member === 'timestamp' ? 'event_time' : member] = value;
  }
  return wire;
}

/** The same value written otherwise: members in another order, spaces, escapes, other digits. */
export function rewritten(value: Json, random: Random): string {
  const space = (): string => random.pick(['', '', ' ', '\n', '\t ']);
  if (typeof value === 'string') return escaped(value, random);
  if (typeof value === 'number') return Number.isInteger(value) && value < 1000 ? `${value}.0` : `${value}`;
  if (value === null || typeof value === 'boolean') return String(value);
  if (isList(value)) {
    return `[${value.map((item) => space() + rewritten(item, random)).join(',')}${space()}]`;
  }
  const members = random
    .shuffled(Object.entries(value))
    .map(
      ([name, member]) =>
        `${space()}${escaped(name, random)}${space()}:${space()}${rewritten(member, random)}`,
    );
  return `{${members.join(',')}${space()}}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function escaped(text: string, random: Random): string {
  if (!random.chance(0.1) || text === '') return JSON.stringify(text);
  const first = text.charCodeAt(0).toString(16).padStart(4, '0');
  return `"\\u${first}${JSON.stringify(text.slice(1)).slice(1)}`;
}

type Wrong = (wire: JsonObject, id: string) => { text: string; eventId: string };

const without =
  (...members: string[]): Wrong =>
  (wire, id) => {
    const left = Object.fromEntries(Object.entries(wire).filter(([name]) => !members.includes(name)));
    return written({ ...left, event_id: id }, id);
  };

const having =
  (members: JsonObject): Wrong =>
  (wire, id) =>
    written({ ...wire, event_id: id, ...members }, id);

function written(wire: JsonObject, id: string): { text: string; eventId: string } {
  return { text: JSON.stringify(wire), eventId: id };
}

/** Ways to make an event that must be rejected. */
export const WRONGS: readonly Wrong[] = [
  without('user_id', 'device_id', 'session_id', 'item_id'),
  without('action_type', 'event_name', 'kind'),
  having({ tenant_id: 'Not A Tenant' }),
  having({ tenant_id: 'acme-dlq' }),
  having({ user_id: 17 }),
  having({ timestamp: 99_999_999_999_999, event_time: 99_999_999_999_999 }),
  having({ timestamp: 'yesterday at noon', event_time: 'yesterday at noon' }),
  having({ event_name: undefined as unknown as Json, action_type: 'juggle' }),
  having({ event_id: 'e'.repeat(300) }),
  having({ properties: 'none', extra_data: 'none', scenario_data: 'none' }),
];
