import type { Catalogue } from './catalogue.ts';
import { createChance } from './chance.ts';
import type { Chance } from './chance.ts';
import type { Person } from './people.ts';
import type { Release } from './release.ts';
import { visit } from './visit.ts';
import type { Draft } from './visit.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** When in the day people come, by the hour of their own clock: little at night, most in the evening. */
const HOURS = [4, 2, 1, 1, 1, 2, 5, 9, 11, 9, 8, 9, 13, 11, 8, 7, 8, 10, 13, 17, 21, 22, 16, 9];
const WEEKEND_FACTOR = 1.35;

export type LifeOptions = {
  readonly seed: number;
  readonly catalogue: Catalogue;
  readonly release: Release;
  /** Midnight UTC of the first day, epoch ms. */
  readonly startAt: number;
  /** Exclusive. */
  readonly endAt: number;
};

/** All that a person does between two instants, in the order of time. */
export function live(person: Person, options: LifeOptions): readonly Draft[] {
  const { seed, catalogue, release, startAt, endAt } = options;
  const chance = createChance(seed, 2, person.index);
  const drafts: Draft[] = [];
  let [visits, freeAt] = [0, startAt];
  for (let day = Math.max(0, person.arrivedOn); startAt + day * DAY_MS < endAt; day++) {
    const dayAt = startAt + day * DAY_MS;
    const times = day === person.arrivedOn ? [1, ...extra(chance)] : comes(person, { day, dayAt }, chance);
    for (const at of times.map(() => timeOfDay(person, dayAt, chance)).sort((one, other) => one - other)) {
      const first = visits === 0 && person.arrivedOn >= 0;
      // Somebody is in one place at a time.
      const begins = Math.max(at, freeAt);
      const done = visit({ person, catalogue, release, startAt: begins, number: ++visits, first, chance });
      freeAt = (done.at(-1)?.timestamp ?? begins) + 60_000;
      drafts.push(...done);
    }
  }
  return drafts.filter(({ timestamp }) => timestamp >= startAt && timestamp < endAt);
}

/** One entry for every visit of a day after the first. */
function comes(
  { arrivedOn, loyalty }: Person,
  { day, dayAt }: { readonly day: number; readonly dayAt: number },
  chance: Chance,
): readonly number[] {
  const weekday = new Date(dayAt).getUTCDay();
  const factor = weekday === 0 || weekday === 6 ? WEEKEND_FACTOR : 1;
  const stays = (loyalty * factor) / Math.sqrt(day - arrivedOn);
  return chance.happens(Math.min(1, stays)) ? [1, ...extra(chance)] : [];
}

function extra(chance: Chance): readonly number[] {
  return chance.happens(0.35) ? (chance.happens(0.3) ? [1, 1] : [1]) : [];
}

/** An instant of the day, by the habits of the hour where the person lives. */
function timeOfDay({ place }: Person, dayAt: number, chance: Chance): number {
  const hour = (chance.weighted(HOURS) - place.offset + 24) % 24;
  return dayAt + hour * HOUR_MS + chance.between(0, HOUR_MS - 1);
}
