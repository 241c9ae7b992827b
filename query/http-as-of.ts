import { Router } from 'express';
import { createDiffs } from './diffs.ts';
import type { DiffsOptions } from './diffs.ts';
import type { LiveExplanationsOptions } from './explain-live.ts';
import type { ProfileExplanationsOptions } from './explain-profile.ts';
import { createDiffRouter } from './http-diff.ts';
import { createReadModelExplanationRouter } from './http-explain-read-models.ts';

/**
 * Routes of `diff` and of the explanations of live views and profiles. Faults are passed to the next error
 * handler.
 */
export function createAsOfRouter(
  options: LiveExplanationsOptions & ProfileExplanationsOptions & DiffsOptions,
): Router {
  return Router()
    .use(createDiffRouter(createDiffs(options)))
    .use(createReadModelExplanationRouter(options));
}
