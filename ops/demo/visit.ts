import type { ActionType, JsonObject } from '#domain';
import type { Catalogue, DemoType } from './catalogue.ts';
import type { Chance } from './chance.ts';
import { EXPERIMENT, JOURNEYS } from './journeys.ts';
import type { Aside, Step } from './journeys.ts';
import { aboutPerson, chooseType } from './people.ts';
import type { Person } from './people.ts';
import { appVersionAt, brokenPayment } from './release.ts';
import type { Release } from './release.ts';
import { saidBy, totalOf } from './says.ts';
import type { Way } from './says.ts';

/** An event as it is sent, but for its id. */
export type Draft = JsonObject & { readonly timestamp: number };

export type VisitOptions = {
  readonly person: Person;
  readonly catalogue: Catalogue;
  readonly release: Release;
  /** When the visit begins, epoch ms. */
  readonly startAt: number;
  /** Different for every visit of the person. */
  readonly number: number;
  /** Whether it is their first: they come unknown, and sign up. */
  readonly first: boolean;
  readonly chance: Chance;
};

/** What somebody does from opening the app until leaving it, each event later than the one before. */
export function visit(options: VisitOptions): readonly Draft[] {
  const { person, chance, first } = options;
  const walker = new Walker(options);
  if (first) walker.arrive();
  walker.open();
  for (let rounds = chance.between(1, 2); rounds > 0; rounds--) walker.browse(chooseType(person, chance));
  if (chance.happens(0.08)) walker.askAssistant();
  return walker.drafts;
}

const USER_AGENTS: Readonly<Record<string, string>> = {
  ios: 'DemoApp (iPhone)',
  android: 'DemoApp (Android)',
  web: 'Mozilla/5.0',
};

class Walker {
  readonly drafts: Draft[] = [];
  readonly #options: VisitOptions;
  readonly #about: JsonObject;
  readonly #session: string;
  #now: number;
  #ways = 0;

  constructor(options: VisitOptions) {
    const { person, release, startAt, number } = options;
    const version = appVersionAt(person, startAt, release);
    this.#options = options;
    this.#session = `session-${person.index + 1}-${number}`;
    this.#about = {
      ...aboutPerson(person),
      session_id: this.#session,
      ...(version === undefined ? {} : { app_version: version }),
    };
    this.#now = startAt;
  }

  /** The first time: a landing page seen by a device, then a user with a name. */
  arrive(): void {
    const { person, chance } = this.#options;
    const { user_id: _, ...unknown } = this.#about;
    this.#keep({
      ...unknown,
      kind: 'generic',
      event_name: '$pageview',
      page_url: 'https://demo.example/welcome',
      page_title: 'Welcome',
      properties: { referrer: person.source },
    });
    this.#pass(20, 90);
    const properties = { plan: person.plan, source: person.source };
    this.#keep({ ...this.#about, kind: 'generic', event_name: 'signup', properties });
    this.#pass(1, 3);
    this.#keep({
      ...this.#about,
      kind: 'user',
      event_name: 'identify',
      properties: {
        plan: person.plan,
        city: person.place.city,
        signup_source: person.source,
        language: person.place.country === 'CN' ? 'zh' : 'en',
        age_group: chance.pick(['18-24', '25-34', '35-44', '45+']),
      },
    });
    this.#pass(1, 3);
  }

  open(): void {
    const { person } = this.#options;
    const agent = USER_AGENTS[person.device.platform] ?? 'Mozilla/5.0';
    const properties = { user_agent: agent };
    this.#keep({ ...this.#about, kind: 'generic', event_name: 'session.start', properties });
    if (person.device.platform !== 'web') return;
    this.#pass(1, 2);
    this.#see('Home', '/');
  }

  browse(type: DemoType): void {
    const { chance, catalogue, person } = this.#options;
    const { shown, scenarioId } = JOURNEYS[type];
    if (person.device.platform === 'web') {
      this.#pass(2, 20);
      this.#see(scenarioId, `/${scenarioId}`);
    }
    const items = catalogue[type];
    const weights = items.map(({ weight }) => weight);
    for (let position = 1, last = chance.between(...shown); position <= last; position++) {
      const item = items[chance.weighted(weights)];
      if (!item) return;
      this.#walk({
        id: `${this.#session}-${++this.#ways}`,
        person,
        item,
        position,
        quantity: chance.happens(0.8) ? 1 : chance.between(2, 3),
        share: Math.max(0.03, Math.sqrt(chance.next())),
      });
    }
  }

  askAssistant(): void {
    const { chance } = this.#options;
    this.#pass(5, 30);
    this.#keep({
      ...this.#about,
      kind: 'generic',
      event_name: 'message.ai',
      product: 'ai_chatbot',
      properties: { response_time: chance.between(300, 4000), tokens: chance.between(40, 900) },
    });
  }

  #walk(way: Way): void {
    const { chance } = this.#options;
    const { path, asides } = JOURNEYS[way.item.type];
    for (const [index, step] of path.entries()) {
      if (!chance.happens(chanceOf(step, index, way))) return;
      this.#pass(...step.after);
      this.#behave(way, step.action);
      for (const { action } of asides.filter(taken(step.action, chance))) {
        this.#pass(1, 8);
        this.#behave(way, action);
      }
    }
  }

  #behave(way: Way, action: ActionType): void {
    const { release, chance, person } = this.#options;
    const { type, id } = way.item;
    const behaviour = {
      ...this.#about,
      scenario_id: JOURNEYS[type].scenarioId,
      item_id: id,
      action_type: action,
      ...(type === 'ecommerce' ? { experiment_id: EXPERIMENT.id, experiment_group: person.group } : {}),
      ...saidBy(way, action, chance),
    };
    const broken = action === 'payment' && this.#about['app_version'] === '2.4.0' && this.#now < release.toAt;
    const words = `${person.place.currency} ${(totalOf(way) / 100).toFixed(2)}`;
    this.#keep(broken ? brokenPayment(behaviour, words) : behaviour);
  }

  #see(title: string, path: string): void {
    this.#keep({
      ...this.#about,
      kind: 'generic',
      event_name: '$pageview',
      page_url: `https://demo.example${path}`,
      page_title: title,
    });
  }

  #pass(from: number, to: number): void {
    this.#now += this.#options.chance.between(from * 1000, to * 1000);
  }

  #keep(members: JsonObject): void {
    this.drafts.push({ ...members, timestamp: this.#now });
  }
}

function chanceOf({ action, chance }: Step, index: number, { item, person }: Way): number {
  if (index === 0) return 1;
  if (item.type === 'ecommerce' && action === EXPERIMENT.step && person.group === 'treatment') {
    return chance * EXPERIMENT.treatmentFactor;
  }
  // How good an item is decides whether it is opened, not what happens afterwards.
  return index === 1 ? chance * item.appeal : chance;
}

function taken(action: ActionType, chance: Chance): (aside: Aside) => boolean {
  return (aside) => aside.on === action && chance.happens(aside.chance);
}
