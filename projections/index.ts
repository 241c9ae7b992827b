export type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';
export { startFactProjector } from './fact-projector.ts';
export type { FactProjectorDeps, FactProjectorTuning } from './fact-projector.ts';
export type { FactProgress, FactState } from './fact-progress.ts';
export type { FactAnswer, FactBatch, FactCopies, FactQuery, FactStore } from './fact-store.ts';
export { FACT_VIEWS } from './fact-views.ts';
export { DATABASE, tablesOf } from './facts-schema.ts';
export { MEASURES, PAGE_VIEW_NAMES, VIEWING_ACTIONS } from './live-views.ts';
export type { ViewProgress, ViewState } from './view-progress.ts';
export { startViewProjector } from './view-projector.ts';
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
export { VIEWS, VIEW_NAMES, hasExpired, joinIds, splitIds, viewBucketOf } from './views.ts';
export type { ViewDefinition, ViewKey, ViewName } from './views.ts';
