import { channel } from 'node:diagnostics_channel';
import { Fault, formatReceipt } from '#domain';
import type { Position, TenantId } from '#domain';
import type { AppendOutcome, EventLog, LogChannel, NewRecord, Tenants } from '#log';
import type { FieldError, SchemaRegistry } from '#schema-registry';
import { Counters } from './counters.ts';
import type { Counts } from './counters.ts';
import { deadLetterOf } from './dead-letter.ts';
import { examine } from './examine.ts';
import type { Examination, Examined, Input, Sender } from './examine.ts';
import type { EventOutcome, Receipt } from './outcome.ts';
import { createWhereabouts } from './place.ts';
import type { LookUpPlace } from './place.ts';

export type IngressOptions = {
  readonly log: EventLog;
  readonly tenants: Tenants;
  readonly registry: SchemaRegistry;
  readonly lookUpPlace: LookUpPlace;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Makes the part of an event id after `evt_`; a UUIDv7, so that ids of one time stand together. */
  readonly newId: () => string;
  /** Events that happened longer ago become dead letters; 0 takes any age. */
  readonly maxAgeDays: number;
};

/** What a dry run says of one input. */
export type Checked =
  | { readonly ok: true; readonly eventId: string; readonly warnings: readonly FieldError[] }
  | { readonly ok: false; readonly eventId: string | undefined; readonly errors: readonly FieldError[] };

/**
 * The door of the log: checks, stamps and appends what is sent, and keeps what it refuses.
 *
 * `track` resolves when every input is durable: events in their tenant's log, refused ones with a tenant
 * among its dead letters. One outcome per input, in order; it throws nothing. `check` does the same checks
 * and changes nothing.
 */
export interface Ingress {
  track(inputs: readonly Input[], sender: Sender): Promise<readonly EventOutcome[]>;
  check(inputs: readonly Input[], sender: Sender): readonly Checked[];
  /** Since the process started, of one tenant or of all. */
  counts(tenant?: string): Counts;
  /** Whether the log took what it was last given. */
  logAvailable(): boolean;
}

/** Opens the door on a log. Holds nothing that must be closed. */
export function createIngress(options: IngressOptions): Ingress {
  return new LogDoor(options);
}

const rejections = channel('daybook:ingress:rejected');

/** The inputs of one request for one log, with their places among all. */
type Share = {
  readonly tenant: TenantId;
  readonly channel: LogChannel;
  readonly records: NewRecord[];
  readonly places: number[];
};

type Request = {
  readonly inputs: readonly Input[];
  readonly sender: Sender;
  readonly examined: readonly Examined[];
  readonly outcomes: (EventOutcome | undefined)[];
  readonly nowMs: number;
};

class LogDoor implements Ingress {
  readonly #options: IngressOptions;
  readonly #counters = new Counters();
  readonly #whereabouts: Examination['whereabouts'];
  readonly #newEventId: () => string;
  readonly #identities = new Map<string, string>();
  #logAvailable = true;

  constructor(options: IngressOptions) {
    this.#options = options;
    this.#whereabouts = createWhereabouts(options.lookUpPlace);
    this.#newEventId = () => `evt_${options.newId()}`;
  }

  async track(inputs: readonly Input[], sender: Sender): Promise<readonly EventOutcome[]> {
    const nowMs = this.#options.clock();
    const examined = this.#examine(inputs, sender, nowMs);
    const request: Request = { inputs, sender, examined, outcomes: [], nowMs };
    await Promise.all(this.#shares(request).map((share) => this.#keep(share, request)));
    // Every place has been filled, by its share or as homeless.
    const outcomes = request.outcomes as readonly EventOutcome[];
    for (const [index, outcome] of outcomes.entries()) this.#count(examined[index], outcome, sender);
    return outcomes;
  }

  check(inputs: readonly Input[], sender: Sender): readonly Checked[] {
    return this.#examine(inputs, sender, this.#options.clock()).map((one) =>
      one.ok ? { ok: true, eventId: one.event.event_id, warnings: one.warnings } : one,
    );
  }

  counts(tenant?: string): Counts {
    return this.#counters.read(tenant);
  }

  logAvailable(): boolean {
    return this.#logAvailable;
  }

  #examine(inputs: readonly Input[], sender: Sender, nowMs: number): Examined[] {
    const { registry, maxAgeDays } = this.#options;
    const examination = {
      registry,
      maxAgeDays,
      nowMs,
      whereabouts: this.#whereabouts,
      newEventId: this.#newEventId,
    };
    return inputs.map((input) => examine(input, sender, examination));
  }

  /** Sorts the inputs by the log they go to; what goes to none is answered here. */
  #shares(request: Request): readonly Share[] {
    const { inputs, sender, examined, outcomes, nowMs } = request;
    const shares = new Map<string, Share>();
    examined.forEach((one, place) => {
      const { tenant } = one;
      if (tenant === undefined || !(sender.mayCreateTenants || this.#options.tenants.get(tenant))) {
        outcomes[place] = homeless(one);
        return;
      }
      const name: LogChannel = one.ok ? 'events' : 'dead_letters';
      const key = `${name} ${tenant}`;
      let share = shares.get(key);
      if (!share) shares.set(key, (share = { tenant, channel: name, records: [], places: [] }));
      share.places.push(place);
      share.records.push(
        one.ok
          ? one.record
          : deadLetterOf({
              tenant,
              eventId: one.eventId,
              errors: one.errors,
              sent: inputs[place]?.sent() ?? new Uint8Array(0),
              source: sender.source,
              receivedAtMs: nowMs,
            }),
      );
    });
    return [...shares.values()];
  }

  async #keep(share: Share, request: Request): Promise<void> {
    try {
      const appended = await this.#append(share, request.sender);
      const identity = await this.#identityOf(share.tenant, share.channel);
      const conflicts: number[] = [];
      appended.forEach(({ outcome, position }, index) => {
        const place = share.places[index] ?? 0;
        const receipt = receiptOf(identity, position);
        if (outcome === 'conflict') conflicts.push(index);
        else request.outcomes[place] = outcomeOf(request.examined[place], outcome, receipt);
      });
      if (conflicts.length > 0) await this.#keepConflicts(share, { request, appended, conflicts });
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('INTERNAL', undefined, { cause: error });
      for (const place of share.places) {
        request.outcomes[place] ??= { outcome: 'failed', eventId: idOf(request.examined[place]), fault };
      }
    }
  }

  async #keepConflicts(
    { tenant, places }: Share,
    about: {
      readonly request: Request;
      readonly appended: readonly AppendOutcome[];
      readonly conflicts: readonly number[];
    },
  ): Promise<void> {
    const { request, appended, conflicts } = about;
    const records: NewRecord[] = [];
    const conflicting: number[] = [];
    const firsts: Position[] = [];
    for (const index of conflicts) {
      const place = places[index];
      const first = appended[index]?.position;
      if (place === undefined || !first) continue;
      records.push(
        deadLetterOf({
          tenant,
          eventId: idOf(request.examined[place]),
          errors: CONFLICT,
          sent: request.inputs[place]?.sent() ?? new Uint8Array(0),
          source: request.sender.source,
          receivedAtMs: request.nowMs,
          first,
        }),
      );
      conflicting.push(place);
      firsts.push(first);
    }
    const share: Share = { tenant, channel: 'dead_letters', records, places: conflicting };
    const kept = await this.#append(share, request.sender);
    const identity = await this.#identityOf(tenant, 'events');
    const deadIdentity = await this.#identityOf(tenant, 'dead_letters');
    conflicting.forEach((place, index) => {
      const first = firsts[index];
      const own = kept[index]?.position;
      if (!first || !own) return;
      request.outcomes[place] = {
        outcome: 'conflict',
        eventId: idOf(request.examined[place]) ?? '',
        receipt: receiptOf(identity, first),
        deadLetter: receiptOf(deadIdentity, own),
        errors: CONFLICT,
      };
    });
  }

  async #append(share: Share, sender: Sender): Promise<readonly AppendOutcome[]> {
    const { log, tenants } = this.#options;
    const { tenant, records } = share;
    if (!tenants.get(tenant)) {
      await tenants.ensure(tenant, { actor: sender.actor, reason: 'first event' });
    }
    try {
      const appended = await log.append({ tenant, channel: share.channel }, records);
      this.#logAvailable = true;
      return appended;
    } catch (error) {
      this.#logAvailable = error instanceof Fault && error.code === 'LOG_OVERLOADED';
      throw error;
    }
  }

  /** Fixed when the log was created, so asked for once. */
  async #identityOf(tenant: TenantId, name: LogChannel): Promise<string> {
    const key = `${name} ${tenant}`;
    let identity = this.#identities.get(key);
    if (identity === undefined) {
      identity = (await this.#options.log.bounds({ tenant, channel: name })).identity;
      this.#identities.set(key, identity);
    }
    return identity;
  }

  #count(examined: Examined | undefined, outcome: EventOutcome, { source, actor }: Sender): void {
    const tenant = examined?.tenant;
    this.#counters.count(tenant, outcome);
    if (!rejections.hasSubscribers) return;
    if (outcome.outcome === 'accepted' || outcome.outcome === 'duplicate') return;
    rejections.publish({ tenant, source, actor, ...reasonOf(outcome) });
  }
}

function reasonOf(outcome: EventOutcome): object {
  const about = { event_id: outcome.eventId, outcome: outcome.outcome };
  switch (outcome.outcome) {
    case 'accepted':
    case 'duplicate':
      return about;
    case 'conflict':
    case 'rejected':
      return { ...about, errors: outcome.errors, dead_letter: outcome.deadLetter };
    case 'failed':
      return { ...about, code: outcome.fault.code };
  }
}

const CONFLICT: readonly FieldError[] = [
  { field: 'event_id', code: 'conflict', message: 'stands in the log with another content' },
];

function receiptOf(logIdentity: string, { partition, offset }: Position): Receipt {
  return {
    partition,
    offset: offset.toString(),
    token: formatReceipt({ logIdentity, partition, offset }),
  };
}

function outcomeOf(
  examined: Examined | undefined,
  outcome: 'accepted' | 'duplicate',
  receipt: Receipt,
): EventOutcome {
  if (examined?.ok) {
    return { outcome, eventId: examined.event.event_id, receipt, warnings: examined.warnings };
  }
  return {
    outcome: 'rejected',
    eventId: examined?.eventId,
    errors: examined?.errors ?? [],
    deadLetter: receipt,
  };
}

/** Of an input that is kept nowhere: it has no tenant, or one that its sender may not create. */
function homeless(examined: Examined): EventOutcome {
  const errors: readonly FieldError[] = !examined.ok
    ? examined.errors
    : [{ field: 'tenant_id', code: 'tenant_unknown', message: 'is no tenant of this platform' }];
  return { outcome: 'rejected', eventId: idOf(examined), errors, deadLetter: undefined };
}

function idOf(examined: Examined | undefined): string | undefined {
  return examined?.ok ? examined.event.event_id : examined?.eventId;
}
