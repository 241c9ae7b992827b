import type { EventFilter } from '#domain';
import { SCENARIO_ID } from './dashboard.ts';
import { FILTERS, checkFilters } from './question.ts';
import type { Report } from './question.ts';
import { factsOf, holds, inRange, visible } from './sql.ts';
import type { Binder, Scope } from './sql.ts';
import type { TimeRange } from './time-range.ts';

/** Members of a question that leave some of the tenant's events out. */
export const NARROWING = { scenario_id: SCENARIO_ID, filters: FILTERS };

/** What is left: the range, of one scenario perhaps, where all filters hold. */
export type Narrowing = TimeRange & {
  readonly scenarioId: string | undefined;
  readonly filters: readonly EventFilter[];
};

export function readNarrowing(
  question: { readonly scenario_id?: string; readonly filters?: readonly EventFilter[] },
  time: TimeRange,
  report: Report,
): Narrowing {
  const { scenario_id: scenarioId, filters = [] } = question;
  checkFilters(filters, 'filters', report);
  return { ...time, scenarioId, filters };
}

/**
 * `FROM … WHERE` of the rows that are left and fulfil the further conditions. Where few rows fulfil `rare`, the
 * engine reads the other columns of only those; left to itself it would first read the positions of all.
 */
export function narrowed(
  binder: Binder,
  scope: Scope,
  {
    narrowing,
    rare,
    also,
  }: { readonly narrowing: Narrowing; readonly rare?: string; readonly also: readonly string[] },
): string {
  const { scenarioId, filters } = narrowing;
  const conditions = [visible(binder, scope), inRange(binder, narrowing), ...also];
  if (scenarioId !== undefined) conditions.push(`scenario_id = ${binder.bind('String', scenarioId)}`);
  conditions.push(...filters.map((filter) => holds(binder, filter)));
  const first =
    rare === undefined ? '' : `PREWHERE tenant_id = ${binder.bind('String', scope.tenant)} AND ${rare}`;
  return `FROM ${factsOf(scope)} ${first} WHERE ${conditions.join(' AND ')}`;
}
