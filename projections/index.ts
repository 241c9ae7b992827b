export type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';
export { startFactProjector } from './fact-projector.ts';
export type { FactProjectorDeps, FactProjectorTuning } from './fact-projector.ts';
export type { FactProgress, FactState } from './fact-progress.ts';
export type { FactAnswer, FactBatch, FactCopies, FactQuery, FactStore } from './fact-store.ts';
export { FACT_VIEWS } from './fact-views.ts';
export { openFactsHorizon } from './facts-horizon.ts';
export type { FactsHorizon, FactsHorizonOptions, Horizon } from './facts-horizon.ts';
export { DATABASE, tablesOf } from './facts-schema.ts';
