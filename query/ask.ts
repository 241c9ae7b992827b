import type { FactQuery, FactStore } from '#projections';
import type { Ask } from './analysis.ts';

/** Runs statements on the facts, each within the limits. */
export function askOf(
  facts: Pick<FactStore, 'query'>,
  limits: NonNullable<FactQuery['limits']>,
  signal?: AbortSignal,
): Ask {
  return async <Row>(statement: Parameters<Ask>[0]) =>
    (await facts.query<Row>({ ...statement, limits, ...(signal && { signal }) })).rows;
}
