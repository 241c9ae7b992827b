import { scenarioBranch } from '#domain';
import type { Event, Json, JsonObject } from '#domain';
import { createRandom } from '../random.ts';
import type { Random } from '../random.ts';
import { STORIES, stepOf } from './stories.ts';
import type { Story } from './stories.ts';
import { WRONGS, rewritten, wireOf } from './wire.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** One thing to send. Inputs of one tenant and event id form a group, of which the log may keep one. */
export type Input = {
  readonly index: number;
  readonly tenant: string;
  readonly eventId: string;
  /** The event as JSON text, exactly as it goes out. */
  readonly text: string;
  /** What must stand in the log if this input wins its group; undefined when it must be rejected. */
  readonly event: Event | undefined;
  /** Inputs of one group with the same variant say the same, however it is written. */
  readonly variant: number;
};

export type HistoryOptions = {
  readonly seed: number;
  readonly tenants: readonly string[];
  /** How many distinct valid events, at least. */
  readonly events: number;
  readonly fromMs: number;
  readonly toMs: number;
};

export type History = { readonly inputs: readonly Input[] };

/**
 * Believable behaviour of several tenants over a stretch of time: people who sign up, come back or do not,
 * walk funnels and leave them; with inputs sent twice, the same id under another body, and inputs that
 * no platform should take. Inputs come in a shuffled order, so almost all of them are late.
 */
export function makeHistory(options: HistoryOptions): History {
  const random = createRandom(options.seed);
  const drafts: Omit<Input, 'index'>[] = [];
  const perTenant = Math.ceil(options.events / options.tenants.length);
  for (const tenant of options.tenants) {
    const events: Event[] = [];
    for (let person = 0; events.length < perTenant; person++) {
      const life = new Life(tenant, person, random, options);
      events.push(...life.live());
    }
    for (const event of events) drafts.push(...inputsOf(event, random));
  }
  return { inputs: random.shuffled(drafts).map((draft, index) => ({ index, ...draft })) };
}

function inputsOf(event: Event, random: Random): Omit<Input, 'index'>[] {
  const { tenant_id: tenant, event_id: eventId } = event;
  const wire = wireOf(event);
  const first = { tenant, eventId, text: JSON.stringify(wire), event, variant: 0 };
  const inputs: Omit<Input, 'index'>[] = [first];
  const fate = random.next();
  if (fate < 0.02) inputs.push(first);
  else if (fate < 0.04) inputs.push({ ...first, text: rewritten(wire, random) });
  else if (fate < 0.05) {
    const other = differing(event, random);
    inputs.push({ ...first, text: JSON.stringify(wireOf(other)), event: other, variant: 1 });
    if (random.chance(0.3)) inputs.push(first);
  } else if (fate < 0.065) {
    const wrong = random.pick(WRONGS)(wire, `${eventId}-wrong`);
    inputs.push({ ...first, ...wrong, event: undefined, variant: 2 });
  }
  return inputs;
}

/** The same id with something else in it. */
function differing(event: Event, random: Random): Event {
  if (random.chance(0.5)) return { ...event, timestamp: event.timestamp + 1 };
  if (event.kind === 'behaviour') return { ...event, item_id: `${event.item_id ?? ''}-other` };
  return { ...event, properties: { ...event.properties, changed: true } };
}

const SYSTEMS = ['iOS', 'Android', 'Windows', 'mac OS'];
const CITIES = ['Beijing', 'São Paulo', 'New York', 'Zürich'];

/** One person of one tenant: who they are and what they do over time. */
class Life {
  readonly #tenant: string;
  readonly #random: Random;
  readonly #toMs: number;
  readonly #id: string;
  readonly #person: number;
  readonly #story: Story;
  readonly #second: Story;
  readonly #os: string;
  readonly #location: string;
  /** Chance to come back after each visit. */
  readonly #loyalty: number;
  readonly #events: Event[] = [];
  #now: number;

  constructor(tenant: string, person: number, random: Random, range: { fromMs: number; toMs: number }) {
    this.#tenant = tenant;
    this.#person = person;
    this.#random = random;
    this.#toMs = range.toMs;
    // The same ids in every tenant, and ids that SQL, CSV or a path would stumble over.
    this.#id = person % 97 === 0 ? `ö'"\\,%/${person}` : `user-${person}`;
    this.#story = STORIES[person % STORIES.length]!;
    this.#second = random.pick(STORIES);
    this.#os = random.pick(SYSTEMS);
    this.#location = random.pick(CITIES);
    this.#loyalty = random.pick([0.2, 0.6, 0.8, 0.9, 0.95]);
    this.#now = random.between(range.fromMs, range.toMs - DAY_MS);
  }

  live(): readonly Event[] {
    if (this.#person % 8 === 5) {
      this.#comeOnce();
      return this.#events;
    }
    this.#named('pageview', { referrer: 'google.com', depth: 1, landing: true }, 'device');
    if (this.#random.chance(0.9)) this.#named('signup', { plan: this.#random.pick(['free', 'pro']) }, 'user');
    if (this.#random.chance(0.5)) this.#identify();
    do {
      this.#visit();
      this.#wait(this.#random.pick([2 * HOUR_MS, DAY_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 30 * DAY_MS]));
    } while (this.#random.chance(this.#loyalty) && this.#now < this.#toMs);
    return this.#events;
  }

  /** Somebody with one attempt only, some steps at one instant, the last one at the very end of a window. */
  #comeOnce(): void {
    const startedAt = this.#now;
    const windowMs = this.#random.pick([HOUR_MS, 7 * DAY_MS]);
    const path = this.#story.path.slice(0, this.#random.between(2, this.#story.path.length));
    for (const [index, action] of path.entries()) {
      if (index === path.length - 1) this.#now = startedAt + windowMs + this.#random.between(0, 1);
      else if (index > 0 && this.#random.chance(0.5)) this.#now += this.#random.between(1, HOUR_MS / 8);
      this.#behave(this.#story, action);
    }
  }

  #visit(): void {
    if (this.#random.chance(0.3)) this.#named('session.start', { response_time: 120 }, 'session');
    if (this.#random.chance(0.5)) this.#named('pageview', { page: this.#random.below(9) }, 'user');
    if (this.#random.chance(0.03)) this.#catalogue();
    const story = this.#random.chance(0.7) ? this.#story : this.#second;
    for (let round = this.#random.between(1, 4); round > 0; round--) this.#walk(story);
  }

  /** Walks the path of a story until leaving it; now and then a step falls exactly on an edge. */
  #walk(story: Story): void {
    const startedAt = this.#now;
    for (const [index, action] of story.path.entries()) {
      if (index > 0 && !this.#random.chance(story.stay)) return;
      this.#pass(startedAt);
      this.#behave(story, action);
      if (this.#random.chance(0.15)) this.#behave(story, this.#random.pick(story.aside));
    }
  }

  #pass(startedAt: number): void {
    const fate = this.#random.next();
    if (fate < 0.04) return;
    if (fate < 0.06) this.#now = Math.max(this.#now, startedAt + HOUR_MS + this.#random.between(0, 1));
    else if (fate < 0.08)
      this.#now = Math.max(this.#now, startedAt + 7 * DAY_MS + this.#random.between(0, 1));
    else if (fate < 0.1) this.#now += DAY_MS - (this.#now % DAY_MS);
    else if (fate < 0.12) this.#now += HOUR_MS - (this.#now % HOUR_MS) - 1;
    else this.#wait(this.#random.pick([2_000, 40_000, 600_000, 3 * HOUR_MS]));
  }

  #wait(aboutMs: number): void {
    this.#now += this.#random.between(1, 2 * aboutMs);
  }

  #behave(story: Story, action: (typeof story.path)[number]): void {
    const step = stepOf(story.type, action, this.#random);
    const { position, watchDuration, completionRate, amount, currency } = step;
    const about = {
      kind: 'behaviour',
      event_name: action,
      action_type: action,
      scenario_id: `${story.type}_feed`,
      user_id: this.#id,
      item_id: `item-${this.#random.below(400)}`,
      context: {
        device_type: this.#person % 3 === 0 ? 'pc' : 'mobile',
        os: this.#os,
        location: this.#location,
      },
    } as const;
    this.#keep({
      ...about,
      ...(this.#random.chance(0.3)
        ? { experiment_id: 'exp_001', experiment_group: this.#random.pick(['control', 'treatment']) }
        : {}),
      ...(position === undefined ? {} : { position }),
      ...(step.data
        ? { scenario_type: story.type, scenario_data: { [scenarioBranch(story.type)]: step.data } }
        : {}),
      ...(step.extra ? { extra_data: step.extra } : {}),
      ...(watchDuration === undefined ? {} : { watch_duration: watchDuration }),
      ...(completionRate === undefined ? {} : { completion_rate: completionRate }),
      ...(amount === undefined ? {} : { amount }),
      ...(currency === undefined ? {} : { currency }),
    });
  }

  #named(name: string, properties: JsonObject, by: 'user' | 'device' | 'session'): void {
    const ids = {
      user: { user_id: this.#id, device_id: `device-${this.#person}` },
      device: { device_id: `device-${this.#person}` },
      session: { session_id: `session-${this.#person}-${this.#random.below(1000)}` },
    };
    this.#keep({ kind: 'generic', event_name: name, ...ids[by], platform: 'web', properties });
  }

  #identify(): void {
    const properties: Record<string, Json> = { city: this.#location, vip: this.#random.chance(0.1) };
    this.#keep({ kind: 'user', event_name: 'identify', user_id: this.#id, properties });
  }

  #catalogue(): void {
    const properties = { title: 'A thing', price: this.#random.between(1, 100) };
    const item_id = `item-${this.#random.below(400)}`;
    this.#keep({ kind: 'catalog', event_name: 'item_updated', user_id: this.#id, item_id, properties });
  }

  #keep(members: Omit<Event, 'event_id' | 'tenant_id' | 'timestamp' | Stamp>): void {
    if (this.#now >= this.#toMs) return;
    this.#events.push({
      // Not the tenant's name in it: the same ids stand in every tenant.
      event_id: `evt_${this.#person.toString(36)}_${this.#events.length.toString(36)}`,
      tenant_id: this.#tenant,
      timestamp: this.#now,
      ...members,
      server_time: 0,
      valid_status: 1,
      schema: '',
      schema_version: 0,
    });
  }
}

type Stamp = 'server_time' | 'valid_status' | 'schema' | 'schema_version';
