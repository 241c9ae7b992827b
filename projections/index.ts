export type { Checkpoint, CheckpointKey, CheckpointStore } from './checkpoint-store.ts';
export type { FactAnswer, FactBatch, FactQuery, FactStore } from './fact-store.ts';
export type { FactProgress, FactState } from './fact-progress.ts';
