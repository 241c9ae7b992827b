import type { EventOutcome } from './outcome.ts';

/** What has been answered since the process started; `received` is the sum of the four outcomes. */
export type Counts = {
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
  /** Accepted events with at least one warning. */
  readonly warned: number;
  /** Inputs the log could not take; they are none of the received ones, as their senders send them again. */
  readonly failed: number;
};

type Tally = { -readonly [member in keyof Counts]: number };

/** Counts the answers of the ingress, of each tenant and of all. */
export class Counters {
  readonly #all = emptyTally();
  readonly #tenants = new Map<string, Tally>();

  count(tenant: string | undefined, answer: EventOutcome): void {
    add(this.#all, answer);
    if (tenant === undefined) return;
    let own = this.#tenants.get(tenant);
    if (!own) this.#tenants.set(tenant, (own = emptyTally()));
    add(own, answer);
  }

  /** Of one tenant, or without a name of all, inputs without a tenant among them. */
  read(tenant?: string): Counts {
    return { ...(tenant === undefined ? this.#all : (this.#tenants.get(tenant) ?? emptyTally())) };
  }
}

function emptyTally(): Tally {
  return { received: 0, accepted: 0, duplicate: 0, conflict: 0, rejected: 0, warned: 0, failed: 0 };
}

function add(tally: Tally, answer: EventOutcome): void {
  tally[answer.outcome]++;
  if (answer.outcome === 'failed') return;
  tally.received++;
  if (answer.outcome === 'accepted' && answer.warnings.length > 0) tally.warned++;
}
