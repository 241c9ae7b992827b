import type { PositionVector, TenantId } from '#domain';
import { FollowedTenant } from './followed-tenant.ts';
import type { ProjectorOf } from './projector-messages.ts';

/** A generation that is folded in another thread, as far as it is known here. */
export class FollowedGeneration {
  readonly of: ProjectorOf;
  /** Its limit is the one to be told when the thread is started again. */
  readonly known: FollowedTenant;
  /** The number under which its limit was set last. */
  limitAsk = 0;
  #standsStill: string | undefined;

  constructor(of: ProjectorOf, limit: PositionVector | undefined) {
    this.of = of;
    this.known = new FollowedTenant(of.tenant);
    this.known.limit = limit;
  }

  /** Why nothing may be folded into it; undefined when it may. */
  get standsStill(): string | undefined {
    return this.#standsStill;
  }

  set standsStill(reason: string | undefined) {
    this.#standsStill = reason;
    this.#showWhetherItStandsStill();
  }

  /** The thread says how far it is. */
  confirm({ logIdentity, vector }: { readonly logIdentity: string; readonly vector: PositionVector }): void {
    this.known.logIdentity = logIdentity;
    this.known.confirm(vector);
    this.#showWhetherItStandsStill();
  }

  /** For a reason that is of no one position. */
  pause(reason: string): void {
    this.known.pause({ reason, partition: 0, offset: this.known.confirmed[0] ?? 0n });
  }

  #showWhetherItStandsStill(): void {
    // Before it is known where it stands nobody is to hear that it stands there.
    if (this.known.logIdentity === undefined) return;
    if (this.#standsStill !== undefined) this.pause(this.#standsStill);
    else if (this.known.paused) this.known.pause(undefined);
  }
}

/** Generations by tenant, projection and number. */
export class FollowedGenerations {
  readonly #byTenant = new Map<TenantId, Map<string, FollowedGeneration>>();

  find(of: ProjectorOf): FollowedGeneration | undefined {
    return this.#byTenant.get(of.tenant)?.get(nameOf(of));
  }

  add(generation: FollowedGeneration): void {
    const { of } = generation;
    const ofTenant = this.#byTenant.get(of.tenant) ?? new Map<string, FollowedGeneration>();
    this.#byTenant.set(of.tenant, ofTenant.set(nameOf(of), generation));
  }

  remove(of: ProjectorOf): void {
    this.#byTenant.get(of.tenant)?.delete(nameOf(of));
  }

  ofTenant(tenant: TenantId): Iterable<FollowedGeneration> {
    return this.#byTenant.get(tenant)?.values() ?? [];
  }

  all(): readonly FollowedGeneration[] {
    return [...this.#byTenant.values()].flatMap((ofTenant) => [...ofTenant.values()]);
  }
}

function nameOf({ projection, generation }: ProjectorOf): string {
  return `${projection}/${generation}`;
}
