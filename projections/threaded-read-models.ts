import { createDocumentReadModel } from './document-read-model.ts';
import { ITEMS, USER_PROFILES } from './document-projection.ts';
import type { DocumentStore } from './document-store.ts';
import type { ProjectorThread } from './projector-thread.ts';
import type { ReadModel } from './read-model.ts';
import { createViewReadModel } from './view-read-model.ts';
import type { ViewStore, ViewUpkeep } from './view-store.ts';

/** The live views, the items and the user profiles, in this order. */
export function createThreadedReadModels(deps: {
  readonly thread: ProjectorThread;
  readonly views: Pick<ViewStore, 'read'> & Pick<ViewUpkeep, 'scan' | 'drop'>;
  readonly documents: Pick<DocumentStore, 'list' | 'checkpoint' | 'drop'>;
  /** Epoch ms. */
  readonly clock: () => number;
}): readonly ReadModel[] {
  return [
    createViewReadModel(deps),
    createDocumentReadModel({ ...deps, projection: ITEMS }),
    createDocumentReadModel({ ...deps, projection: USER_PROFILES }),
  ];
}
