import type { JsonObject } from '#domain';
import { createChance } from './chance.ts';
import type { Month } from './month.ts';
import { visit } from './visit.ts';
import type { Draft } from './visit.ts';

/** Visits are some minutes long, so at the start some are under way. */
const UNDER_WAY_MS = 300_000;

export type LiveOptions = {
  readonly seed: number;
  readonly month: Pick<Month, 'people' | 'catalogue' | 'release'>;
  /** Epoch ms; also what makes the ids of this traffic its own. */
  readonly fromAt: number;
};

/** Traffic without end from an instant on, a few events a second, in the order of time. */
export function* liveTraffic({ seed, month, fromAt }: LiveOptions): Generator<Draft, never> {
  const { people, catalogue, release } = month;
  const chance = createChance(seed, 4, Math.floor(fromAt / 1000));
  let coming: Draft[] = [];
  let count = 0;
  for (let startAt = fromAt - UNDER_WAY_MS; ; startAt += chance.between(4_000, 12_000)) {
    // Nothing that begins later can come before these.
    const due = coming.filter(({ timestamp }) => timestamp < startAt);
    coming = coming.filter(({ timestamp }) => timestamp >= startAt);
    for (const draft of due) {
      if (draft.timestamp >= fromAt) yield withId(draft, `evt_live_${fromAt.toString(36)}_${count++}`);
    }
    const person = people[chance.between(0, people.length - 1)];
    if (!person) throw new RangeError('a demo has people');
    coming.push(...visit({ person, catalogue, release, startAt, number: startAt, first: false, chance }));
    coming.sort((one, other) => one.timestamp - other.timestamp);
  }
}

function withId(draft: Draft, event_id: string): Draft {
  return { event_id, ...draft } satisfies JsonObject;
}
