export type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';
export { startFactProjector } from './fact-projector.ts';
export type { FactProjectorDeps, FactProjectorTuning } from './fact-projector.ts';
export type { FactProgress, FactState } from './fact-progress.ts';
export type { FactAnswer, FactBatch, FactCopies, FactQuery, FactStore } from './fact-store.ts';
export { FACT_VIEWS } from './fact-views.ts';
export { DATABASE, tablesOf } from './facts-schema.ts';
export { ITEMS, USER_PROFILES } from './document-projection.ts';
export type { DocumentProjection } from './document-projection.ts';
export { startDocumentProjector } from './document-projector.ts';
export type {
  DocumentProgress,
  DocumentProjectorDeps,
  DocumentProjectorTuning,
  DocumentState,
} from './document-projector.ts';
export type {
  DocumentBatch,
  DocumentCollection,
  DocumentId,
  DocumentPage,
  DocumentSet,
  DocumentStore,
  DocumentWrite,
  DocumentsApplied,
  KeptDocument,
} from './document-store.ts';
export { startCatalogueCopies } from './catalogue-copies.ts';
export type { CatalogueCopies, CatalogueCopiesDeps } from './catalogue-copies.ts';
