import type { Event } from '#domain';
import type { Input } from './history.ts';

export const OUTCOMES = ['accepted', 'duplicate', 'conflict', 'rejected'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What the platform said to one input. */
export type Answer = {
  readonly outcome: Outcome;
  readonly partition?: number | undefined;
  readonly offset?: bigint | undefined;
  readonly token?: string | undefined;
};

/** What must stand in the log, worked out from the inputs and the answers alone. */
export type Settled = {
  /** The events of a tenant that were accepted, each with where its receipt says it stands. */
  readonly accepted: ReadonlyMap<string, readonly Kept[]>;
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Whatever was not answered as it should have been. */
  readonly problems: readonly string[];
};

export type Kept = { readonly event: Event; readonly partition: number; readonly offset: bigint };

/**
 * Settles the ledger: in every group of one tenant and event id exactly one input may have been accepted;
 * who said the same is a duplicate of it, who said something else conflicts with it, both with its position.
 * Which one came first is the platform's to say; nothing else is.
 */
export function settle(inputs: readonly Input[], answers: ReadonlyMap<number, Answer>): Settled {
  const problems: string[] = [];
  const accepted = new Map<string, Kept[]>();
  const counts: Record<Outcome, number> = { accepted: 0, duplicate: 0, conflict: 0, rejected: 0 };
  for (const group of Map.groupBy(inputs, ({ tenant, eventId }) => `${tenant}\n${eventId}`).values()) {
    const said = group.map((input) => ({ input, answer: answers.get(input.index) }));
    for (const { answer } of said) if (answer) counts[answer.outcome]++;
    const kept = settleGroup(said, problems);
    if (!kept) continue;
    const list = accepted.get(kept.event.tenant_id);
    if (list) list.push(kept);
    else accepted.set(kept.event.tenant_id, [kept]);
  }
  for (const [tenant, list] of accepted) problems.push(...gaps(tenant, list));
  return { accepted, counts, problems };
}

type Said = { readonly input: Input; readonly answer: Answer | undefined };

function settleGroup(group: readonly Said[], problems: string[]): Kept | undefined {
  const complain = (what: string, { input }: Said): void => {
    problems.push(`${what}: ${input.tenant} ${input.eventId.slice(0, 60)} ${input.text.slice(0, 600)}`);
  };
  const right = group.filter(({ input }) => input.event);
  const wrong = group.filter(({ input }) => !input.event);
  for (const said of wrong) if (said.answer?.outcome !== 'rejected') complain('should be rejected', said);
  if (right.length === 0) return undefined;
  const winners = right.filter(({ answer }) => answer?.outcome === 'accepted');
  const kept = winners[0] && keptOf(winners[0]);
  if (!kept || winners.length > 1) {
    complain(`${winners.length} accepted (${kept ? 'first has' : 'without'} a position)`, right[0]!);
    return undefined;
  }
  for (const said of right) {
    const fault = faultOf(said, winners[0]!);
    if (fault) complain(fault, said);
  }
  return kept;
}

function keptOf({ input, answer }: Said): Kept | undefined {
  const { event } = input;
  if (!event || answer?.partition === undefined || answer.offset === undefined) return undefined;
  return { event, partition: answer.partition, offset: answer.offset };
}

/** What is wrong with the answer to a later input of a group, given the one that was accepted. */
function faultOf(said: Said, winner: Said): string | undefined {
  if (said === winner) return undefined;
  const { input, answer } = said;
  const expected = input.variant === winner.input.variant ? 'duplicate' : 'conflict';
  if (answer?.outcome !== expected) return `${answer?.outcome ?? 'silence'} instead of ${expected}`;
  const same = answer.partition === winner.answer?.partition && answer.offset === winner.answer?.offset;
  return same ? undefined : `${expected} answered with another position than the first`;
}

/** Offsets of every partition must be 0, 1, 2, … with none missing and none given twice. */
function gaps(tenant: string, list: readonly Kept[]): string[] {
  const problems: string[] = [];
  for (const [partition, kept] of Map.groupBy(list, (one) => one.partition)) {
    const offsets = kept.map(({ offset }) => offset).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const at = offsets.findIndex((offset, index) => offset !== BigInt(index));
    if (at >= 0)
      problems.push(`${tenant} partition ${partition}: offset ${offsets[at]!} where ${at} should be`);
  }
  return problems;
}
