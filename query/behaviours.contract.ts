import fc from 'fast-check';
import { ACTIONS, SCENARIO_TYPES } from '#domain';
import type { Event, LoggedEvent } from '#domain';
import { AROUND_MS, eventOf } from './asking.contract.ts';
import type { Sketch } from './asking.contract.ts';

const HOUR_MS = 3_600_000;

const time = fc.oneof(
  fc.integer({ min: -30, max: 30 }).map((hours) => AROUND_MS + hours * HOUR_MS),
  fc.integer({ min: -5, max: 5 }).map((ms) => AROUND_MS + ms),
  fc.integer({ min: -30 * HOUR_MS, max: 30 * HOUR_MS }).map((ms) => AROUND_MS + ms),
);

/** Users, devices, sessions and nobody, of which a user and a device bear the same id. */
const actor = fc.constantFrom<Pick<Event, 'user_id' | 'device_id' | 'session_id'>>(
  { user_id: 'u1' },
  { user_id: 'u2', device_id: 'd1' },
  { user_id: 'u3' },
  { device_id: 'u3' },
  { session_id: 's1' },
  {},
);

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const behaviour = fc.record({
  kind: fc.constant('behaviour' as const),
  name: fc.oneof(
    fc.constantFrom(...ACTIONS),
    fc.constantFrom('impression', 'click', 'order', 'payment', 'purchase', 'play_end', 'learn'),
  ),
  actor,
  at: time,
  item_id: fc.constantFrom('i1', 'i2', 'é', "i'3", undefined),
  scenario_id: fc.constantFrom('feed', 'shop', undefined),
  scenario_type: fc.constantFrom(...SCENARIO_TYPES, 'ecommerce' as const, undefined),
  watch_duration: maybe(fc.constantFrom(0, 0.1, 0.0005, 12.3456, 7, 3600)),
  completion_rate: maybe(fc.constantFrom(0, 0.3333, 0.1234565, 1)),
  amount: maybe(fc.constantFrom(0, 0.1, 0.2, 299.9, -0.5, 1e-7, 0.123456, 9_999_999_999.99)),
  currency: fc.constantFrom('CNY', 'USD', undefined),
  context: fc.constantFrom({ os: 'ios' }, { os: 'android' }),
});

/** Events of other kinds under the names of actions: none of them is a behaviour. */
const other = fc.record({
  kind: fc.constantFrom('generic' as const, 'user' as const, 'catalog' as const),
  name: fc.constantFrom('click', 'order', 'pageview'),
  actor,
  at: time,
  item_id: fc.constantFrom('i1', 'i2'),
  scenario_type: fc.constantFrom('ecommerce' as const, 'video' as const, undefined),
  context: fc.constantFrom({ os: 'ios' }, {}),
});

/** Behaviours of all actions and scenario types, some without what they usually have, over four partitions. */
export function behavioursArbitrary(tenant: string, size = 120): fc.Arbitrary<LoggedEvent[]> {
  const sketch = fc.oneof({ weight: 9, arbitrary: behaviour }, { weight: 1, arbitrary: other });
  const placed = fc.tuple(fc.integer({ min: 0, max: 3 }), sketch);
  return fc.array(placed, { minLength: 1, maxLength: size, size: 'max' }).map((records) => {
    const next = [0n, 0n, 0n, 0n];
    return records.map(([partition, { actor: who, ...drawn }]) => {
      const offset = next[partition] ?? 0n;
      next[partition] = offset + 1n;
      const event = eventOf(tenant, JSON.parse(JSON.stringify({ ...drawn, ...who })) as Sketch);
      return { partition, offset, event };
    });
  });
}

/** A range around the generated instants, from an hour to three days. */
export const rangeArbitrary = fc
  .record({
    startMinute: fc.integer({ min: -40 * 60, max: 0 }),
    minutes: fc.integer({ min: 60, max: 3 * 24 * 60 }),
  })
  .map(({ startMinute, minutes }) => {
    const fromMs = AROUND_MS + startMinute * 60_000;
    return { fromMs, toMs: fromMs + minutes * 60_000 };
  });

/** The events of a range. */
export function within(
  events: readonly Event[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Event[] {
  return events.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);
}

/** The same history as another tenant's. */
export function ofTenant(history: readonly LoggedEvent[], id: string): LoggedEvent[] {
  return history.map((record) => ({ ...record, event: { ...record.event, tenant_id: id } }));
}
