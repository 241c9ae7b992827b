import type { JsonObject } from '#domain';
import { DEMO_TYPES } from './catalogue.ts';
import { createChance } from './chance.ts';
import type { Chance } from './chance.ts';

/** Where people live, how far their clocks are ahead of UTC in hours, and what they pay with. */
const PLACES = [
  { country: 'CN', city: 'Shanghai', offset: 8, currency: 'CNY', weight: 30 },
  { country: 'CN', city: 'Chengdu', offset: 8, currency: 'CNY', weight: 20 },
  { country: 'SG', city: 'Singapore', offset: 8, currency: 'CNY', weight: 8 },
  { country: 'DE', city: 'Hamburg', offset: 1, currency: 'EUR', weight: 12 },
  { country: 'PT', city: 'Lisbon', offset: 0, currency: 'EUR', weight: 6 },
  { country: 'US', city: 'Boston', offset: -5, currency: 'USD', weight: 14 },
  { country: 'BR', city: 'Recife', offset: -3, currency: 'USD', weight: 10 },
] as const;

const DEVICES = [
  { platform: 'ios', os: 'iOS', version: '18.5', model: 'iPhone 15', type: 'mobile', weight: 32 },
  { platform: 'android', os: 'Android', version: '15', model: 'Pixel 9', type: 'mobile', weight: 22 },
  { platform: 'android', os: 'HarmonyOS', version: '5', model: 'Mate 70', type: 'mobile', weight: 14 },
  { platform: 'ios', os: 'iPadOS', version: '18.5', model: 'iPad Air', type: 'tablet', weight: 6 },
  { platform: 'web', os: 'Windows', version: '11', model: 'PC', type: 'pc', weight: 16 },
  { platform: 'web', os: 'macOS', version: '15', model: 'Mac', type: 'pc', weight: 10 },
] as const;

/** How much each type of scenario is used over all, in the order of DEMO_TYPES. */
const TYPE_WEIGHTS = [44, 18, 12, 10, 8, 7, 5, 6];

/** Somebody with habits. */
export type Person = {
  readonly index: number;
  readonly userId: string;
  readonly deviceId: string;
  readonly place: (typeof PLACES)[number];
  readonly device: (typeof DEVICES)[number];
  /** How much of their time goes to each type, in the order of DEMO_TYPES. */
  readonly taste: readonly number[];
  readonly group: 'control' | 'treatment';
  /** Chance to come on the day after the first; it falls with the root of the days since. */
  readonly loyalty: number;
  readonly plan: 'free' | 'plus';
  readonly source: string;
  /** When they came for the first time, as days since the start; below 0: before it. */
  readonly arrivedOn: number;
  /** The day, of this and the next, on which the phone is offline; -1 for most. */
  readonly offlineFrom: number;
  /** Whether they install new versions of the app at once. */
  readonly updates: boolean;
};

/** The n-th person of a demo. The same one whatever else is generated. */
export function makePerson(seed: number, index: number, days: number): Person {
  const chance = createChance(seed, 1, index);
  const device = DEVICES[chance.weighted(DEVICES.map(({ weight }) => weight))] ?? DEVICES[0];
  const place = PLACES[chance.weighted(PLACES.map(({ weight }) => weight))] ?? PLACES[0];
  const favourite = chance.weighted(TYPE_WEIGHTS);
  const known = chance.happens(0.2);
  return {
    index,
    userId: `user-${String(index + 1).padStart(5, '0')}`,
    deviceId: `device-${String(index + 1).padStart(5, '0')}`,
    place,
    device,
    taste: TYPE_WEIGHTS.map((weight, at) => weight * (at === favourite ? 6 : 1)),
    group: chance.happens(0.5) ? 'treatment' : 'control',
    loyalty: 0.1 + 0.6 * chance.next(),
    plan: chance.happens(0.12) ? 'plus' : 'free',
    source: chance.pick(['search', 'search', 'friend', 'advertisement', 'store']),
    arrivedOn: known ? -chance.between(5, 60) : arrivalDay(days, chance),
    offlineFrom:
      device.platform !== 'web' && chance.happens(0.15) ? chance.between(1, Math.max(1, days - 3)) : -1,
    updates: chance.happens(0.85),
  };
}

/** Arrivals grow evenly, to twice as many a day at the end as at the start. */
function arrivalDay(days: number, chance: Chance): number {
  // The share u of all has arrived when t + t²/2 = 1.5 u, with t from 0 to 1.
  return Math.floor((Math.sqrt(1 + 3 * chance.next()) - 1) * (days + 1));
}

/** What every event of a person says of who and where they are. */
export function aboutPerson({ userId, deviceId, device, place }: Person): JsonObject {
  return {
    user_id: userId,
    device_id: deviceId,
    platform: device.platform,
    device_model: device.model,
    os_version: device.version,
    country: place.country,
    city: place.city,
    context: { device_type: device.type, os: device.os, location: place.city },
  };
}

/** The type of scenario they turn to next. */
export function chooseType({ taste }: Person, chance: Chance): (typeof DEMO_TYPES)[number] {
  return DEMO_TYPES[chance.weighted(taste)] ?? 'video';
}
