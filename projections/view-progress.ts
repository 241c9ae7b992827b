import type { GenerationProgress, ProjectionState } from './projection-progress.ts';
import type { ViewScope } from './view-store.ts';

/** How far the active generation of a tenant's live views has come. */
export type ViewState = ProjectionState & {
  /** What to read them by. */
  readonly scope: ViewScope;
};

/** Tells readers how far the live views are, and lets them wait for a position. */
export type ViewProgress = GenerationProgress<ViewState>;
