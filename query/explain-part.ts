import { actorOf, foldTallies, tallied } from '#domain';
import type { Event, Measure } from '#domain';
import { EVENT_COMPLETION_MILLIONTHS, EVENT_WATCH_MS } from '#projections';
import type { Condition } from './explain-condition.ts';
import { comparePlaces } from './explain-cursor.ts';
import type { Piece } from './slices.ts';

/** What one event adds to a figure, as a whole number: by the facts, and by the event itself. */
export type Amount = {
  readonly unit: 'events' | 'ms' | 'millionths' | 'ten_thousandths';
  readonly sql: string;
  of(event: Event): bigint;
};

/** An event as far as a figure needs to know it. */
export type Marked = {
  /** Whose it is, a user or an item; empty where it is nobody's. */
  readonly member: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly atMs: number;
  /** Bit n tells whether it fulfils the n-th of the part's marks. */
  readonly marks: number;
  readonly amount: bigint;
};

/** What a member adds to a figure, and the events that make it do so. */
export type Added = { readonly amount: bigint; readonly events: readonly Marked[] };

/** Judges the events of one member, which are in order; undefined where the member does not count. */
export type Rule = (own: readonly Marked[]) => Added | undefined;

/**
 * One of the numbers a cell is made of: which events, by whom they are gathered, and how they count. Stated
 * once over facts and once over plain events.
 */
export type Part = Piece & {
  readonly name: string;
  readonly member: MemberKind;
  readonly conditions: readonly Condition[];
  readonly marks: readonly Condition[];
  readonly amount: Amount;
  /** Marks of which a member must have every one among its events; as bits. */
  readonly needs: number;
  /** Every event adds its amount, or every member one, or what a rule makes of the member's events. */
  readonly count: 'amounts' | 'members' | Rule;
  /** What it is counted in. */
  readonly unit: Amount['unit'] | 'members';
};

/** By what events are gathered: who did them, what they are about, which entry of the catalogue they change. */
export type MemberKind = 'user' | 'item' | 'entry';

export const MEMBERS: Readonly<Record<MemberKind, { readonly sql: string; of(event: Event): string }>> = {
  user: { sql: 'actor_id', of: actorOf },
  item: { sql: 'item_id', of: (event) => event.item_id ?? '' },
  entry: {
    sql: `if(item_id = '', '', concat(replaceAll(replaceAll(scenario_id, '%', '%25'), '/', '%2F'), '/', item_id))`,
    of: ({ scenario_id: scenario = '', item_id: item }) =>
      item === undefined ? '' : `${scenario.replaceAll('%', '%25').replaceAll('/', '%2F')}/${item}`,
  },
};

const ONE: Amount = { unit: 'events', sql: '1', of: () => 1n };

function amountOf(measure: Measure, unit: Amount['unit'], sql: string): Amount {
  return { unit, sql, of: (event) => tallied(foldTallies([event]), measure) };
}

/** Amounts of an event other than itself. */
export const AMOUNTS = {
  seconds: amountOf('seconds', 'ms', EVENT_WATCH_MS),
  completion: amountOf('completion', 'millionths', EVENT_COMPLETION_MILLIONTHS),
  money: amountOf('money', 'ten_thousandths', 'toInt64(toDecimal128(ifNull(amount, 0), 4) * 10000)'),
} as const;

type Events = Pick<Part, 'name' | 'conditions'> & Piece;

/** Every event adds one, or the amount given. */
export function eventsPart(events: Events, amount = ONE): Part {
  const { unit } = amount;
  return { ...placed(events), member: 'user', marks: [], amount, needs: 0, count: 'amounts', unit };
}

/** Every user adds one, or every item. */
export function membersPart(events: Events, member: MemberKind = 'user'): Part {
  return {
    ...placed(events),
    member,
    marks: [],
    amount: ONE,
    needs: 0,
    count: 'members',
    unit: 'members',
  };
}

/** Every user adds one who has done all of some things. */
export function allOfPart(events: Events, marks: readonly Condition[]): Part {
  return { ...membersPart(events), marks, needs: 2 ** marks.length - 1 };
}

/** Every user adds what a rule says. */
export function rulePart(
  events: Events,
  ruled: Pick<Part, 'marks' | 'needs'> & {
    readonly count: Rule;
    readonly unit?: Part['unit'];
    readonly member?: MemberKind;
  },
): Part {
  return { ...placed(events), member: 'user', amount: ONE, unit: 'members', ...ruled };
}

function placed({ name, conditions, fromMs, toMs }: Events): Events {
  return { name, conditions, fromMs, toMs };
}

/** What each member adds; members who do not count are left out. */
export function addedBy(part: Part, rows: readonly Marked[]): ReadonlyMap<string, Added> {
  const added = new Map<string, Added>();
  for (const [member, own] of Map.groupBy(rows, (row) => row.member)) {
    if (member === '' && part.count !== 'amounts') continue;
    const one = judged(part, own);
    if (one) added.set(member, one);
  }
  return added;
}

function judged({ count, needs }: Part, own: readonly Marked[]): Added | undefined {
  if (count === 'amounts') return { amount: own.reduce((sum, { amount }) => sum + amount, 0n), events: own };
  const has = own.reduce((bits, { marks }) => bits | marks, 0);
  if ((has & needs) !== needs) return undefined;
  return count === 'members' ? { amount: 1n, events: own } : count([...own].sort(comparePlaces));
}
