import type { TenantId } from '#domain';
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
