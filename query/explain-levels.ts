import { Fault } from '#domain';
import type { Ask } from './analysis.ts';
import { listFacts, readCandidates, readMembers } from './explain-facts.ts';
import type { Listed, Member } from './explain-facts.ts';
import { comparePlaces } from './explain-cursor.ts';
import type { After, Place } from './explain-cursor.ts';
import { addedBy } from './explain-part.ts';
import type { Part } from './explain-part.ts';
import type { ExplainedEvent } from './explanation-page.ts';
import type { Scope } from './sql.ts';

/** A page of members, and where the next one begins. */
export type MembersPage = { readonly list: readonly object[]; readonly after: After | undefined };

/** How many may be judged for one page, so that a page of few among many comes back in time. */
const MAX_JUDGED = 20_000;
const JUDGED_AT_ONCE = 1_000;

/**
 * Users or items, in the order of the bytes of their ids. Where members are judged by a rule and few of many
 * count, a page may have fewer than asked for and still go on.
 */
export async function membersPage(
  part: Part,
  page: { readonly scope: Scope; readonly after: string | undefined; readonly limit: number },
  ask: Ask,
): Promise<MembersPage> {
  const { members, after } =
    typeof part.count === 'function' ? await judge(part, page, ask) : await list(part, page, ask);
  const who = part.member === 'user' ? 'user' : 'item';
  return {
    list: members.map(({ id, amount, events }) => ({
      [who]: id === '' ? null : id,
      value: Number(amount),
      events,
    })),
    after: after === undefined ? undefined : { member: after },
  };
}

type Members = { readonly members: readonly Member[]; readonly after: string | undefined };
type MembersAsked = Parameters<typeof membersPage>[1];

async function list(part: Part, page: MembersAsked, ask: Ask): Promise<Members> {
  const found = await readMembers(part, { ...page, limit: page.limit + 1 }, ask);
  const members = found.slice(0, page.limit);
  return { members, after: found.length > page.limit ? members.at(-1)?.id : undefined };
}

async function judge(part: Part, { scope, after, limit }: MembersAsked, ask: Ask): Promise<Members> {
  const members: Member[] = [];
  let last = after;
  for (let judged = 0; judged < MAX_JUDGED; judged += JUDGED_AT_ONCE) {
    const candidates = await readCandidates(part, { scope, after: last, limit: JUDGED_AT_ONCE }, ask);
    for (const own of candidates) {
      const id = own[0]?.member ?? '';
      const added = addedBy(part, own).get(id);
      if (added && members.length === limit) return { members, after: last };
      if (added) members.push({ id, amount: added.amount, events: added.events.length });
      last = id;
    }
    if (candidates.length < JUDGED_AT_ONCE) return { members, after: undefined };
  }
  return { members, after: last };
}

type EventsAsked = {
  readonly scope: Scope;
  /** Undefined = of all members. */
  readonly member: string | undefined;
  readonly after: Place | undefined;
  readonly limit: number;
};

/** Events that make a member count, or all those that count by themselves, in order. */
export async function eventsPage(
  part: Part,
  page: EventsAsked,
  ask: Ask,
): Promise<{ readonly events: readonly ExplainedEvent[]; readonly after: After | undefined }> {
  const { events, after } = await pick(part, page, ask);
  const who = part.member === 'user' ? 'user' : 'item';
  const explained = events.map((event) => {
    const { member, amount } = event;
    const counted = { [part.amount.unit]: Number(amount) };
    return { ...event, beside: { [who]: member === '' ? null : member, counted } };
  });
  return { events: explained, after };
}

type Picked = { readonly events: readonly Listed[]; readonly after: After | undefined };

async function pick(part: Part, page: EventsAsked, ask: Ask): Promise<Picked> {
  const { scope, member, after, limit } = page;
  const isJudged = typeof part.count === 'function' || part.needs !== 0;
  if (!isJudged) return cut(await listFacts(part, { scope, member, after, limit: limit + 1 }, ask), limit);
  const own = await listFacts(part, { scope, member, after: undefined, limit: MAX_JUDGED + 1 }, ask);
  if (own.length > MAX_JUDGED) {
    const message = `One ${part.member} has more than ${MAX_JUDGED} events that may count: ask for a shorter range.`;
    throw new Fault('QUERY_TOO_DEAR', message);
  }
  const counting = new Set(addedBy(part, own).get(member ?? '')?.events);
  const events = own.filter((one) => counting.has(one) && (!after || comparePlaces(one, after) > 0));
  return cut(events, limit);
}

function cut(found: readonly Listed[], limit: number): Picked {
  const events = found.slice(0, limit);
  const last = events.at(-1);
  return { events, after: found.length > limit && last ? { place: last } : undefined };
}
