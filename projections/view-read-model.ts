import { compareGenerations, nameOf } from './compare-generations.ts';
import type { Compared } from './compare-generations.ts';
import { LIVE_VIEWS } from './live-views.ts';
import type { ProjectorThread } from './projector-thread.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';
import { threadedReadModel } from './threaded-read-model.ts';
import type { ViewContent, ViewScope, ViewStore, ViewUpkeep } from './view-store.ts';
import { VIEWS } from './views.ts';

export type ViewReadModelDeps = {
  readonly thread: ProjectorThread;
  readonly views: Pick<ViewStore, 'read'> & Pick<ViewUpkeep, 'scan' | 'drop'>;
  /** Epoch ms. */
  readonly clock: () => number;
};

/**
 * The live views as a read model in generations; all views are one. Two generations are compared collection by
 * collection at one instant: now, or a later one at which something has been removed already. Their numbers are
 * sums and newest instants, out of which the share of some records cannot be taken, so they are rebuilt whole.
 */
export function createViewReadModel({ thread, views, clock }: ViewReadModelDeps): ReadModel {
  const { name: projection, version } = LIVE_VIEWS;
  const scopeOf = ({ tenant, generation }: GenerationOf): ViewScope => ({ projection, generation, tenant });

  async function stand(of: GenerationOf) {
    const answer = await views.read(scopeOf(of), []);
    return answer ?? { vector: [], prunedAtMs: 0 };
  }

  return threadedReadModel({
    projection,
    version,
    thread,
    stand: async (of) => (await stand(of)).vector,

    async compare(active, candidate, signal) {
      const pruned = [await stand(active), await stand(candidate)].map(({ prunedAtMs }) => prunedAtMs);
      const atMs = Math.max(clock(), ...pruned);
      const contentOf = (of: GenerationOf): AsyncIterable<Compared> =>
        collections(views.scan(scopeOf(of), atMs));
      return compareGenerations(contentOf(active), contentOf(candidate), signal);
    },

    drop: (of) => views.drop(scopeOf(of)),
  });
}

async function* collections(contents: AsyncIterable<ViewContent>): AsyncIterable<Compared> {
  for await (const { key, entries } of contents) {
    const { view, bucketMs, id } = key;
    const members = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    const bucket = VIEWS[view].bucketMs === undefined ? [] : [bucketMs];
    yield {
      key: [view, bucketMs, id],
      name: () => nameOf(view, ...bucket.map((ms) => new Date(ms).toISOString()), id),
      text: JSON.stringify(Object.fromEntries(members)),
      fields: () => new Map(members.map(([member, amount]) => [member, String(amount)])),
    };
  }
}
