import { sliceViewSelect } from '#projections';
import { sourcesOf } from './slices.ts';
import { factsOf, inRange, visible } from './sql.ts';
import type { Binder, Scope } from './sql.ts';

/** What the facts can hold, 1900 to 2299. */
export const ALWAYS = { fromMs: Date.UTC(1900, 0, 1), toMs: Date.UTC(2300, 0, 1) };

/**
 * A documented view over aggregates, narrowed to what may be seen: sealed days of the scope from slices, all
 * others from facts. By PREWHERE, so that no condition of a statement is evaluated on rows of other tenants.
 */
export function sliceView(binder: Binder, view: string, scope: Scope): string {
  // Days of UTC whatever the zone: a range that never ends in one and has no bucket within.
  const { slices, facts } = sourcesOf(ALWAYS, [], scope);
  const open = slices ? facts.map((piece) => `(${inRange(binder, piece)})`).join(' OR ') : '1';
  const own = `tenant_id = ${binder.bind('String', scope.tenant)}`;
  return sliceViewSelect(view, {
    generation: scope.generation,
    facts: { from: `${factsOf(scope)} PREWHERE ${visible(binder, scope)}`, where: `(${open})` },
    slices: slices && {
      first: `${own} AND seal IN ${binder.bind('Array(UInt64)', slices.seals)}`,
      where: '1',
    },
  });
}
