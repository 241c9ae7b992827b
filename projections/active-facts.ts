import type { TenantId } from '#domain';
import type { Tenants } from '#log';
import type { FactProgress } from './fact-progress.ts';
import type { FactReadModel } from './fact-read-model.ts';
import type { Generations } from './generations.ts';
import type { GenerationOf } from './read-model.ts';

/** The facts as questions see them: of each tenant the active generation, and by their number the others kept. */
export function activeFacts(
  facts: Pick<FactReadModel, 'projection' | 'state' | 'waitFor'>,
  generations: Pick<Generations, 'active' | 'kept'>,
): FactProgress {
  const { projection } = facts;
  const active = (tenant: TenantId): GenerationOf => ({
    tenant,
    generation: generations.active(projection, tenant),
  });
  return {
    state: (tenant) => facts.state(active(tenant)),
    waitFor: (tenant, vector, signal) => facts.waitFor(active(tenant), vector, signal),
    async kept(tenant, generation) {
      return generations.kept(projection, tenant).includes(generation)
        ? facts.state({ tenant, generation })
        : undefined;
    },
  };
}

/**
 * The generations out of which facts before an instant may be dropped: those in which the aggregates of what
 * goes have been made for every tenant. A number that is only being built for some tenant is none of them.
 */
export function expirableFacts(
  facts: Pick<FactReadModel, 'projection' | 'isSealedBefore'>,
  generations: Pick<Generations, 'of'>,
  tenants: Pick<Tenants, 'list'>,
): (beforeMs: number) => readonly number[] {
  return (beforeMs) => {
    const kept = tenants.list().flatMap(({ id: tenant }) =>
      generations
        .of({ projection: facts.projection, tenant })
        .all.filter(({ role }) => role !== 'dropped')
        .map(({ generation, role }) => ({ tenant, generation, role })),
    );
    return [...Map.groupBy(kept, ({ generation }) => generation)]
      .filter(([, all]) => all.every((one) => one.role !== 'building' && facts.isSealedBefore(one, beforeMs)))
      .map(([generation]) => generation);
  };
}
