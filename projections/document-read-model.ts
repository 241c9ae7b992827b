import { setImmediate } from 'node:timers/promises';
import { canonicalJson } from '#domain';
import type { Json } from '#domain';
import { compareGenerations, nameOf } from './compare-generations.ts';
import type { Compared } from './compare-generations.ts';
import type { DocumentProjection } from './document-projection.ts';
import type { DocumentId, DocumentSet, DocumentStore } from './document-store.ts';
import type { ProjectorThread } from './projector-thread.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';
import { threadedReadModel } from './threaded-read-model.ts';

export type DocumentReadModelDeps = {
  readonly projection: Pick<DocumentProjection<unknown>, 'name' | 'version'>;
  readonly thread: ProjectorThread;
  readonly documents: Pick<DocumentStore, 'list' | 'checkpoint' | 'drop'>;
};

/** Documents read in one go, before others get their turn. */
const PAGE = 100;

/**
 * The documents of a projection as a read model in generations, compared document by document. A document adds
 * its events up, so the share of some of them cannot be taken out of it: they are rebuilt whole.
 */
export function createDocumentReadModel(deps: DocumentReadModelDeps): ReadModel {
  const { projection, thread, documents } = deps;
  const setOf = ({ tenant, generation }: GenerationOf): DocumentSet => ({
    name: projection.name,
    generation,
    tenant,
  });

  async function* contentOf(of: GenerationOf): AsyncIterable<Compared> {
    for (let after: DocumentId | undefined; ;) {
      const page = await documents.list(setOf(of), { limit: PAGE, ...(after && { after }) });
      for (const { id, body } of page) {
        yield {
          key: id,
          name: () => nameOf(...id),
          text: canonicalJson(body),
          fields: () => fieldsOf(body),
        };
      }
      if (page.length < PAGE) return;
      after = page.at(-1)?.id;
      await setImmediate();
    }
  }

  return threadedReadModel({
    projection: projection.name,
    version: projection.version,
    thread,
    stand: async (of) => (await documents.checkpoint(setOf(of)))?.vector ?? [],
    compare: (active, candidate, signal) =>
      compareGenerations(contentOf(active), contentOf(candidate), signal),
    drop: (of) => documents.drop(setOf(of)),
  });
}

/** Everything that is no object, by its path: `features.devices.mobile`. */
function fieldsOf(value: Json, path = ''): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const members =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (members.length === 0) return fields.set(path, canonicalJson(value));
  for (const [name, member] of members) {
    for (const [inner, text] of fieldsOf(member, path === '' ? name : `${path}.${name}`))
      fields.set(inner, text);
  }
  return fields;
}
