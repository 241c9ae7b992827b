export { parseEvent, parseObject } from './parse-event.ts';
export type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';
export { startFactProjector } from './fact-projector.ts';
export type { ProjectorTuning } from './projector.ts';
export type { FactProjectorDeps, FactProjectorTuning } from './fact-projector.ts';
export type { FactProgress, FactState } from './fact-progress.ts';
export type { FactAnswer, FactBatch, FactCopies, FactQuery, FactStore } from './fact-store.ts';
export { FACT_VIEWS, factViewSelect } from './fact-views.ts';
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
export { LIVE_VIEWS, MEASURES, PAGE_VIEW_NAMES, VIEWING_ACTIONS } from './live-views.ts';
export type { ViewProgress, ViewState } from './view-progress.ts';
export { hostProjectors } from './hosted-projectors.ts';
export type { HostedProjector, OpenProjectors, StartProjector, Surroundings } from './hosted-projectors.ts';
export { startProjectorThread } from './projector-thread.ts';
export { startProjectorThreads } from './projector-threads.ts';
export type { ProjectorThread, ProjectorThreadOptions } from './projector-thread.ts';
export type { ProjectorOf } from './projector-messages.ts';
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
export { createDocumentReadModel } from './document-read-model.ts';
export type { DocumentReadModelDeps } from './document-read-model.ts';
export { createViewReadModel } from './view-read-model.ts';
export type { ViewReadModelDeps } from './view-read-model.ts';
export type { GenerationOf, ReadModel } from './read-model.ts';
export { createThreadedReadModels } from './threaded-read-models.ts';
export { startCatalogueCopies } from './catalogue-copies.ts';
export type { CatalogueCopies, CatalogueCopiesDeps } from './catalogue-copies.ts';
export { ConfirmationTimes } from './confirmation-times.ts';
export type { ConfirmedBy, ConfirmedSince } from './confirmation-times.ts';
export { startDeadLetterIndex } from './dead-letter-index.ts';
export type { DeadLetterIndex, DeadLetterIndexDeps, DeadLettersOf } from './dead-letter-index.ts';
export type { DeadLetterCheckpoint, DeadLetterOffsets, DeadLetterStore } from './dead-letter-store.ts';
export { createRebuildRouter } from './http-rebuilds.ts';
export type { RebuildRouterOptions } from './http-rebuilds.ts';
export type {
  ProjectionDocument,
  RebuildDocument,
  ScopeDocument,
  VerificationDocument,
} from './rebuild-document.ts';
export { REBUILD_ROUTES } from './rebuild-openapi.ts';
export { COMMAND_MEMBERS } from './rebuild-request.ts';
export type { ProjectionCommand } from './rebuild-request.ts';
export type {
  GenerationStatus,
  ProjectionOf,
  ProjectionStatus,
  RebuildStatus,
  Rebuilds,
} from './rebuilds.ts';
export { openGenerations, sharingOf } from './generations.ts';
export type {
  Generations,
  GenerationsChanged,
  GenerationsOptions,
  WantedOfGenerations,
} from './generations.ts';
export { openRebuilds } from './rebuild-runner.ts';
export type { RebuildsDeps } from './rebuild-runner.ts';
export { openFactReadModel } from './fact-read-model.ts';
export type { FactReadModel, FactReadModelDeps } from './fact-read-model.ts';
export type { FactGenerations, RowDifference, Tally } from './fact-generations.ts';
export { activeFacts } from './active-facts.ts';
export { openFacts } from './open-facts.ts';
export type { OpenFacts, OpenFactsDeps } from './open-facts.ts';
export { openFactViewUpkeep } from './fact-view-upkeep.ts';
export type { FactViewUpkeepDeps } from './fact-view-upkeep.ts';
export { FACTS } from './facts-version.ts';
export type { Compared, ComparedHour, Completeness, FactCompleteness } from './fact-completeness.ts';
export { countRepeatedIds } from './fact-counts.ts';
export type { ExtentDifference, ExtentReport, FactExtents } from './fact-extents.ts';
export type { FactRepair, RepairReport, RepairScope } from './fact-repair.ts';
export { startFactUpkeep } from './fact-upkeep.ts';
export type { FactUpkeep, FactUpkeepDeps } from './fact-upkeep.ts';
export type { HourLedger } from './hour-ledger.ts';
export { HOUR_LEDGER, startHourLedgerProjector } from './hour-ledger-projector.ts';
export type { HourLedgerProjectorDeps } from './hour-ledger-projector.ts';
export type { HourLedgerStore } from './hour-ledger-store.ts';
export type { GenerationProgress, ProjectionProgress, ProjectionState } from './projection-progress.ts';
