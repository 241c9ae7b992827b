import { Fault, decideGenerations } from '#domain';
import type { Acting, GenerationRefusal, RebuildScope, TenantId } from '#domain';
import type { EventLog, Tenants } from '#log';
import type { Generations, WantedOfGenerations } from './generations.ts';
import { projectionStatus } from './projection-status.ts';
import type { ReadModel } from './read-model.ts';
import type { ProjectionOf, ProjectionStatus, Rebuilds } from './rebuilds.ts';
import { TendedProjection } from './tended-projection.ts';

export type RebuildsDeps = {
  readonly generations: Generations;
  readonly readModels: readonly ReadModel[];
  readonly log: Pick<EventLog, 'bounds'>;
  readonly tenants: Pick<Tenants, 'get' | 'list' | 'onTenant'>;
  /** Epoch ms. */
  readonly clock: () => number;
};

const BY_ITSELF: Acting = { actor: 'daybook', reason: 'a projection of this process' };
/** How often at most a listener is called. */
const HEARD_EVERY_MS = 200;

/**
 * Keeps the generations of every read model and tenant as the control plane says, and takes commands about them.
 * A tenant's read model is adopted when it is first seen: from then on it is known which logic folded it.
 */
export function openRebuilds(deps: RebuildsDeps): Rebuilds {
  return new RebuildRunner(deps);
}

class RebuildRunner implements Rebuilds {
  readonly #deps: RebuildsDeps;
  readonly #models: ReadonlyMap<string, ReadModel>;
  /** Projection → tenant → who tends it. */
  readonly #tended = new Map<string, Map<TenantId, TendedProjection>>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #following = new DisposableStack();

  constructor(deps: RebuildsDeps) {
    this.#deps = deps;
    this.#models = new Map(deps.readModels.map((model) => [model.projection, model]));
    this.#following.use(
      deps.tenants.onTenant(({ id }) => {
        for (const model of this.#models.values()) this.#take(model, id);
      }),
    );
    this.#following.use(
      deps.generations.onChange((of) => {
        void this.#tended.get(of.projection)?.get(of.tenant)?.tend();
        this.#hear(of);
      }),
    );
  }

  async list(tenant?: TenantId): Promise<readonly ProjectionStatus[]> {
    const { tenants } = this.#deps;
    if (tenant !== undefined) this.#check(tenant);
    const ids = tenant === undefined ? tenants.list().map(({ id }) => id) : [tenant];
    const all = ids.flatMap((id) =>
      [...this.#models.keys()].map((projection) => this.show({ projection, tenant: id })),
    );
    return Promise.all(all);
  }

  async show(of: ProjectionOf): Promise<ProjectionStatus> {
    const { model, tended } = this.#find(of);
    const { generations, log } = this.#deps;
    return projectionStatus({ of, model, log, state: generations.of(of), tended });
  }

  onChange(of: ProjectionOf, listener: () => void): Disposable {
    this.#find(of);
    const listeners = this.#listeners.get(nameOf(of)) ?? new Set();
    this.#listeners.set(nameOf(of), listeners);
    const own = throttled(listener);
    listeners.add(own.call);
    return {
      [Symbol.dispose]: () => {
        listeners.delete(own.call);
        own.stop();
      },
    };
  }

  async rebuild(
    of: ProjectionOf,
    { scope, activate }: { readonly scope: RebuildScope; readonly activate: boolean },
    by: Acting,
  ): Promise<ProjectionStatus> {
    const { version, scopes } = this.#find(of).model;
    await this.#deps.generations.adopted(of);
    for (;;) {
      const generation = this.#deps.generations.nextNumber(of, version);
      const start = { type: 'start', generation, version, scope, activate, scopes } as const;
      const changed = await this.#deps.generations.change(of, start, by);
      if (changed.ok) return this.show(of);
      // Somebody has begun one with this number meanwhile, and given it up again.
      if (changed.reason !== 'generation_taken') throw refused(changed.reason);
    }
  }

  pause(of: ProjectionOf, by: Acting): Promise<ProjectionStatus> {
    return this.#command(of, { type: 'pause' }, by);
  }

  async resume(of: ProjectionOf, by: Acting): Promise<ProjectionStatus> {
    return this.#command(of, { type: 'resume', version: this.#find(of).model.version }, by);
  }

  cancel(of: ProjectionOf, by: Acting): Promise<ProjectionStatus> {
    return this.#command(of, { type: 'cancel' }, by);
  }

  verify(of: ProjectionOf, by: Acting): Promise<ProjectionStatus> {
    return this.#command(of, { type: 'verify' }, by);
  }

  accept(of: ProjectionOf, names: readonly string[], by: Acting): Promise<ProjectionStatus> {
    return this.#command(of, { type: 'accept', names }, by);
  }

  activate(of: ProjectionOf, by: Acting): Promise<ProjectionStatus> {
    return this.#turn(of, { type: 'activate' }, by);
  }

  rollback(of: ProjectionOf, by: Acting): Promise<ProjectionStatus> {
    return this.#turn(of, { type: 'rollback' }, by);
  }

  drop(of: ProjectionOf, generation: number, by: Acting): Promise<ProjectionStatus> {
    return this.#command(of, { type: 'drop', generation }, by);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following.dispose();
    const tended = [...this.#tended.values()].flatMap((tenants) => [...tenants.values()]);
    await Promise.all(tended.map((one) => one[Symbol.asyncDispose]()));
  }

  async #command(of: ProjectionOf, wanted: WantedOfGenerations, by: Acting): Promise<ProjectionStatus> {
    this.#find(of);
    await this.#deps.generations.adopted(of);
    const changed = await this.#deps.generations.change(of, wanted, by);
    if (!changed.ok) throw refused(changed.reason);
    return this.show(of);
  }

  /** Another generation becomes active: not before it holds what the active one holds. */
  async #turn(
    of: ProjectionOf,
    wanted: Extract<WantedOfGenerations, { readonly type: 'activate' | 'rollback' }>,
    by: Acting,
  ): Promise<ProjectionStatus> {
    const { tended } = this.#find(of);
    const { generations, clock } = this.#deps;
    await generations.adopted(of);
    const decided = decideGenerations(generations.of(of), { ...wanted, atMs: clock(), by });
    if (!decided.ok) throw refused(decided.reason);
    const turn = decided.events.find((event) => event.type === 'generation_activated');
    return tended.activate(turn?.generation, () => this.#command(of, wanted, by));
  }

  #take(model: ReadModel, tenant: TenantId): void {
    const { generations, clock } = this.#deps;
    const of = { projection: model.projection, tenant };
    const own = this.#tended.get(of.projection) ?? new Map<TenantId, TendedProjection>();
    this.#tended.set(of.projection, own);
    if (own.has(tenant)) return;
    const moved = (): void => {
      this.#hear(of);
    };
    const tended = new TendedProjection({ of, model, generations, clock, moved });
    own.set(tenant, tended);
    if (generations.of(of).all.length > 0) {
      void tended.tend();
      return;
    }
    const generation = generations.nextNumber(of, model.version);
    // Whoever sends the tenant's first event may ask for it before the control plane has said what is so anyway.
    if (generation === generations.active(of.projection, tenant)) tended.takeUp(generation);
    // A failure means that the control plane is closed or broken; then nothing can be adopted.
    generations
      .change(of, { type: 'adopt', generation, version: model.version }, BY_ITSELF)
      .catch(() => undefined);
  }

  #find(of: ProjectionOf): { readonly model: ReadModel; readonly tended: TendedProjection } {
    const model = this.#models.get(of.projection);
    if (!model) {
      const known = [...this.#models.keys()];
      throw new Fault(
        'PROJECTION_UNKNOWN',
        `There is no projection ${of.projection}, but ${known.join(', ')}.`,
        {
          details: { projections: known },
        },
      );
    }
    this.#check(of.tenant);
    const tended = this.#tended.get(of.projection)?.get(of.tenant);
    if (!tended) throw new Fault('TENANT_UNKNOWN');
    return { model, tended };
  }

  #check(tenant: TenantId): void {
    if (!this.#deps.tenants.get(tenant)) throw new Fault('TENANT_UNKNOWN');
  }

  #hear(of: ProjectionOf): void {
    for (const listener of this.#listeners.get(nameOf(of)) ?? []) listener();
  }
}

function nameOf({ projection, tenant }: ProjectionOf): string {
  return `${projection}/${tenant}`;
}

/** Calls now, and what comes meanwhile once later. */
function throttled(listener: () => void): { readonly call: () => void; readonly stop: () => void } {
  let resting: NodeJS.Timeout | undefined;
  let isWanted = false;
  const call = (): void => {
    if (resting) {
      isWanted = true;
      return;
    }
    resting = setTimeout(() => {
      resting = undefined;
      if (!isWanted) return;
      isWanted = false;
      call();
    }, HEARD_EVERY_MS);
    listener();
  };
  return {
    call,
    stop: () => {
      clearTimeout(resting);
    },
  };
}

const REFUSALS: Readonly<Record<GenerationRefusal, string>> = {
  not_adopted: 'The projection of this tenant is only being set up; try again.',
  rebuild_unfinished: 'Another rebuild of it is unfinished: wait for it, activate it or cancel it.',
  generation_taken: 'The number of the generation is taken.',
  scope_not_supported: 'It can be rebuilt whole only: what it adds up cannot be taken back in part.',
  scope_empty: 'The part to rebuild is empty.',
  older_logic:
    'It was folded by another version of the logic; only a whole new rebuild brings it up to date.',
  no_rebuild: 'There is no rebuild of it under way.',
  not_running: 'Nothing of it runs.',
  not_paused: 'Its rebuild is not paused and has not failed.',
  not_verified: 'The rebuilt generation has not been verified yet.',
  differences_not_accepted: 'It differs from the active one; accept the differences by name first.',
  nothing_differs: 'Nothing differs that would have to be accepted.',
  no_such_difference: 'No difference of that name was found.',
  no_other_generation: 'No other generation of it is kept.',
  generation_unknown: 'It has no generation of that number.',
  generation_active: 'The generation is the active one.',
};

function refused(reason: GenerationRefusal): Fault {
  return new Fault('PROJECTION_COMMAND_REFUSED', REFUSALS[reason], { details: { reason } });
}
