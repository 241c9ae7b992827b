export { parseEvent, parseObject } from './parse-event.ts';
export type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';
export { startFactProjector } from './fact-projector.ts';
export type { ProjectorTuning } from './projector.ts';
export type { FactProjectorDeps, FactProjectorTuning } from './fact-projector.ts';
export type { FactProgress, FactState } from './fact-progress.ts';
export type { FactAnswer, FactBatch, FactCopies, FactQuery, FactStore } from './fact-store.ts';
export { FACT_VIEWS } from './fact-views.ts';
export { openFactsHorizon } from './facts-horizon.ts';
export type { FactsHorizon, FactsHorizonOptions, Horizon } from './facts-horizon.ts';
export { DATABASE, tablesOf } from './facts-schema.ts';
export type { SealEntry, SealKey, SealStore } from './seal-store.ts';
export { startSealer } from './sealer.ts';
export type { Sealer, SealerDeps, SealerTuning } from './sealer.ts';
export { Seals } from './seals.ts';
export type { SealedDay } from './seals.ts';
export type { SliceCounts, SliceStore, StoredSlice } from './slice-store.ts';
export {
  COMPLETIONS,
  COMPLETION_MILLIONTHS,
  EVENT_COMPLETION_MILLIONTHS,
  EVENT_WATCH_MS,
  SLICE_TABLES,
  WATCH_MS,
  sliceTableOf,
} from './slice-tables.ts';
export { SLICE_VIEWS, countedAction, countedConversions, sliceViewSelect } from './slice-views.ts';
export { MEASURES, PAGE_VIEW_NAMES, VIEWING_ACTIONS } from './live-views.ts';
export type { ViewProgress, ViewState } from './view-progress.ts';
export { hostProjectors } from './hosted-projectors.ts';
export type { HostedProjector, OpenProjectors, Surroundings } from './hosted-projectors.ts';
export { startProjectorThread } from './projector-thread.ts';
export type { ProjectorThread, ProjectorThreadOptions } from './projector-thread.ts';
export { startViewProjector, viewProgressOf } from './view-projector.ts';
export type { ViewProjectorDeps, ViewProjectorTuning } from './view-projector.ts';
export type {
  ViewAnswer,
  ViewApplied,
  ViewBatch,
  ViewChange,
  ViewClaim,
  ViewContent,
  ViewFound,
  ViewScope,
  ViewStep,
  ViewStore,
  ViewUpkeep,
  ViewWanted,
} from './view-store.ts';
export { ViewRecount, changedParts } from './view-recount.ts';
export type { ViewPart } from './view-recount.ts';
export { VIEWS, VIEW_NAMES, hasExpired, joinIds, splitIds, viewBucketOf } from './views.ts';
export type { ViewDefinition, ViewKey, ViewName } from './views.ts';
export { ITEMS, USER_PROFILES } from './document-projection.ts';
export type { DocumentProjection } from './document-projection.ts';
export { documentProgressOf, startDocumentProjector } from './document-projector.ts';
export type { DocumentProgress, DocumentProjectorDeps, DocumentState } from './document-projector.ts';
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
export type { ProjectionProgress, ProjectionState } from './projection-progress.ts';
