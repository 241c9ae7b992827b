import type { JsonObject } from '#domain';
import { catalogueEvents, makeCatalogue } from './catalogue.ts';
import type { Catalogue } from './catalogue.ts';
import { createChance } from './chance.ts';
import type { Chance } from './chance.ts';
import { JOURNEYS } from './journeys.ts';
import { live } from './life.ts';
import { makePerson } from './people.ts';
import type { Person } from './people.ts';
import { releaseOf } from './release.ts';
import type { Release } from './release.ts';
import type { Draft } from './visit.ts';

const DAY_MS = 86_400_000;

/** What the platform must say of an input that it has not seen before. */
export type Expected = 'accepted' | 'duplicate' | 'conflict' | 'rejected';

/** One event as it is sent, without its tenant. */
export type Input = {
  readonly event: JsonObject;
  readonly expected: Expected;
  /** Whether it is one of the payments that the release broke. */
  readonly warned: boolean;
  /** When it reaches the platform, epoch ms; later than it happened, by days for a phone that was offline. */
  readonly arrivesAt: number;
};

export type MonthOptions = {
  /** Decides everything; a positive integer. */
  readonly seed: number;
  /** Whole days before the one that `endAt` is in. */
  readonly days: number;
  /** How many events are to be accepted, at least. */
  readonly events: number;
  /** Exclusive, epoch ms. */
  readonly endAt: number;
};

/** The traffic of a month, and who and what it is made of. */
export type Month = {
  /** Midnight UTC of the first day. */
  readonly startAt: number;
  readonly release: Release;
  readonly people: readonly Person[];
  readonly catalogue: Catalogue;
  /** What is sent for the first time, in the order of arrival. */
  readonly inputs: readonly Input[];
  /** What is sent once more, the same or with another body; to be sent when `inputs` are answered. */
  readonly again: readonly Input[];
};

/** Midnight UTC of the first of so many days before the day of `endAt`. */
export function startOf({ days, endAt }: Pick<MonthOptions, 'days' | 'endAt'>): number {
  return Math.floor(endAt / DAY_MS) * DAY_MS - days * DAY_MS;
}

/** Makes the traffic of a month. The same options give the same events, byte by byte. */
export function makeMonth({ seed, days, events, endAt }: MonthOptions): Month {
  const startAt = startOf({ days, endAt });
  const catalogue = makeCatalogue(createChance(seed, 0));
  const release = releaseOf(startAt, days);
  const prefix = `evt_${Math.round(startAt / DAY_MS).toString(36)}_${seed.toString(36)}`;
  const people: Person[] = [];
  const inputs: Input[] = [];
  const again: Input[] = [];
  for (const [index, event] of catalogueEvents(
    catalogue,
    startAt,
    (type) => JOURNEYS[type].scenarioId,
  ).entries()) {
    inputs.push(accepted({ event_id: `${prefix}_item_${index}`, ...event }, startAt + index));
  }
  let standing = inputs.length;
  for (let index = 0; standing < events; index++) {
    const person = makePerson(seed, index, days);
    const chance = createChance(seed, 3, index);
    people.push(person);
    for (const [n, draft] of live(person, { seed, catalogue, release, startAt, endAt }).entries()) {
      const arrivesAt = Math.min(endAt - 1, arrivalOf(draft, { person, startAt, chance }));
      const input = accepted({ event_id: `${prefix}_${index}_${n}`, ...draft }, arrivesAt);
      inputs.push(input);
      standing++;
      const mishap = mishapOf(input, chance);
      if (mishap?.expected === 'rejected') inputs.push(mishap);
      else if (mishap) again.push(mishap);
    }
  }
  const byArrival = (one: Input, other: Input): number => one.arrivesAt - other.arrivesAt;
  return {
    startAt,
    release,
    people,
    catalogue,
    inputs: inputs.sort(byArrival),
    again: again.sort(byArrival),
  };
}

function accepted(event: JsonObject, arrivesAt: number): Input {
  const extra = event['extra_data'] as JsonObject | undefined;
  const warned = event['action_type'] === 'payment' && extra?.['payment_amount'] === undefined;
  return { event, expected: 'accepted', warned, arrivesAt };
}

/** At once, give or take; what happened while the phone was offline arrives when it is online again. */
function arrivalOf(
  { timestamp }: Draft,
  { person, startAt, chance }: { readonly person: Person; readonly startAt: number; readonly chance: Chance },
): number {
  const offlineAt = startAt + person.offlineFrom * DAY_MS;
  const onlineAt = offlineAt + 2 * DAY_MS;
  const delayed = person.offlineFrom >= 0 && timestamp >= offlineAt && timestamp < onlineAt;
  return (delayed ? onlineAt : timestamp) + chance.between(80, 3000);
}

/** What goes wrong with one event in eighty: mostly an answer is lost, and the phone sends the event again. */
function mishapOf(input: Input, chance: Chance): Input | undefined {
  const { event, arrivesAt } = input;
  const fate = chance.next();
  if (fate < 0.008) return { ...input, expected: 'duplicate', arrivesAt: arrivesAt + 5000 };
  if (fate < 0.009) {
    // Two events were given one id by mistake.
    const other = { ...event, timestamp: Number(event['timestamp']) + 1000 };
    return { ...input, event: other, expected: 'conflict', arrivesAt: arrivesAt + 60_000 };
  }
  if (fate >= 0.0125 || event['action_type'] === undefined) return undefined;
  // A page that lost its user: nobody can say whose behaviour this is.
  const { user_id: _, ...nobodys } = event;
  const lost = { ...nobodys, event_id: `${event['event_id'] as string}_lost` };
  return { event: lost, expected: 'rejected', warned: false, arrivesAt };
}
