import { Fault, covers } from '#domain';
import type { PositionVector } from '#domain';
import { announced } from './announced.ts';
import type { ProjectorThread } from './projector-thread.ts';
import type { GenerationComparison, GenerationOf, ReadModel } from './read-model.ts';

/** What one kind of read model adds to what they have in common. */
export type ThreadedReadModelParts = Pick<ReadModel, 'projection' | 'version'> & {
  readonly thread: ProjectorThread;
  /** How far the store says that the generation is folded. */
  stand(of: GenerationOf): Promise<PositionVector>;
  compare(active: GenerationOf, candidate: GenerationOf, signal: AbortSignal): Promise<GenerationComparison>;
  drop(of: GenerationOf): Promise<void>;
};

/** A read model that is folded whole or not at all, by projectors in a thread. */
export function threadedReadModel(parts: ThreadedReadModelParts): ReadModel {
  const { projection, version, thread } = parts;
  const projectorOf = (of: GenerationOf) => ({ projection, tenant: of.tenant, generation: of.generation });

  async function checkStand(of: GenerationOf, vector: PositionVector): Promise<void> {
    const own = await parts.stand(of);
    if (covers(own, vector) && covers(vector, own)) return;
    throw new Fault(
      'INTERNAL',
      `Generation ${of.generation} of ${projection} does not stand where it is compared.`,
      {
        details: { tenant: of.tenant, stands: own.join('.'), compared: vector.join('.') },
      },
    );
  }

  return {
    projection,
    version,
    scopes: [],

    async follow(of, limit) {
      thread.follow(projectorOf(of), limit);
    },

    async standStill(of, reason) {
      thread.standStill(projectorOf(of), reason);
    },

    state: (of) => thread.state(projectorOf(of)),
    waitFor: (of, vector, signal) => thread.waitFor(projectorOf(of), vector, signal),
    limit: (of, to) => thread.limit(projectorOf(of), to),
    leave: (of) => thread.leave(projectorOf(of)),

    async copyRest() {
      throw new Fault('INTERNAL', `${projection} can be rebuilt whole only.`);
    },

    async compare(active, candidate, vector, signal) {
      const both = [active, candidate];
      for (const of of both) await checkStand(of, vector);
      const comparison = await parts.compare(active, candidate, signal);
      // Whoever let one of them go on meanwhile has compared two different things.
      for (const of of both) await checkStand(of, vector);
      return comparison;
    },

    drop: (of) => announced({ what: 'dropped', projection, ...of }, () => parts.drop(of)),
  };
}
